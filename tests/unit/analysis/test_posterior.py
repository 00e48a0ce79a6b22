"""Bands that overlap: what is reported is the mean over all that explains the spectrum."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from beamline.analysis import FALSE_POSITIVE, Detector, energy_eV
from beamline.analysis.bands import band
from beamline.analysis.fit import nodes_of
from beamline.analysis.posterior_kernel import explained
from beamline.analysis.prepare import Binned, binned, check
from beamline.analysis.search import Search
from beamline.analysis.select import best_fit


def prepared(spectrograph: Any, *true_bands: Any) -> Binned:
    axis, light, dark = check(spectrograph.wavelength_nm, *spectrograph(*true_bands))
    return binned(axis, light, dark, 10, Detector())


def test_bands_a_width_apart_hold_the_truth(spectrograph: Any, true_band: Any) -> None:
    """The covariance of the best fit put it five and more sigma away in one of 20 such spectra."""
    pulls, widened = [], []
    for _ in range(4):
        data = prepared(spectrograph, true_band(524.0, 2e5, 0.1), true_band(547.5, 2e5, 0.1))
        fit = best_fit(data, Search(data), FALSE_POSITIVE)
        assert fit.reported
        red, line = fit.results[1], fit.bands[1]
        pulls.append((red.peak_eV - float(energy_eV(547.5))) / red.sd_peak_eV)
        widened.append(red.sd_peak_eV / line.sd_peak_eV)
        assert red.area_counts > 0
        assert red.sd_fwhm_eV > 0
    assert np.max(np.abs(pulls)) < 3.5
    assert np.median(widened) > 0.6


def test_the_same_spectrum_gives_the_same_numbers(spectrograph: Any, true_band: Any) -> None:
    data = prepared(spectrograph, true_band(524.0, 2e5, 0.1), true_band(547.5, 2e5, 0.1))
    one, two = (best_fit(data, Search(data), FALSE_POSITIVE).results for _ in range(2))
    assert one == two


def test_bands_that_do_not_overlap_are_reported_as_they_are_fitted(spectrograph: Any, true_band: Any) -> None:
    data = prepared(spectrograph, true_band(514.0, 2e5, 0.08), true_band(630.0, 2e5, 0.1))
    fit = best_fit(data, Search(data), FALSE_POSITIVE)
    assert not fit.reported
    assert fit.results == fit.bands


@pytest.mark.parametrize("n", [1, 2, 3, 7])
def test_bins_together_hold_the_same_light(spectrograph: Any, true_band: Any, n: int) -> None:
    data = prepared(spectrograph, true_band(514.0, 2e5, 0.08))
    found = data.together(n)
    kept = len(found.net_counts) * n
    assert found.net_counts.sum() == pytest.approx(data.net_counts[:kept].sum())
    assert np.sum(found.sd_counts**2) == pytest.approx(np.sum(data.sd_counts[:kept] ** 2))
    assert found.eV_per_bin.sum() == pytest.approx(data.eV_per_bin[:kept].sum(), rel=1e-3)
    assert np.all(np.diff(found.wavelength_nm) > 0)


def test_areas_and_background_of_a_draw_are_those_of_least_squares(spectrograph: Any, true_band: Any) -> None:
    """The compiled sums against NumPy's solution with bands one by one."""
    data = prepared(spectrograph, true_band(514.0, 2e5, 0.08), true_band(560.0, 2e5, 0.1))
    energy, weight = nodes_of(data)
    sd = data.sd_counts
    numbers = np.array([[2.40, 0.07, -0.4, 0.2, 2.2, 0.1, 0.3, 0.5], [2.39, 0.2, 0.0, 0.84, 2.25, 0.12, 0.1, 0.4]])
    found = explained(numbers, energy, weight / np.tile(sd, 2), 1.0 / sd, data.net_counts / sd)
    for row, draw in zip(found, numbers, strict=True):
        shapes = [np.ones(len(sd))]
        for peak_eV, fwhm_eV, log_asymmetry, tail in draw.reshape(2, 4).tolist():
            light = band(energy, 1.0, peak_eV, fwhm_eV, log_asymmetry=log_asymmetry, tail=tail) * weight
            shapes.append(light.reshape(2, -1).sum(axis=0))
        design = np.array(shapes).T / sd[:, None]
        areas, left, *_ = np.linalg.lstsq(design, data.net_counts / sd)
        normal = design.T @ design
        assert row[:2] == pytest.approx(areas[1:], rel=1e-6)
        assert row[2:4] == pytest.approx(np.diag(np.linalg.inv(normal))[1:], rel=1e-6)
        assert np.sum((data.net_counts / sd) ** 2) - row[4] == pytest.approx(left[0], rel=1e-6)
        assert row[5] == pytest.approx(np.linalg.slogdet(normal)[1], rel=1e-9)
