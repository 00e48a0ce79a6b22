"""Numbers of one observation as figures and summary want them: nm, rates, ratio, with one-sigma uncertainties."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from beamline.optimize import Objective
from beamline.recipe import Failed, Luminescence, NoLuminescence, Observation, Saturated

__all__ = ["Measured", "OutcomeKind", "measured"]

OutcomeKind = Literal["both phases", "green only", "red only", "no luminescence", "saturated", "failed"]


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured at a site; nan where there is no such number.

    Attributes:
        kind: of the outcome.
        is_inside: whether the measured numbers lie within the specification.
    """

    kind: OutcomeKind
    red_peak_nm: float = math.nan
    red_peak_sd_nm: float = math.nan
    green_peak_nm: float = math.nan
    green_peak_sd_nm: float = math.nan
    red_rate_counts_s: float = math.nan
    red_rate_sd_counts_s: float = math.nan
    green_rate_counts_s: float = math.nan
    green_rate_sd_counts_s: float = math.nan
    is_inside: bool = False

    @property
    def green_red_ratio(self) -> float:
        """Green over red rate."""
        return self.green_rate_counts_s / self.red_rate_counts_s

    @property
    def ln_ratio_sd(self) -> float:
        """One sigma of the ratio's logarithm (first order)."""
        return math.hypot(
            self.green_rate_sd_counts_s / self.green_rate_counts_s, self.red_rate_sd_counts_s / self.red_rate_counts_s
        )

    @property
    def ratio_sd(self) -> float:
        """One sigma of the ratio."""
        return self.green_red_ratio * self.ln_ratio_sd


def measured(observation: Observation, objective: Objective) -> Measured:
    """The numbers of an observation."""
    outcome = observation.outcome
    match outcome:
        case NoLuminescence():
            return Measured("no luminescence")
        case Saturated():
            return Measured("saturated")
        case Failed():
            return Measured("failed")
        case Luminescence():
            return _luminescent(outcome, objective)


def _luminescent(outcome: Luminescence, objective: Objective) -> Measured:
    red, green = outcome.band("red"), outcome.band("green")
    kind: OutcomeKind = "both phases" if red and green else "red only" if red else "green only"
    inside = []
    if objective.red_peak_nm is not None:
        target = objective.red_peak_nm
        inside.append(red is not None and abs(red.peak_nm - target.target) <= target.tolerance)
    if objective.green_red_ratio is not None:
        ratio = objective.green_red_ratio
        inside.append(
            red is not None
            and green is not None
            and red.rate_counts_s > 0
            and ratio.target / ratio.factor <= green.rate_counts_s / red.rate_counts_s <= ratio.target * ratio.factor
        )
    nan = math.nan
    return Measured(
        kind=kind,
        red_peak_nm=red.peak_nm if red else nan,
        red_peak_sd_nm=red.peak_sd_nm if red else nan,
        green_peak_nm=green.peak_nm if green else nan,
        green_peak_sd_nm=green.peak_sd_nm if green else nan,
        red_rate_counts_s=red.rate_counts_s if red else nan,
        red_rate_sd_counts_s=red.rate_sd_counts_s if red else nan,
        green_rate_counts_s=green.rate_counts_s if green else nan,
        green_rate_sd_counts_s=green.rate_sd_counts_s if green else nan,
        is_inside=all(inside),
    )
