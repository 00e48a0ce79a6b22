"""The spectrum: area, Jacobian, asymmetry."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beamline.physics import draw, make_settings, nominal, observable_dtype, predict, predict_spectra, spectrum
from beamline.physics.constants import HC_eV_nm

Array = npt.NDArray[Any]

AXIS_nm = np.arange(300.0, 1100.0, 0.05)


def one_band(peak_eV: float, fwhm_eV: float, asymmetry: float, intensity: float = 1.0) -> Array:
    seen = np.ones(1, observable_dtype)
    seen["red_peak_eV"], seen["red_fwhm_eV"] = peak_eV, fwhm_eV
    seen["red_asymmetry"], seen["red_intensity"] = asymmetry, intensity
    seen["green_intensity"] = 0.0
    return seen


@given(st.floats(1.7, 2.5), st.floats(0.05, 0.2), st.floats(0.7, 1.5), st.floats(0.0, 1e6))
def test_the_area_is_the_intensity(peak_eV: float, fwhm_eV: float, asymmetry: float, intensity: float) -> None:
    light = spectrum(one_band(peak_eV, fwhm_eV, asymmetry, intensity), AXIS_nm)[0]
    assert (light >= 0.0).all()
    assert np.trapezoid(light, AXIS_nm) == pytest.approx(intensity, rel=1e-3, abs=1e-9)


@given(st.floats(1.7, 2.5), st.floats(0.05, 0.2), st.floats(0.7, 1.5))
def test_peak_and_width_hold_in_energy(peak_eV: float, fwhm_eV: float, asymmetry: float) -> None:
    energy_eV = np.linspace(peak_eV - 0.4, peak_eV + 0.4, 8001)
    per_eV = spectrum(one_band(peak_eV, fwhm_eV, asymmetry), HC_eV_nm / energy_eV)[0] * HC_eV_nm / energy_eV**2
    assert energy_eV[per_eV.argmax()] == pytest.approx(peak_eV, abs=2e-4)
    above = energy_eV[per_eV > 0.5 * per_eV.max()]
    assert above[-1] - above[0] == pytest.approx(fwhm_eV, abs=4e-4)
    assert (peak_eV - above[0]) / (above[-1] - peak_eV) == pytest.approx(asymmetry, rel=0.02)


def test_the_nominal_line_has_two_bands() -> None:
    line = make_settings(iodide_fraction=0.5, pulse_energy_uJ=200.0, speed_mm_s=0.4)
    seen = predict(line, np.zeros((0, 2)), nominal())
    light = spectrum(seen, AXIS_nm)
    assert light.shape == (1, 1, AXIS_nm.size)
    inner = light[0, 0, 1:-1]
    peaks = AXIS_nm[1:-1][(inner > light[0, 0, :-2]) & (inner > light[0, 0, 2:])]
    assert peaks == pytest.approx([514.0, 613.0], abs=1.5)


@pytest.mark.parametrize("axis", [[0.0, 500.0], [-1.0], [np.nan], [[500.0]]])
def test_wavelengths_that_are_none_are_refused(axis: list[float]) -> None:
    with pytest.raises(ValueError, match="wavelength_nm"):
        spectrum(one_band(2.0, 0.1, 1.0), axis)


def test_spectra_with_the_prediction_are_those_of_the_prediction() -> None:
    lines = make_settings(
        iodide_fraction=[0.0, 0.3, 0.5, 1.0], pulse_energy_uJ=[200.0, 0.0, 180.0, 250.0], speed_mm_s=0.4
    )
    parameters = draw(np.random.default_rng(5), 6)
    axis_nm = np.linspace(380.0, 900.0, 361)
    seen, light = predict_spectra(lines, [[500.0, 3600.0]], parameters, axis_nm)
    assert (seen == predict(lines, [[500.0, 3600.0]], parameters)).all()
    expected = spectrum(seen, axis_nm)
    assert (light[:, 1] == 0.0).all()
    np.testing.assert_allclose(light, expected, rtol=1e-11, atol=1e-280)


@pytest.mark.parametrize("bad", [500.0, [[500.0]], [0.0], [np.nan]])
def test_spectra_refuse_axes_that_are_none(bad: Any) -> None:
    line = make_settings(iodide_fraction=0.5, pulse_energy_uJ=200.0, speed_mm_s=0.4)
    with pytest.raises(ValueError, match="wavelength_nm"):
        predict_spectra(line, np.zeros((0, 2)), nominal(), bad)
