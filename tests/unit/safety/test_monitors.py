"""Monitors hold a plan up where it stands and let it go on, or end it: without the races that suspenders have."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bluesky.plan_stubs as bps
import bluesky.preprocessors as bpp
import pytest
from bluesky import RunEngine
from bluesky.utils import FailedStatus, Msg
from hypothesis import given
from hypothesis import strategies as st

from beamline.instrument import Instrument
from beamline.recipe import Coupon, Dot, Glass, HeatTreatment, Line, Measurement, Recipe, Site
from beamline.safety import Finding, MonitorError, Monitors, Pause, bench_monitors, guarded, safe_state_plan
from beamline.safety.conditions import DiskSpace, FurnaceTemperature, LaserPower
from beamline.session import Session, open_session
from devices import DeviceError, DiscreteEventClock, RealClock
from plans import CouponInHand, NightLabel, heat_treat_coupon, load_on_stage, measure_coupon, write_coupon

COUPON = Coupon(serial="C1", glass=Glass(name="BrI", bromide=1.5, iodide=1.5))
TREATMENT = HeatTreatment(temperature_C=300.0, hold_s=600.0, ramp_C_min=20.0)


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    with open_session(
        Instrument(), coupons=(COUPON,), data=tmp_path, seed=1, unattended=False, catalog=False
    ) as session:
        session.bench.laser.driver.is_interlocked = False
        yield session


@pytest.fixture
def hand() -> CouponInHand:
    writings = (
        Dot(pulse_energy_uJ=150, exposure_s=4.0),
        Line(pulse_energy_uJ=200, speed_mm_s=0.4, length_mm=1.0),
        Dot(pulse_energy_uJ=150, exposure_s=2.0),
        Dot(pulse_energy_uJ=150, exposure_s=2.0),
    )
    sites = {f"A{i}": Site(coupon="C1", name=f"A{i}", x_mm=3.0 + 3 * i, y_mm=5.0) for i in range(4)}
    recipes = {name: Recipe(writing=w, heat_treatment=TREATMENT) for name, w in zip(sites, writings, strict=True)}
    return CouponInHand(NightLabel("m", "m-1", {}), COUPON, 1, "by-hand", sites, recipes)


def run(session: Session, plan: Any) -> None:
    session.RE(bpp.finalize_wrapper(guarded(plan, session.monitors), lambda: safe_state_plan(session.bench)))


def written(session: Session, hand: CouponInHand) -> Any:
    yield from load_on_stage(session.bench, "C1")
    yield from write_coupon(session.bench, hand)


def events(session: Session, stream: str) -> list[str]:
    (found,) = session.records.runs(purpose="writing")
    return list(found.table(stream)["site_name"])


def exposed_while_tripped(session: Session) -> list[float]:
    """Watches every opening of the laser: when it was opened although the interlock was active."""
    driver, wrong = session.bench.laser.driver, []
    for name in ("start_exposure", "open_output"):
        inner = getattr(driver, name)

        def opened(*args: Any, inner: Any = inner) -> Any:
            if driver.is_interlocked:
                wrong.append(session.bench.clock.now_s)
            return inner(*args)

        setattr(driver, name, opened)
    return wrong


def test_a_condition_that_stands_already_starts_nothing(session: Session, hand: CouponInHand) -> None:
    session.bench.laser.driver.is_interlocked = True
    with pytest.raises(MonitorError, match=r"interlock: .* is active; somebody has found out why"):
        run(session, written(session, hand))
    assert not session.records.runs()
    assert session.bench.clock.now_s == 0.0


@pytest.mark.parametrize("blocked_s", [0.0, 0.3])
def test_a_trip_holds_the_plan_up_where_it_stands_and_no_site_is_fired_twice(
    session: Session, hand: CouponInHand, blocked_s: float
) -> None:
    """Also where the loop is blocked while it trips: a suspender would have lost it."""
    driver, clock = session.bench.laser.driver, session.bench.clock
    wrong, shown = exposed_while_tripped(session), []
    session.monitors.on_pause = shown.append

    def trips(name: str, doc: dict[str, Any]) -> None:
        if name == "event" and "laser_pulses_delivered" in doc["data"] and doc["data"]["site_name"] == "A0":
            driver.is_interlocked = True
            clock.call_later(200.0, lambda: setattr(driver, "is_interlocked", False))
            threading.Event().wait(blocked_s)

    # The first intent of A0 trips it: the exposure that follows must wait.
    session.RE.subscribe(trips)
    run(session, written(session, hand))
    assert wrong == []
    assert events(session, "exposures") == events(session, "intents") == list(hand.sites)
    begun, ended = shown[0], shown[1]
    assert "paused since" in str(begun)
    assert "remote interlock of the laser is active" in str(begun)
    assert "goes on when somebody has found out why" in str(begun)
    assert "after 60 min of waiting the plan ends" in str(begun)
    assert ended.waited_s == pytest.approx(205.0, abs=3.0)
    assert "goes on after" in str(ended)
    assert session.monitors.pauses[0] == ended


def test_a_pause_has_an_end(session: Session, hand: CouponInHand) -> None:
    session.monitors.patience_s = 100.0
    driver = session.bench.laser.driver

    def trips(name: str, _doc: dict[str, Any]) -> None:
        if name == "event":
            driver.is_interlocked = True

    session.RE.subscribe(trips)
    with pytest.raises(MonitorError, match="waited 101 s for it, 100 s are allowed"):
        run(session, written(session, hand))
    assert session.bench.clock.now_s < 200.0
    assert not driver.is_output_open
    (writing,) = session.records.runs(purpose="writing")
    assert writing.stop is not None
    assert writing.stop["exit_status"] == "fail"


def test_a_trip_during_an_exposure_leaves_the_site_suspect_and_not_exposed(
    session: Session, hand: CouponInHand
) -> None:
    driver = session.bench.laser.driver
    start = driver.start_exposure

    def cut_short(exposure_s: float) -> float:
        session.bench.clock.call_later(1.0, lambda: setattr(driver, "is_interlocked", True))
        expected_s: float = start(exposure_s)
        return expected_s

    driver.start_exposure = cut_short
    with pytest.raises(MonitorError, match="tripped during the exposure"):
        run(session, written(session, hand))
    (writing,) = session.records.runs(purpose="writing")
    assert list(writing.table("intents")["site_name"]) == ["A0"]
    assert "exposures" not in {d["name"] for n, d in writing.documents if n == "descriptor"}


class ThermocoupleOf:
    """Makes a twin's furnace read `offset_C` more than it has."""

    def __init__(self, driver: Any) -> None:
        self.offset_C = 0.0
        true = type(driver).temperature_C.fget
        readings = {"temperature_C": property(lambda self_: true(self_) + self.offset_C)}
        driver.__class__ = type("OffFurnace", (type(driver),), readings)


def test_a_furnace_that_runs_away_is_put_in_standby_and_the_plan_ends(session: Session, hand: CouponInHand) -> None:
    thermocouple = ThermocoupleOf(session.bench.furnace.driver)
    begin: list[float] = []

    def runs_away(name: str, doc: dict[str, Any]) -> None:
        if name == "event" and doc["data"]["furnace_temperature_C"] > 250.0 and not begin:
            thermocouple.offset_C = 400.0
            begin.append(session.bench.clock.now_s)

    session.RE.subscribe(runs_away)
    with pytest.raises((MonitorError, FailedStatus)):
        run(session, heat_treat_coupon(session.bench, hand, TREATMENT))
    assert session.bench.clock.now_s - begin[0] < 120.0
    assert not session.bench.furnace.driver.is_on


def test_the_furnace_monitor_acts_by_itself_at_the_limit_and_above_the_setpoint(session: Session) -> None:
    bench, driver = session.bench, session.bench.furnace.driver
    thermocouple, monitor = ThermocoupleOf(driver), FurnaceTemperature(bench)
    driver.start_ramp(300.0, 10.0)
    bench.clock.advance(600.0)
    assert monitor.look(None) is None
    thermocouple.offset_C = 41.0 - (driver.temperature_C - driver.setpoint_C)
    found = monitor.look(None)
    assert found is not None
    assert not found.can_wait
    assert "41 degC above its working setpoint; allowed are 40" in found.reason
    assert not driver.is_on
    assert monitor.look(None) is None  # off, and below the limit
    thermocouple.offset_C = 575.1 - (driver.temperature_C - thermocouple.offset_C)
    monitor.keep_watch()
    thermocouple.offset_C = 0.0
    found = monitor.look(None)  # kept, although it is over
    assert found is not None
    assert "575.1 degC, 575 degC are allowed" in found.reason
    assert monitor.look(None) is None


def test_the_furnace_monitor_tells_running_away_from_cooling(session: Session, hand: CouponInHand) -> None:
    run(session, heat_treat_coupon(session.bench, hand, TREATMENT))  # cools below a setpoint that falls faster
    assert session.monitors.pauses == []


def test_a_stage_that_was_pushed_gets_no_light(session: Session, hand: CouponInHand) -> None:
    stage = session.bench.stage
    wrong = exposed_while_tripped(session)
    moved: list[str] = []

    def pushes(name: str, doc: dict[str, Any]) -> None:
        if name == "event" and doc["data"].get("site_name") == "A0" and not moved:
            moved.append("A0")
            stage.driver.start_move("x", 100.0)
            session.bench.clock.call_later(0.0, lambda: None)

    session.RE.subscribe(pushes)
    with pytest.raises(DeviceError, match=r"stage_x_mm|reads"):
        run(session, written(session, hand))
    assert wrong == []


def test_a_laser_that_fades_is_tried_again_and_then_given_up(session: Session, hand: CouponInHand) -> None:
    driver = session.bench.laser.driver
    power = type(driver).power_at_sample_W.fget
    loss = [1.0]

    class Fades(type(driver)):  # type: ignore[misc]
        @property
        def power_at_sample_W(self) -> float:
            return power(self) * loss[0]

    driver.__class__ = Fades

    def fades(name: str, doc: dict[str, Any]) -> None:
        if name == "event" and doc["data"].get("site_name") == "A2" and "laser_pulses_delivered" in doc["data"]:
            loss[0] = 0.82

    session.RE.subscribe(fades)
    run(session, written(session, hand))
    assert events(session, "exposures") == list(hand.sites)
    assert {pause.monitor for pause in session.monitors.pauses} == {"laser power"}
    assert all(pause.waited_s == pytest.approx(125.0, abs=6.0) for pause in session.monitors.pauses)


def test_a_detector_that_stays_full_pauses_the_measurement(session: Session, hand: CouponInHand) -> None:
    driver = session.bench.spectrometer.driver

    class Full(type(driver)):  # type: ignore[misc]
        @property
        def n_saturated(self) -> int:
            return 200

    driver.__class__ = Full

    def measured() -> Any:
        yield from load_on_stage(session.bench, "C1")
        yield from measure_coupon(session.bench, hand, Measurement(integration_s=0.1, n_averages=2))

    run(session, measured())
    (pause,) = session.monitors.pauses
    assert pause.monitor == "detector"
    assert "3 sites in a row were full, the last one at 200 pixels" in pause.reason


def test_a_full_disk_holds_up_the_next_run_until_there_is_room() -> None:
    free = [1_000_000]
    clock = DiscreteEventClock()
    monitors = Monitors(clock, [DiskSpace(lambda: free[0])])
    engine = RunEngine({})
    clock.install(engine)
    with pytest.raises(MonitorError, match="1 MB are left for the records, 500 MB are wanted"):
        engine(guarded(iter(()), monitors))
    free[0] = 10**9

    def plan() -> Any:
        yield from bps.sleep(1.0)
        free[0] = 1
        clock.call_later(500.0, lambda: free.__setitem__(0, 10**9))
        yield from bps.open_run()
        yield from bps.close_run()

    engine(guarded(plan(), monitors))
    assert clock.now_s == pytest.approx(540.0, abs=31.0)

    def gone() -> int:
        raise FileNotFoundError("it is gone")

    assert DiskSpace(gone).look(None) is not None


def test_a_trip_that_is_over_before_the_next_look_is_kept_in_real_time(session: Session) -> None:
    bench, engine = session.bench, RunEngine({})
    clock = RealClock()
    monitors = Monitors(clock, session.monitors.monitors)
    monitors.period_s = 0.02
    driver = bench.laser.driver

    def plan() -> Any:
        yield Msg("sleep", None, 0.05)
        driver.is_interlocked = True
        yield Msg("sleep", None, 0.3)
        driver.is_interlocked = False
        yield Msg("sleep", None, 0.1)
        yield Msg("create", None, name="exposures")

    with pytest.raises(MonitorError, match="tripped during the exposure"):
        engine(guarded(plan(), monitors))


class Scripted:
    """A monitor that follows a script: what it finds at each look."""

    name = "scripted"
    again_s = 1.0

    def __init__(self, script: list[bool]) -> None:
        self._script = iter(script)

    def concerns(self, msg: Msg) -> bool:
        return bool(msg.command == "null")

    def look(self, msg: Msg | None) -> Finding | None:
        return Finding("it is so", "it is not") if msg is not None and next(self._script, False) else None

    def keep_watch(self) -> None:
        pass


@given(st.lists(st.booleans(), max_size=20), st.integers(1, 6))
def test_whatever_a_monitor_finds_each_message_is_carried_out_once_and_in_order(script: list[bool], n: int) -> None:
    clock = DiscreteEventClock()
    engine = RunEngine({})
    clock.install(engine)
    seen: list[int] = []
    shown: list[Pause] = []
    monitors = Monitors(clock, [Scripted(script)], on_pause=shown.append)

    def plan() -> Any:
        for i in range(n):
            yield Msg("null", None, i)
            seen.append(i)
        return "the end"

    engine(guarded(plan(), monitors))
    assert seen == list(range(n))
    assert len(shown) == 2 * len(monitors.pauses)
    assert all(pause.waited_s is not None and pause.waited_s >= monitors.steady_s for pause in monitors.pauses)
    if not any(script[: n + 1]):
        assert monitors.pauses == []
        assert clock.now_s == 0.0
    if script and script[0]:
        assert monitors.pauses


def test_the_monitors_of_a_bench_are_all_of_them(session: Session, tmp_path: Path) -> None:
    names = [monitor.name for monitor in bench_monitors(session.bench, tmp_path).monitors]
    assert names == ["interlock", "furnace temperature", "stage", "laser power", "detector", "disk"]


def test_a_laser_that_stays_out_of_band_is_given_up_after_three_tries(session: Session) -> None:
    bench, monitor = session.bench, LaserPower(session.bench)
    powers_W = iter([0.0, 1.0, 0.5, 0.5, 0.5, 0.5])
    cls = type(bench.laser.driver)
    bench.laser.driver.__class__ = type("Weak", (cls,), {"power_at_sample_W": property(lambda _: next(powers_W))})
    found = [monitor.look(Msg("trigger", bench.laser)) for _ in range(6)]
    assert [finding and finding.can_wait for finding in found] == [None, None, True, True, True, False]
