"""Whatever a disk does to the logs of a folder: it is told with file and offset, and everything that reads them goes on."""

from __future__ import annotations

import os
import shutil
import struct
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beamline.records import Ledger, LogWriter, RecordError, Records, close_orphans, read_run
from beamline.records.codec import encode
from beamline.records.frames import HEADER, pack_frame
from beamline.records.ingest import Backlog, check_log
from beamline.records.layout import Layout, uid_of


@pytest.fixture(scope="module")
def folder(synthetic: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("whole")
    with LogWriter(made, sync="never") as log:
        synthetic.night(log, n_coupons=1)
    return made


def torn(data: bytes, draw: Any) -> bytes:
    return data[: draw(st.integers(1, len(data) - 1))]


def flipped(data: bytes, draw: Any) -> bytes:
    changed = bytearray(data)
    for where in draw(st.lists(st.integers(0, len(data) - 1), min_size=1, max_size=5, unique=True)):
        changed[where] ^= 1 << draw(st.integers(0, 7))
    return bytes(changed)


def overwritten(data: bytes, draw: Any) -> bytes:
    where = draw(st.integers(0, len(data) - 1))
    junk = draw(st.binary(min_size=1, max_size=200).filter(lambda junk: data[where : where + len(junk)] != junk))
    return data[:where] + junk + data[where + len(junk) :]


def zeroed(data: bytes, draw: Any) -> bytes:
    where = draw(st.integers(0, len(data) - 1))  # what a file system leaves of a page that it never wrote
    return data[:where] + bytes(len(data) - where)


def cut_out(data: bytes, draw: Any) -> bytes:
    first, last = sorted(draw(st.lists(st.integers(0, len(data)), min_size=2, max_size=2, unique=True)))
    return data[:first] + data[last:]


def empty(_data: bytes, _draw: Any) -> bytes:
    return b""


def foreign(_data: bytes, draw: Any) -> bytes:
    return bytes(draw(st.binary(min_size=1, max_size=400).filter(lambda data: not HEADER.startswith(data[:20]))))


def future(data: bytes, draw: Any) -> bytes:
    head = data[:14] + struct.pack("<H", draw(st.integers(2, 65535)))
    return head + struct.pack("<I", zlib.crc32(head)) + data[20:]


DAMAGES: list[Callable[[bytes, Any], bytes]] = [torn, flipped, overwritten, zeroed, cut_out, empty, foreign, future]


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
@given(data=st.data())
def test_a_damaged_log_is_told_and_costs_no_other_run(
    folder: Path, tmp_path_factory: pytest.TempPathFactory, damage: Any, data: st.DataObject
) -> None:
    copy = tmp_path_factory.mktemp("damaged") / "records"
    shutil.copytree(folder, copy, copy_function=os.link)
    paths = Layout.of(copy).log_files()
    hit = data.draw(st.sampled_from(paths))
    whole = hit.read_bytes()
    hit.unlink()
    hit.write_bytes(damage(whole, data.draw))
    before = {(name, doc["uid"]) for name, doc in read_run(folder / "log" / hit.name)}
    left = read_run(hit)
    assert {(name, doc["uid"]) for name, doc in left} <= before
    for line in left.report().splitlines():
        assert line.startswith(f"{hit}: byte ")

    records = Records(copy)
    told = records.problems()
    is_whole = hit.read_bytes() == whole
    # A log that ends between two records is that of a writer who died there; a missing stop says so.
    assert is_whole or any(str(hit) in line for line in told)
    assert all(str(path) not in line for path in paths if path != hit for line in told)
    assert len(records.runs()) >= len(paths) - 1
    Ledger.of(records.runs())
    for path in Backlog(Layout.of(copy)).pending():
        uid = uid_of(path)
        assert uid is not None
        if path == hit:
            with suppress(RecordError):  # the ingester records this one as failed, and goes on with the next
                check_log(read_run(path), uid)
    recovered = close_orphans(copy)
    assert {closed.path for closed in recovered} <= {hit}
    assert close_orphans(copy) == []
    kept = {(name, doc["uid"]) for name, doc in read_run(hit) if name != "stop"}
    assert kept == {(name, doc["uid"]) for name, doc in left if name != "stop"}
    for path in paths:
        if path != hit:
            assert path.read_bytes() == (folder / "log" / path.name).read_bytes()
    shutil.rmtree(copy.parent)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.binary(max_size=5),
    lambda part: st.lists(part, max_size=3) | st.dictionaries(st.text(max_size=5), part, max_size=3),
    max_leaves=8,
)
keys = st.sampled_from(
    ["uid", "time", "run_start", "descriptor", "name", "data", "data_keys", "purpose", "coupon", "sites"]
)
names = st.sampled_from(["start", "descriptor", "event", "event_page", "stop", "resource", "datum", "nonsense", ""])


@given(documents=st.lists(st.tuples(names, st.dictionaries(keys, values, max_size=5)), max_size=6))
def test_whole_records_with_nonsense_in_them_stop_nobody(
    tmp_path_factory: pytest.TempPathFactory, documents: list[tuple[str, dict[str, Any]]]
) -> None:
    folder = tmp_path_factory.mktemp("nonsense")
    (folder / "log").mkdir()
    path = folder / "log" / "20260105T220016.000000Z_abc.vlog"
    path.write_bytes(HEADER + b"".join(pack_frame(i, encode(list(document))) for i, document in enumerate(documents)))
    assert len(read_run(path)) == len(documents)
    records = Records(folder)
    records.runs(purpose="measurement", coupon="C01")
    records.runs(since=0.0, until=1e12)
    records.problems()
    Backlog(Layout.of(folder)).pending()
    close_orphans(folder)
    assert close_orphans(folder) == []
    shutil.rmtree(folder)
