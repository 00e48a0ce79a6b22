"""When the disk is waited for: never where the engine could go on, always before what must not happen without."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from beamline.records import LogWriteError, LogWriter, read_run
from beamline.records.disk import DiskThread

Documents = list[tuple[str, dict[str, Any]]]


class Disk:
    """A disk that answers when the writer waits for it, not before; it notes what was in the file by then.

    Whoever waits for it in another way than `DiskThread.wait` is refused after half a minute.
    """

    def __init__(self, patched: pytest.MonkeyPatch) -> None:
        self.asked: list[tuple[str, int]] = []  # file name or folder, documents in it
        self.failures: dict[int, int] = {}  # which answer is an error, and which error
        self._may_answer = threading.Event()
        self._fsync = os.fsync
        wait = DiskThread.wait

        def waits(thread: DiskThread) -> None:
            self._may_answer.set()
            try:
                wait(thread)
            finally:
                self._may_answer.clear()

        patched.setattr(DiskThread, "wait", waits)
        patched.setattr(os, "fsync", self.fsync)

    def fsync(self, descriptor: int) -> None:
        if not self._may_answer.wait(30):
            raise OSError(errno.ETIMEDOUT, "nobody waits in the way that this test knows")
        path = Path(f"/proc/self/fd/{descriptor}").readlink()
        number = len(self.asked)
        self.asked.append((path.name, len(read_run(path)) if path.is_file() else 0))
        if number in self.failures:
            raise OSError(self.failures[number], os.strerror(self.failures[number]))
        self._fsync(descriptor)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    return Disk(monkeypatch)


@pytest.fixture
def runs(synthetic: ModuleType) -> tuple[Documents, Documents]:
    first: Documents = synthetic.documents(lambda w: w.measure(1))
    second: Documents = synthetic.documents(lambda w: w.write(2))
    return first, second


def feed(log: Callable[[str, dict[str, Any]], None], docs: Documents) -> None:
    for name, doc in docs:
        log(name, doc)


def test_the_engine_goes_on_while_the_disk_is_slow_and_waits_before_the_next_thing(
    tmp_path: Path, disk: Disk, runs: tuple[Documents, Documents]
) -> None:
    first, second = runs
    log = LogWriter(tmp_path)
    log(*first[0])
    assert disk.asked == []  # the disk has not answered, and the engine goes on
    (path,) = log.folder.glob("*.vlog")
    assert len(read_run(path)) == 1  # in the file nevertheless, so a kill loses nothing
    log(*first[1])
    assert disk.asked == [(path.name, 1), ("log", 0)]  # the descriptor was written when the start was on disk
    feed(log, first[2:])
    assert len(disk.asked) == 2
    assert len(read_run(path)) == len(first)
    log(*second[0])
    assert disk.asked[2] == (path.name, len(first))  # the next run begins when the one before is on disk
    assert len(disk.asked) == 3
    feed(log, second[1:])
    assert len(disk.asked) == 5
    log.flush()
    assert disk.asked[5][1] == len(second)
    log.close()


@pytest.mark.parametrize("answer", [0, 1], ids=["file", "folder"])
@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EIO])
def test_a_start_that_the_disk_refuses_stops_the_run_before_a_site_is_exposed(
    tmp_path: Path, disk: Disk, runs: tuple[Documents, Documents], error: int, answer: int
) -> None:
    disk.failures[answer] = error
    documents = runs[1]  # of a writing run: its descriptor of intents comes before the first shot
    assert documents[1][1]["name"] == "intents"
    with LogWriter(tmp_path) as log:
        log(*documents[0])
        (path,) = log.folder.glob("*.vlog")
        with pytest.raises(LogWriteError, match=os.strerror(error)) as caught:
            log(*documents[1])
        assert str(path) in str(caught.value)
        assert "descriptor document is not written, and the run must stop: mend the disk, then go on" in str(
            caught.value
        )
        with pytest.raises(LogWriteError, match="has failed before"):
            log(*documents[2])
        log(*documents[-1])  # its end is taken
    assert [name for name, _doc in read_run(path)] == ["start", "stop"]
    with LogWriter(tmp_path) as log:  # mended
        feed(log, runs[0])


def test_an_end_that_the_disk_refuses_stops_the_next_run_before_it_begins(
    tmp_path: Path, disk: Disk, runs: tuple[Documents, Documents], caplog: pytest.LogCaptureFixture
) -> None:
    first, second = runs
    disk.failures[2] = errno.EIO
    with LogWriter(tmp_path) as log:
        feed(log, first)
        (path,) = log.folder.glob("*.vlog")
        with pytest.raises(LogWriteError, match=r"Input/output error; no run is begun") as caught:
            log(*second[0])
        assert str(path) in str(caught.value)
        assert list(log.folder.glob("*.vlog")) == [path]
        assert log.open_runs == ()
        log(*second[0])  # told once: whoever goes on has read it
        feed(log, second[1:])
    (said,) = [record.message for record in caplog.records]
    assert str(path) in said


def test_a_last_end_that_the_disk_refuses_is_told_at_the_closing(
    tmp_path: Path, disk: Disk, runs: tuple[Documents, Documents]
) -> None:
    disk.failures = {2: errno.EIO, 5: errno.EIO, 8: errno.EIO}
    log = LogWriter(tmp_path)
    feed(log, runs[0])
    with pytest.raises(LogWriteError, match="may be lost with the power"):
        log.flush()
    feed(log, runs[1])
    with pytest.raises(LogWriteError, match="may be lost with the power"):
        log.close()
    log.close()
    other = LogWriter(tmp_path / "other")
    feed(other, runs[0])
    with pytest.raises(ZeroDivisionError), other:  # which says more
        raise ZeroDivisionError


def test_the_engine_takes_no_event_when_the_start_is_refused(tmp_path: Path, disk: Disk) -> None:
    from bluesky import RunEngine
    from bluesky import plan_stubs as bps
    from bluesky import preprocessors as bpp
    from ophyd.sim import SynSignal

    disk.failures[0] = errno.EIO
    fired: list[str] = []
    shutter = SynSignal(name="shutter", func=lambda: len(fired))

    def plan() -> Any:
        yield from bps.create("intents")
        yield from bps.read(shutter)
        yield from bps.save()  # as the plans of writing do before each shot
        fired.append("a shot")
        yield from bps.null()

    engine = RunEngine({}, context_managers=[])
    log = LogWriter(tmp_path)
    engine.subscribe(log)
    with log, pytest.raises(LogWriteError, match="Input/output error"):
        engine(bpp.run_wrapper(plan(), md={"purpose": "writing"}))
    engine.loop.call_soon_threadsafe(engine.loop.stop)
    engine._th.join(5)
    engine.loop.close()
    assert fired == []
    (path,) = log.folder.glob("*.vlog")
    assert [name for name, _doc in read_run(path)] == ["start", "stop"]


@pytest.mark.parametrize("sync", ["never", "document"])
def test_other_policies_need_no_thread(
    tmp_path: Path, runs: tuple[Documents, Documents], sync: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    fsync = os.fsync

    def noted(descriptor: int) -> None:
        asked.append(descriptor)
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", noted)
    before = threading.active_count()
    with LogWriter(tmp_path, sync=sync) as log:
        feed(log, runs[0])
        assert threading.active_count() == before
    # with its folder, at the start
    assert len(asked) == (0 if sync == "never" else len(runs[0]) + 1)


def test_a_forked_child_waits_for_no_disk(tmp_path: Path, runs: tuple[Documents, Documents]) -> None:
    log = LogWriter(tmp_path)
    log(*runs[0][0])
    child = os.fork()
    if child == 0:
        log.close()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    feed(log, runs[0][1:])
    log.close()
    (path,) = log.folder.glob("*.vlog")
    assert len(read_run(path)) == len(runs[0])
