"""Optimisers to compare with: uniform at random, and scikit-optimize as it comes. Neither knows physics."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from beamline.optimize.cube import Cube, factors_of, furnace_factors, laser_cube
from beamline.optimize.decide import Decided
from beamline.optimize.evidence import Evidence
from beamline.optimize.history import History
from beamline.optimize.objective import Objective
from beamline.optimize.predictions import rounded
from beamline.optimize.protocol import Layout, OptimizerKind, OptimizerStatus
from beamline.optimize.space import SearchSpace
from beamline.optimize.standing import (
    Standing,
    best_site,
    front_of,
    ln_detectable,
    measured_truth,
    programme_of,
    standing_of,
    trace_entry,
)
from beamline.optimize.steady import steady
from beamline.recipe import Coupon, Dot, HeatTreatment, Line, Observation, SiteSuggestion, Suggestion

__all__ = ["RandomOptimizer", "SkoptOptimizer", "WithoutModel"]

Floats = npt.NDArray[np.float64]

N_SAMPLES = 512

TRUTH, CHOICE = range(2)
"""Purposes of random numbers."""


class WithoutModel:
    """What optimisers without a model share: they believe the measurement and its noise."""

    kind: ClassVar[OptimizerKind]

    def __init__(self, space: SearchSpace, objective: Objective, layout: Layout, seed: int) -> None:
        self.history = History(self.kind, space, objective, layout, seed)
        self.laser, self.furnace = laser_cube(space), Cube(furnace_factors(space))

    def ingest(self, observations: Sequence[Observation]) -> None:
        """Takes in what came of some sites."""
        self.history.add(observations)

    def decide(self, told: Sequence[Decided]) -> None:
        """Takes in what people decided about suggestions: after a rejection, other random numbers."""
        self.history.decide(told)

    def standing(self, n_coupons: int) -> tuple[Evidence, Standing, Floats]:
        """Where the search stood after some coupons: evidence, best site, samples of the true observables."""
        evidence = self.history.evidence(n_coupons)
        truth = measured_truth(evidence, N_SAMPLES, self.history.rng(0, TRUTH))
        detectable = ln_detectable(evidence.observations)
        return evidence, standing_of(evidence, truth, self.history.objective, detectable), truth

    @steady
    def status(self) -> OptimizerStatus:
        """What is believed now."""
        history = self.history
        evidence, standing, truth = self.standing(history.n_coupons)
        return OptimizerStatus(
            kind=self.history.kind,
            n_observations=history.n_observations,
            n_failed=history.n_failed,
            n_coupons=history.n_coupons,
            p_reached=rounded(standing.p_reached),
            best=best_site(evidence, standing, truth, history.space),
            trace=tuple(trace_entry(group, *self.standing(n)[:2]) for n, group in enumerate(history.groups, start=1)),
            front=front_of(evidence, standing, truth, history.objective, ln_detectable(evidence.observations)),
        )

    def first_of_each_glass(self, coupons: Sequence[Coupon]) -> dict[str, Coupon]:
        """The first unused coupon of every glass at hand, by the glass's name."""
        found: dict[str, Coupon] = {}
        for coupon in self.history.unused(coupons):
            found.setdefault(coupon.glass.name, coupon)
        return found

    def suggestion(
        self, coupon: Coupon, heat_treatment: HeatTreatment, writings: Sequence[Dot | Line], reason: str
    ) -> Suggestion:
        """A coupon's suggestion: one writing for each of its sites, the same reason for all."""
        name = self.history.suggestion_id()
        return Suggestion(
            suggestion_id=name,
            coupon=coupon,
            heat_treatment=heat_treatment,
            sites=tuple(
                SiteSuggestion(
                    suggestion_id=f"{name}.{site.name}",
                    site=site,
                    writing=writing,
                    reason=reason,
                )
                for site, writing in zip(self.history.sites(coupon), writings, strict=True)
            ),
            reason=reason,
        )


class RandomOptimizer(WithoutModel):
    """Uniform in the space; one heat treatment for a coupon, like everybody."""

    kind = "random"

    def suggest(self, coupons: Sequence[Coupon]) -> Suggestion:
        """Recipes for one of the coupons at hand.

        Raises:
            ValueError: there is no unused coupon at hand, or its layout has no sites.
        """
        rng = self.history.choice_rng(CHOICE)
        first_of = self.first_of_each_glass(coupons)
        coupon = list(first_of.values())[int(rng.integers(len(first_of)))]
        n = len(self.history.sites(coupon))
        temperature_C, hold_s = self.furnace.values(rng.random((1, self.furnace.n_free)))[0]
        values = self.laser.values(rng.random((n, self.laser.n_free)))
        writings = [self.history.space.writing(float(e), float(t), round(float(p))) for e, t, p in values]
        heat_treatment = self.history.space.heat_treatment(float(temperature_C), float(hold_s))
        return self.suggestion(coupon, heat_treatment, writings, "drawn at random, uniform in the space")


class SkoptOptimizer(WithoutModel):
    """scikit-optimize's `Optimizer` on the utility, asked for as many points as there are sites.

    It knows no factor that a coupon's sites share, so the heat treatment of the first point is forced on all; what came of
    the points is told as it was made. A site without light counts as a utility of nothing; a failed instrument is not told.
    """

    kind = "skopt"

    @steady
    def suggest(self, coupons: Sequence[Coupon]) -> Suggestion:
        """Recipes for one of the coupons at hand.

        Raises:
            ValueError: there is no unused coupon at hand, or its layout has no sites.
        """
        from skopt import Optimizer  # noqa: PLC0415  # seconds to import

        first_of = self.first_of_each_glass(coupons)
        rng = self.history.choice_rng(CHOICE)
        n = min(len(self.history.sites(coupon)) for coupon in first_of.values())
        dimensions: list[Any] = [*self.laser.dimensions, *self.furnace.dimensions, list(first_of)]
        with warnings.catch_warnings():
            # The hyperparameter fit of skopt stops at its bounds, and points may repeat: it says so each time.
            warnings.simplefilter("ignore")
            search = Optimizer(
                dimensions,
                n_initial_points=n,
                acq_func="EI",
                random_state=int(rng.integers(2**31)),
                model_queue_size=1,
            )
            points, losses = self._told(list(first_of))
            if points:
                search.tell(points, losses)
            asked = search.ask(n_points=n)
        laser, furnace = self._factors(asked)
        coupon = first_of[str(asked[0][-1])]
        n_sites = len(self.history.sites(coupon))
        writings = [self.history.space.writing(float(e), float(t), round(float(p))) for e, t, p in laser]
        return self.suggestion(
            coupon,
            self.history.space.heat_treatment(float(furnace[0, 0]), float(furnace[0, 1])),
            [writings[i % n] for i in range(n_sites)],
            "scikit-optimize, expected improvement of the utility; the first point's heat treatment for all",
        )

    def _factors(self, points: Sequence[Sequence[Any]]) -> tuple[Floats, Floats]:
        """Values of the laser factors (n, 3) and the furnace factors (n, 2) of points of skopt."""
        found = []
        for cube, first in ((self.laser, 0), (self.furnace, self.laser.n_free)):
            values = np.array([[factor.low for factor in cube.factors]] * len(points))
            for column, i in enumerate(cube.free):
                values[:, i] = cube.factors[i].round(np.array([float(point[first + column]) for point in points]))
            found.append(cube.allowed(values))
        return found[0], found[1]

    def _told(self, glasses: Sequence[str]) -> tuple[list[list[Any]], list[float]]:
        """Points and losses of all observations of the glasses at hand, as they were made."""
        evidence, standing, _ = self.standing(self.history.n_coupons)
        points, losses = [], []
        for i, seen in enumerate(evidence.observations):
            programme = programme_of(seen.heat_history, self.history.space)
            if seen.glass.name not in glasses or seen.writing.mode != self.history.space.mode:
                continue
            laser = self.laser.inside(np.array(factors_of(seen.writing)))
            furnace = self.furnace.low if programme is None else (programme.temperature_C, programme.hold_s)
            points.append([*laser, *self.furnace.inside(np.array(furnace)), seen.glass.name])
            losses.append(-float(standing.utility[i]))
        return points, losses
