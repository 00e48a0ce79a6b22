"""Outcomes as data: values where there are values, limits where there are limits, and nothing made up."""

from __future__ import annotations

from math import log
from types import ModuleType

import pytest

from beamline.optimize.observables import MIN_LN_RATE_SD, Known, MIN_PEAK_SD_eV, Observable, data_of
from beamline.recipe import Failed, Luminescence, NoLuminescence, Saturated, hc_eV_nm


def test_both_bands_are_four_values(kit: ModuleType) -> None:
    data = data_of(kit.observation(kit.luminescence(peak_nm=630.0, ratio=0.5, rate=4000.0, sd=0.03)))
    assert [datum.observable for datum in data] == [
        Observable.RED_PEAK_EV,
        Observable.LN_RED_RATE,
        Observable.GREEN_PEAK_EV,
        Observable.LN_GREEN_RATE,
    ]
    assert all(datum.known is Known.VALUE for datum in data)
    assert data[0].number == pytest.approx(hc_eV_nm / 630.0)
    assert (data[1].number, data[3].number) == pytest.approx((log(4000.0), log(2000.0)))
    assert data[1].sd == pytest.approx(0.03)


def test_a_missing_band_is_an_upper_limit_and_has_no_peak(kit: ModuleType) -> None:
    data = data_of(kit.observation(kit.luminescence(ratio=0.0)))
    assert {datum.observable for datum in data} == {
        Observable.RED_PEAK_EV,
        Observable.LN_RED_RATE,
        Observable.LN_GREEN_RATE,
    }
    (limit,) = [datum for datum in data if datum.observable is Observable.LN_GREEN_RATE]
    assert (limit.known, limit.number) == (Known.BELOW, log(50.0))


def test_no_luminescence_bounds_both_rates_from_above(kit: ModuleType) -> None:
    data = data_of(kit.observation(NoLuminescence(rate_limit_counts_s=20.0)))
    assert [(datum.observable, datum.known) for datum in data] == [
        (Observable.LN_RED_RATE, Known.BELOW),
        (Observable.LN_GREEN_RATE, Known.BELOW),
    ]


def test_a_full_detector_bounds_all_light_from_below_and_says_nothing_of_peaks(kit: ModuleType) -> None:
    (datum,) = data_of(kit.observation(Saturated(n_saturated_pixels=4, rate_floor_counts_s=1e6)))
    assert (datum.observable, datum.known, datum.number) == (None, Known.ABOVE, log(1e6))


def test_a_failed_instrument_says_nothing(kit: ModuleType) -> None:
    assert data_of(kit.observation(Failed(reason="shutter stuck"))) == ()


def test_certainty_has_a_floor_and_faint_bands_a_ceiling(kit: ModuleType) -> None:
    sure = kit.luminescence(sd=0.0)
    sure = Luminescence(
        bands=tuple(band.model_copy(update={"peak_sd_eV": 0.0}) for band in sure.bands),
        rate_limit_counts_s=0.0,
        reduced_chi2=1.0,
    )
    data = data_of(kit.observation(sure))
    assert (data[0].sd, data[1].sd) == (MIN_PEAK_SD_eV, MIN_LN_RATE_SD)
    assert data_of(kit.observation(kit.luminescence(sd=5.0)))[1].sd == 1.0


def test_a_fit_that_ended_at_no_area_is_a_limit(kit: ModuleType) -> None:
    red = kit.luminescence().bands[0].model_copy(update={"rate_counts_s": 0.0, "rate_sd_counts_s": 10.0})
    data = data_of(kit.observation(Luminescence(bands=(red,), rate_limit_counts_s=0.0, reduced_chi2=1.0)))
    assert [(datum.observable, datum.known) for datum in data] == [
        (Observable.LN_RED_RATE, Known.BELOW),
        (Observable.LN_GREEN_RATE, Known.BELOW),
    ]
    assert data[0].number == pytest.approx(log(16.45))
