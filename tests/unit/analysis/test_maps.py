from __future__ import annotations

import tracemalloc
from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

from beamline.analysis import (
    BandPass,
    Detector,
    LongPass,
    analyse_map,
    band,
    energy_eV,
    integrate,
    jacobian_nm_per_eV,
)
from beamline.recipe import hc_eV_nm

Floats = NDArray[np.float64]
AXIS = np.linspace(430.0, 830.0, 2048)
PER_PIXEL = np.gradient(AXIS) / jacobian_nm_per_eV(AXIS)
GREEN, RED = (band(energy_eV(AXIS), 1.0, hc_eV_nm / nm, 0.09, log_asymmetry=0.1) * PER_PIXEL for nm in (514.0, 625.0))
DARK = np.full(2048, 1000.0)
SETTINGS = {"integration_s": 0.2, "n_averages": 10}


def counts(green: Floats, red: Floats, seed: int = 0) -> Floats:
    light = 0.2 * (green[:, None] * GREEN + red[:, None] * RED)
    noise = np.sqrt(10.0 + 0.03 * light) * np.random.default_rng(seed).standard_normal(light.shape)
    return np.asarray(DARK + light + noise)


def test_what_is_in_a_map_comes_out() -> None:
    green, red = np.array([0.0, 3e5, 0.0, 2e5]), np.array([0.0, 0.0, 2e5, 4e5])
    found = analyse_map(AXIS, counts(green, red), DARK, **SETTINGS)
    assert found.is_dark.tolist() == [True, False, False, False]
    assert np.isnan(found.phases["green"].peak_nm).tolist() == [True, False, True, False]
    assert np.isnan(found.phases["red"].peak_nm).tolist() == [True, True, False, False]
    assert found.phases["green"].peak_nm[[1, 3]] == pytest.approx(514.0, abs=1.5)
    assert found.phases["red"].peak_nm[[2, 3]] == pytest.approx(625.0, abs=2.0)
    assert found.phases["red"].rate_counts_s[[2, 3]] == pytest.approx(red[2:], rel=0.05)


def test_nothing_is_seen_where_nothing_is() -> None:
    nothing = np.zeros(3000)
    assert analyse_map(AXIS, counts(nothing, nothing), DARK, **SETTINGS).is_dark.mean() > 0.999


def test_chunks_and_an_array_give_the_same_and_progress_is_told() -> None:
    green = np.full(2100, 1e5)
    all_at_once = counts(green, green)

    def parts() -> Iterator[Floats]:
        for i in range(0, 2100, 700):
            yield all_at_once[i : i + 700]

    told: list[int] = []
    one = analyse_map(AXIS, parts(), DARK, **SETTINGS, progress=told.append)
    two = analyse_map(AXIS, all_at_once.reshape(21, 100, 2048), DARK, **SETTINGS)
    assert told == [700, 1400, 2100]
    assert np.array_equal(one.rates["red"], two.rates["red"])
    # the noise is measured in the first part, so the parts matter in the fourth digit
    assert one.phases["green"].peak_nm == pytest.approx(two.phases["green"].peak_nm, abs=0.01)


def test_memory_does_not_grow_with_the_map() -> None:
    """Four times the spectra, 100 MB of them more, in a few MB more: what is found of each, and no more."""
    some = counts(np.full(500, 1e5), np.full(500, 1e5))

    def peak_MB(n_parts: int) -> float:
        tracemalloc.start()
        try:
            analyse_map(AXIS, (some for _ in range(n_parts)), DARK, **SETTINGS)
            return tracemalloc.get_traced_memory()[1] / 1e6
        finally:
            tracemalloc.stop()

    peak_MB(1)  # compiles
    assert peak_MB(16) < peak_MB(4) + 8.0


def test_full_pixels_are_marked_and_give_no_peak() -> None:
    spectra = counts(np.array([1e5, 1e5]), np.array([1e5, 1e5]))
    spectra[1, 900] = 65535.0
    found = analyse_map(AXIS, spectra, DARK, **SETTINGS)
    assert found.is_saturated.tolist() == [False, True]
    assert np.isnan(found.phases["green"].peak_nm).tolist() == [False, True]
    assert not found.is_dark.any()


def test_bands_are_the_users() -> None:
    bands = {"all": BandPass(460, 760), "long": LongPass(645.0)}
    found = analyse_map(AXIS, counts(np.array([3e5]), np.array([0.0])), DARK, **SETTINGS, bands=bands)
    assert found.rates["all"][0] == pytest.approx(3e5, rel=0.01)
    assert abs(found.rates["long"][0]) < 5 * found.sds["long"][0]


def test_an_integral_is_as_uncertain_as_it_says() -> None:
    rate = np.full(400, 1e5)
    found = integrate(
        AXIS,
        counts(rate, 0 * rate),
        DARK,
        BandPass.around(514, 20),
        **SETTINGS,
        detector=Detector(nonuniformity=0.0, read_noise_counts=7.0),
    )
    scatter = float(np.std(found.rate_counts_s))
    assert scatter == pytest.approx(float(found.sd_counts_s.mean()), rel=0.25)


@pytest.mark.parametrize("make", [lambda: BandPass(600, 500), lambda: LongPass(-1.0), lambda: BandPass(500, 600, -1)])
def test_filters_that_are_none_are_refused(make: object) -> None:
    with pytest.raises(ValueError, match="needs"):
        make()  # type: ignore[operator]


def test_a_filter_that_passes_nothing_of_the_axis_is_refused() -> None:
    with pytest.raises(ValueError, match="passes nothing"):
        integrate(AXIS, DARK, DARK, LongPass(900.0), **SETTINGS)
