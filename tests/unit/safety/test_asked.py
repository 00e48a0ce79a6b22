"""What is asked of a night from another process: it waits at a safe place, by the wall, goes on, or ends in good order."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import bluesky.plan_stubs as bps
import pytest
from bluesky.utils import Msg, RunEngineInterrupted

from beamline.campaign.asked import AskedError, ask, asked_path, forget_asked, may_ask, read_asked
from beamline.campaign.state_file import StateKeeper, read_state
from beamline.carrying import state_kept
from beamline.instrument import Instrument
from beamline.recipe import Coupon, Glass
from beamline.records import LogWriter
from beamline.safety import AskedMonitor, guarded
from beamline.session import Session, open_session

COUPON = Coupon(serial="C1", glass=Glass(name="BrI", bromide=1.5, iodide=1.5))
UID = "c0ffee00-0000-4000-8000-000000000000"


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    with open_session(
        Instrument(), coupons=(COUPON,), data=tmp_path, seed=1, unattended=False, catalog=False
    ) as session:
        yield session


def begin(folder: Path) -> None:
    """The records of a campaign that runs: the session's lock is held by the fixture."""
    start = {"uid": "run-1", "time": 1.8e9, "purpose": "campaign", "campaign": {"name": "n", "uid": UID}}
    with LogWriter(folder, sync="never") as writer:
        writer(
            "start",
            {**start, "clock_s": 0.0, "start_time": "2026-01-05T21:30:00+01:00", "campaign_file": {"coupon": [{}]}},
        )
        writer("stop", {"uid": "run-1-end", "run_start": "run-1", "time": 1.8e9, "exit_status": "success"})


def asked_of(session: Session) -> AskedMonitor:
    return AskedMonitor(session.records.folder, UID, session.abort)


def long_plan(steps: list[float], n: int, clock: Any) -> Any:
    for _ in range(n):
        yield from bps.open_run({"clock_s": clock.now_s})
        yield from bps.sleep(10.0)
        steps.append(clock.now_s)
        yield from bps.close_run()


def run_with(session: Session, monitor: AskedMonitor, plan: Any) -> None:
    session.monitors.monitors = (monitor,)
    session.RE(guarded(plan, session.monitors))


def test_a_pause_is_waited_for_by_the_wall_and_the_bench_s_clock_stands_still(session: Session) -> None:
    folder, steps = session.records.folder, []
    begin(folder)
    keeper = StateKeeper(folder, "n", UID)
    keeper.begin(None, 0.0)
    seen: list[str] = []
    paused, is_over = threading.Event(), threading.Event()

    def somebody() -> None:
        ask(folder, UID, "pause", interface="web", reason="to look at the objective")
        paused.wait(10.0)
        note = read_state(folder, UID)
        seen.append(f"{note.state.kind}: {note.state.reason}" if note else "no state")  # type: ignore[union-attr]
        ask(folder, UID, "go on", interface="command")
        is_over.set()

    def told(pause: Any) -> None:
        seen.append("waits" if pause.waited_s is None else "goes on")
        if pause.waited_s is None:
            paused.set()

    session.monitors.on_pause = state_kept(keeper, session, told)

    def plan() -> Any:
        yield from long_plan(steps, 2, session.bench.clock)
        person = threading.Thread(target=somebody)
        person.start()
        while not is_over.is_set():
            yield Msg("null")
            yield from long_plan(steps, 1, session.bench.clock)
        person.join()
        yield from long_plan(steps, 1, session.bench.clock)

    with asked_of(session) as monitor:
        run_with(session, monitor, plan())
    assert seen[0] == "waits"
    assert "paused: asked for by web at" in seen[1]
    assert "to look at the objective" in seen[1]
    assert seen[2] == "goes on"
    assert keeper.state.kind == "running"
    assert all(b - a == pytest.approx(10.0) for a, b in pairwise(steps)), "no bench time was waited"
    assert read_asked(folder, UID) is None


def test_a_stop_ends_the_plan_with_its_reason_wherever_it_is(session: Session) -> None:
    folder = session.records.folder
    begin(folder)
    cleaned: list[bool] = []

    def plan() -> Any:
        yield from bps.open_run({})
        person = threading.Thread(
            target=lambda: ask(folder, UID, "stop", interface="web", reason="wrong <glass>"), daemon=True
        )
        person.start()
        try:
            while True:
                yield Msg("sleep", None, 1.0)
        finally:
            cleaned.append(True)

    with pytest.raises(RunEngineInterrupted), asked_of(session) as monitor:
        run_with(session, monitor, plan())
    assert cleaned == [True]
    assert session.abort.reason is not None
    assert "asked for by web" in session.abort.reason
    assert "wrong <glass>" in session.abort.reason
    (run,) = (run for run in session.records.runs() if run.uid != "run-1")
    assert run.stop is not None
    assert run.stop["exit_status"] == "abort"
    assert run.stop["reason"] == session.abort.reason


def test_what_was_asked_before_a_night_began_is_not_asked_of_it(session: Session) -> None:
    folder, steps = session.records.folder, []
    begin(folder)
    ask(folder, UID, "stop", interface="command")
    with asked_of(session) as monitor:
        run_with(session, monitor, long_plan(steps, 3, session.bench.clock))
    assert len(steps) == 3


def test_nothing_is_asked_of_a_night_that_is_over(session: Session, tmp_path: Path) -> None:
    begin(tmp_path)
    session.lock.release()
    with pytest.raises(
        AskedError, match="does not run: it is stopped; `vitrail campaign resume c0ffee00` goes on with it"
    ):
        ask(tmp_path, UID, "pause", interface="web")
    with pytest.raises(LookupError):
        ask(tmp_path, "another", "pause", interface="web")
    assert not asked_path(tmp_path, UID).exists()


@pytest.mark.usefixtures("session")
def test_a_stop_is_not_taken_back_and_only_a_pause_is_gone_on_from(tmp_path: Path) -> None:
    begin(tmp_path)
    with pytest.raises(AskedError, match=r"'go on' cannot be asked now: nothing stands .* can be asked: pause, stop"):
        ask(tmp_path, UID, "go on", interface="web")
    ask(tmp_path, UID, "pause", interface="web")
    with pytest.raises(AskedError, match="can be asked: go on, stop"):
        ask(tmp_path, UID, "pause", interface="web")
    ask(tmp_path, UID, "stop", interface="web")
    for what in ("go on", "pause", "stop"):
        with pytest.raises(AskedError, match="can be asked: nothing"):
            ask(tmp_path, UID, what, interface="web")  # type: ignore[arg-type]  # of the three words
    assert not list(asked_path(tmp_path, UID).parent.glob("*.draft"))


@pytest.mark.usefixtures("session")
@pytest.mark.parametrize(
    ("reason", "kept"),
    [
        ("it\n smells \t of smoke", "it smells of smoke"),
        ("x" * 200, "x" * 200),
        ("smoke " * 100, ("smoke " * 100)[:199] + "\u2026"),
        ("Rauch im Geh\udce4use", "Rauch im Geh?use"),  # as a terminal of another encoding hands it over
        ("\x1b[2Jgone", "?[2Jgone"),
    ],
)
def test_no_reason_keeps_a_night_from_being_stopped(tmp_path: Path, reason: str, kept: str) -> None:
    begin(tmp_path)
    asked = ask(tmp_path, UID, "stop", interface="command", reason=reason)
    assert read_asked(tmp_path, UID) == asked
    assert (asked.what, asked.reason) == ("stop", kept)


@pytest.mark.parametrize("state", ["planned", "stopped", "done", "failed"])
def test_a_campaign_that_does_not_run_takes_nothing(state: str) -> None:
    assert may_ask(state, None) == ()


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"number": "1", "what": "fire", "at": "x", "interface": "web"}', "\x00" * 9]
)
def test_a_file_that_is_none_of_ours_is_not_obeyed(tmp_path: Path, text: str) -> None:
    path = asked_path(tmp_path, UID)
    path.parent.mkdir()
    path.write_text(text)
    assert read_asked(tmp_path, UID) is None
    forget_asked(tmp_path, UID)
    assert not path.exists()
