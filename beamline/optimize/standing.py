"""Where a search stands: the best site so far, with the probability that it meets the specification.

Shared by all optimisers: with a model the true outcomes come as joint draws, without one as the measurement and its noise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from beamline.optimize.evidence import Evidence, coarse_history
from beamline.optimize.objective import Objective
from beamline.optimize.observables import N_OBSERVABLES, Observable
from beamline.optimize.protocol import BestSite
from beamline.optimize.space import SearchSpace
from beamline.optimize.words import predictions
from beamline.recipe import HeatStep, HeatTreatment, Luminescence, NoLuminescence, Observation

__all__ = ["Standing", "ln_detectable", "best_site", "measured_truth", "programme_of", "standing_of"]

Floats = npt.NDArray[np.float64]

DEFAULT_LIMIT_COUNTS_S = 30.0
"""Smallest rate that is seen, before any measurement has said."""
N_SAMPLES = 4096


@dataclass(frozen=True)
class Standing:
    """The best site of some evidence.

    Attributes:
        index: of the site among those of the evidence; None where nothing luminesced.
        p_in_specification: of every site, (m,).
        utility: expected, of every site, (m,).
    """

    index: int | None
    p_in_specification: Floats
    utility: Floats

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
    return float(np.log(np.median(limits))) if limits else float(np.log(DEFAULT_LIMIT_COUNTS_S))


def measured_truth(evidence: Evidence, n: int, rng: np.random.Generator) -> Floats:
    """Samples of the sites' true observables from the measurements alone, (n, m, 4).

    What was not measured stays dark: rates of nothing, so that no specification is met by it.
    """
    dark = np.array([1.0, 1.0, -30.0, -30.0])
    truth = np.broadcast_to(dark, (n, len(evidence.sites), N_OBSERVABLES)).copy()
    for row, site in enumerate(evidence.row_site):
        if evidence.known[row].name == "VALUE":
            at = int(np.argmax(evidence.row_weights[row]))
            truth[:, site, at] = evidence.number[row] + evidence.sd[row] * rng.standard_normal(n)
    return truth


def standing_of(
    evidence: Evidence, truth: Floats, objective: Objective, detectable: float, ln_reference: Floats | float
) -> Standing:
    """The best site of some evidence.

    Args:
        evidence: m sites.
        truth: samples of their true observables, (s, m, 4).
        objective: what is wanted.
        detectable: logarithm of the smallest rate that is seen.
        ln_reference: brightness one, for each sample, (s,), or for all.

    The samples' mean and covariance at each site are carried to many more samples: a probability of 0.99 needs them.
    """
    m = truth.shape[1]
    if m == 0:
        return Standing(None, np.zeros(0), np.zeros(0))
    gauss = np.random.default_rng(0).standard_normal((N_SAMPLES, N_OBSERVABLES))
    p_in = np.zeros(m)
    for site in range(m):
        mean = truth[:, site].mean(0)
        covariance = np.cov(truth[:, site].T) + 1e-12 * np.eye(N_OBSERVABLES)
        more = mean + gauss @ np.linalg.cholesky(covariance).T
        p_in[site] = objective.is_met(more, detectable).mean()
    reference = np.broadcast_to(np.asarray(ln_reference, dtype=float), (len(truth),))
    utility = objective.utility(truth, detectable, reference[:, None]).mean(0)
    lit = np.array([isinstance(seen.outcome, Luminescence) for seen in evidence.observations])
    if not lit.any():
        return Standing(None, p_in, utility)
    return Standing(int(np.argmax(np.where(lit, utility, -np.inf))), p_in, utility)


def programme_of(history: Sequence[HeatStep], space: SearchSpace) -> HeatTreatment | None:
    """The furnace programme behind a measured heat history, with the space's ramp; None where there was no furnace.

    The hold is what lies within 6 degC of the step that lasted longest above 190 degC.
    """
    hot = [step for step in coarse_history(history) if step.temperature_C > 190.0]
    if not hot:
        return None
    longest = max(hot, key=lambda step: step.duration_s)
    hold = [step for step in hot if abs(step.temperature_C - longest.temperature_C) <= 6.0]
    hold_s = sum(step.duration_s for step in hold)
    mean_C = (
        sum(step.temperature_C * step.duration_s for step in hold) / hold_s if hold_s > 0 else longest.temperature_C
    )
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
        p_in_specification=standing.p_reached,
    )
