"""The furnace: ramps, settling, deadlines, what stopping does and does not do."""

from __future__ import annotations

import itertools
import threading
from typing import Any

import bluesky.plan_stubs as bps
import bluesky.preprocessors as bpp
import pytest
from bluesky import RunEngine
from bluesky.utils import FailedStatus, RunEngineInterrupted

from devices import Bench, DeadlineError, DiscreteEventClock, Furnace, SensorError, StoppedError

from .conftest import Documents


class FakeFurnace:
    """A driver whose temperature the test sets."""

    def __init__(self) -> None:
        self.temperature_C = 25.0
        self.is_sensor_ok = True
        self.is_on = False
        self.calls = []

    @property
    def setpoint_C(self) -> float:
        return self.temperature_C

    target_C = setpoint_C

    def start_ramp(self, target_C: float, ramp_C_min: float) -> None:
        self.is_on = True
        self.calls.append(("ramp", target_C, ramp_C_min))

    def hold(self) -> None:
        self.calls.append("hold")

    def standby(self) -> None:
        self.calls.append("standby")


@pytest.fixture
def fake(clock: DiscreteEventClock) -> Furnace:
    return Furnace(name="furnace", driver=FakeFurnace(), clock=clock, settle_s=60.0)


def anneal(bench: Bench, temperature_C: float, hold_s: float, every_s: float = 60.0) -> Any:
    """Ramp, hold, cool, with the temperature sampled on the way."""

    @bpp.run_decorator()
    def inner() -> Any:
        for target, then_s in ((temperature_C, hold_s), (bench.geometry.unload_C, 0.0)):
            status = yield from bps.abs_set(bench.furnace, target, group="ramp")
            while not status.done:
                yield from bps.sleep(every_s)
                yield from bps.trigger_and_read([bench.clock_s, bench.furnace], name="furnace")
            yield from bps.wait("ramp")
            for _ in range(round(then_s / every_s)):
                yield from bps.sleep(every_s)
                yield from bps.trigger_and_read([bench.clock_s, bench.furnace], name="furnace")

    return inner()


def test_a_sampled_anneal(RE: RunEngine, bench: Bench, documents: Documents) -> None:
    RE(anneal(bench, 450.0, 3600.0))
    events = documents.data("furnace")
    times = [e["clock_s"] for e in events]
    assert [b - a for a, b in itertools.pairwise(times)] == pytest.approx([60.0] * (len(times) - 1))
    hottest = max(e["furnace_temperature_C"] for e in events)
    assert 450 < hottest < 452  # it overshoots, and stays in its band
    held = [e for e in events if abs(e["furnace_temperature_C"] - 450) < 2]
    assert 60 <= len(held) <= 66
    # On the way up the working setpoint leads by the controller's lag, 20 s at 10 degC/min, of which it makes good a half.
    rising = [e["furnace_setpoint_C"] - e["furnace_temperature_C"] for e in events if 120 < e["clock_s"] < 2400]
    assert 1 < min(rising) < 3.4 / 2 + 0.5
    assert max(rising) < 6
    assert events[-1]["furnace_temperature_C"] < bench.geometry.unload_C + 2


def test_done_only_when_settled(RE: RunEngine, clock: DiscreteEventClock, bench: Bench) -> None:
    RE(bps.mv(bench.furnace.ramp_C_min, 20.0, bench.furnace, 225.0))
    assert 600 + 60 <= clock.now_s <= 600 + 60 + 180  # at twice the usual rate it may overshoot its band once
    assert bench.furnace.position == pytest.approx(225, abs=2)


def test_leaving_the_band_starts_the_settling_anew(clock: DiscreteEventClock, fake: Furnace) -> None:
    status = fake.set(100.0)
    fake.driver.temperature_C = 99.0
    clock.advance(50)
    fake.driver.temperature_C = 95.0
    clock.advance(20)
    fake.driver.temperature_C = 101.0
    clock.advance(60)
    assert not status.done
    clock.advance(10)
    assert status.success


def test_a_furnace_that_does_not_heat_meets_its_deadline(clock: DiscreteEventClock, fake: Furnace) -> None:
    status = fake.set(125.0)
    clock.advance(10 * 60 * 1.5 + fake.margin_s + fake.settle_s - 1)
    assert not status.done
    clock.advance(2)
    assert isinstance(status.exception(), DeadlineError)
    assert "furnace: ramp to 125 degC at 10 degC/min" in str(status.exception())
    assert fake.driver.calls[-1] == "hold"


def test_a_broken_sensor_fails_the_ramp_and_switches_off(clock: DiscreteEventClock, fake: Furnace) -> None:
    status = fake.set(125.0)
    clock.advance(30)
    fake.driver.is_sensor_ok = False
    clock.advance(5)
    assert isinstance(status.exception(), SensorError)
    assert fake.driver.calls[-1] == "standby"
    with pytest.raises(SensorError, match="thermocouple"):
        fake.set(50.0)


def test_a_failed_ramp_reaches_the_plan(RE: RunEngine, fake: Furnace) -> None:
    with pytest.raises(FailedStatus) as caught:
        RE(bps.mv(fake, 125.0))
    assert isinstance(caught.value.__cause__, DeadlineError)


def test_a_new_target_ends_the_old_status(fake: Furnace) -> None:
    first = fake.set(125.0)
    second = fake.set(60.0)
    assert isinstance(first.exception(), StoppedError)
    assert not second.done


def test_stop_after_a_normal_end_does_nothing(RE: RunEngine, bench: Bench, clock: DiscreteEventClock) -> None:
    RE(bps.mv(bench.furnace, 200.0))  # the engine calls stop() at its end
    assert bench.furnace.setpoint_C.get() == 200.0
    bench.furnace.stop()
    clock.advance(3600)
    assert bench.furnace.heater.get() == "on"
    assert bench.furnace.position == pytest.approx(200, abs=2)


def test_stop_during_a_ramp_holds(clock: DiscreteEventClock, bench: Bench) -> None:
    status = bench.furnace.set(500.0)
    clock.advance(600)
    here_C = bench.furnace.position
    bench.furnace.stop()
    assert isinstance(status.exception(), StoppedError)
    clock.advance(3600)
    assert bench.furnace.position == pytest.approx(here_C, abs=5)


def test_abort_in_the_middle_of_an_anneal(
    RE: RunEngine, clock: DiscreteEventClock, bench: Bench, documents: Documents
) -> None:
    """The abort runs the clean-up, the run is closed as aborted, and the furnace cools."""

    def ask() -> None:
        threading.Thread(target=RE.abort, args=("test",), daemon=True).start()
        threading.Event().wait(0.3)

    def plan() -> Any:
        yield from bpp.finalize_wrapper(anneal(bench, 500.0, 9 * 3600.0), bps.mv(bench.furnace.heater, "standby"))

    clock.call_later(2 * 3600.0, ask)
    with pytest.raises(RunEngineInterrupted):
        RE(plan())
    assert clock.now_s < 3 * 3600
    assert bench.furnace.heater.get() == "standby"
    assert documents.documents[-1][1]["exit_status"] == "abort"
    clock.advance(3600)
    assert bench.furnace.position < 60


@pytest.mark.parametrize("how", ["method", "heater"])
def test_standby_ends_a_ramp_and_stays(clock: DiscreteEventClock, bench: Bench, how: str) -> None:
    ramp = bench.furnace.set(500.0)
    clock.advance(600)
    if how == "method":
        bench.furnace.standby()
    else:
        assert bench.furnace.heater.set("standby").success
    assert isinstance(ramp.exception(), StoppedError)
    clock.advance(7200)  # past the deadline that the ramp had
    assert bench.furnace.heater.get() == "standby"
    assert bench.furnace.position == pytest.approx(25, abs=1)
