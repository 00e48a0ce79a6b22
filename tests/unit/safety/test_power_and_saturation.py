"""What only the next attempt can clear: laser power out of band, and a detector that is full; waited for, and given up."""

from __future__ import annotations

from typing import Any

import pytest
from bluesky.utils import Msg
from fake_bench import EXPOSED, SPECTRUM, openings, others

from beamline.safety.conditions import DetectorSaturation, LaserPower


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
