"""What follows from some coupons: posterior, draws, the best site, and how well the last coupon was foreseen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from beamline.optimize.acquisition import Goal
from beamline.optimize.checks import check
from beamline.optimize.evidence import coarse_history, padded_steps
from beamline.optimize.fresh import on_fresh_coupon
from beamline.optimize.history import History
from beamline.optimize.mixed import Mixed, mixed
from beamline.optimize.noise import Noise
from beamline.optimize.observables import Known
from beamline.optimize.plain import PlainPrior, plain_misfit
from beamline.optimize.posterior import Draws, Posterior, fit
from beamline.optimize.prior import Prior, writing_sites
from beamline.optimize.protocol import CouponCheck, TraceEntry
from beamline.optimize.side_by_side import both
from beamline.optimize.standing import Standing, ln_detectable, programme_of, standing_of, trace_entry
from beamline.optimize.trust import Trust
from beamline.recipe import Observation

__all__ = ["Belief", "believe"]

Floats = npt.NDArray[np.float64]

_FEATURES, _DRAWS, _FRESH, _SHARED, _PLAIN_FEATURES, _PLAIN_DRAWS = 0, 1, 3, 4, 5, 6
"""Purposes of random numbers."""


@dataclass(frozen=True)
class Belief:
    """Belief after some coupons of a history.

    Attributes:
        posterior: parameters, misfit, effects, if the physics is right.
        physics: draws from it.
        plain: draws from what is believed without physics.
        trust: how far the one is believed, and how far the other.
        draws: of both, as many of each as it is believed.
        standing: the best site.
        ln_detectable: logarithm of the smallest rate that is seen.
        check: the last coupon against what was believed before it; None without measured values.
    """

    posterior: Posterior
    physics: Draws
    plain: Draws
    trust: Trust
    draws: Mixed
    standing: Standing
    ln_detectable: float
    check: CouponCheck | None

    @property
    def best(self) -> Observation | None:
        """The observation of the best site."""
        return None if self.standing.index is None else self.posterior.evidence.observations[self.standing.index]

    def goal(self, history: History) -> Goal:
        """What is wanted, against the best site so far."""
        objective, incumbent = history.objective, np.zeros(len(self.draws))
        if self.standing.index is not None:
            is_front = objective.together == "front"
            sites = self.standing.lit if is_front else np.array([self.standing.index])
            incumbent = objective.in_draws(self.draws.truth[:, sites], self.ln_detectable).max(axis=1)
        return Goal(history.objective, self.ln_detectable, incumbent)

    def favourites(self, history: History) -> tuple[tuple[float, float], ...]:
        """Furnace programme of the best site, as (temperature degC, hold s)."""
        programme = None if self.best is None else programme_of(self.best.heat_history, history.space)
        return () if programme is None else ((programme.temperature_C, programme.hold_s),)

    def best_again(self, history: History) -> Floats | None:
        """Outcomes of the best recipe on another coupon, (s, 4)."""
        if self.best is None:
            return None
        steps = padded_steps([coarse_history(self.best.heat_history)])[0]
        sites = writing_sites((self.best.writing,), self.best.glass.iodide_fraction, steps)
        rng = history.rng(self.posterior.evidence.n_coupons, _FRESH)
        return np.asarray(on_fresh_coupon(self.draws, sites, rng)[:, 0])

    def trace(self, group: Sequence[Observation]) -> TraceEntry:
        """The best site after the coupon of a group."""
        return trace_entry(group, self.posterior.evidence, self.standing)


def believe(
    history: History, n_coupons: int, *, before: Belief | None, prior: Prior, noise: Noise, n_draws: int
) -> Belief:
    """Belief after the first coupons of a history.

    Args:
        history: all observations.
        n_coupons: how many of its coupons.
        before: belief after one coupon less; None for no coupon.
        prior: the physics.
        noise: sizes of the scatter.
        n_draws: joint draws to make.
    """
    evidence = history.evidence(n_coupons)
    last = None if before is None else before.posterior
    without = None if before is None else before.plain.posterior
    k = evidence.n_observables

    def with_physics() -> Draws:
        posterior = fit(prior, evidence, noise, history.rng(0, _FEATURES), last)
        return posterior.draws(n_draws, history.rng(n_coupons, _DRAWS))

    def without_physics() -> Draws:
        plain_noise = replace(noise, misfit=plain_misfit(k))
        posterior = fit(PlainPrior(k), evidence, plain_noise, history.rng(0, _PLAIN_FEATURES), without)
        return posterior.draws(n_draws, history.rng(n_coupons, _PLAIN_DRAWS))

    physics, plain = both(with_physics, without_physics)
    posterior = physics.posterior
    trust = Trust()
    if before is not None:
        trust = before.trust.after(before.physics, before.plain, history.groups[n_coupons - 1])
    draws = mixed(physics, plain, 1.0 - trust.physics)
    detectable = ln_detectable(evidence.observations)
    truth = draws.truth + _shared(posterior, n_draws, history.rng(n_coupons, _SHARED))
    standing = standing_of(evidence, truth, history.objective, detectable)
    checked = None
    if before is not None:
        checked = check(before.draws, history.groups[n_coupons - 1])
    return Belief(posterior, physics, plain, trust, draws, standing, detectable, checked)


def _shared(posterior: Posterior, n: int, rng: np.random.Generator) -> Floats:
    """Draws of what the analysis' uncertainty has besides scatter: one error of all spectra, by observable, (n, 1, 4).

    No comparison of sites shows it, so it is believed as large as the analysis says: a site is not surer to be within the
    specification because all sites are off by the same.
    """
    evidence, sd = posterior.evidence, np.zeros(posterior.evidence.n_observables)
    for observable in range(len(sd)):
        rows = [
            row
            for row in range(evidence.n_rows)
            if evidence.known[row] is Known.VALUE and evidence.row_weights[row, observable] == 1.0
        ]
        if rows:
            scatters = min(posterior.noise.analysis[observable], 1.0)
            sd[observable] = float(np.median(evidence.sd[rows])) * np.sqrt(1.0 - scatters**2)
    return np.asarray(sd * rng.standard_normal((n, 1, len(sd))))
