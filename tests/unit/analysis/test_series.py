from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom

from beamline.analysis import find_threshold, line_width, trend

DOSES = np.repeat([0.25, 0.5, 0.7, 0.85, 1.0, 1.2, 1.5, 2.0, 3.0, 5.0], 2)


def rates(threshold: float, power: float = 1.5) -> np.ndarray:
    return 100.0 * np.maximum(np.log(DOSES / threshold), 0.0) ** power


def test_the_interval_holds_the_threshold_as_often_as_it_says() -> None:
    rng = np.random.default_rng(2)
    n, inside = 60, 0
    for _ in range(n):
        truth = float(rng.uniform(0.6, 1.4))
        clean = rates(truth, float(rng.uniform(1, 3)))
        measured = clean * (1 + 0.1 * rng.standard_normal(clean.size)) + rng.standard_normal(clean.size)
        found = find_threshold(DOSES, measured, np.ones_like(DOSES))
        assert found is not None
        inside += found.low <= truth <= found.high
    assert binom.ppf(0.001, n, 0.95) <= inside


def test_a_series_without_light_has_no_threshold() -> None:
    assert find_threshold([1.0, 2.0, 3.0], [0.1, -0.2, 0.3], [1.0, 1.0, 1.0]) is None


def test_where_the_lowest_dose_is_lit_the_threshold_is_open_below() -> None:
    found = find_threshold([1.0, 2.0, 3.0], [50.0, 80.0, 90.0], [1.0, 1.0, 1.0])
    assert found is not None
    assert found.low == 0.0


def test_a_series_too_short_is_refused() -> None:
    with pytest.raises(ValueError, match="n >= 3"):
        find_threshold([1.0, 2.0], [0.0, 1.0], [1.0, 1.0])


def test_trends_are_told() -> None:
    x = np.array([1.0, 2.0, 4.0, 8.0])
    assert trend(x, x**0.5, np.full(4, 1e-3)).verdict("rises") == "agrees"
    assert trend(x, x**0.5, np.full(4, 1e-3)).verdict("falls") == "contradicts"
    assert trend(x, [1.0, 1.1, 0.95, 1.02], np.full(4, 0.2)).verdict("rises") == "cannot say"
    with pytest.raises(ValueError, match="two different"):
        trend([1.0, 1.0], [1.0, 2.0], [1.0, 1.0])


def test_a_line_wider_than_the_spot_is_measured_and_a_narrow_one_has_a_limit() -> None:
    rng = np.random.default_rng(3)
    across = np.linspace(-0.4, 0.4, 41)
    spot = 0.1
    for fwhm, is_seen in ((0.15, True), (0.002, False)):
        square = fwhm**2 / (8 * np.log(2)) + spot**2 / 4
        clean = 1000.0 * np.exp(-0.5 * (across - 0.03) ** 2 / square) + 20.0
        found = line_width(across, clean + 10 * rng.standard_normal(41), np.full(41, 10.0), spot_radius_mm=spot)
        assert found.centre_mm == pytest.approx(0.03, abs=5 * found.centre_sd_mm)
        assert (found.width_mm is not None) == is_seen
        assert fwhm < found.width_limit_mm
        if found.width_mm is not None and found.width_sd_mm is not None:
            assert abs(found.width_mm - fwhm) < 4 * found.width_sd_mm


def test_a_scan_without_a_line_is_refused() -> None:
    with pytest.raises(ValueError, match="no line"):
        line_width(np.arange(9.0), np.ones(9), np.ones(9), spot_radius_mm=0.1)
