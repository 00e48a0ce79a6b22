from __future__ import annotations

import struct
import zlib
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beamline.records import LogWriter, iter_run, read_run
from beamline.records.codec import encode
from beamline.records.frames import HEADER, pack_frame
from beamline.records.reader import read_ends


class Healthy(NamedTuple):
    """A measurement run of eight documents in its file, and a folder for damaged copies."""

    folder: Path
    data: bytes
    docs: list[Any]

    def __repr__(self) -> str:
        return f"<log of {len(self.data)} bytes>"


@pytest.fixture(scope="module")
def healthy(synthetic: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Healthy:
    folder = tmp_path_factory.mktemp("healthy")
    docs = synthetic.documents(lambda writer: writer.measure(1))
    with LogWriter(folder, sync="never") as log:
        for name, doc in docs:
            log(name, doc)
    (path,) = log.folder.iterdir()
    assert len(docs) == 8
    return Healthy(tmp_path_factory.mktemp("damaged"), path.read_bytes(), docs)


def boundaries(data: bytes) -> list[int]:
    """Where each record begins, and the end of the file."""
    position, found = len(HEADER), []
    while position < len(data):
        found.append(position)
        position += 16 + struct.unpack_from("<I", data, position + 8)[0]
    return [*found, position]


def read_copy(folder: Path, data: bytes) -> Any:
    path = folder / "copy.vlog"
    path.write_bytes(data)
    log = read_run(path)
    seen: list[Any] = []
    assert [name for name, _doc in iter_run(path, seen.append)] == [name for name, _doc in log]
    assert tuple(seen) == log.damage
    read_ends(path)
    for line in log.report().splitlines():
        assert line.startswith(f"{path}: byte ")
    return log


def test_a_healthy_log_gives_what_was_written(healthy: Healthy, is_same: Any) -> None:
    folder, data, docs = healthy
    log = read_copy(folder, data)
    assert is_same([list(document) for document in docs], [list(document) for document in log])
    assert log.damage == ()
    assert log.start["uid"] == docs[0][1]["uid"]
    assert log.stop == docs[-1][1]
    assert read_ends(folder / "copy.vlog").stop == log.stop


@given(fraction=st.floats(0, 1, exclude_max=True))
def test_a_truncated_log_gives_all_whole_records(healthy: Healthy, is_same: Any, fraction: float) -> None:
    folder, data, docs = healthy
    cut = int(fraction * len(data))
    log = read_copy(folder, data[:cut])
    n_whole = sum(end <= cut for end in boundaries(data)[1:])
    assert is_same([list(document) for document in docs[:n_whole]], [list(document) for document in log])
    if cut in boundaries(data)[:-1]:
        assert log.damage == ()
    else:
        assert [damage.kind for damage in log.damage] == ["empty" if cut == 0 else "torn"]
    assert log.stop is None
    assert read_ends(folder / "copy.vlog").stop is None


@given(fraction=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_a_flipped_bit_costs_at_most_its_record_and_is_never_silent(
    healthy: Healthy, is_same: Any, fraction: float, bit: int
) -> None:
    folder, data, docs = healthy
    where = int(fraction * len(data))
    damaged = bytearray(data)
    damaged[where] ^= 1 << bit
    log = read_copy(folder, bytes(damaged))
    hit = sum(begin <= where for begin in boundaries(data)[:-1]) - 1
    expected = [list(document) for i, document in enumerate(docs) if i != hit]
    assert is_same(expected, [list(document) for document in log])
    assert len(log.damage) == 1
    damage = log.damage[0]
    if hit >= 0:
        assert damage.kind in ("checksum", "torn")
        assert damage.offset == boundaries(data)[hit]
    else:
        assert damage.kind == "header"
        assert damage.offset < len(HEADER)


@given(first=st.integers(0, 7), second=st.integers(0, 7), junk=st.binary(min_size=1, max_size=50))
def test_junk_between_records_is_skipped_and_reported(
    healthy: Healthy, is_same: Any, first: int, second: int, junk: bytes
) -> None:
    folder, data, docs = healthy
    marks = boundaries(data)
    low, high = sorted((marks[first], marks[second]))
    log = read_copy(folder, data[:low] + junk + data[low:high] + junk + data[high:])
    assert is_same([list(document) for document in docs], [list(document) for document in log])
    assert 1 <= len(log.damage) <= 2
    assert sum(damage.n_bytes for damage in log.damage) == 2 * len(junk)


@given(lost=st.integers(0, 6))
def test_a_missing_record_is_noticed(healthy: Healthy, lost: int) -> None:
    folder, data, docs = healthy
    marks = boundaries(data)
    log = read_copy(folder, data[: marks[lost]] + data[marks[lost + 1] :])
    assert len(log) == len(docs) - 1
    assert [damage.kind for damage in log.damage] == ["missing"]
    assert log.damage[0].offset == marks[lost]


def test_a_repeated_record_is_read_once(healthy: Healthy) -> None:
    folder, data, docs = healthy
    marks = boundaries(data)
    log = read_copy(folder, data[: marks[3]] + data[marks[2] :])
    assert len(log) == len(docs)
    assert [damage.kind for damage in log.damage] == ["checksum"]


@given(data=st.binary(max_size=300))
def test_a_foreign_file_is_named_so(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    log = read_copy(tmp_path_factory.getbasetemp(), data)
    assert len(log) == 0
    kinds = [damage.kind for damage in log.damage]
    assert kinds == (["empty"] if not data else ["torn"] if HEADER.startswith(data) else ["foreign"])


@given(version=st.integers(2, 65535))
def test_a_log_of_a_future_version_is_not_guessed_at(healthy: Healthy, version: int) -> None:
    folder, data, _docs = healthy
    head = data[:14] + struct.pack("<H", version)
    log = read_copy(folder, head + struct.pack("<I", zlib.crc32(head)) + data[20:])
    assert len(log) == 0
    assert [damage.kind for damage in log.damage] == ["future"]
    assert f"version {version}" in log.report()
    assert "newer" in log.report()


def test_a_whole_record_that_is_no_document_is_skipped(tmp_path: Path) -> None:
    not_a_pair, garbage = encode(["start", {"uid": "x"}, 3]), b"\xc1"
    data = HEADER + pack_frame(0, not_a_pair) + pack_frame(1, garbage) + pack_frame(2, encode(["stop", {}]))
    log = read_copy(tmp_path, data)
    assert log.documents == (("stop", {}),)
    assert [damage.kind for damage in log.damage] == ["undecodable", "undecodable"]


def test_start_and_stop_documents_longer_than_a_piece_are_found(tmp_path: Path) -> None:
    start = {"uid": "x", "campaign_file": "a" * 300_000}
    path = tmp_path / "long.vlog"
    stop = {"reason": "b" * 200_000}
    path.write_bytes(HEADER + pack_frame(0, encode(["start", start])) + pack_frame(1, encode(["stop", stop])))
    assert read_ends(path).start == start
    assert read_ends(path).stop == stop
    path.write_bytes(HEADER + pack_frame(0, encode(["start", start]))[:-1])
    assert read_ends(path).start is None
    assert read_ends(path).stop is None


def test_what_cannot_be_read_is_damage_and_what_is_not_there_is_an_error(tmp_path: Path) -> None:
    assert [damage.kind for damage in read_run(tmp_path).damage] == ["unreadable"]
    with pytest.raises(FileNotFoundError):
        read_run(tmp_path / "nothing.vlog")
