"""What holds for every driver of a laser."""

from __future__ import annotations

import bluesky.plan_stubs as bps
import pytest

from devices import Laser

from .conftest import Rig


def idle(rig: Rig) -> None:
    rig.until(lambda: not rig.driver.is_busy, 10.0)


def test_it_says_what_it_is(laser: Rig) -> None:
    driver = laser.driver
    assert driver.wavelength_nm == pytest.approx(1030, abs=10)
    assert 100 < driver.pulse_duration_fs < 1000
    assert 0 < driver.numerical_aperture < 1
    assert driver.power_at_sample_W == driver.pulses_delivered == driver.pulses_delivered_sd == 0
    assert driver.is_output_open is False
    assert driver.is_busy is False


@pytest.mark.parametrize(("energy_uJ", "rate_kHz"), [(37.5, 10.0), (123.4, 100.0)])
def test_settings_move_and_read_back(laser: Rig, energy_uJ: float, rate_kHz: float) -> None:
    driver = laser.driver
    assert 0 < driver.start_pulse_energy(energy_uJ) < 10
    assert driver.is_busy
    idle(laser)
    assert driver.pulse_energy_uJ == pytest.approx(energy_uJ, abs=0.1)
    assert driver.start_repetition_rate(rate_kHz) > 0
    idle(laser)
    assert driver.repetition_rate_kHz == pytest.approx(rate_kHz)


def test_a_timed_exposure_closes_by_itself(laser: Rig) -> None:
    driver = laser.driver
    assert 0.2 < driver.start_exposure(0.3) < 0.5
    laser.until(lambda: driver.is_output_open, 0.25)
    assert driver.is_busy
    idle(laser)
    laser.until(lambda: not driver.is_output_open, 1.0)
    # 10 kHz; the machine may be late to close, and then says so in the number
    assert 2500 < driver.pulses_delivered < 20_000
    assert 0 < driver.pulses_delivered_sd < 1000
    assert 0.1 < driver.power_at_sample_W < 2.0


def test_an_exposure_is_cut_short(laser: Rig) -> None:
    driver = laser.driver
    driver.start_exposure(30.0)
    laser.until(lambda: driver.is_output_open, 1.0)
    laser.pass_time(0.1)
    driver.close_output()
    idle(laser)
    laser.until(lambda: not driver.is_output_open, 1.0)
    assert 500 < driver.pulses_delivered < 100_000


def test_an_output_stays_open_until_it_is_closed(laser: Rig) -> None:
    driver = laser.driver
    driver.open_output()
    laser.until(lambda: driver.is_output_open, 1.0)
    laser.pass_time(0.2)
    assert driver.is_output_open
    driver.close_output()
    laser.until(lambda: not driver.is_output_open, 1.0)
    driver.close_output()  # closing is always right
    idle(laser)
    assert not driver.is_output_open


def test_what_is_dangerous_is_refused(laser: Rig) -> None:
    driver = laser.driver
    driver.start_pulse_energy(150.0)
    laser.refused(driver.open_output, "still move")
    idle(laser)
    driver.open_output()
    laser.until(lambda: driver.is_output_open, 1.0)
    laser.refused(driver.open_output, "open already")
    laser.refused(lambda: driver.start_exposure(1.0), "open already")
    laser.refused(lambda: driver.start_pulse_energy(100.0), "output is open; close it before")
    laser.refused(lambda: driver.start_repetition_rate(100.0), "output is open; close it before")
    driver.close_output()
    idle(laser)
    assert driver.pulse_energy_uJ == pytest.approx(150.0, abs=0.1)
    assert driver.repetition_rate_kHz == pytest.approx(10.0)


def test_too_much_power_is_refused(laser: Rig) -> None:
    driver = laser.driver
    driver.start_pulse_energy(399.0)
    idle(laser)
    driver.start_repetition_rate(100.0)
    idle(laser)
    laser.refused(driver.open_output, "20 W at most")
    assert not driver.is_output_open


def test_its_device_runs_in_an_engine(laser: Rig) -> None:
    device = laser.device(Laser)
    seen = []

    def plan() -> object:
        yield from bps.mv(device.pulse_energy_uJ, 80.0, device.exposure_s, 0.2)
        yield from bps.trigger(device, wait=True)
        seen.append((yield from bps.rd(device.pulses_delivered)))
        yield from bps.mv(device.output, "open")
        yield from bps.mv(device.output, "closed")

    laser.engine()(plan())
    assert 1500 < seen[0] < 20_000
    assert device.read()["laser_pulse_energy_uJ"]["value"] == pytest.approx(80.0, abs=0.1)
