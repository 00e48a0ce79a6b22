import math
from typing import Any

import pytest

from beamline.optimize import Objective
from beamline.recipe import (
    Band,
    Dot,
    Failed,
    Glass,
    Luminescence,
    NoLuminescence,
    Observation,
    Outcome,
    Saturated,
    Site,
    hc_eV_nm,
)
from beamline.report.measured import measured


def band(phase: Any, peak_nm: float, rate: float) -> Band:
    return Band(
        phase=phase,
        peak_eV=hc_eV_nm / peak_nm,
        peak_sd_eV=0.002,
        fwhm_eV=0.09,
        fwhm_sd_eV=0.001,
        rate_counts_s=rate,
        rate_sd_counts_s=0.05 * rate,
    )


def observation(site: Site, outcome: Outcome) -> Observation:
    glass = Glass(name="BrI", bromide=1.5, iodide=1.5)
    return Observation(site=site, glass=glass, writing=Dot(pulse_energy_uJ=100.0, exposure_s=2.0), outcome=outcome)


def light(*bands: Band) -> Luminescence:
    return Luminescence(bands=bands, rate_limit_counts_s=10.0, reduced_chi2=1.0)


@pytest.mark.parametrize(
    ("outcome", "kind", "is_inside"),
    [
        (light(band("green", 514, 1.2e5), band("red", 631, 1e5)), "both phases", True),
        (light(band("green", 514, 1.3e5), band("red", 631, 1e5)), "both phases", False),
        (light(band("green", 514, 1e5), band("red", 633.1, 1e5)), "both phases", False),
        (light(band("red", 630, 1e5)), "red only", False),
        (light(band("green", 514, 1e5)), "green only", False),
        (NoLuminescence(rate_limit_counts_s=5.0), "no luminescence", False),
        (Saturated(n_saturated_pixels=3, rate_floor_counts_s=1e6), "saturated", False),
        (Failed(reason="no light at all"), "failed", False),
    ],
)
def test_outcomes_in_words_and_within_the_default_specification(
    a_site: Site, outcome: Outcome, kind: str, is_inside: Any
) -> None:
    number = measured(observation(a_site, outcome), Objective())
    assert (number.kind, number.is_inside) == (kind, is_inside)


def test_a_target_that_is_not_asked_for_cannot_be_missed(a_site: Site) -> None:
    seen = observation(a_site, light(band("red", 630, 1e5)))
    assert measured(seen, Objective(green_red_ratio=None)).is_inside


def test_the_ratio_carries_the_uncertainty_of_both_rates(a_site: Site) -> None:
    number = measured(observation(a_site, light(band("green", 514, 2e5), band("red", 631, 1e5))), Objective())
    assert number.green_red_ratio == pytest.approx(2.0)
    assert number.ratio_sd == pytest.approx(2.0 * math.hypot(0.05, 0.05))
    assert math.isnan(measured(observation(a_site, light(band("red", 631, 1e5))), Objective()).green_red_ratio)
