"""The wrapper over drivers, and what the devices notice: each threshold from both of its sides."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import bluesky.plan_stubs as bps
import numpy as np
import pytest
from bluesky import RunEngine
from bluesky.utils import FailedStatus
from hypothesis import given
from hypothesis import strategies as st

from beamline.faults import CALLS, FaultEntry, FaultSchedule
from devices import (
    Bench,
    CommunicationError,
    DeadlineError,
    DiscreteEventClock,
    DriftError,
    LineMove,
    SensorError,
    StuckError,
    make_bench,
)
from devices.errors import why
from devices.faults import ROLES, Injector, with_faults
from devices.twin import build_twin
from devices.waiting import Waiting

from .conftest import COUPONS

MakeBench = Callable[..., Bench]


@pytest.fixture
def failing(clock: DiscreteEventClock) -> MakeBench:
    def make(**entry: Any) -> Bench:
        schedule = FaultSchedule(entries=(FaultEntry.model_validate(entry),), seed=1)
        drivers, _ = with_faults(build_twin(1, COUPONS, clock), schedule, clock)
        return make_bench(drivers, clock)

    return make


def cause(RE: RunEngine, plan: Any) -> BaseException:
    with pytest.raises(FailedStatus) as caught:
        RE(plan)
    error = caught.value.__cause__
    assert error is not None
    return error


# ------------------------------------------------------------------------------------------------------ the schedule
def test_the_words_are_those_of_the_drivers(clock: DiscreteEventClock) -> None:
    drivers = build_twin(1, COUPONS, clock)
    assert set(ROLES) == set(CALLS)
    for role, faults in ROLES.items():
        assert (*faults.commands, *faults.readings) == CALLS[role]
        for call in CALLS[role]:
            assert hasattr(getattr(drivers, role), call)


def begun(seed: int, n: int = 200, **entry: Any) -> list[int]:
    """Which of `n` commands meet the fault."""
    schedule = FaultSchedule(
        entries=(FaultEntry.model_validate({"role": "stage", "kind": "refuse"} | entry),), seed=seed
    )
    injector = Injector(schedule, DiscreteEventClock())
    return [i for i in range(n) if injector.meet("stage", "start_move", "move", is_command=True)]


@given(seed=st.integers(0, 2**32 - 1))
def test_chance_is_of_the_seed(seed: int) -> None:
    first = begun(seed, probability=0.1)
    assert first == begun(seed, probability=0.1)
    assert 1 <= len(first) <= 60  # 20 expected; beyond 5 sigma on either side
    assert first[:2] == begun(seed, probability=0.1, at_most=2)


def test_a_fault_of_one_call_is_over_after_it() -> None:
    assert begun(1, at_s=0.0) == [0]


def test_a_fault_lasts_as_long_as_it_says(failing: MakeBench, clock: DiscreteEventClock, RE: RunEngine) -> None:
    bench = failing(role="stage", kind="refuse", at_s=10.0, duration_s=5.0)
    RE(bps.mv(bench.stage.x_mm, 11.0))
    clock.advance(10.0)
    with pytest.raises(RuntimeError, match=r"stage: move x to 12 mm: refused.*nothing happened"):
        RE(bps.mv(bench.stage.x_mm, 12.0))
    clock.advance(5.0)
    RE(bps.mv(bench.stage.x_mm, 12.0))
    assert bench.stage.x_mm.get() == 12.0


def test_what_makes_safe_is_spared_unless_it_is_named(failing: MakeBench) -> None:
    spared = failing(role="laser", kind="drop", at_s=0.0, duration_s=1e6)
    spared.laser.driver.close_output()
    with pytest.raises(CommunicationError, match="laser: open output"):
        spared.laser.driver.open_output()
    named = failing(role="laser", kind="drop", at_s=0.0, duration_s=1e6, command="close_output")
    with pytest.raises(CommunicationError, match="laser: close output: the connection was dropped"):
        named.laser.driver.close_output()


def test_a_role_that_is_not_there_is_refused(clock: DiscreteEventClock) -> None:
    import dataclasses

    drivers = dataclasses.replace(build_twin(1, COUPONS, clock), changer=None)  # type: ignore[arg-type]  # a bench without
    schedule = FaultSchedule(entries=(FaultEntry(role="changer", kind="drop", at_s=0.0),))
    with pytest.raises(ValueError, match="faults of changer: this bench has no such device"):
        with_faults(drivers, schedule, clock)


# ------------------------------------------------------------------------------------------------------ what is noticed
def test_a_stage_that_stands_still_closes_the_laser_soon(RE: RunEngine, failing: MakeBench, clock: Any) -> None:
    bench = failing(role="stage", kind="stuck", at_s=0.0, command="start_line")
    x_mm, y_mm = bench.stage.x_mm.get(), bench.stage.y_mm.get()
    error = cause(RE, bps.mv(bench.stage.line, LineMove(x_mm + 5.0, y_mm, 0.1)))  # 50 s
    assert isinstance(error, StuckError)
    assert "stage_line: 5 mm at 0.1 mm/s" in str(error)
    assert clock.now_s < 2.0


def test_a_line_ends_where_it_should(RE: RunEngine, failing: MakeBench) -> None:
    bench = failing(role="stage", kind="drift", at_s=0.0, duration_s=1e3, size=2.0)  # 0.1 mm/min
    x_mm, y_mm = bench.stage.x_mm.get(), bench.stage.y_mm.get()
    error = cause(RE, bps.mv(bench.stage.line, LineMove(x_mm + 2.5, y_mm, 0.5)))
    assert isinstance(error, StuckError)
    assert "from the end, 0.005 mm are allowed" in str(error)


@pytest.mark.parametrize(("wait_s", "is_noticed"), [(6.0, False), (60.0, True)])
def test_an_axis_that_wanders(failing: MakeBench, clock: Any, wait_s: float, *, is_noticed: bool) -> None:
    bench = failing(role="stage", kind="drift", at_s=1.0, duration_s=1e6)  # 0.05 mm/min; 0.01 mm are allowed
    status = bench.stage.x_mm.set(11.0)
    clock.advance(1.0)
    assert status.success
    clock.advance(wait_s)
    if not is_noticed:
        assert bench.stage.read()["stage_x_mm"]["value"] == pytest.approx(11.005)
        return
    with pytest.raises(DriftError, match=r"stage_x_mm: was set to 11 mm and reads 11.05 mm now \(allowed: 0.01 mm\)"):
        bench.stage.read()
    bench.stage.stop()  # a plan is over: a hand may move it
    assert bench.stage.read()["stage_x_mm"]["value"] == pytest.approx(11.05)


def exposures(bench: Bench, wait_s: float) -> Any:
    yield from bps.mv(bench.laser.pulse_energy_uJ, 150.0, bench.laser.exposure_s, 2.0)
    for _ in range(3):
        yield from bps.trigger(bench.laser, wait=True)
        yield from bps.sleep(wait_s)


def test_power_out_of_band_stops_the_next_exposure(RE: RunEngine, failing: MakeBench) -> None:
    entry = {"role": "laser", "kind": "drift", "at_s": 0.0, "duration_s": 1e6, "command": "power_at_sample_W"}
    with pytest.raises(DriftError, match=r"laser_power_at_sample_W: the last opening gave .* W \+- 25 % were expected"):
        RE(exposures(failing(**entry, size=1.0), 240.0))
    steady = failing(**entry, size=0.1)
    RE(exposures(steady, 60.0))
    steady.laser.recalibrate()
    RE(exposures(steady, 60.0))


def test_an_output_that_does_not_open(RE: RunEngine, failing: MakeBench, clock: Any) -> None:
    bench = failing(role="laser", kind="stuck", at_s=0.0, command="start_exposure")
    error = cause(RE, exposures(bench, 0.0))
    assert isinstance(error, StuckError)
    assert "laser: exposure of 2 s: the output is closed half-way" in str(error)
    assert clock.now_s == pytest.approx(1.5)


def test_a_laser_that_has_restarted_does_not_fire(RE: RunEngine, failing: MakeBench) -> None:
    bench = failing(role="laser", kind="restart", at_s=10.0)
    with pytest.raises(DriftError, match="laser_pulse_energy_uJ: was set to 150 uJ and reads 1 uJ now"):
        RE(exposures(bench, 30.0))
    assert bench.laser.driver.underneath.pulses_delivered == pytest.approx(20_000, abs=200)


def test_a_frozen_thermocouple_does_not_let_the_furnace_run_away(RE: RunEngine, failing: MakeBench, clock: Any) -> None:
    bench = failing(role="furnace", kind="stuck", at_s=300.0, duration_s=1e6, command="temperature_C")
    error = cause(RE, bps.mv(bench.furnace.ramp_C_min, 20.0, bench.furnace, 500.0))
    assert isinstance(error, StuckError)
    assert "furnace: ramp to 500 degC at 20 degC/min" in str(error)
    assert not bench.furnace.driver.underneath.is_on, "what it reads cannot be held by"
    assert clock.now_s < 600


@pytest.mark.parametrize(
    ("kind", "text"), [("drift", "the heater is on and it is at"), ("restart", "the heater is off")]
)
def test_a_hold_that_is_lost(RE: RunEngine, failing: MakeBench, kind: str, text: str) -> None:
    entry = {"duration_s": 1e6} if kind == "drift" else {}
    bench = failing(role="furnace", kind=kind, at_s=2000.0, **entry)

    def hold() -> Any:
        yield from bps.open_run()
        yield from bps.mv(bench.furnace.ramp_C_min, 20.0, bench.furnace, 400.0)
        for _ in range(60):
            yield from bps.sleep(60.0)
            yield from bps.trigger_and_read([bench.furnace], name="furnace")

    with pytest.raises(DriftError, match=rf"furnace: hold of 400 degC: {text}"):
        RE(hold())


def test_a_furnace_whose_bus_is_dead_goes_to_standby(RE: RunEngine, failing: MakeBench) -> None:
    bench = failing(role="furnace", kind="silent", at_s=300.0, duration_s=1e6)
    error = cause(RE, bps.mv(bench.furnace, 500.0))
    assert isinstance(error, DeadlineError)
    assert not bench.furnace.driver.underneath.is_on


def spectra(bench: Bench, n: int) -> Any:
    yield from bps.mv(bench.spectrometer.lamp, "on")
    for _ in range(n):
        yield from bps.trigger(bench.spectrometer, wait=True)
        yield from bps.sleep(30.0)


@pytest.mark.parametrize(
    ("entry", "error", "text"),
    [
        ({"kind": "stuck", "command": "counts", "duration_s": 1e6}, StuckError, "the same counts to the last bit"),
        (
            {"kind": "drift", "command": "counts", "duration_s": 1e6, "size": 10.0},
            DriftError,
            "the darkest pixels read",
        ),
        ({"kind": "garbage", "command": "counts", "duration_s": 1e6}, SensorError, "spectrometer_counts: reads"),
        ({"kind": "restart"}, DriftError, "the lamp is off, it was switched on"),
    ],
)
def test_counts_that_cannot_be(RE: RunEngine, failing: MakeBench, entry: dict[str, Any], error: Any, text: str) -> None:
    bench = failing(**({"role": "spectrometer", "at_s": 5.0} | entry))
    with pytest.raises((FailedStatus, error)) as caught:
        RE(spectra(bench, 4))
    assert text in why(caught.value)


def test_a_detector_without_noise_is_no_frozen_one(RE: RunEngine, make: MakeBench) -> None:
    from devices.twin import Effects

    bench = make(effects=Effects.none())
    RE(spectra(bench, 4))


# ------------------------------------------------------------------------------------------------------------ garbage
GARBAGE = st.one_of(
    st.floats(allow_nan=True, allow_infinity=True), st.none(), st.text(max_size=5), st.booleans(), st.integers()
)


@given(value=GARBAGE)
def test_any_temperature_is_believed_or_refused_with_words(value: Any) -> None:
    clock = DiscreteEventClock()
    bench = make_bench(build_twin(1, COUPONS, clock), clock)

    class Garbled:
        temperature_C = value
        setpoint_C = target_C = 25.0
        is_sensor_ok = is_on = True

    bench.furnace.driver = Garbled()
    is_good = isinstance(value, (int, float)) and not isinstance(value, bool) and -50 <= value <= 1500
    if is_good:
        assert bench.furnace.position == value
    else:
        with pytest.raises(SensorError, match=r"furnace_temperature_C: reads .*plausible are -50 to 1500 degC"):
            bench.furnace.set(100.0)


@given(
    counts=st.one_of(
        st.just(np.zeros(3)),
        st.just(np.zeros((2, 1024))),
        st.just("x"),
        st.just(None),
        st.just(np.full(2048, math.nan)),
    )
)
def test_no_counts_of_another_shape_reach_an_event(counts: Any) -> None:
    clock = DiscreteEventClock()
    bench = make_bench(build_twin(1, COUPONS, clock), clock)
    bench.spectrometer.driver = type("Garbled", (), {"counts": counts})()
    with pytest.raises(SensorError, match=r"spectrometer_counts: reads .*2048 numbers"):
        bench.spectrometer.counts.get()


@pytest.mark.parametrize("expected_s", [math.nan, math.inf, -1.0, 1e9])
def test_an_expected_time_that_is_none_is_refused(bench: Bench, expected_s: float) -> None:
    with pytest.raises(
        CommunicationError, match=r"stage: x: the driver expects it to take .* allowed are 0 to 86400 s"
    ):
        bench.stage.begin("stage: x", lambda: False, expected_s=expected_s)


# -------------------------------------------------------------------------------------------------------- no waiting hangs
@given(deadline_s=st.floats(0.0, 1e5), poll_s=st.floats(0.01, 100.0), start_s=st.floats(0.0, 1e6))
def test_every_wait_ends_by_its_deadline_in_simulated_time(deadline_s: float, poll_s: float, start_s: float) -> None:
    clock = DiscreteEventClock()
    clock.advance(start_s)
    poll_s = max(poll_s, deadline_s / 100)
    status = Waiting("x", clock, lambda: False, expected_s=0.0, poll_s=poll_s, deadline_s=deadline_s)
    n_looks = 0
    while clock._heap:
        clock._play_one()
        n_looks += 1
        assert n_looks < 300, "time stands still"
    assert isinstance(status.exception(), DeadlineError)
    assert clock.now_s - start_s == pytest.approx(deadline_s, abs=1e-5)
