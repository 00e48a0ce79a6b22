"""Where a search stands: the best site so far, with the probability that it meets the specification.

Shared by all optimisers: with a model the true outcomes come as joint draws, without one as the measurement and its noise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from beamline.optimize.evidence import Evidence, coarse_history
from beamline.optimize.front import hypervolume, not_dominated
from beamline.optimize.objective import Objective
from beamline.optimize.observables import Known, dark
from beamline.optimize.predictions import predictions, rounded
from beamline.optimize.protocol import BestSite, Front, FrontSite, TraceEntry
from beamline.optimize.space import SearchSpace
from beamline.recipe import HeatStep, HeatTreatment, Luminescence, NoLuminescence, Observation, Prediction

__all__ = [
    "Standing",
    "best_site",
    "front_of",
    "ln_detectable",
    "measured_truth",
    "programme_of",
    "standing_of",
    "trace_entry",
]

Floats = npt.NDArray[np.float64]

DEFAULT_LIMIT_COUNTS_S = 30.0
"""Smallest rate that is seen, before any measurement has said."""
N_SAMPLES = 4096
"""Samples for a probability: 0.99 needs more than the draws of the model."""
AT_ONCE = 64
"""Sites whose samples are looked at together: some ten megabytes."""


@dataclass(frozen=True)
class Standing:
    """The best site of some evidence.

    Attributes:
        index: of the site among those of the evidence; None where nothing luminesced.
        p_in_specification: of every site, (m,).
        utility: expected, of every site, (m,).
        lit: which sites luminesced.
    """

    index: int | None
    p_in_specification: Floats
    utility: Floats
    lit: npt.NDArray[np.int64]

    @property
    def p_reached(self) -> float:
        """Probability that the best site truly meets the specification."""
        return 0.0 if self.index is None else float(self.p_in_specification[self.index])


def ln_detectable(observations: Sequence[Observation]) -> float:
    """Logarithm of the smallest rate that is seen: the median of what the analyses say."""
    limits = [
        seen.outcome.rate_limit_counts_s
        for seen in observations
        if isinstance(seen.outcome, Luminescence | NoLuminescence) and seen.outcome.rate_limit_counts_s > 0
    ]
    return float(np.log(np.median(limits) if limits else DEFAULT_LIMIT_COUNTS_S))


def measured_truth(evidence: Evidence, n: int, rng: np.random.Generator) -> Floats:
    """Samples of the sites' true observables from the measurements alone, (n, m, 4).

    What was not measured is dark: no specification is met by it.
    """
    k = evidence.n_observables
    truth = np.broadcast_to(dark(k), (n, len(evidence.sites), k)).copy()
    for row, (site, known) in enumerate(zip(evidence.row_site, evidence.known, strict=True)):
        if known is Known.VALUE:
            noise = evidence.sd[row] * rng.standard_normal(n)
            truth[:, site, np.argmax(evidence.row_weights[row])] = evidence.number[row] + noise
    return truth


def standing_of(evidence: Evidence, truth: Floats, objective: Objective, detectable: float) -> Standing:
    """The best site of some evidence: the one with the highest expected utility among those that luminesced.

    Args:
        evidence: m sites.
        truth: samples of their true observables, (s, m, 4).
        objective: what is wanted.
        detectable: logarithm of the smallest rate that is seen.
    """
    m = truth.shape[1]
    if m == 0:
        return Standing(None, np.zeros(0), np.zeros(0), np.zeros(0, dtype=np.int64))
    p_inside = np.concatenate(
        [_p_inside(truth[:, first : first + AT_ONCE], objective, detectable) for first in range(0, m, AT_ONCE)]
    )
    utility = objective.utility(truth, detectable).mean(0)
    lit = np.array([isinstance(seen.outcome, Luminescence) for seen in evidence.observations])
    best = int(np.argmax(np.where(lit, utility, -np.inf))) if lit.any() else None
    return Standing(best, p_inside, utility, np.flatnonzero(lit))


def _p_inside(truth: Floats, objective: Objective, detectable: float) -> Floats:
    """Probability that each site meets the specification: the mean and covariance of (s, m, 4) carry it to many more samples."""
    k = truth.shape[-1]
    gauss = np.random.default_rng(0).standard_normal((N_SAMPLES, k))
    mean = truth.mean(0)
    off = np.moveaxis(truth - mean, 1, 0)  # (m, s, 4)
    covariance = off.transpose(0, 2, 1) @ off / (len(truth) - 1) + 1e-12 * np.eye(k)
    more = mean[:, None] + gauss @ np.linalg.cholesky(covariance).transpose(0, 2, 1)
    return np.asarray(objective.is_met(more, detectable).mean(1))


def programme_of(history: Sequence[HeatStep], space: SearchSpace) -> HeatTreatment | None:
    """The furnace programme behind a measured heat history, with the space's ramp; None where there was no furnace.

    The hold is all that lies within 6 degC of the step that lasted longest above 190 degC.
    """
    hot = [step for step in coarse_history(history) if step.temperature_C > 190.0]
    if not hot:
        return None
    longest = max(hot, key=lambda step: step.duration_s)
    hold = [step for step in hot if abs(step.temperature_C - longest.temperature_C) <= 6.0]
    hold_s = sum(step.duration_s for step in hold)
    mean_C = sum(step.temperature_C * step.duration_s for step in hold) / hold_s
    return space.heat_treatment(float(np.clip(round(mean_C), 200, 550)), float(min(round(hold_s / 60) * 60, 172800)))


def best_site(evidence: Evidence, standing: Standing, truth: Floats, space: SearchSpace) -> BestSite | None:
    """The best site as it stands in a status."""
    if standing.index is None:
        return None
    seen = evidence.observations[standing.index]
    return BestSite(
        observation=seen,
        heat_treatment=programme_of(seen.heat_history, space),
        outcome=predictions(truth[:, standing.index]),
        p_in_specification=rounded(standing.p_reached),
    )


def front_of(
    evidence: Evidence, standing: Standing, truth: Floats, objective: Objective, detectable: float
) -> Front | None:
    """The sites that none other beats in every wish, by the means of what is believed; None where wishes are weighed."""
    if objective.together != "front" or not len(standing.lit):
        return None
    worth = objective.desirabilities(truth[:, standing.lit], detectable)  # (k, s, m)
    mean, sd = worth.mean(1).T, worth.std(1).T
    sites = []
    for i in np.flatnonzero(not_dominated(mean)):
        seen = evidence.observations[standing.lit[i]]
        worths = tuple(
            Prediction(observable=name, unit="1", mean=rounded(mean[i, k]), sd=rounded(sd[i, k]))
            for k, name in enumerate(objective.wishes())
        )
        sites.append(FrontSite(coupon=seen.site.coupon, site=seen.site.name, desirabilities=worths))
    return Front(sites=tuple(sites), hypervolume=rounded(hypervolume(mean)))


def trace_entry(group: Sequence[Observation], evidence: Evidence, standing: Standing) -> TraceEntry:
    """The best site of some evidence, whose last coupon was that of a group."""
    best = None if standing.index is None else evidence.observations[standing.index].site
    return TraceEntry(
        coupon=group[0].site.coupon,
        n_observations=len(evidence.observations),
        best_site=None if best is None else best.name,
        best_coupon=None if best is None else best.coupon,
        p_reached=rounded(standing.p_reached),
        utility=0.0 if standing.index is None else rounded(standing.utility[standing.index]),
    )
