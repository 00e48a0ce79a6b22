"""The Ocean driver against a stand-in for seabreeze's `Spectrometer`: there is no emulator of the wire."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Self

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from devices import CommunicationError, RealClock, RefusedError, Spectrometer
from devices.drivers.ocean import OceanSettings, OceanSpectrometer, choose_integration_s, linearise

SETTINGS = OceanSettings(read_noise_counts=8.0, gain_counts_per_electron=0.3, warm_up_s=0.05)


class Memory:
    """The features of a spectrometer, of which one is looked at."""

    def __init__(self, *coefficients: float) -> None:
        self._coefficients = coefficients

    @property
    def nonlinearity_coefficients(self) -> Self | None:
        return self if self._coefficients else None

    def get_nonlinearity_coefficients(self) -> tuple[float, ...]:
        return self._coefficients


class StandIn:
    """What seabreeze offers of a spectrometer, with 100 counts/s of light on pixel 3."""

    serial_number = "FLMS01234"
    max_intensity = 65535.0
    integration_time_micros_limits = (1000, 10_000_000)

    def __init__(self) -> None:
        self.f = Memory()
        self.integration_us = 100_000
        self.rate = 1000.0
        self.taken: list[int] = []
        self.broken: Exception | None = None
        self.hold = threading.Event()
        self.hold.set()

    def wavelengths(self) -> NDArray[np.float64]:
        return np.linspace(400.0, 800.0, 8)

    def integration_time_micros(self, integration_us: int) -> None:
        self.integration_us = integration_us

    def intensities(self) -> NDArray[np.float64]:
        self.hold.wait(5.0)
        if self.broken:
            raise self.broken
        self.taken.append(self.integration_us)
        counts = np.full(8, 1000.0)
        counts[3] += self.rate * self.integration_us * 1e-3
        return np.minimum(counts, self.max_intensity)

    def close(self) -> None:
        self.hold.set()


@pytest.fixture
def instrument() -> StandIn:
    return StandIn()


@pytest.fixture
def lamp() -> list[bool]:
    return []


@pytest.fixture
def driver(instrument: StandIn, lamp: list[bool]) -> Iterator[OceanSpectrometer]:
    driver = OceanSpectrometer(instrument, SETTINGS, lamp.append)
    yield driver
    driver.close()
    assert lamp[-1] is False


def finish(driver: OceanSpectrometer) -> None:
    end_s = time.monotonic() + 10.0
    pause = threading.Event()
    while driver.is_busy:
        assert time.monotonic() < end_s
        pause.wait(0.005)


def test_an_acquisition_is_the_mean_of_its_exposures(driver: OceanSpectrometer, instrument: StandIn) -> None:
    assert driver.start_acquisition(0.02, 3) > 0.06
    finish(driver)
    assert driver.counts == pytest.approx([1000, 1000, 1000, 21_000, 1000, 1000, 1000, 1000])
    assert driver.n_saturated == 0
    assert instrument.taken == [20_000] * 4, "the first after a change of the integration time is thrown away"
    driver.start_acquisition(0.02, 2)
    finish(driver)
    assert len(instrument.taken) == 6


def test_full_pixels_are_counted(driver: OceanSpectrometer) -> None:
    driver.start_acquisition(0.1, 1)
    finish(driver)
    assert driver.n_saturated == 1
    assert driver.suggest_integration_s() == pytest.approx(0.01)


def test_what_cannot_be_done_is_refused(driver: OceanSpectrometer, instrument: StandIn) -> None:
    with pytest.raises(RefusedError, match=r"FLMS01234: 1 exposures of 20 s: it integrates 0.001 to 10 s"):
        driver.start_acquisition(20.0, 1)
    with pytest.raises(RefusedError, match="acquire something first"):
        driver.suggest_integration_s()
    assert 0 < driver.switch_lamp(on=True) <= 0.05
    with pytest.raises(RefusedError, match="warms up"):
        driver.start_acquisition(0.1, 1)
    finish(driver)
    instrument.hold.clear()
    driver.start_acquisition(0.1, 1)
    with pytest.raises(RefusedError, match="acquires already"):
        driver.start_acquisition(0.1, 1)
    instrument.hold.set()
    finish(driver)


def test_an_acquisition_that_is_given_up_leaves_the_last_counts(driver: OceanSpectrometer, instrument: StandIn) -> None:
    driver.start_acquisition(0.02, 1)
    finish(driver)
    before = driver.counts.copy()
    instrument.hold.clear()
    instrument.rate = 500.0
    driver.start_acquisition(0.02, 1000)
    driver.abort_acquisition()
    instrument.hold.set()
    finish(driver)
    assert driver.counts == pytest.approx(before)


@pytest.mark.parametrize("error", [OSError("no such device"), RuntimeError("usb")])
def test_a_lost_spectrometer_is_an_error_with_what_to_do(
    driver: OceanSpectrometer, instrument: StandIn, error: Exception
) -> None:
    instrument.broken = error
    driver.start_acquisition(0.02, 1)
    with pytest.raises(CommunicationError, match=r"spectrometer FLMS01234: 1 exposures of 0.02 s: .*check its USB"):
        finish(driver)
    instrument.broken = None
    driver.start_acquisition(0.02, 1)
    finish(driver)
    assert driver.counts[3] == 21_000


def test_its_device_takes_spectra(driver: OceanSpectrometer, lamp: list[bool]) -> None:
    device = Spectrometer(name="spectrometer", driver=driver, clock=RealClock())
    device.integration_s.set(0.02).wait(5)
    device.n_averages.set(2).wait(5)
    device.lamp.set("on").wait(5)
    finish(driver)
    device.trigger().wait(10)
    assert device.read()["spectrometer_counts"]["value"][3] == 21_000
    device.unstage()
    assert lamp == [True, False]


def test_a_wavelength_axis_that_does_not_rise_is_an_error(instrument: StandIn) -> None:
    instrument.wavelengths = lambda: np.array([400.0, 400.0, 401.0])
    with pytest.raises(CommunicationError, match="calibration lost"):
        OceanSpectrometer(instrument, SETTINGS, bool)


def test_the_nonlinearity_of_its_memory_is_undone_unless_the_settings_have_another(instrument: StandIn) -> None:
    instrument.f = Memory(1.0, -2e-6)
    settings = replace(SETTINGS, dark_level_counts=1000.0)
    light = 20_000.0
    for asked, seen in ((None, 1.0 - 2e-6 * light), ((), 1.0), ((0.5,), 0.5)):
        driver = OceanSpectrometer(instrument, replace(settings, nonlinearity=asked), bool)
        driver.start_acquisition(0.02, 1)
        finish(driver)
        assert driver.counts[3] == pytest.approx(1000.0 + light / seen)
        driver.release()


@pytest.mark.parametrize("coefficients", [(1.0, -1e-4), (float("nan"), 0.0), (0.0,)])
def test_a_nonlinearity_of_no_detector_is_an_error(instrument: StandIn, coefficients: tuple[float, ...]) -> None:
    with pytest.raises(RefusedError, match="correct `nonlinearity` in its settings"):
        OceanSpectrometer(instrument, replace(SETTINGS, nonlinearity=coefficients), bool)
    instrument.f = Memory(*coefficients)
    with pytest.raises(CommunicationError, match=r"in its memory nonlinearity=.*give `nonlinearity`"):
        OceanSpectrometer(instrument, SETTINGS, bool)


@given(st.lists(st.floats(0, 64_000), min_size=1, max_size=20), st.floats(0, 3e-6), st.floats(0, 1500))
def test_linearising_undoes_what_the_detector_does(light: list[float], loss: float, dark: float) -> None:
    true = np.array(light)
    # counts c that satisfy c / (1 - loss c) = true
    seen = true / (1.0 + loss * true)
    assert linearise(dark + seen, dark, (1.0, -loss)) - dark == pytest.approx(true, rel=1e-6, abs=1e-6)


def test_coefficients_of_another_detector_are_refused() -> None:
    with pytest.raises(ValueError, match="of this detector"):
        linearise(np.array([60_000.0]), 1000.0, (1.0, -1e-4))


@given(st.floats(1.0, 1e8), st.floats(0.001, 10.0))
def test_the_integration_time_comes_to_its_goal_and_never_saturates(rate: float, start_s: float) -> None:
    full, dark, limits = 65_535.0, 1000.0, (1e-6, 1e5)
    integration_s = start_s
    for _ in range(30):
        peak = min(dark + rate * integration_s, full)
        integration_s = choose_integration_s(peak, dark, integration_s, saturation_counts=full, limits_s=limits)
    assert (dark + rate * integration_s) / full == pytest.approx(0.7, rel=1e-6)
