"""The objective as a function of samples: what is inside, what is better, what cannot be seen."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from beamline.analysis import band, chromaticity
from beamline.optimize import ColourTarget, Objective, RateLimits, RatioTarget, WavelengthTarget
from beamline.optimize.targets import chromaticity_of
from beamline.recipe import hc_eV_nm

LN_DETECTABLE = float(np.log(50.0))
peaks_nm = st.floats(560.0, 700.0)
ratios = st.floats(0.05, 20.0)
rates = st.floats(6.0, 14.0)


def sample(peak_nm: float, ratio: float, ln_rate: float = 9.0) -> np.ndarray:
    return np.array([hc_eV_nm / peak_nm, 2.41, ln_rate, ln_rate + np.log(ratio)])


@given(peak_nm=peaks_nm, ratio=ratios)
def test_the_specification_is_met_within_both_tolerances_and_nowhere_else(peak_nm: float, ratio: float) -> None:
    inside = abs(peak_nm - 630.0) <= 3.0 and 0.8 <= ratio <= 1.25
    edge = min(abs(abs(peak_nm - 630.0) - 3.0), abs(ratio - 0.8), abs(ratio - 1.25))
    if edge > 1e-6:
        assert bool(Objective().is_met(sample(peak_nm, ratio), LN_DETECTABLE)) == inside


@given(peak_nm=peaks_nm, further_nm=st.floats(0.5, 30.0), ratio=ratios)
def test_nearer_the_target_is_better_all_the_way(peak_nm: float, further_nm: float, ratio: float) -> None:
    away = 1.0 if peak_nm > 630.0 else -1.0
    near, far = sample(peak_nm, ratio), sample(peak_nm + away * further_nm, ratio)
    assert Objective().utility(near, LN_DETECTABLE) > Objective().utility(far, LN_DETECTABLE)


@given(peak_nm=peaks_nm, ratio=ratios, ln_rate=rates, brighter=st.floats(0.1, 3.0))
def test_brighter_is_better_when_asked_for(peak_nm: float, ratio: float, ln_rate: float, brighter: float) -> None:
    dim, bright = sample(peak_nm, ratio, ln_rate), sample(peak_nm, ratio, ln_rate + brighter)
    assert Objective().utility(bright, LN_DETECTABLE) > Objective().utility(dim, LN_DETECTABLE)


def test_brightness_counts_for_nothing_when_ignored() -> None:
    objective = Objective(brightness="ignore")
    well_seen = [objective.utility(sample(630.0, 1.0, ln_rate), LN_DETECTABLE) for ln_rate in (9.0, 12.0)]
    assert well_seen[0] == pytest.approx(well_seen[1], rel=1e-3)


def test_light_does_not_make_up_for_a_missed_specification() -> None:
    met, bright = sample(630.0, 1.0, 9.0), sample(640.0, 1.0, 9.0 + np.log(100.0))
    assert Objective().utility(met, LN_DETECTABLE) > 3 * Objective().utility(bright, LN_DETECTABLE)


def test_a_band_that_cannot_be_seen_meets_nothing() -> None:
    dark = sample(630.0, 1.0, np.log(20.0))
    assert not Objective().is_met(dark, LN_DETECTABLE)
    assert Objective().utility(dark, LN_DETECTABLE) < 0.2 * Objective().utility(sample(630.0, 1.0), LN_DETECTABLE)
    only_red = Objective(green_red_ratio=None)
    assert only_red.is_met(sample(630.0, 1e-6), LN_DETECTABLE)  # an unseen green band is nobody's business then


def test_shapes_are_those_of_the_samples() -> None:
    samples = np.broadcast_to(sample(630.0, 1.0), (5, 3, 4))
    objective = Objective()
    assert objective.deviations(samples).shape == (2, 5, 3)
    assert objective.utility(samples, LN_DETECTABLE).shape == (5, 3)
    only_bright = Objective(red_peak_nm=None, green_red_ratio=None)
    assert only_bright.deviations(samples).shape == (0, 5, 3)
    assert only_bright.is_met(samples, LN_DETECTABLE).all()


def test_deviations_count_tolerances_with_their_sign() -> None:
    objective = Objective(
        red_peak_nm=WavelengthTarget(target=640.0, tolerance=4.0), green_red_ratio=RatioTarget(target=0.5, factor=2.0)
    )
    assert objective.deviations(sample(634.0, 2.0)) == pytest.approx([-1.5, 2.0])


def test_an_objective_that_asks_for_nothing_is_refused() -> None:
    with pytest.raises(ValidationError, match="asks for nothing"):
        Objective(red_peak_nm=None, green_red_ratio=None, brightness="ignore")


ONLY = {"red_peak_nm": None, "green_red_ratio": None}


@given(peak_nm=st.floats(560.0, 650.0), ln_ratio=st.floats(-3.0, 3.0))
def test_the_colour_is_that_of_the_spectrum(peak_nm: float, ln_ratio: float) -> None:
    """Against the spectrum itself, with widths at the far ends of what the physics gives."""
    nm = np.arange(380.0, 781.0)
    energy_eV = hc_eV_nm / nm
    x, y = chromaticity_of(sample(peak_nm, np.exp(ln_ratio)))
    for red_fwhm_eV, green_fwhm_eV in ((0.076, 0.077), (0.094, 0.086)):
        light = band(energy_eV, 1.0, hc_eV_nm / peak_nm, red_fwhm_eV)
        light = light + band(energy_eV, np.exp(ln_ratio), 2.41, green_fwhm_eV)
        true = chromaticity(nm, light * hc_eV_nm / nm**2)
        assert true is not None
        assert np.hypot(x - true.x, y - true.y) < 0.006


def test_a_colour_target_is_a_circle() -> None:
    here = sample(625.0, 0.7)
    x, y = (float(one) for one in chromaticity_of(here))
    objective = Objective(**ONLY, colour=ColourTarget(x=x, y=y + 0.015, tolerance=0.01))
    assert objective.deviations(here) == pytest.approx([1.5])
    assert not objective.is_met(here)
    assert Objective(**ONLY, colour=ColourTarget(x=x, y=y + 0.015, tolerance=0.016)).is_met(here)


@given(ln_rate=rates, ratio=ratios)
def test_limits_on_light_are_met_between_them(ln_rate: float, ratio: float) -> None:
    here = sample(630.0, ratio, ln_rate)
    light = np.exp(ln_rate) * (1.0 + ratio)
    for limits in (
        RateLimits(at_least=5e3),
        RateLimits(at_most=5e4),
        RateLimits(at_least=5e3, at_most=5e4),
    ):
        low, high = limits.at_least or 0.0, limits.at_most or np.inf
        if min(abs(light / low - 1.0) if low else 1.0, abs(light / high - 1.0)) > 1e-9:
            met = bool(Objective(**ONLY, light_counts_s=limits).is_met(here))
            assert met == (low <= light <= high)


def test_a_limit_on_one_band_is_of_that_band() -> None:
    objective = Objective(**ONLY, red_rate_counts_s=RateLimits(at_least=np.exp(9.0)))
    assert not objective.is_met(sample(630.0, 50.0, 8.9))
    assert objective.is_met(sample(630.0, 1e-6, 9.1))


@pytest.mark.parametrize("together", ["specification", "desirability", "front"])
@given(peak_nm=peaks_nm, further_nm=st.floats(0.5, 30.0), ratio=ratios, ln_rate=st.floats(9.0, 14.0))
def test_however_put_together_nearer_is_better_and_so_is_brighter(
    together: str, peak_nm: float, further_nm: float, ratio: float, ln_rate: float
) -> None:
    objective = Objective(together=together)
    away = 1.0 if peak_nm > 630.0 else -1.0
    near, far = sample(peak_nm, ratio, ln_rate), sample(peak_nm + away * further_nm, ratio, ln_rate)
    dim = sample(peak_nm, ratio, ln_rate - 0.5)
    worth = [float(objective.utility(one, LN_DETECTABLE)) for one in (near, far, dim)]
    assert worth[0] > worth[1]
    assert worth[0] > worth[2]


def test_brightness_of_one_band_does_not_look_at_the_other() -> None:
    objective = Objective(**ONLY, brightness="maximise_green")
    assert objective.utility(sample(630.0, 3.0, 8.0), LN_DETECTABLE) > objective.utility(
        sample(630.0, 1.0, 8.5), LN_DETECTABLE
    )


def test_what_is_switched_off_or_on_survives_the_way_through_a_document() -> None:
    for objective in (
        Objective(**ONLY, colour=ColourTarget(x=0.5, y=0.4), together="front"),
        Objective(green_peak_nm=WavelengthTarget(target=520.0, tolerance=4.0), light_counts_s=RateLimits(at_most=1e6)),
    ):
        assert Objective.from_json(objective.to_json()) == objective
        assert Objective.from_toml(objective.to_toml()) == objective
        assert len(objective.wishes()) == len(objective.targets()) + 1
        assert len(objective.words()) == len(objective.wishes()) + (objective.together != "specification")
