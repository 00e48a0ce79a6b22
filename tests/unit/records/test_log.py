from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beamline.records import LogWriteError, LogWriter, Records, read_run
from beamline.records.locks import is_held


@contextmanager
def no_file_beyond(n_bytes: int) -> Iterator[None]:
    """The system refuses to let any file grow beyond this: as a full disk does, in the middle of a record."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def feed(log: LogWriter, docs: list[Any]) -> None:
    for name, doc in docs:
        log(name, doc)


@pytest.mark.parametrize("sync", ["run", "document", "never"])
def test_each_document_is_in_the_file_when_the_call_returns(tmp_path: Path, synthetic: ModuleType, sync: Any) -> None:
    docs = synthetic.documents(lambda writer: writer.measure(1))
    with LogWriter(tmp_path, sync=sync) as log:
        for n, (name, doc) in enumerate(docs, start=1):
            log(name, doc)
            (path,) = log.folder.glob("*.vlog")
            assert len(read_run(path)) == n
            assert is_held(path) == (name != "stop")
    assert log.open_runs == ()


@given(data=st.data())
def test_interleaved_runs_come_apart_again(
    data: st.DataObject, synthetic: ModuleType, is_same: Any, tmp_path_factory: pytest.TempPathFactory
) -> None:
    def make(number: int) -> Any:
        return lambda writer: (writer.write(number), None)[1] if number % 2 else writer.anneal(number)

    runs = [synthetic.documents(make(number)) for number in (1, 2, 3)]
    queues = [list(run) for run in runs]
    folder = tmp_path_factory.mktemp("interleaved")
    with LogWriter(folder, sync="never") as log:
        while any(queues):
            log(*data.draw(st.sampled_from([queue for queue in queues if queue])).pop(0))
    for run in runs:
        read = Records(folder).run(run[0][1]["uid"])
        assert is_same([list(document) for document in run], [list(document) for document in read.documents])
        assert read.damage == ()


def test_documents_of_external_data_find_their_run(tmp_path: Path, synthetic: ModuleType) -> None:
    start = synthetic.documents(lambda writer: writer.anneal(1))[0][1]
    docs: list[Any] = [
        ("start", start),
        ("resource", {"uid": "r1", "spec": "X"}),
        ("stream_resource", {"uid": "sr1", "run_start": start["uid"]}),
        ("descriptor", {"uid": "d1", "run_start": start["uid"], "name": "primary"}),
        ("datum", {"datum_id": "r1/0", "resource": "r1"}),
        ("stream_datum", {"uid": "sd1", "stream_resource": "sr1", "descriptor": "d1"}),
        ("event_page", {"descriptor": "d1", "seq_num": [1]}),
        ("stop", {"uid": "s", "run_start": start["uid"]}),
    ]
    with LogWriter(tmp_path) as log:
        feed(log, docs)
    assert [name for name, _doc in Records(tmp_path).run(start["uid"]).documents] == [name for name, _doc in docs]


def test_a_document_of_no_open_run_is_refused(tmp_path: Path) -> None:
    with LogWriter(tmp_path) as log, pytest.raises(LogWriteError, match="no open run"):
        log("event", {"descriptor": "nobody", "uid": "e"})


@pytest.mark.parametrize("uid", ["../../etc/passwd", "a/b", "", ".hidden", "a\0b", "x" * 65, 5, None, "a_b", "é"])
def test_a_uid_that_would_leave_the_folder_is_refused(tmp_path: Path, uid: Any) -> None:
    with LogWriter(tmp_path) as log, pytest.raises(LogWriteError, match="uid"):
        log("start", {"uid": uid, "time": 0.0})
    assert list(tmp_path.rglob("*")) == []


@pytest.mark.parametrize("time", [float("nan"), float("inf"), 1e300, None, "now", True])
def test_a_time_that_is_none_is_refused(tmp_path: Path, time: Any) -> None:
    with LogWriter(tmp_path) as log, pytest.raises(LogWriteError, match="time"):
        log("start", {"uid": "abc", "time": time})


def test_a_log_is_never_overwritten(tmp_path: Path, synthetic: ModuleType) -> None:
    docs = synthetic.documents(lambda writer: writer.anneal(1))
    with LogWriter(tmp_path) as log:
        feed(log, docs)
        (path,) = log.folder.iterdir()
        before = path.read_bytes()
        with pytest.raises(LogWriteError, match="never overwritten"):
            log("start", docs[0][1])
    assert path.read_bytes() == before
    assert list(log.folder.iterdir()) == [path]


def test_a_run_cannot_begin_twice(tmp_path: Path, synthetic: ModuleType) -> None:
    start = synthetic.documents(lambda writer: writer.anneal(1))[0]
    with LogWriter(tmp_path) as log:
        log(*start)
        with pytest.raises(LogWriteError, match="begun already"):
            log(*start)


def test_a_full_disk_leaves_a_log_without_torn_records_and_an_end(tmp_path: Path, synthetic: ModuleType) -> None:
    docs = synthetic.documents(lambda writer: writer.measure(1))
    with LogWriter(tmp_path) as log:
        feed(log, docs[:4])
        (path,) = log.folder.iterdir()
        size = path.stat().st_size
        with no_file_beyond(size + 1000):
            with pytest.raises(LogWriteError, match="make room") as caught:
                log(*docs[4])
            assert str(path) in str(caught.value)
            assert path.stat().st_size == size
            with pytest.raises(LogWriteError, match="failed before"):
                log(*docs[5])
            log(*docs[-1])
    read = read_run(path)
    assert [doc["uid"] for _name, doc in read] == [doc["uid"] for _name, doc in [*docs[:4], docs[-1]]]
    assert [damage.kind for damage in read.damage] == ["missing"]


def test_a_document_that_is_none_stops_the_run(tmp_path: Path, synthetic: ModuleType) -> None:
    docs = synthetic.documents(lambda writer: writer.anneal(1))
    with LogWriter(tmp_path) as log:
        log(*docs[0])
        with pytest.raises(LogWriteError, match=r"\['data'\]\['x'\]"):
            log("descriptor", {**docs[1][1], "data": {"x": object()}})
    with LogWriter(tmp_path / "other") as log, pytest.raises(LogWriteError, match=r"\['sample'\]"):
        log("start", {**docs[0][1], "sample": object()})


@pytest.mark.parametrize("setting", [{"sync": "sometimes"}, {"reserve_MB": -1.0}, {"reserve_MB": float("nan")}])
def test_settings_are_checked(tmp_path: Path, setting: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"allowed|must be"):
        LogWriter(tmp_path, **setting)


FORKING_WRITER = """
import os, sys
from beamline.records import LogWriter
log = LogWriter(sys.argv[1])
log("start", {"uid": "forked", "time": 0.0})
child = os.fork()
if child == 0:
    os.write(1, str(len(log.open_runs)).encode() + b"\\n")
    os.read(0, 1)  # until the test lets go
    os._exit(0)
log("descriptor", {"uid": "d", "run_start": "forked", "name": "primary"})
os.write(1, b"parent\\n")
os.kill(os.getpid(), 9)
"""


def test_a_forked_child_does_not_keep_a_dead_writers_run_alive(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", FORKING_WRITER, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    assert {process.stdout.readline(), process.stdout.readline()} == {b"0\n", b"parent\n"}
    assert process.wait(60) == -9
    (recovered,) = Records(tmp_path).close_orphans()  # while the child still lives
    assert (recovered.uid, recovered.n_documents) == ("forked", 2)
    process.communicate(b"x", timeout=60)


# ------------------------------------------------------------------------------------------------- with the RunEngine
class Camera:
    """Counts how often it was triggered, and hands out a number."""

    name = "camera"
    parent = None
    hints: dict[str, Any] = {}  # noqa: RUF012  # Bluesky's protocol

    def __init__(self) -> None:
        self.n_triggers = 0

    def describe(self) -> dict[str, Any]:
        return {"camera": {"source": "test", "dtype": "number", "shape": []}}

    def read(self) -> dict[str, Any]:
        self.n_triggers += 1
        return {"camera": {"value": float(self.n_triggers), "timestamp": 0.0}}

    def describe_configuration(self) -> dict[str, Any]:
        return {}

    def read_configuration(self) -> dict[str, Any]:
        return {}


@pytest.fixture(scope="module")
def engine() -> Iterator[Any]:
    from bluesky import RunEngine

    made = RunEngine({}, context_managers=[])
    yield made
    made.loop.call_soon_threadsafe(made.loop.stop)
    made._th.join(5)
    made.loop.close()


def count(engine: Any, log: Any, camera: Camera, n_events: int) -> None:
    from bluesky.plans import count as plan

    token = engine.subscribe(log)
    try:
        engine(plan([camera], num=n_events))
    finally:
        engine.unsubscribe(token)


def test_the_engine_writes_a_log(engine: Any, tmp_path: Path) -> None:
    with LogWriter(tmp_path) as log:
        count(engine, log, Camera(), 3)
    (run,) = Records(tmp_path).runs()
    assert run.state == "finished"
    assert list(run.table("primary")["camera"]) == [1.0, 2.0, 3.0]


def test_a_folder_that_cannot_be_written_stops_the_run_before_the_first_event(engine: Any, tmp_path: Path) -> None:
    (tmp_path / "log").write_text("a file where the folder should be")
    camera = Camera()
    with LogWriter(tmp_path) as log, pytest.raises(LogWriteError, match="cannot begin the log"):
        count(engine, log, camera, 3)
    assert camera.n_triggers == 0


def test_a_disk_that_fills_stops_the_run_before_the_next_event(engine: Any, tmp_path: Path) -> None:
    camera = Camera()
    log = LogWriter(tmp_path)

    def full_after_two(name: str, doc: dict[str, Any]) -> None:
        if name == "event" and doc["seq_num"] == 3:
            (path,) = log.folder.iterdir()
            with no_file_beyond(path.stat().st_size + 10):
                log(name, doc)
        else:
            log(name, doc)

    with log, pytest.raises(LogWriteError, match="run must stop"):
        count(engine, full_after_two, camera, 10)
    assert camera.n_triggers == 3
    (run,) = Records(tmp_path).runs()
    assert len(run.events("primary")) == 2
    assert run.stop is not None
    assert run.stop["exit_status"] == "fail"


def test_a_nearly_full_disk_stops_the_run_with_its_last_event_recorded(engine: Any, tmp_path: Path) -> None:
    camera = Camera()
    log = LogWriter(tmp_path)
    free_MB = os.statvfs(tmp_path).f_bavail * os.statvfs(tmp_path).f_frsize / 1e6

    def shrink(name: str, doc: dict[str, Any]) -> None:
        if name == "event" and doc["seq_num"] == 2:
            log._reserve_bytes = 100 * free_MB * 1e6
        log(name, doc)

    with log, pytest.raises(LogWriteError, match="event document is written"):
        count(engine, shrink, camera, 10)
    (run,) = Records(tmp_path).runs()
    assert camera.n_triggers == len(run.events("primary")) == 2
    assert run.state == "finished"
    with LogWriter(tmp_path, reserve_MB=100 * free_MB) as log, pytest.raises(LogWriteError, match="nothing is written"):
        count(engine, log, camera, 1)
    assert camera.n_triggers == 2


def test_importing_records_loads_neither_bluesky_nor_tiled() -> None:
    heavy = ("bluesky", "tiled", "databroker", "ophyd", "event_model")
    code = f"import sys, beamline.records; print(sorted(set({heavy!r}) & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"
