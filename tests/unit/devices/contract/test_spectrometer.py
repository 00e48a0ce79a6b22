"""What holds for every driver of a spectrometer."""

from __future__ import annotations

import bluesky.plan_stubs as bps
import numpy as np
import pytest

from devices import Spectrometer

from .conftest import Rig


def take(rig: Rig, integration_s: float, n_averages: int) -> np.ndarray:
    assert rig.driver.start_acquisition(integration_s, n_averages) >= integration_s * n_averages
    rig.until(lambda: not rig.driver.is_busy, 30.0)
    return np.array(rig.driver.counts)


def light(rig: Rig, *, on: bool) -> None:
    rig.driver.switch_lamp(on)
    rig.until(lambda: rig.driver.is_lamp_on is on and not rig.driver.is_busy, 30.0)


def test_it_says_what_it_is(spectrometer: Rig) -> None:
    driver = spectrometer.driver
    assert driver.wavelength_nm.ndim == 1
    assert driver.wavelength_nm.size >= 2048
    assert (np.diff(driver.wavelength_nm) > 0).all()
    assert driver.wavelength_nm[0] == pytest.approx(430.0)
    assert driver.saturation_counts == 65535
    assert driver.read_noise_counts == 10.0
    assert driver.gain_counts_per_electron == pytest.approx(0.3)
    assert driver.counts.shape == driver.wavelength_nm.shape
    assert not driver.counts.any()
    assert driver.is_lamp_on is False
    assert driver.is_busy is False
    assert driver.capabilities - {"line lamp"} == {"lamp"}


def test_darks_are_flat_and_averaging_makes_them_quieter(spectrometer: Rig) -> None:
    one, other = take(spectrometer, 0.02, 1)[:2048], take(spectrometer, 0.02, 1)[:2048]
    noise = np.std(one - other) / np.sqrt(2.0)
    assert noise == pytest.approx(11.0, rel=0.15)  # read noise, and the shot noise of the dark current
    one, other = take(spectrometer, 0.02, 16)[:2048], take(spectrometer, 0.02, 16)[:2048]
    assert np.std(one - other) / np.sqrt(2.0) == pytest.approx(noise / 4.0, rel=0.2)
    assert one.mean() == pytest.approx(982.0, abs=3.0)
    assert spectrometer.driver.n_saturated == 0


def test_light_is_seen_in_proportion_until_pixels_are_full(spectrometer: Rig) -> None:
    spectrometer.write_lines(4)
    dark = take(spectrometer, 0.2, 4)
    light(spectrometer, on=True)
    short, longer = take(spectrometer, 0.2, 4) - dark, take(spectrometer, 0.6, 4) - dark
    assert short.max() > 1000
    assert longer[:2048].sum() / short[:2048].sum() == pytest.approx(3.0, rel=0.05)
    assert 480 < spectrometer.driver.wavelength_nm[int(short.argmax())] < 650
    take(spectrometer, 9.5, 1)
    assert spectrometer.driver.n_saturated > 10
    assert spectrometer.driver.counts.max() == 65535
    light(spectrometer, on=False)
    assert take(spectrometer, 0.06, 4).max() < 1200


def test_a_running_acquisition_refuses_another_and_can_be_given_up(spectrometer: Rig) -> None:
    driver = spectrometer.driver
    before = take(spectrometer, 0.02, 1)
    driver.start_acquisition(2.0, 100)
    assert driver.is_busy
    spectrometer.refused(lambda: driver.start_acquisition(0.1, 1), "acquires already")
    driver.abort_acquisition()
    spectrometer.until(lambda: not driver.is_busy, 20.0)
    assert driver.counts == pytest.approx(before)
    assert take(spectrometer, 0.02, 1).shape == before.shape


def test_its_device_runs_in_an_engine(spectrometer: Rig) -> None:
    device = spectrometer.device(Spectrometer)

    def plan() -> object:
        yield from bps.mv(device.lamp, "on", device.integration_s, 0.05, device.n_averages, 2)
        yield from bps.sleep(10.0)
        yield from bps.trigger(device, wait=True)
        yield from bps.mv(device.lamp, "off")

    spectrometer.engine()(plan())
    reading = device.read()
    assert reading["spectrometer_counts"]["value"].shape == spectrometer.driver.wavelength_nm.shape
    assert 900 < reading["spectrometer_counts"]["value"].mean() < 1100
    assert device.lamp.get() == "off"
