"""Each condition of a bench by itself, on devices of a few lines: what it minds, when, and what it says and does."""

from __future__ import annotations

import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from bluesky.utils import Msg

from beamline.safety import Finding, bench_monitors, conditions
from beamline.safety.conditions import (
    LEAST_FREE_BYTES,
    DetectorSaturation,
    DiskSpace,
    FurnaceTemperature,
    Interlock,
    LaserPower,
    StageStands,
)
from devices import CommunicationError, DriftError


class Value:
    """A signal."""

    def __init__(self, value: float) -> None:
        self.value = value
        self.wrong: str | None = None
        self.n_checks = 0

    def get(self) -> float:
        return self.value

    def check_stands(self) -> None:
        self.n_checks += 1
        if self.wrong:
            raise DriftError(self.wrong)


class Furnace:
    def __init__(self) -> None:
        self.temperature_C, self.setpoint_C, self.is_on = 25.0, 25.0, True
        self.n_standbys = 0
        self.is_dead = False

    def standby(self) -> None:
        self.n_standbys += 1
        if self.is_dead:
            raise CommunicationError("no answer")


@pytest.fixture
def bench() -> Any:
    laser = SimpleNamespace(
        driver=SimpleNamespace(is_interlocked=False),
        output=object(),
        power_at_sample_W=Value(1.0),
        pulse_energy_uJ=Value(100.0),
        repetition_rate_kHz=Value(10.0),
    )
    stage = SimpleNamespace(driver=SimpleNamespace(is_homed=True), x_mm=Value(0), y_mm=Value(0), z_mm=Value(0))
    return SimpleNamespace(
        laser=laser,
        stage=stage,
        furnace=SimpleNamespace(driver=Furnace()),
        spectrometer=SimpleNamespace(n_saturated=Value(0)),
        clock=SimpleNamespace(now_s=0.0),
        geometry=SimpleNamespace(limits=SimpleNamespace(furnace_temperature_C=(20.0, 560.0))),
    )


def openings(bench: Any) -> list[Msg]:
    return [Msg("trigger", bench.laser), Msg("set", bench.laser.output, "open")]


def others(bench: Any) -> list[Msg]:
    return [
        Msg("trigger", bench.spectrometer),
        Msg("set", bench.laser.output, "closed"),
        Msg("set", bench.stage, "open"),
        Msg("create", None, name="intents"),
        Msg("create", None, name="dark"),
        Msg("exposures"),
        Msg("read", bench.laser),
        Msg("null"),
    ]


EXPOSED = Msg("create", None, name="exposures")
SPECTRUM = Msg("create", None, name="spectra")


# ---------------------------------------------------------------------------------------------------------- interlock
def test_the_interlock_is_minded_before_light_and_before_an_exposure_counts(bench: Any) -> None:
    monitor = Interlock(bench)
    assert all(monitor.concerns(msg) for msg in [*openings(bench), EXPOSED])
    assert not any(monitor.concerns(msg) for msg in others(bench))
    assert (monitor.name, monitor.again_s) == ("interlock", 1.0)


def test_an_active_interlock_is_waited_for_before_light(bench: Any) -> None:
    monitor, (opens, _) = Interlock(bench), openings(bench)
    assert monitor.look(opens) is None
    assert monitor.look(None) is None
    bench.laser.driver.is_interlocked = True
    for msg in (opens, None):
        found = monitor.look(msg)
        assert found is not None
        assert found.can_wait
        assert found.reason == "the remote interlock of the laser is active"
        assert found.ends == "somebody has found out why, and has reset it at the laser"


@pytest.mark.parametrize("seen", ["beside the plan", "at the end"])
def test_a_trip_during_an_exposure_is_told_once_and_is_not_waited_for(bench: Any, seen: str) -> None:
    monitor, (opens, _) = Interlock(bench), openings(bench)
    assert monitor.look(opens) is None
    bench.laser.driver.is_interlocked = True
    if seen == "beside the plan":
        monitor.keep_watch()
        bench.laser.driver.is_interlocked = False
    found = monitor.look(EXPOSED)
    assert found is not None
    assert found.can_wait is False
    assert "tripped during the exposure" in found.reason
    assert found.ends == "look why it tripped; the site is suspect and is not written again"
    bench.laser.driver.is_interlocked = False
    monitor.keep_watch()
    assert monitor.look(EXPOSED) is None
    assert monitor.look(opens) is None


def test_a_trip_before_the_exposure_is_not_of_it(bench: Any) -> None:
    monitor, (opens, _) = Interlock(bench), openings(bench)
    bench.laser.driver.is_interlocked = True
    monitor.keep_watch()
    assert monitor.look(opens) is not None
    bench.laser.driver.is_interlocked = False
    assert monitor.look(opens) is None
    assert monitor.look(EXPOSED) is None


def test_a_laser_that_reads_no_interlock_has_none(bench: Any) -> None:
    bench.laser.driver = object()
    monitor = Interlock(bench)
    monitor.keep_watch()
    assert monitor.look(None) is None
    assert monitor.look(EXPOSED) is None


# ------------------------------------------------------------------------------------------------------------ furnace
def furnace_at(bench: Any, temperature_C: float, setpoint_C: float | None = None, *, is_on: bool = True) -> Any:
    driver = bench.furnace.driver
    driver.temperature_C, driver.is_on = temperature_C, is_on
    driver.setpoint_C = temperature_C if setpoint_C is None else setpoint_C
    return driver


def test_the_furnace_is_minded_before_each_wait_ramp_and_sample(bench: Any) -> None:
    monitor = FurnaceTemperature(bench)
    minded = [
        Msg("sleep", None, 1.0),
        Msg("wait"),
        Msg("create", None, name="furnace"),
        Msg("set", bench.furnace, 300.0),
    ]
    assert all(monitor.concerns(msg) for msg in minded)
    assert not any(monitor.concerns(msg) for msg in [*others(bench), *openings(bench), Msg("read", bench.furnace)])
    assert monitor.name == "furnace temperature"


@pytest.mark.parametrize("is_on", [True, False])
def test_above_what_it_may_ever_be_it_goes_to_standby(bench: Any, is_on: bool) -> None:  # noqa: FBT001  # pytest's
    monitor = FurnaceTemperature(bench)
    driver = furnace_at(bench, 575.0, is_on=is_on)
    assert monitor.look(None) is None
    furnace_at(bench, 575.1, is_on=is_on)
    found = monitor.look(None)
    assert found is not None
    assert found.can_wait is False
    assert found.reason == "it is at 575.1 degC, 575 degC are allowed"
    assert "it was put in standby" in found.ends
    assert driver.n_standbys == 1


def test_far_above_its_setpoint_and_rising_it_runs_away(bench: Any) -> None:
    monitor = FurnaceTemperature(bench)
    furnace_at(bench, 300.0, 300.0)
    assert monitor.look(None) is None
    driver = furnace_at(bench, 340.0, 300.0)
    assert monitor.look(None) is None  # 40 above: allowed, and where a rise is counted from
    furnace_at(bench, 343.0, 300.0)
    assert monitor.look(None) is None  # rose by 3, which may be noise
    furnace_at(bench, 343.1, 300.0)
    found = monitor.look(None)
    assert found is not None
    assert found.reason == "it is at 343.1 degC, 43 degC above its working setpoint; allowed are 40: it runs away"
    assert driver.n_standbys == 1


def test_what_cools_above_its_setpoint_is_left_alone_until_it_rises_from_its_lowest(bench: Any) -> None:
    monitor = FurnaceTemperature(bench)
    for temperature_C in (400.0, 390.0, 370.0, 372.9, 371.0):
        driver = furnace_at(bench, temperature_C, 300.0)
        assert monitor.look(None) is None
    furnace_at(bench, 373.1, 300.0, is_on=False)
    assert monitor.look(None) is None, "the heater is off"
    furnace_at(bench, 373.1, 300.0)
    assert monitor.look(None) is not None
    assert driver.n_standbys == 1


def test_a_rise_is_counted_from_where_it_left_the_band(bench: Any) -> None:
    monitor = FurnaceTemperature(bench)
    for temperature_C, setpoint_C in ((100.0, 100.0), (300.0, 300.0), (339.0, 300.0), (341.5, 300.0)):
        furnace_at(bench, temperature_C, setpoint_C)
        assert monitor.look(None) is None


def test_a_temperature_that_reads_as_nothing_is_no_temperature_to_heat_at(bench: Any) -> None:
    driver = furnace_at(bench, math.nan, 300.0)
    found = FurnaceTemperature(bench).look(None)
    assert found is not None
    assert "nobody knows how hot it is" in found.reason
    assert found.can_wait is False
    assert driver.n_standbys == 1


def test_what_is_seen_beside_the_plan_is_acted_on_there_and_told_once(bench: Any) -> None:
    monitor = FurnaceTemperature(bench)
    monitor.keep_watch()
    assert monitor.look(None) is None
    driver = furnace_at(bench, 600.0)
    monitor.keep_watch()
    assert driver.n_standbys == 1
    furnace_at(bench, 25.0)
    monitor.keep_watch()
    found = monitor.look(None)
    assert found is not None
    assert "600.0" in found.reason
    assert monitor.look(None) is None
    assert driver.n_standbys == 1


def test_a_furnace_that_takes_no_standby_is_told_of_all_the_same(bench: Any) -> None:
    furnace_at(bench, 600.0).is_dead = True
    assert FurnaceTemperature(bench).look(None) is not None


# -------------------------------------------------------------------------------------------------------------- stage
@pytest.mark.parametrize("axis", ["x_mm", "y_mm", "z_mm"])
def test_an_axis_that_has_wandered_off_ends_the_plan_before_light(bench: Any, axis: str) -> None:
    monitor, (opens, sets) = StageStands(bench), openings(bench)
    assert monitor.concerns(opens)
    assert monitor.concerns(sets)
    assert not any(monitor.concerns(msg) for msg in [*others(bench), EXPOSED])
    assert monitor.look(opens) is None
    getattr(bench.stage, axis).wrong = f"{axis} reads 3"
    found = monitor.look(opens)
    assert found is not None
    assert found == Finding(f"{axis} reads 3", "nothing was exposed", can_wait=False)
    assert monitor.look(None) is None, "nothing has been sent anywhere yet"
    monitor.keep_watch()
    assert (monitor.name, monitor.again_s) == ("stage", 1.0)


@pytest.mark.parametrize("when", ["first", "later"])
def test_a_stage_without_a_reference_is_waited_for(bench: Any, when: str) -> None:
    msg = None if when == "first" else openings(bench)[0]
    bench.stage.driver.is_homed = False
    found = StageStands(bench).look(msg)
    assert found is not None
    assert found.can_wait
    assert "has no reference" in found.reason
    assert found.ends == "somebody has seen that the way is free and has homed it"
    bench.stage.driver = object()
    assert StageStands(bench).look(msg) is None, "one that does not say is taken to have one"


# -------------------------------------------------------------------------------------------------------- laser power
def fire(monitor: LaserPower, bench: Any, power_W: float) -> Any:
    """One opening after another that gave `power_W`."""
    bench.laser.power_at_sample_W.value = power_W
    return monitor.look(Msg("trigger", bench.laser))


@pytest.fixture
def power(bench: Any) -> LaserPower:
    monitor = LaserPower(bench)
    assert fire(monitor, bench, 0.0) is None  # before the first opening nothing is known
    return monitor


def test_power_is_compared_with_that_of_the_first_opening_at_the_set_energy(power: LaserPower, bench: Any) -> None:
    assert all(power.concerns(msg) for msg in openings(bench))
    assert not any(power.concerns(msg) for msg in [*others(bench), EXPOSED, SPECTRUM])
    bench.laser.pulse_energy_uJ.value = 300.0
    assert fire(power, bench, 0.0) is None  # no light: nothing can be said
    bench.laser.pulse_energy_uJ.value = 100.0
    assert fire(power, bench, 1.8) is None  # 3 W were set: the bench transmits 0.6
    bench.laser.pulse_energy_uJ.value = 200.0
    assert fire(power, bench, 0.6 * 1.149) is None  # of what was set when it was opened, 1 W
    bench.laser.repetition_rate_kHz.value = 5.0
    assert fire(power, bench, 1.2 * 0.86) is None  # 2 W were set
    found = fire(power, bench, 0.6 * 0.84)
    assert found is not None
    assert found.can_wait
    assert found.reason == "the last opening gave 0.504 W at the sample, 0.6 W +- 15 % were expected"
    assert "120 s have passed" in found.ends
    assert "look at laser, attenuator and power meter" in found.ends


@pytest.mark.parametrize("power_W", [0.6 * 1.16, 0.6 * 0.84])
def test_out_of_band_on_either_side(power: LaserPower, bench: Any, power_W: float) -> None:
    assert fire(power, bench, 0.6) is None
    assert fire(power, bench, power_W) is not None


def test_the_same_message_finds_the_same_until_its_wait_is_over(power: LaserPower, bench: Any) -> None:
    fire(power, bench, 1.0)
    bench.laser.power_at_sample_W.value = 0.5
    msg = Msg("trigger", bench.laser)
    bench.clock.now_s = 1000.0
    found = power.look(msg)
    assert found is not None
    bench.clock.now_s = 1119.9
    assert power.look(msg) is found
    bench.clock.now_s = 1120.0
    assert power.look(msg) is None
    assert power.look(None) is None
    assert power.look(msg) is None, "the first check changes nothing"


def test_three_tries_in_a_row_and_no_more_and_one_that_is_right_begins_anew(power: LaserPower, bench: Any) -> None:
    assert fire(power, bench, 1.0) is None
    assert [fire(power, bench, 0.5).can_wait for _ in range(3)] == [True] * 3
    assert fire(power, bench, 1.0) is None
    assert [fire(power, bench, 0.5).can_wait for _ in range(2)] == [True] * 2
    assert fire(power, bench, 0.0) is None  # nothing can be said of it, which is neither
    last = [fire(power, bench, 0.5) for _ in range(2)]
    assert [found.can_wait for found in last] == [True, False]
    assert last[1].reason.endswith("were expected, for the 4th time")
    assert last[1].ends == "look at laser, attenuator and power meter"


def test_power_from_before_the_first_opening_is_compared_with_nothing(bench: Any) -> None:
    monitor = LaserPower(bench)
    assert fire(monitor, bench, 5.0) is None
    assert fire(monitor, bench, 1.0) is None
    assert fire(monitor, bench, 1.0) is None


def test_without_a_set_power_nothing_can_be_said(power: LaserPower, bench: Any) -> None:
    bench.laser.pulse_energy_uJ.value = 0.0
    assert fire(power, bench, 1.0) is None
    bench.laser.pulse_energy_uJ.value = 100.0
    assert fire(power, bench, 5.0) is None, "no reference is taken from it"
    assert fire(power, bench, 1.0) is None


# ----------------------------------------------------------------------------------------------------------- detector
def spectrum(monitor: DetectorSaturation, bench: Any, n_pixels: int) -> Any:
    bench.spectrometer.n_saturated.value = n_pixels
    return monitor.look(Msg("create", None, name="spectra"))


def test_every_third_full_site_in_a_row_holds_the_measurement_up(bench: Any) -> None:
    monitor = DetectorSaturation(bench)
    assert monitor.concerns(SPECTRUM)
    assert not any(monitor.concerns(msg) for msg in [*others(bench), *openings(bench), EXPOSED])
    full = [spectrum(monitor, bench, 7) for _ in range(6)]
    assert [found is None for found in full] == [True, True, False, True, True, False]
    assert full[2].reason == "3 sites in a row were full, the last one at 7 pixels, at the shortest integration"
    assert full[5].reason.startswith("6 sites")
    assert "300 s have passed" in full[2].ends
    assert spectrum(monitor, bench, 0) is None
    assert [spectrum(monitor, bench, 1) is None for _ in range(3)] == [True, True, False]
    assert monitor.look(None) is None
    monitor.keep_watch()


def test_what_stays_full_is_given_up_at_the_fourth_time(bench: Any) -> None:
    monitor = DetectorSaturation(bench)
    found = [spectrum(monitor, bench, 1) for _ in range(12)]
    assert [one.can_wait for one in found if one is not None] == [True, True, True, False]


# --------------------------------------------------------------------------------------------------------------- disk
def test_room_is_minded_before_a_run_is_begun() -> None:
    monitor = DiskSpace(lambda: LEAST_FREE_BYTES)
    assert monitor.concerns(Msg("open_run"))
    assert not monitor.concerns(Msg("close_run"))
    assert not monitor.concerns(EXPOSED)
    assert monitor.look(None) is None
    monitor.keep_watch()
    found = DiskSpace(lambda: LEAST_FREE_BYTES - 1_000_000).look(None)
    assert found is not None
    assert found == Finding(
        "499 MB are left for the records, 500 MB are wanted", "there is room again: move something away"
    )
    assert DiskSpace(lambda: 5, 5).look(None) is None
    assert DiskSpace(lambda: 4, 5).look(None) is not None


def test_a_folder_that_is_gone_has_no_room() -> None:
    def gone() -> int:
        raise FileNotFoundError("it is gone")

    found = DiskSpace(gone).look(None)
    assert found is not None
    assert found == Finding("the folder of the records cannot be looked at: it is gone", "it can be")


def test_the_monitors_of_a_bench_look_at_it_and_at_its_folder(
    bench: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Path] = []

    def usage(folder: Path) -> Any:
        asked.append(folder)
        return SimpleNamespace(free=0)

    monkeypatch.setattr(conditions.shutil, "disk_usage", usage)
    bench.laser.driver.is_interlocked = True
    bench.stage.driver.is_homed = False
    furnace_at(bench, 600.0)
    monitors = bench_monitors(bench, tmp_path)
    assert [name for name, _ in monitors.first_check()] == ["interlock", "furnace temperature", "stage", "disk"]
    assert asked == [tmp_path]
    assert monitors._clock is bench.clock
    assert all(monitor._bench is bench for monitor in monitors.monitors[:-1])  # type: ignore[attr-defined]  # each has one
    kinds = [type(monitor) for monitor in monitors.monitors]
    assert kinds == [Interlock, FurnaceTemperature, StageStands, LaserPower, DetectorSaturation, DiskSpace]
