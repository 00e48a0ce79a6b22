"""What must not change the answer: the unit of the counts, the time over which they were collected, asking again."""

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from beamline.analysis import Detector, analyse_spectrum, fit_spectrum


@hypothesis_settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(factor=st.floats(0.05, 50.0), integration_s=st.floats(0.01, 30.0))
def test_counts_in_another_unit_and_another_time_scale_the_rates_alone(
    spectrograph: Any, true_band: Any, factor: float, integration_s: float
) -> None:
    spectrograph.rng = np.random.default_rng(4)
    light, dark = spectrograph(true_band(515.0, 3e5, 0.08), true_band(625.0, 2e5))
    axis = spectrograph.wavelength_nm
    one = analyse_spectrum(axis, light, dark, integration_s=1.0, n_averages=10)
    detector = Detector(
        saturation_counts=65535.0 * factor,
        read_noise_counts=np.sqrt(100 + 1 / 12) * factor,  # rounding to whole counts does not scale with the unit
        gain_counts_per_electron=0.3 * factor,
    )
    other = analyse_spectrum(
        axis, factor * light, factor * dark, integration_s=integration_s, n_averages=10, detector=detector
    )
    for a, b in zip(one.bands, other.bands, strict=True):
        assert b.peak_eV == pytest.approx(a.peak_eV, abs=2e-5)
        assert b.fwhm_eV == pytest.approx(a.fwhm_eV, rel=2e-3)
        assert b.peak_sd_eV == pytest.approx(a.peak_sd_eV, rel=0.02)
        assert b.rate_counts_s == pytest.approx(a.rate_counts_s * factor / integration_s, rel=2e-3)
        assert b.rate_sd_counts_s == pytest.approx(a.rate_sd_counts_s * factor / integration_s, rel=0.02)
    assert other.reduced_chi2 == pytest.approx(one.reduced_chi2, rel=0.02)


def test_the_same_spectrum_gives_the_same_answer_bit_by_bit(spectrograph: Any, settings: Any, true_band: Any) -> None:
    light, dark = spectrograph(true_band(515.0, 3e5, 0.08), true_band(625.0, 2e5))
    first = analyse_spectrum(spectrograph.wavelength_nm, light, dark, **settings)
    again = analyse_spectrum(spectrograph.wavelength_nm.copy(), light.copy(), dark.copy(), **settings)
    assert first.to_json() == again.to_json()


def test_the_curves_hold_the_light_that_was_found(spectrograph: Any, settings: Any, true_band: Any) -> None:
    light, dark = spectrograph(true_band(515.0, 3e5, 0.08), true_band(625.0, 2e5))
    fitted = fit_spectrum(spectrograph.wavelength_nm, light, dark, **settings)
    curves = fitted.curves
    drawn = np.trapezoid(curves.bands, curves.wavelength_nm, axis=1)
    assert drawn == pytest.approx([b.rate_counts_s for b in fitted.outcome.bands], rel=2e-3)
    z = (curves.rate - curves.model) / curves.sd
    assert np.mean(z**2) == pytest.approx(fitted.outcome.reduced_chi2, rel=0.1)


def test_without_light_there_are_curves_without_bands(spectrograph: Any, settings: Any) -> None:
    fitted = fit_spectrum(spectrograph.wavelength_nm, *spectrograph(), **settings)
    assert fitted.curves.bands.shape == (0, len(fitted.curves.wavelength_nm))
    assert np.all(fitted.curves.model == 0.0)
