"""The gate before each message, and the watch beside a plan: on a clock that the test moves, without an engine."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from bluesky.utils import Msg

from beamline.safety import Finding, MonitorError, Monitors, Pause, guarded, monitors
from devices import CommunicationError, DiscreteEventClock, RealClock

NULL = Msg("null")
ASKED = Finding("asked for", "it is taken back", is_by_person=True)
OPEN = Finding("the door is open", "it is closed")
BROKEN = Finding("it is broken", "somebody mends it", can_wait=False)


class FakeClock:
    """Time that passes when the gate sleeps."""

    def __init__(self) -> None:
        self.now_s = 100.0


class FakeWall(RealClock):
    """A wall clock that calls when the test says so."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[float, Callable[[], object]]] = []

    def call_later(self, delay_s: float, call: Callable[[], object]) -> Any:
        self.calls.append((delay_s, call))


class Watcher:
    """A monitor whose finding the test sets; it may change with the time."""

    again_s = 2.0

    def __init__(self, name: str = "door", find: Callable[[], Finding | None] = lambda: None) -> None:
        self.name = name
        self.find = find
        self.looks: list[Msg | None] = []
        self.n_watches = 0
        self.is_dead = False

    def concerns(self, msg: Msg) -> bool:
        return bool(msg.command == "null")

    def look(self, msg: Msg | None) -> Finding | None:
        self.looks.append(msg)
        if self.is_dead:
            raise CommunicationError("no answer")
        return self.find()

    def keep_watch(self) -> None:
        self.n_watches += 1
        if self.is_dead:
            raise CommunicationError("no answer")


def carried_out(gate: Any, clock: FakeClock) -> list[Msg]:
    """Play the engine: sleeps take their time."""
    messages = []
    for msg in gate:
        assert msg.command == "sleep"
        clock.now_s += msg.args[0]
        messages.append(msg)
    return messages


def until_s(clock: FakeClock, end_s: float, finding: Finding = OPEN) -> Callable[[], Finding | None]:
    return lambda: finding if clock.now_s < end_s else None


def test_a_message_that_nobody_minds_passes() -> None:
    clock, watcher = FakeClock(), Watcher()
    gate = Monitors(clock, [watcher])  # type: ignore[arg-type]  # as a clock
    assert carried_out(gate.gate(NULL), clock) == []
    assert watcher.looks == [NULL]
    assert carried_out(gate.gate(Msg("sleep", None, 1.0)), clock) == []
    assert watcher.looks == [NULL], "it is none of its concern"
    assert gate.pauses == []


def test_a_pause_lasts_until_the_condition_has_been_over_for_a_while() -> None:
    clock = FakeClock()
    watcher, shown = Watcher(find=until_s(clock, 109.0)), []
    gate = Monitors(clock, [watcher], on_pause=shown.append)  # type: ignore[arg-type]  # the same
    messages = carried_out(gate.gate(NULL), clock)
    assert [msg.args for msg in messages] == [(2.0,)] * 8
    assert clock.now_s == 116.0  # seen to be over at 110, and 5 s more
    begun, ended = shown
    assert datetime.fromisoformat(begun.since).tzinfo is not None
    assert begun == Pause("door", "the door is open", "it is closed", begun.since, 100.0, 3600.0)
    assert ended == Pause("door", "the door is open", "it is closed", begun.since, 100.0, 3600.0, 16.0)
    assert str(begun) == (
        f"paused since {begun.since} by door: the door is open. It goes on when it is closed; after 60 min of waiting the plan "
        "ends"
    )
    assert str(ended) == "goes on after 16 s: door is in order again"
    assert gate.pauses == [ended]
    assert all(msg is NULL for msg in watcher.looks)


def test_a_long_interval_is_cut_while_it_is_over_and_a_return_begins_anew() -> None:
    clock, watcher = FakeClock(), Watcher()
    watcher.again_s = 30.0
    script = iter([OPEN, OPEN, None, OPEN, None, None, None])
    watcher.find = lambda: next(script, None)
    gate = Monitors(clock, [watcher], steady_s=5.0)  # type: ignore[arg-type]  # the same
    assert [msg.args[0] for msg in carried_out(gate.gate(NULL), clock)] == [30.0, 30.0, 5.0, 30.0, 5.0]


def test_what_cannot_be_waited_out_ends_the_plan_at_once_and_later() -> None:
    clock = FakeClock()
    gate = Monitors(clock, [Watcher(find=lambda: BROKEN)])  # type: ignore[arg-type]  # the same
    with pytest.raises(MonitorError, match=r"^door: it is broken; somebody mends it$"):
        list(gate.gate(NULL))
    assert gate.pauses == []
    script = iter([OPEN, OPEN, BROKEN])
    gate = Monitors(clock, [Watcher(find=lambda: next(script))])  # type: ignore[arg-type]  # the same
    with pytest.raises(MonitorError, match=r"^door: it is broken; somebody mends it$"):
        carried_out(gate.gate(NULL), clock)
    assert len(gate.pauses) == 1


@pytest.mark.parametrize(("own_s", "allowed"), [(None, 20.0), (6.0, 6.0)])
def test_a_pause_has_an_end(own_s: float | None, allowed: float) -> None:
    clock = FakeClock()
    finding = Finding("the door is open", "it is closed", patience_s=own_s)
    gate = Monitors(clock, [Watcher(find=lambda: finding)], patience_s=20.0)  # type: ignore[arg-type]  # the same
    with pytest.raises(MonitorError, match=f"waited {allowed + 2:.0f} s for it, {allowed:.0f} s are allowed"):
        carried_out(gate.gate(NULL), clock)
    assert clock.now_s == 100.0 + allowed + 2.0
    assert gate.pauses[0].at_most_s == allowed


def test_after_a_pause_everything_is_looked_at_again() -> None:
    """The interlock may trip while the plan waits for the laser's power: it must not fire for having been asked before."""
    clock = FakeClock()
    interlock = Watcher("interlock", lambda: BROKEN if clock.now_s > 105.0 else None)
    gate = Monitors(clock, [interlock, Watcher("power", until_s(clock, 110.0))])  # type: ignore[arg-type]  # the same
    with pytest.raises(MonitorError, match="interlock: it is broken"):
        carried_out(gate.gate(NULL), clock)
    assert clock.now_s < 120.0


def test_what_does_not_answer_is_left_to_the_plan() -> None:
    clock, dead = FakeClock(), Watcher()
    dead.is_dead = True
    gate = Monitors(clock, [dead, Watcher("other", lambda: BROKEN)])  # type: ignore[arg-type]  # the same
    assert gate.first_check() == (("other", BROKEN),)
    with pytest.raises(MonitorError, match="other"):
        list(gate.gate(NULL))


def test_a_pause_that_cannot_be_shown_is_a_pause(caplog: pytest.LogCaptureFixture) -> None:
    def broken(_pause: Pause) -> None:
        raise ValueError("the screen is gone")

    clock = FakeClock()
    gate = Monitors(clock, [Watcher(find=until_s(clock, 101.0))], on_pause=broken)  # type: ignore[arg-type]  # the same
    with caplog.at_level(logging.WARNING):
        assert carried_out(gate.gate(NULL), clock)
    assert "the screen is gone" in caplog.text
    assert "paused since" in caplog.text
    (pause,) = gate.pauses
    assert pause.waited_s == 8.0


# ---------------------------------------------------------------------------------------------------------- by a person
class Wall:
    now_s = 0.0


def test_what_somebody_asked_for_is_waited_for_by_the_wall(monkeypatch: pytest.MonkeyPatch) -> None:
    wall, clock, shown = Wall(), FakeClock(), []
    monkeypatch.setattr(monitors, "RealClock", lambda: wall)
    watcher = Watcher(find=lambda: ASKED if wall.now_s < 1.0 else None)
    gate = Monitors(clock, [watcher], on_pause=shown.append)  # type: ignore[arg-type]  # the same
    for msg in gate.gate(NULL):
        assert msg.command == "wait_for"
        (make,) = msg.args[0]
        waiting = make()
        assert inspect.iscoroutine(waiting)
        assert waiting.cr_frame is not None
        assert waiting.cr_frame.f_locals["delay"] == watcher.again_s
        waiting.close()
        wall.now_s += 0.5
    assert clock.now_s == 100.0, "no time of the bench"
    assert [pause.waited_s for pause in shown] == [None, 1.0]
    assert gate.pauses == [shown[1]]
    assert all(msg is NULL for msg in watcher.looks)


def test_what_somebody_forgot_ends_the_plan(monkeypatch: pytest.MonkeyPatch) -> None:
    wall = Wall()
    monkeypatch.setattr(monitors, "RealClock", lambda: wall)
    gate = Monitors(FakeClock(), [Watcher(find=lambda: ASKED)], patience_s=3.0)  # type: ignore[arg-type]  # the same
    with pytest.raises(MonitorError, match=r"door: asked for; waited 4 s for it, 3 s are allowed"):  # noqa: PT012  # steps
        for _ in gate.gate(NULL):
            wall.now_s += 1.0


# ------------------------------------------------------------------------------------------------- beside the plan
def test_in_real_time_watch_is_kept_until_the_end_and_what_is_dead_keeps_nobody_from_it() -> None:
    wall, dead, other = FakeWall(), Watcher("dead"), Watcher("other")
    dead.is_dead = True
    gate = Monitors(wall, [dead, other])
    gate.watch()
    gate.watch()
    assert [delay_s for delay_s, _ in wall.calls] == [gate.period_s]
    for n in (1, 2, 3):
        wall.calls[-1][1]()
        assert (dead.n_watches, other.n_watches) == (n, n)
        assert [delay_s for delay_s, _ in wall.calls] == [gate.period_s] * (n + 1)
    gate.rest()
    wall.calls[-1][1]()
    assert (other.n_watches, len(wall.calls)) == (3, 4)
    gate.watch()
    assert len(wall.calls) == 5


def test_on_a_clock_of_events_nothing_happens_beside_the_plan() -> None:
    clock, watcher = DiscreteEventClock(), Watcher()
    Monitors(clock, [watcher]).watch()
    clock.advance(10.0)
    assert watcher.n_watches == 0


# -------------------------------------------------------------------------------------------------------- the whole
def test_a_plan_is_carried_out_as_it_is_with_its_results_errors_and_end() -> None:
    wall, cleaned = FakeWall(), []

    def plan() -> Any:
        try:
            first = yield Msg("null", None, 1)
            try:
                yield Msg("null", None, first)
            except ValueError as error:
                yield Msg("null", None, str(error))
            return "the end"
        finally:
            cleaned.append(True)

    gate = Monitors(wall, [Watcher()])
    whole = guarded(plan(), gate)
    assert next(whole).args == (1,)
    assert len(wall.calls) == 1
    assert whole.send("answer").args == ("answer",)
    assert whole.throw(ValueError("it fell")).args == ("it fell",)
    with pytest.raises(StopIteration) as end:
        next(whole)
    assert end.value.value == "the end"
    assert cleaned == [True]
    wall.calls[-1][1]()
    assert len(wall.calls) == 1, "nobody watches any more"


def test_what_a_monitor_finds_is_raised_in_the_plan_and_its_clean_up_passes_the_gate() -> None:
    watcher, seen = Watcher(), []

    def plan() -> Any:
        try:
            yield Msg("null", None, 1)
            yield Msg("null", None, 2)
        except MonitorError as error:
            seen.append(str(error))
            yield Msg("close", None)
            raise

    whole = guarded(plan(), Monitors(FakeWall(), [watcher]))
    next(whole)
    watcher.find = lambda: BROKEN
    assert whole.send(None).command == "close"
    with pytest.raises(MonitorError):
        next(whole)
    assert seen == ["door: it is broken; somebody mends it"]


def test_a_plan_that_is_closed_is_cleaned_up_without_another_message() -> None:
    wall, cleaned = FakeWall(), []

    def plan() -> Any:
        try:
            yield NULL
        finally:
            cleaned.append(True)

    inner = plan()  # held, so that it is not for the collector to close it
    whole = guarded(inner, Monitors(wall, [Watcher()]))
    next(whole)
    whole.close()
    assert cleaned == [True]
    wall.calls[-1][1]()
    assert len(wall.calls) == 1


def test_what_stands_at_the_beginning_is_told_whole_and_nothing_is_begun() -> None:
    wall, looks = FakeWall(), Watcher("one", lambda: OPEN)
    gate = Monitors(wall, [looks, Watcher("fine"), Watcher("two", lambda: BROKEN)])
    whole = guarded(iter([NULL]), gate)
    with pytest.raises(
        MonitorError, match=r"^one: the door is open; it is closed; two: it is broken; somebody mends it$"
    ):
        next(whole)
    assert wall.calls == []
    assert looks.looks == [None]
