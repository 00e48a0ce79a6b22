"""The agent: a calibrated physics prior, composite objective, nested choice of coupon and sites.

Everything that it says is computed from the seed and the observations; what it keeps between calls is a cache of that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from beamline.optimize.acquisition import Search, choose
from beamline.optimize.avoid import avoided
from beamline.optimize.belief import Belief, believe
from beamline.optimize.checks import z_scores
from beamline.optimize.decide import Decided
from beamline.optimize.history import History
from beamline.optimize.knowledge import Knowledge
from beamline.optimize.noise import Noise
from beamline.optimize.objective import Objective
from beamline.optimize.observables import Observable
from beamline.optimize.prior import PhysicsPrior, Prior
from beamline.optimize.protocol import CouponCheck, Hours, Layout, OptimizerStatus, TraceEntry
from beamline.optimize.space import SearchSpace
from beamline.optimize.standing import best_site, front_of
from beamline.optimize.steady import steady
from beamline.optimize.words import misfits, parameters, predictions, rounded, suggestion
from beamline.recipe import Coupon, Observation, Suggestion

__all__ = ["Agent"]

Floats = npt.NDArray[np.float64]

KEPT = 3
"""Newest beliefs that are kept whole."""
_CHOICE = 10
"""Purpose of the random numbers of a choice; those of the belief are below."""


class Agent:
    """Optimiser with the physics model as its prior.

    Args:
        space: bounds.
        objective: what is wanted.
        layout: sites of a coupon.
        seed: of all its random numbers.
        prior: the model; the physics by default.
        noise: sizes of the scatter.
        search: how hard to look.
        hours: what a coupon costs; None where all cost the same.

    Raises:
        ValueError: the seed is negative.
    """

    def __init__(
        self,
        space: SearchSpace,
        objective: Objective,
        layout: Layout,
        seed: int,
        *,
        prior: Prior | None = None,
        noise: Noise | None = None,
        search: Search | None = None,
        hours: Hours | None = None,
    ) -> None:
        self.prior = prior or PhysicsPrior(n_observables=objective.n_observables)
        self.noise = noise or Noise.usual(objective.n_observables)
        self.search = search or Search()
        self.hours = hours
        self.history = History("physics", space, objective, layout, seed)
        self._beliefs: dict[str, Belief] = {}
        self._told: dict[str, tuple[TraceEntry | None, CouponCheck | None]] = {}
        self._status: tuple[str, OptimizerStatus] | None = None

    def ingest(self, observations: Sequence[Observation]) -> None:
        """Takes in what came of some sites."""
        self.history.add(observations)

    def decide(self, told: Sequence[Decided]) -> None:
        """Takes in what people decided about suggestions."""
        self.history.decide(told)

    @steady
    def suggest(self, coupons: Sequence[Coupon]) -> Suggestion:
        """Recipes for one of the coupons at hand.

        Raises:
            ValueError: there is no unused coupon at hand, or its layout has no sites.
        """
        history = self.history
        # One coupon of each glass, the first that was named; in the order of the glasses' iodide, not of the rack.
        first_of = {coupon.glass.iodide_fraction: coupon for coupon in reversed(history.unused(coupons))}
        layouts = {fraction: history.sites(first_of[fraction]) for fraction in sorted(first_of)}
        belief = self._belief(history.n_coupons)
        hours = self.hours
        choice = choose(
            belief.draws,
            belief.goal(history),
            history.space,
            sites_by_fraction={fraction: len(sites) for fraction, sites in layouts.items()},
            favourites=belief.favourites(history),
            search=self.search,
            rng=history.choice_rng(_CHOICE),
            avoided=avoided(history.rejected),
            hours=None if hours is None else lambda fraction, heat: hours(first_of[fraction], heat),
        )
        return suggestion(
            history.suggestion_id(),
            choice,
            first_of[choice.iodide_fraction],
            layouts[choice.iodide_fraction],
            inside=history.objective.is_met(choice.samples, belief.ln_detectable),
            latent=belief.draws.latent,
            latents=self.prior.latents,
            without=belief.draws.of_part(1),
            p_reached=belief.standing.p_reached,
            trust=belief.trust.reason(),
        )

    @steady
    def belief(self, n_coupons: int | None = None) -> Belief:
        """All that is believed after the first coupons, of all by default, with what it is made of."""
        return self._belief(self.history.n_coupons if n_coupons is None else n_coupons)

    @steady
    def status(self) -> OptimizerStatus:
        """What is believed now."""
        key = self.history.digest(self.history.n_coupons)
        if self._status is None or self._status[0] != key:
            self._status = (key, self._fresh_status())
        return self._status[1]

    def _fresh_status(self) -> OptimizerStatus:
        history = self.history
        belief = self._belief(history.n_coupons)
        told = [self._told_of(n) for n in range(1, history.n_coupons + 1)]
        again = belief.best_again(history)
        p_again = None
        if again is not None:
            p_again = rounded(history.objective.is_met(again, belief.ln_detectable).mean())
        return OptimizerStatus(
            kind="physics",
            n_observations=history.n_observations,
            n_failed=history.n_failed,
            n_coupons=history.n_coupons,
            p_reached=rounded(belief.standing.p_reached),
            best=best_site(belief.posterior.evidence, belief.standing, belief.draws.truth, history.space),
            fresh_coupon=() if again is None else predictions(again),
            p_fresh_coupon=p_again,
            parameters=parameters(Knowledge.of(belief.posterior)),
            checks=tuple(check for _, check in told if check is not None),
            misfit=misfits(np.hypot(belief.posterior.sizes.amplitude, belief.posterior.sizes.furnace)),
            trust=belief.trust.told(),
            trace=tuple(trace for trace, _ in told if trace is not None),
            front=front_of(
                belief.posterior.evidence,
                belief.standing,
                belief.draws.truth,
                history.objective,
                belief.ln_detectable,
            ),
        )

    @steady
    def z_scores(self, observations: Sequence[Observation]) -> Mapping[Observable, Floats]:
        """What is believed now against a coupon that was not told yet (`checks.z_scores`), by observable."""
        return z_scores(self._belief(self.history.n_coupons).draws, observations)

    def _told_of(self, n_coupons: int) -> tuple[TraceEntry | None, CouponCheck | None]:
        if self.history.digest(n_coupons) not in self._told:
            self._belief(n_coupons)
        return self._told[self.history.digest(n_coupons)]

    def adopt(self, n_coupons: int, belief: Belief) -> None:
        """Takes a belief that was worked out elsewhere, of the same history, prior and noise, for its own."""
        self._keep(n_coupons, belief)

    def _belief(self, n_coupons: int) -> Belief:
        """Belief after the first coupons; each starts from the one before it, so that it does not depend on the calls."""
        first = next((n for n in range(n_coupons, -1, -1) if self.history.digest(n) in self._beliefs), None)
        before = None if first is None else self._beliefs[self.history.digest(first)]
        for n in range(0 if first is None else first + 1, n_coupons + 1):
            before = believe(
                self.history,
                n,
                before=before,
                prior=self.prior,
                noise=self.noise,
                n_draws=self.search.n_draws,
            )
            self._keep(n, before)
        assert before is not None  # the loop runs at least once where nothing was kept
        return before

    def _keep(self, n_coupons: int, belief: Belief) -> None:
        """A belief holds tens of megabytes after hundreds of outcomes: the newest few are kept, of the others what is told."""
        key = self.history.digest(n_coupons)
        self._beliefs[key] = belief
        trace = belief.trace(self.history.groups[n_coupons - 1]) if n_coupons else None
        self._told[key] = (trace, belief.check)
        for old in list(self._beliefs)[:-KEPT]:
            del self._beliefs[old]
