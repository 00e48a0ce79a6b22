"""The agent: a calibrated physics prior, composite objective, nested choice of coupon and sites.

Everything that it says is computed from the seed and the observations; what it keeps between calls is only a cache of that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from beamline.optimize.acquisition import Choice, Goal, Search, choose, on_fresh_coupon
from beamline.optimize.checks import check
from beamline.optimize.evidence import coarse_history, padded_steps
from beamline.optimize.history import History
from beamline.optimize.noise import Noise
from beamline.optimize.objective import Objective
from beamline.optimize.observables import Observable
from beamline.optimize.posterior import Draws, Posterior, fit
from beamline.optimize.prior import PhysicsPrior, Prior, writing_sites
from beamline.optimize.protocol import CouponCheck, Layout, OptimizerStatus, ParameterBelief, TraceEntry
from beamline.optimize.space import SearchSpace
from beamline.optimize.standing import Standing, best_site, ln_detectable, programme_of, standing_of
from beamline.optimize.words import expectation, predictions, role, rounded
from beamline.recipe import Coupon, Observation, Prediction, Site, SiteSuggestion, Suggestion

__all__ = ["Agent"]

Floats = npt.NDArray[np.float64]

_FEATURES, _DRAWS, _CHOICE, _FRESH = range(4)
"""Purposes of random numbers."""

_MISFIT_UNITS = {
    Observable.RED_PEAK_EV: ("red_peak_eV", "eV"),
    Observable.GREEN_PEAK_EV: ("green_peak_eV", "eV"),
    Observable.LN_RED_RATE: ("ln_red_rate", "ln(counts/s)"),
    Observable.LN_GREEN_RATE: ("ln_green_rate", "ln(counts/s)"),
}


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
    ) -> None:
        self.prior = prior or PhysicsPrior()
        self.noise = noise or Noise()
        self.search = search or Search()
        self.history = History("physics", space, objective, layout, seed)
        self._cache: dict[str, _Belief] = {}

    def ingest(self, observations: Sequence[Observation]) -> None:
        """Takes in what came of some sites."""
        self.history.add(observations)

    def suggest(self, coupons: Sequence[Coupon]) -> Suggestion:
        """Recipes for one of the coupons at hand.

        Raises:
            ValueError: there is no unused coupon at hand, or its layout has no sites.
        """
        first_of = {coupon.glass.iodide_fraction: coupon for coupon in reversed(self.history.unused(coupons))}
        first_of = dict(sorted(first_of.items()))
        layouts = {fraction: self.history.sites(coupon) for fraction, coupon in first_of.items()}
        belief = self._belief()
        choice = choose(
            belief.draws,
            belief.goal(self.history),
            self.history.space,
            {fraction: len(sites) for fraction, sites in layouts.items()},
            self._favourites(belief),
            self.search,
            self.history.rng(_CHOICE),
        )
        return self._in_words(choice, first_of[choice.iodide_fraction], layouts[choice.iodide_fraction], belief)

    def status(self) -> OptimizerStatus:
        """What is believed now."""
        beliefs = [self._belief(n) for n in range(len(self.history.groups) + 1)]
        belief = beliefs[-1]
        best = best_site(belief.posterior.evidence, belief.standing, belief.draws.truth, self.history.space)
        fresh, p_fresh = self._again(belief)
        return OptimizerStatus(
            kind="physics",
            n_observations=len(self.history.observations),
            n_failed=self.history.n_failed,
            n_coupons=len(self.history.groups),
            p_reached=rounded(belief.standing.p_reached),
            best=best,
            fresh_coupon=fresh,
            p_fresh_coupon=p_fresh,
            parameters=_parameters(belief.posterior),
            checks=tuple(b.check for b in beliefs if b.check is not None),
            misfit=tuple(
                Prediction(observable=name, unit=unit, mean=0.0, sd=rounded(belief.posterior.discrepancy.amplitude[o]))
                for o, (name, unit) in _MISFIT_UNITS.items()
            ),
            trace=tuple(b.trace(group) for b, group in zip(beliefs[1:], self.history.groups, strict=True)),
        )

    # ------------------------------------------------------------------------------------------------------- belief
    def _belief(self, n_coupons: int | None = None) -> _Belief:
        """Belief after the first coupons (all by default); each starts from the one before it."""
        n = len(self.history.groups) if n_coupons is None else n_coupons
        key = self.history.digest(n)
        if key not in self._cache:
            before = self._belief(n - 1) if n > 0 else None
            self._cache[key] = self._updated(before, n)
        return self._cache[key]

    def _updated(self, before: _Belief | None, n: int) -> _Belief:
        history = self.history
        evidence = history.evidence(n)
        posterior = fit(
            self.prior,
            evidence,
            self.noise,
            np.random.default_rng([history.seed, _FEATURES]),
            start=None if before is None else before.posterior.latent,
        )
        draws = posterior.draws(self.search.n_draws, np.random.default_rng([history.seed, n, _DRAWS]))
        detectable = ln_detectable(evidence.observations)
        reference = self.prior.ln_reference(draws.latent)
        standing = standing_of(evidence, draws.truth, history.objective, detectable, reference)
        checked = None
        if before is not None:
            checked = check(before.draws, history.groups[n - 1], np.random.default_rng([history.seed, n, _FRESH]))
        return _Belief(posterior, draws, standing, detectable, reference, checked)

    def _favourites(self, belief: _Belief) -> tuple[tuple[float, float], ...]:
        """Furnace programme of the best site so far."""
        if belief.standing.index is None:
            return ()
        history = belief.posterior.evidence.observations[belief.standing.index].heat_history
        programme = programme_of(history, self.history.space)
        return () if programme is None else ((programme.temperature_C, programme.hold_s),)

    def _again(self, belief: _Belief) -> tuple[tuple[Prediction, ...], float | None]:
        """The best recipe on another coupon: predicted outcome, and probability that it meets the specification."""
        if belief.standing.index is None:
            return (), None
        seen = belief.posterior.evidence.observations[belief.standing.index]
        steps = padded_steps([coarse_history(seen.heat_history)])[0]
        sites = writing_sites((seen.writing,), seen.glass.iodide_fraction, steps)
        samples = on_fresh_coupon(belief.draws, sites, self.history.rng(_FRESH))[:, 0]
        return predictions(samples), rounded(self.history.objective.is_met(samples, belief.ln_detectable).mean())

    # ------------------------------------------------------------------------------------------------------- words
    def _in_words(self, choice: Choice, coupon: Coupon, sites: Sequence[Site], belief: _Belief) -> Suggestion:
        name = self.history.suggestion_id()
        inside = self.history.objective.is_met(choice.samples, belief.ln_detectable)
        made = []
        for i, (site, writing) in enumerate(zip(sites, choice.writings, strict=True)):
            why = role(i, float(choice.gains[i]), choice.credit[:, i], belief.draws.latent, self.prior.latents)
            p_in = rounded(inside[:, i].mean())
            made.append(
                SiteSuggestion(
                    suggestion_id=f"{name}.{site.name}",
                    site=site,
                    writing=writing,
                    predictions=predictions(choice.samples[:, i]),
                    acquisition=rounded(choice.gains[i]),
                    p_in_specification=p_in,
                    reason=f"expected {expectation(choice.samples[:, i])}; in specification with p = {p_in:.2f}; {why}",
                )
            )
        heat = choice.heat_treatment
        before, after = choice.expected_best
        return Suggestion(
            suggestion_id=name,
            coupon=coupon,
            heat_treatment=heat,
            sites=tuple(made),
            reason=(
                f"glass {coupon.glass.name}, {heat.temperature_C:g} degC for {heat.hold_s / 3600:.2g} h: at least one of "
                f"{len(made)} sites in specification with p = {inside.any(axis=1).mean():.2f} "
                f"(best site so far: p = {belief.standing.p_reached:.2f}); "
                f"expected best score {before:.2f} -> {after:.2f}"
            ),
        )


@dataclass(frozen=True)
class _Belief:
    """What follows from some coupons."""

    posterior: Posterior
    draws: Draws
    standing: Standing
    ln_detectable: float
    ln_reference: Floats
    check: CouponCheck | None

    def goal(self, history: History) -> Goal:
        """What is wanted, against the best site so far."""
        incumbent = np.zeros(len(self.draws))
        if self.standing.index is not None:
            truth = self.draws.truth[:, self.standing.index]
            incumbent = history.objective.utility(truth, self.ln_detectable, self.ln_reference)
        return Goal(history.objective, self.ln_detectable, self.ln_reference, incumbent)

    def trace(self, group: Sequence[Observation]) -> TraceEntry:
        """The best site after the coupon of a group."""
        best = None if self.standing.index is None else self.posterior.evidence.observations[self.standing.index].site
        return TraceEntry(
            coupon=group[0].site.coupon,
            n_observations=len(self.posterior.evidence.observations),
            best_site=None if best is None else best.name,
            best_coupon=None if best is None else best.coupon,
            p_reached=rounded(self.standing.p_reached),
            utility=0.0 if self.standing.index is None else rounded(self.standing.utility[self.standing.index]),
        )


def _parameters(posterior: Posterior) -> tuple[ParameterBelief, ...]:
    rows = []
    for latent, z, sd in zip(posterior.prior.latents, posterior.latent, posterior.latent_sd, strict=True):
        moved = z * latent.spread
        value = latent.nominal * np.exp(moved) if latent.prior == "lognormal" else latent.nominal + moved
        rows.append(
            ParameterBelief(
                name=latent.name,
                symbol=latent.symbol,
                unit=latent.unit,
                prior_value=latent.nominal,
                posterior_value=rounded(value),
                z=rounded(z),
                z_sd=rounded(sd),
            )
        )
    return tuple(rows)
