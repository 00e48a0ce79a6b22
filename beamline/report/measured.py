"""Numbers of one observation as figures and summary want them: nm, rates, ratio, with one-sigma uncertainties."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from beamline.optimize import Objective
from beamline.optimize.observables import DARK, Observable
from beamline.recipe import Failed, Luminescence, NoLuminescence, Observation, Phase, Saturated

__all__ = ["Measured", "OutcomeKind", "measured", "sample_of"]

Floats = npt.NDArray[np.float64]

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
    red_lifetime_ns: float = math.nan
    red_lifetime_sd_ns: float = math.nan
    green_lifetime_ns: float = math.nan
    green_lifetime_sd_ns: float = math.nan
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
    def lifetime_rows(self) -> tuple[tuple[str, float, float], ...]:
        """What it is, ns, and one sigma; of the phases of which there is one."""
        rows = (
            ("red lifetime", self.red_lifetime_ns, self.red_lifetime_sd_ns),
            ("green lifetime", self.green_lifetime_ns, self.green_lifetime_sd_ns),
        )
        return tuple(row for row in rows if math.isfinite(row[1]))

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
            return _luminescent(observation, outcome, objective)


def sample_of(observation: Observation) -> Floats:
    """The measured numbers as the objective takes them, (6,); what was not seen is dark, and no lifetime is none."""
    outcome = observation.outcome
    if not isinstance(outcome, Luminescence):
        return np.array(DARK)
    sample = _sample(outcome)
    of_phases: tuple[tuple[Phase, Observable], ...] = (
        ("red", Observable.LN_RED_LIFETIME),
        ("green", Observable.LN_GREEN_LIFETIME),
    )
    for phase, observable in of_phases:
        if found := observation.lifetime(phase):
            sample[observable] = math.log(found.lifetime_ns)
    return sample


def _sample(outcome: Luminescence) -> Floats:
    sample = np.array(DARK)
    for band in outcome.bands:
        red = band.phase == "red"
        if band.rate_counts_s > 0:
            sample[Observable.RED_PEAK_EV if red else Observable.GREEN_PEAK_EV] = band.peak_eV
            sample[Observable.LN_RED_RATE if red else Observable.LN_GREEN_RATE] = math.log(band.rate_counts_s)
    return sample


def _luminescent(observation: Observation, outcome: Luminescence, objective: Objective) -> Measured:
    red, green = outcome.band("red"), outcome.band("green")
    red_lifetime, green_lifetime = observation.lifetime("red"), observation.lifetime("green")
    kind: OutcomeKind = "both phases" if red and green else "red only" if red else "green only"
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
        red_lifetime_ns=red_lifetime.lifetime_ns if red_lifetime else nan,
        red_lifetime_sd_ns=red_lifetime.lifetime_sd_ns if red_lifetime else nan,
        green_lifetime_ns=green_lifetime.lifetime_ns if green_lifetime else nan,
        green_lifetime_sd_ns=green_lifetime.lifetime_sd_ns if green_lifetime else nan,
        is_inside=bool(objective.is_met(sample_of(observation))),
    )
