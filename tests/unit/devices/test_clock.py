"""Both clocks, and a RunEngine that lives by the simulated one."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from typing import Any

import bluesky.plan_stubs as bps
import pytest
from bluesky import RunEngine
from bluesky.utils import FailedStatus, Msg, RunEngineInterrupted
from hypothesis import given
from hypothesis import strategies as st
from ophyd.status import StatusBase

from devices import Bench, Clock, ClockStalledError, DiscreteEventClock, RealClock
from devices.clock import EVENTS_PER_SLICE


class Later:
    """Something to move: done when the clock says so, or never."""

    name = "later"
    parent = None

    def __init__(self, clock: DiscreteEventClock, seconds: float) -> None:
        self.clock, self.seconds = clock, seconds

    def set(self, _: object) -> StatusBase:
        status = StatusBase()
        if self.seconds is not None:
            self.clock.call_later(self.seconds, status.set_finished)
        return status


@pytest.mark.parametrize("make", [DiscreteEventClock, RealClock])
def test_is_a_clock(make: Callable[..., Any]) -> None:
    assert isinstance(make(), Clock)


@pytest.mark.parametrize("make", [DiscreteEventClock, RealClock])
@pytest.mark.parametrize("delay_s", [-1e-9, math.nan, math.inf])
def test_refuses_a_delay_that_is_none(make: Callable[..., Any], delay_s: float) -> None:
    with pytest.raises(ValueError, match="delay"):
        make().call_later(delay_s, lambda: None)


@given(st.lists(st.floats(0, 1e6), max_size=30), st.floats(0, 1e6))
def test_calls_are_made_in_order_of_time_then_of_asking(delays: list[float], until_s: float) -> None:
    clock = DiscreteEventClock()
    made = []
    for number, delay_s in enumerate(delays):
        clock.call_later(delay_s, lambda number=number: made.append((clock.now_s, number)))
    clock.advance(until_s)
    assert made == sorted((delay_s, number) for number, delay_s in enumerate(delays) if delay_s <= until_s)
    assert clock.now_s == until_s


@given(st.lists(st.tuples(st.floats(0, 100), st.floats(0, 100)), max_size=20))
def test_calls_asked_by_calls_come_after_them_and_time_never_falls(pairs: list[tuple[float, float]]) -> None:
    clock = DiscreteEventClock()
    seen = []

    def first(second_s: float) -> None:
        asked_s = clock.now_s
        seen.append(asked_s)
        clock.call_later(second_s, lambda: seen.append(clock.now_s) or check(asked_s + second_s))

    def check(due_s: float) -> None:
        assert clock.now_s == due_s

    for first_s, second_s in pairs:
        clock.call_later(first_s, lambda second_s=second_s: first(second_s))
    clock.advance(1000)
    assert len(seen) == 2 * len(pairs)
    assert seen == sorted(seen)


@given(st.lists(st.floats(0, 10), min_size=1, max_size=20), st.data())
def test_a_call_taken_back_is_not_made(delays: list[float], data: st.DataObject) -> None:
    clock = DiscreteEventClock()
    made = []
    calls = [clock.call_later(s, lambda n=n: made.append(n)) for n, s in enumerate(delays)]
    gone = data.draw(st.sets(st.integers(0, len(delays) - 1)))
    for n in gone:
        calls[n].cancel()
        calls[n].cancel()
    clock.advance(10)
    assert set(made) == set(range(len(delays))) - gone


def test_sleep_and_wait_pass_simulated_time(RE: RunEngine, clock: DiscreteEventClock) -> None:
    seen = []

    def plan() -> Any:
        yield from bps.sleep(3600)
        seen.append(clock.now_s)
        yield from bps.mv(Later(clock, 7200), 0)
        seen.append(clock.now_s)
        yield from bps.mv(Later(clock, 10), 0, Later(clock, 20), 0)
        seen.append(clock.now_s)
        yield from bps.sleep(0)

    RE(plan())
    assert seen == [3600, 10800, 10820]


def test_events_go_on_during_a_sleep(RE: RunEngine, clock: DiscreteEventClock) -> None:
    ticks = []

    def tick() -> None:
        ticks.append(clock.now_s)
        clock.call_later(5, tick)

    clock.call_later(5, tick)
    RE([Msg("sleep", None, 3600)])
    assert len(ticks) == 719  # the one due with the awakening was asked for after it
    assert clock.now_s == 3600


def test_a_wait_that_nothing_can_end_fails_and_says_who_waits(
    RE: RunEngine, clock: DiscreteEventClock, bench: Bench
) -> None:
    never = Later(clock, None)
    with pytest.raises(FailedStatus) as caught:
        RE(bps.mv(never, 0, bench.stage.x_mm, 50))
    assert isinstance(caught.value.__cause__, ClockStalledError)
    assert "no event is left" in str(caught.value.__cause__)
    assert "StatusBase" in str(caught.value.__cause__)
    assert "stage_x_mm" not in str(caught.value.__cause__)  # it finished


def test_an_event_that_fails_fails_the_wait(RE: RunEngine, clock: DiscreteEventClock) -> None:
    def broken() -> None:
        raise ZeroDivisionError("in an event")

    clock.call_later(1, broken)
    with pytest.raises(FailedStatus) as caught:
        RE(bps.mv(Later(clock, 10), 0))
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


def test_a_hook_that_was_there_is_called(clock: DiscreteEventClock) -> None:
    engine = RunEngine({})
    heard = []
    engine.waiting_hook = heard.append
    clock.install(engine)
    clock.install(engine)
    engine(bps.mv(Later(clock, 10), 0))
    assert [hook is None for hook in heard] == [False, True]


def test_a_hook_that_is_set_later_is_chained_by_installing_again(clock: DiscreteEventClock) -> None:
    engine = RunEngine({})
    clock.install(engine)
    heard = []
    engine.waiting_hook = heard.append
    clock.install(engine)
    engine(bps.mv(Later(clock, 10), 0))
    assert len(heard) == 2
    assert clock.now_s == 10


@pytest.mark.parametrize("how", ["sleep", "wait"])
def test_abort_takes_effect_between_two_events(RE: RunEngine, clock: DiscreteEventClock, how: str) -> None:
    """An abort that is asked for at 1800 s ends a wait of nine hours there, and not at its end."""

    def tick() -> None:
        clock.call_later(5, tick)

    def ask() -> None:
        threading.Thread(target=RE.abort, daemon=True).start()
        threading.Event().wait(0.3)  # until the request is in the loop's queue

    clock.call_later(5, tick)
    clock.call_later(1800, ask)
    plan = [Msg("sleep", None, 32400)] if how == "sleep" else bps.mv(Later(clock, 32400), 0)
    with pytest.raises(RunEngineInterrupted):
        RE(plan)
    assert 1800 <= clock.now_s < 1800 + 10 * EVENTS_PER_SLICE * 5  # a few turns of the loop later


def test_the_real_clock_makes_calls_in_order_and_survives_a_failure(caplog: pytest.LogCaptureFixture) -> None:
    clock = RealClock()
    done = threading.Event()
    made = []
    clock.call_later(0.02, lambda: made.append("second"))
    clock.call_later(0.01, lambda: made.append("first"))
    clock.call_later(0.015, lambda: 1 / 0)
    clock.call_later(0.005, lambda: made.append("gone")).cancel()
    clock.call_later(0.03, done.set)
    assert done.wait(5)
    assert made == ["first", "second"]
    assert "the clock goes on" in caplog.text
    assert clock.now_s >= 0.03


def test_a_plan_waits_on_the_real_clock() -> None:
    clock = RealClock()
    engine = RunEngine({})
    clock.install(engine)
    engine(bps.mv(Later(clock, 0.05), 0))
    assert clock.now_s >= 0.05


def test_a_scaled_clock_sleeps_and_calls_at_its_own_pace() -> None:
    from devices import ScaledClock

    clock = ScaledClock(1000.0)
    called = threading.Event()
    clock.call_later(50.0, called.set)
    engine = RunEngine({})
    clock.install(engine)
    begin_s = clock.now_s
    engine(bps.sleep(100.0))
    assert clock.now_s - begin_s >= 100.0
    assert called.wait(5.0)
    for speed in (0.0, -1.0, float("inf"), float("nan")):
        with pytest.raises(ValueError, match="positive"):
            ScaledClock(speed)
