from __future__ import annotations

import logging
import shutil
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from event_model import DocumentNames, schema_validators
from hypothesis import given
from hypothesis import strategies as st

from beamline.records import LogWriter, Records, close_orphans, read_run


@pytest.fixture(scope="module")
def log_bytes(synthetic: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, bytes, list[Any]]:
    """Name, bytes and documents of a measurement run that has not ended."""
    folder = tmp_path_factory.mktemp("open")
    docs = synthetic.documents(lambda writer: writer.measure(1, end=None))
    with LogWriter(folder, sync="never") as log:
        for name, doc in docs:
            log(name, doc)
    (path,) = log.folder.iterdir()
    return path.name, path.read_bytes(), docs


def put(folder: Path, name: str, data: bytes) -> Path:
    (folder / "log").mkdir(parents=True, exist_ok=True)
    path = folder / "log" / name
    path.write_bytes(data)
    return path


@given(fraction=st.floats(0, 1))
def test_a_log_cut_anywhere_behind_its_start_gets_an_end(
    log_bytes: Any, is_same: Any, tmp_path_factory: pytest.TempPathFactory, fraction: float
) -> None:
    name, data, docs = log_bytes
    folder = tmp_path_factory.mktemp("cut")
    cut = int(fraction * len(data))
    path = put(folder, name, data[:cut])
    before = read_run(path)
    closed = close_orphans(folder)
    if not len(before):
        assert closed == []
        assert path.read_bytes() == data[:cut]
        return
    (recovered,) = closed
    after = read_run(path)
    assert after.damage == ()
    assert is_same([list(document) for document in docs[: len(before)]], [list(d) for d in after[:-1]])
    assert after[-1][0] == "stop"
    assert after.stop is not None
    schema_validators[DocumentNames.stop].validate(after.stop)
    assert after.stop["exit_status"] == "abort"
    assert after.stop["run_start"] == recovered.uid == docs[0][1]["uid"]
    assert after.stop["time"] == max(doc["time"] for _name, doc in before)
    assert sum(after.stop["num_events"].values()) == sum(name == "event" for name, _doc in before)
    torn = path.with_name(path.name + ".torn")
    assert recovered.n_cut_bytes == cut - before.readable_end
    if recovered.n_cut_bytes:
        assert torn.read_bytes() == data[before.readable_end : cut]
        assert "cut" in after.stop["reason"]
    assert close_orphans(folder) == []
    assert Records(folder).run(recovered.uid).state == "finished"
    shutil.rmtree(folder)


def test_a_living_writer_is_left_alone(tmp_path: Path, synthetic: ModuleType) -> None:
    docs = synthetic.documents(lambda writer: writer.anneal(1))
    with LogWriter(tmp_path) as log:
        for name, doc in docs[:3]:
            log(name, doc)
        assert close_orphans(tmp_path) == []
        assert Records(tmp_path).runs()[0].state == "running"
        for name, doc in docs[3:]:
            log(name, doc)
    assert close_orphans(tmp_path) == []
    (run,) = Records(tmp_path).runs()
    assert run.documents[-1][1] == docs[-1][1]


def test_a_torn_end_behind_a_stop_is_cut_without_a_second_stop(tmp_path: Path, log_bytes: Any) -> None:
    name, data, _docs = log_bytes
    path = put(tmp_path, name, data)
    close_orphans(tmp_path)
    whole = path.read_bytes()
    path.write_bytes(whole + data[20:50])
    (recovered,) = close_orphans(tmp_path)
    assert recovered.n_cut_bytes == 30
    assert path.read_bytes() == whole


def test_damage_in_the_middle_stays_visible(tmp_path: Path, log_bytes: Any) -> None:
    name, data, _docs = log_bytes
    damaged = bytearray(data)
    damaged[len(data) // 2] ^= 1
    path = put(tmp_path, name, bytes(damaged))
    assert len(close_orphans(tmp_path)) == 1
    after = read_run(path)
    assert [damage.kind for damage in after.damage] == ["checksum"]
    assert after.stop is not None


@pytest.mark.parametrize("data", [b"", b"something else entirely, and long enough", b"\x89vitrail-log\r\n"])
def test_what_is_no_log_is_left_alone_and_reported(
    tmp_path: Path, log_bytes: Any, caplog: pytest.LogCaptureFixture, data: bytes
) -> None:
    path = put(tmp_path, log_bytes[0], data)
    with caplog.at_level(logging.WARNING):
        assert close_orphans(tmp_path) == []
    assert path.read_bytes() == data
    assert str(path) in caplog.text


def test_drafts_of_a_killed_writer_are_removed(tmp_path: Path, log_bytes: Any) -> None:
    draft = put(tmp_path, f".{log_bytes[0]}.draft", b"x")
    other = put(tmp_path, "notes.txt", b"x")
    close_orphans(tmp_path)
    assert not draft.exists()
    assert other.exists()


def test_no_folder_no_orphans(tmp_path: Path) -> None:
    assert close_orphans(tmp_path / "nothing") == []
