"""Bias, coverage and false positives against known truth; tolerances from the binomial distribution."""

from typing import Any

import numpy as np
import pytest
from scipy.stats import binom

from beamline.analysis import FALSE_POSITIVE, Detector, analyse_spectrum, energy_eV
from beamline.analysis.fit import fit_bands
from beamline.analysis.prepare import binned, check
from beamline.analysis.search import PHASES_eV, Search, threshold
from beamline.recipe import Luminescence, NoLuminescence


def test_noise_alone_is_called_light_no_more_often_than_stated(spectrograph: Any, settings: Any) -> None:
    n = 400
    found = 0
    for _ in range(n):
        light, dark = spectrograph()
        found += not isinstance(analyse_spectrum(spectrograph.wavelength_nm, light, dark, **settings), NoLuminescence)
    # at the stated probability more than this many would come up once in a million times
    assert found <= binom.isf(1e-6, n, FALSE_POSITIVE)


def test_the_threshold_is_the_one_that_noise_exceeds_as_often_as_asked(spectrograph: Any) -> None:
    # Davies' bound at a probability which a modest number of spectra can check
    n, p, above = 600, 0.1, 0
    for _ in range(n):
        light, dark = spectrograph()
        axis, light, dark = check(spectrograph.wavelength_nm, light, dark)
        search = Search(binned(axis, light, dark, 10, Detector()))
        above += search.best_single()[1] > threshold(search.arc(), p)
    assert above <= binom.isf(1e-4, n, p)
    assert above >= binom.isf(1 - 1e-4, n, 0.3 * p)  # a bound, but not a useless one


def test_one_phase_is_called_two_no_more_often_than_stated(spectrograph: Any, settings: Any, true_band: Any) -> None:
    n, two = 60, 0
    for i in range(n):
        light, dark = spectrograph(true_band([514.0, 575.0, 640.0][i % 3], 10.0 ** (4.0 + i / 20.0), 0.085, 0.14))
        outcome = analyse_spectrum(spectrograph.wavelength_nm, light, dark, **settings)
        assert isinstance(outcome, Luminescence)
        two += len(outcome.bands) == 2
    assert two <= binom.isf(1e-5, n, FALSE_POSITIVE)


@pytest.mark.parametrize("rate", [1e4, 2e5])
def test_one_sigma_holds_the_truth_in_68_of_100(spectrograph: Any, true_band: Any, rate: float) -> None:
    n = 100
    inside = np.zeros(3)
    deviation = []
    for _ in range(n):
        axis, light, dark = check(
            spectrograph.wavelength_nm, *spectrograph(true_band(514.0, rate, 0.08), true_band(630.0, 1.5 * rate))
        )
        data = binned(axis, light, dark, 10, Detector())
        red = fit_bands(data, Search(data).best_pair(), [PHASES_eV["green"], PHASES_eV["red"]]).bands[1]
        z = np.array(
            [
                (red.peak_eV - float(energy_eV(630.0))) / red.sd_peak_eV,
                (red.fwhm_eV - 0.09) / red.sd_fwhm_eV,
                (red.area_counts - 1.5 * rate * 0.2) / red.sd_area_counts,
            ]
        )
        inside += np.abs(z) < 1
        deviation.append(z[0])
    assert np.all(inside >= binom.ppf(1e-4, n, 0.683))
    assert np.all(inside <= binom.ppf(1 - 1e-4, n, 0.683))
    assert abs(np.mean(deviation)) < 4 / np.sqrt(n)


def test_the_upper_limit_holds_in_95_of_100(spectrograph: Any, settings: Any, true_band: Any) -> None:
    n, held = 60, 0
    for i in range(n):
        rate = [400.0, 800.0][i % 2]
        light, dark = spectrograph(true_band(600.0, rate))
        outcome = analyse_spectrum(spectrograph.wavelength_nm, light, dark, **settings)
        held += isinstance(outcome, Luminescence) or outcome.rate_limit_counts_s >= rate
    assert held >= binom.ppf(1e-4, n, 0.95)


@pytest.mark.parametrize("rate", [2e4, 3e5])
def test_two_bands_one_width_apart_are_two(spectrograph: Any, settings: Any, true_band: Any, rate: float) -> None:
    """At this distance they make one hump; a fit that is not done must not hand the spectrum to a single band."""
    for _ in range(4):
        light, dark = spectrograph(true_band(524.0, rate, 0.1), true_band(547.5, rate, 0.1))
        outcome = analyse_spectrum(spectrograph.wavelength_nm, light, dark, **settings)
        assert isinstance(outcome, Luminescence)
        assert len(outcome.bands) == 2
