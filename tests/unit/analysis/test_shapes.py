"""Nature's bands need not be half-Gaussians: what the analysis makes of others, and that its uncertainty covers it."""

from typing import Any

import pytest

from beamline.analysis import analyse_spectrum


@pytest.mark.parametrize("shape", ["log_normal", "exponential_tail", "lorentzian_wings"])
@pytest.mark.parametrize("rate", [5e4, 1e6, 6e6])
def test_other_shapes_stay_within_the_stated_uncertainty(
    spectrograph: Any, settings: Any, true_band: Any, shape: str, rate: float
) -> None:
    truth = true_band(516.0, rate, 0.08, 0.14), true_band(625.0, 0.7 * rate, 0.095, 0.14)
    outcome = analyse_spectrum(spectrograph.wavelength_nm, *spectrograph(*truth, shape=shape), **settings)
    for band, true in zip(outcome.bands, truth, strict=True):
        assert abs(band.peak_nm - spectrograph.true_peak_nm(true, shape)) < 3 * band.peak_sd_nm
        assert abs(band.rate_counts_s - true.rate_counts_s) < 3 * band.rate_sd_counts_s


@pytest.mark.parametrize("shape", ["log_normal", "exponential_tail", "lorentzian_wings"])
@pytest.mark.parametrize("peak_nm", [514.0, 560.0, 640.0])
def test_a_shape_that_is_not_ours_is_no_second_band(
    spectrograph: Any, settings: Any, true_band: Any, shape: str, peak_nm: float
) -> None:
    for rate in (1e5, 1e6, 8e6):
        truth = true_band(peak_nm, rate, 0.085, 0.14)
        outcome = analyse_spectrum(spectrograph.wavelength_nm, *spectrograph(truth, shape=shape), **settings)
        assert len(outcome.bands) == 1
