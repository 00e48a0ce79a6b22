"""The monitor that finds what is asked of a night: what it concerns, what it reads, and that its thread outlives nothing."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from bluesky.utils import Msg
from fake_bench import fake_bench
from waiting import until

from beamline.campaign.asked import Asked, asked_path, read_asked
from beamline.safety import AskedMonitor, Finding, pause_here
from beamline.safety import asked as asked_module
from beamline.safety.conditions import FurnaceTemperature

UID = "c0ffee00-0000-4000-8000-000000000000"


class Alone:
    """The monitor on a folder, with an abort that notes what it is told."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.aborted: list[str] = []
        self.monitor = AskedMonitor(folder, UID, self.aborted.append)  # type: ignore[arg-type]  # as an abort
        asked_path(folder, UID).parent.mkdir()

    def put(self, what: Any, number: str = "1") -> Asked:
        asked = Asked(number=number, what=what, at="2026-01-05T21:30:00+01:00", interface="web")
        draft = self.folder / f"{number}.draft"
        draft.write_text(asked.to_json())
        draft.replace(asked_path(self.folder, UID))
        return asked

    def rubbish(self) -> None:
        draft = self.folder / "rubbish.draft"
        draft.write_text("{")
        draft.replace(asked_path(self.folder, UID))


@pytest.fixture
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Alone:
    monkeypatch.setattr(asked_module, "LOOK_EVERY_S", 0.005)
    return Alone(tmp_path)


def test_where_a_plan_may_pause_the_pause_and_the_furnace_are_looked_at_and_no_time_passes(alone: Alone) -> None:
    first, then = pause_here()
    assert (first.command, first.obj) == ("null", None)
    assert alone.monitor.concerns(first)
    assert not alone.monitor.concerns(Msg("null")), "any other step that does nothing may be within a measurement"
    assert FurnaceTemperature(fake_bench()).concerns(then)
    assert (then.command, then.args) == ("sleep", (0.0,))


def test_what_is_asked_is_found_as_long_as_it_stands(alone: Alone) -> None:
    asked = alone.put("pause", "of an earlier process")
    assert alone.monitor.look(None) is None
    with alone.monitor as monitor:
        assert monitor is alone.monitor
        assert not asked_path(alone.folder, UID).exists()
        (thread,) = (one for one in threading.enumerate() if one.name == "asked")
        assert thread.daemon
        asked = alone.put("pause", "1")
        until(lambda: monitor.look(None))
        found = monitor.look(None)
        assert found == Finding(
            asked.words,
            "it is asked to go on, on the web page or by `vitrail campaign resume`",
            is_by_person=True,
            patience_s=12 * 3600.0,
        )
        alone.put("go on", "2")
        until(lambda: monitor.look(None) is None)
        alone.put("pause", "3")
        until(lambda: monitor.look(None))
        monitor.keep_watch()
    assert not thread.is_alive()
    assert not asked_path(alone.folder, UID).exists()
    assert alone.aborted == []


def test_a_pause_is_not_ended_by_rubbish_in_its_place(alone: Alone) -> None:
    with alone.monitor as monitor:
        alone.put("pause")
        until(lambda: monitor.look(None))
        alone.rubbish()
        until(lambda: monitor._stamp == stamp_of(alone))
        assert monitor.look(None) is not None
        alone.put("go on")
        until(lambda: monitor.look(None) is None)


def stamp_of(alone: Alone) -> tuple[int, int]:
    status = asked_path(alone.folder, UID).stat()
    return status.st_mtime_ns, status.st_ino


def test_rubbish_alone_asks_for_nothing(alone: Alone) -> None:
    with alone.monitor as monitor:
        alone.rubbish()
        until(lambda: monitor._stamp == stamp_of(alone))
        monitor._look_at_file()
        assert monitor.look(None) is None
    assert alone.aborted == []


def test_a_stop_is_asked_for_until_the_night_is_over(alone: Alone) -> None:
    with alone.monitor as monitor:
        asked = alone.put("stop")
        until(lambda: len(alone.aborted) >= 3)
        assert monitor.look(None) is None
    n_aborts = len(alone.aborted)
    assert set(alone.aborted) == {asked.words}
    pause = threading.Event()
    pause.wait(0.05)
    assert len(alone.aborted) == n_aborts


def test_a_stop_is_asked_for_at_the_first_look(alone: Alone) -> None:
    asked = alone.put("stop")
    alone.monitor._look_at_file()
    assert alone.aborted == [asked.words]


@pytest.fixture
def hanging(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Set by a reader that has begun, and does not come back before the end of the test, or until it is cleared."""
    begun, may_end = threading.Event(), threading.Event()

    def reads(folder: Path, uid: str) -> Asked | None:
        begun.set()
        until(lambda: may_end.is_set() or not begun.is_set())
        return read_asked(folder, uid)

    monkeypatch.setattr(asked_module, "read_asked", reads)
    yield begun
    may_end.set()
    until(lambda: not any(thread.name == "asked" for thread in threading.enumerate()))


def test_a_folder_that_does_not_answer_keeps_no_night_from_its_end(
    alone: Alone, hanging: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asked_module, "END_S", 0.01)
    with alone.monitor:
        alone.put("pause")
        assert hanging.wait(5.0)
    assert hanging.is_set(), "it still hangs, and was left behind"


def test_the_end_waits_for_a_look_that_is_under_way(alone: Alone, hanging: threading.Event) -> None:
    """Else a stop that came last would end what is recorded after the night."""
    with alone.monitor:
        alone.put("stop")
        assert hanging.wait(5.0)
        threading.Timer(0.05, hanging.clear).start()
    assert len(alone.aborted) == 1
    assert not any(thread.name == "asked" for thread in threading.enumerate())


def test_a_pause_is_read_once(alone: Alone, monkeypatch: pytest.MonkeyPatch) -> None:
    reads: list[int] = []

    def counted(folder: Path, uid: str) -> Asked | None:
        reads.append(1)
        return read_asked(folder, uid)

    monkeypatch.setattr(asked_module, "read_asked", counted)
    alone.put("pause")
    for _ in range(3):
        alone.monitor._look_at_file()
    assert len(reads) == 1
    assert alone.aborted == []


def test_one_that_cannot_be_read_does_not_end_the_thread(
    alone: Alone, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    broken = threading.Event()
    broken.set()

    def reads(folder: Path, uid: str) -> Asked | None:
        if broken.is_set():
            raise RuntimeError("what is that?")
        return read_asked(folder, uid)

    monkeypatch.setattr(asked_module, "read_asked", reads)
    with alone.monitor as monitor:
        alone.put("pause", "1")
        until(lambda: "could not be read; the night goes on" in caplog.text)
        broken.clear()
        alone.put("pause", "2")
        until(lambda: monitor.look(None))


def test_it_concerns_what_begins_a_run_or_fires_and_not_a_measurement() -> None:
    monitor = AskedMonitor(Path("nowhere"), UID, None)  # type: ignore[arg-type]  # nothing is aborted here
    assert monitor.concerns(Msg("open_run"))
    assert monitor.concerns(Msg("create", name="intents"))
    assert not monitor.concerns(Msg("create", name="spectra"))
    assert not monitor.concerns(Msg("sleep", None, 1.0))
    assert Asked(number="1", what="stop", at="2026-01-05T21:30:00+01:00", interface="web").words.endswith("at 21:30:00")
