"""blop's optimiser protocol, both ways: our optimisers in blop's plans, and blop's optimisers behind our seam.

blop (1.2.0, `blop.protocols`) asks structurally, so nothing of it is imported: an optimiser has `suggest(num_points)`,
`ingest(points)` and `get_best_points()`, points are mappings with a hashable `_id`; those that have `register_failures` or
`should_stop` too are told of failures and asked when to stop. What blop has no word for is the coupon: it travels in every
point, and all points of one `suggest` share a coupon and its furnace programme.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
from pydantic import TypeAdapter

from beamline.optimize.cube import Cube
from beamline.optimize.objective import Objective
from beamline.optimize.peers import WithoutModel
from beamline.optimize.protocol import Layout, Optimizer
from beamline.optimize.space import SearchSpace
from beamline.optimize.steady import steady
from beamline.recipe import (
    Coupon,
    Dot,
    Failed,
    HeatStep,
    HeatTreatment,
    Line,
    Observation,
    Outcome,
    Site,
    Suggestion,
)

__all__ = ["ID_KEY", "BlopOptimizer", "ForBlop", "FromBlop"]

ID_KEY = "_id"
Point = Mapping[str, Any]
_OUTCOME: TypeAdapter[Outcome] = TypeAdapter(Outcome)


@runtime_checkable
class BlopOptimizer(Protocol):
    """What blop calls an optimiser."""

    def suggest(self, num_points: int | None = None) -> Sequence[Point]:
        """Points to evaluate next."""

    def ingest(self, points: Sequence[Point]) -> None:
        """Outcomes of points."""

    def get_best_points(self) -> Sequence[tuple[Any, Point, Point]]:
        """Id, parameters and outcomes of the best."""


class ForBlop:
    """One of our optimisers as blop wants it: `OptimizationProblem(optimizer=ForBlop(...), ...)`.

    A point holds `coupon`, `site`, the laser's factors and the furnace's. An outcome holds `outcome` (a `recipe.Outcome`,
    or its JSON) and, where they were measured, `heat_history` and `power_at_sample_W`; a point that was never suggested here
    needs its parameters as well.

    Args:
        optimizer: that suggests coupons.
        space: of its search.
        coupons: at hand.
        confidence: of a site within the specification, at which it says stop; None for never.
    """

    def __init__(
        self, optimizer: Optimizer, space: SearchSpace, coupons: Sequence[Coupon], *, confidence: float | None = None
    ) -> None:
        self.optimizer, self.space, self.confidence = optimizer, space, confidence
        self._coupons = {coupon.serial: coupon for coupon in coupons}
        self._layout: dict[str, Site] = {}
        self._points: dict[str, Point] = {}
        self._used: set[str] = set()

    def suggest(self, num_points: int | None = None) -> list[dict[str, Any]]:
        """The sites of one coupon, at most so many: what was chosen first comes first.

        Raises:
            ValueError: no coupon is left, or fewer than one point was asked for.
        """
        if num_points is not None and num_points < 1:
            raise ValueError(f"{num_points=}: at least one point")
        left = [coupon for serial, coupon in self._coupons.items() if serial not in self._used]
        suggestion = self.optimizer.suggest(left)
        points = [self._point(suggestion, i) for i in range(len(suggestion.sites))][:num_points]
        for point, one in zip(points, suggestion.sites, strict=False):
            self._points[point[ID_KEY]] = point
            self._layout[point[ID_KEY]] = one.site
        return points

    def _point(self, suggestion: Suggestion, i: int) -> dict[str, Any]:
        one, heat = suggestion.sites[i], suggestion.heat_treatment
        writing = one.writing
        time = {"exposure_s": writing.exposure_s} if isinstance(writing, Dot) else {"speed_mm_s": writing.speed_mm_s}
        return {
            ID_KEY: one.suggestion_id,
            "coupon": suggestion.coupon.serial,
            "site": one.site.name,
            "pulse_energy_uJ": writing.pulse_energy_uJ,
            **time,
            "n_passes": writing.n_passes,
            "temperature_C": heat.temperature_C,
            "hold_s": heat.hold_s,
        }

    def ingest(self, points: Sequence[Point]) -> None:
        """Outcomes, of suggested points by their id or of others with their parameters.

        Raises:
            KeyError: a point says neither.
        """
        self._used |= {str((self._points.get(point.get(ID_KEY, "")) or point)["coupon"]) for point in points}
        self.optimizer.ingest([self._observation(point) for point in points])

    def register_failures(self, suggestions: Sequence[Point]) -> None:
        """Points at which the instrument failed: nothing is learnt from them."""
        self.ingest([{**point, "outcome": Failed(reason="reported as failed")} for point in suggestions])

    def should_stop(self) -> tuple[bool, str | None]:
        """Whether a site meets the specification with the confidence that was asked for."""
        p = self.optimizer.status().p_reached
        if self.confidence is None or p < self.confidence:
            return False, None
        return True, f"a site meets the specification with probability {p:.3f} (asked: {self.confidence:g})"

    def get_best_points(self) -> list[tuple[Any, Point, Point]]:
        """The best site, or those of the front; none before anything luminesced."""
        status = self.optimizer.status()
        if status.best is None:
            return []
        sites = [(status.best.observation.site.coupon, status.best.observation.site.name)]
        told: dict[tuple[str, str], Point] = {
            sites[0]: {one.observable: one.mean for one in status.best.outcome}
            | {"p_in_specification": status.best.p_in_specification}
        }
        if status.front is not None:
            sites = [(one.coupon, one.site) for one in status.front.sites]
            told = {
                (one.coupon, one.site): {w.observable: w.mean for w in one.desirabilities} for one in status.front.sites
            }
        by_site = {(str(p["coupon"]), str(p["site"])): (key, p) for key, p in self._points.items()}
        found: list[tuple[Any, Point, Point]] = []
        for site in sites:
            key, point = by_site.get(site, (f"{site[0]}.{site[1]}", {"coupon": site[0], "site": site[1]}))
            found.append((key, {k: v for k, v in point.items() if k != ID_KEY}, told[site]))
        return found

    def _observation(self, point: Point) -> Observation:
        key = str(point.get(ID_KEY, ""))
        told = {**self._points.get(key, {}), **point}
        coupon = self._coupons[str(told["coupon"])]
        energy, passes = float(told["pulse_energy_uJ"]), int(told["n_passes"])
        time = told["speed_mm_s"] if self.space.mode == "line" else told["exposure_s"]
        heat = self.space.heat_treatment(float(told["temperature_C"]), float(told["hold_s"]))
        steps = told.get("heat_history")
        history = heat.steps() if steps is None else tuple(HeatStep.model_validate(dict(step)) for step in steps)
        outcome = told["outcome"]
        if not isinstance(outcome, str):
            outcome = outcome.to_json() if hasattr(outcome, "to_json") else json.dumps(dict(outcome))
        site = self._layout.get(key) or Site(coupon=coupon.serial, name=str(told["site"]), x_mm=0.0, y_mm=0.0)
        power = told.get("power_at_sample_W")
        return Observation(
            site=site,
            glass=coupon.glass,
            writing=self.space.writing(energy, float(time), passes),
            heat_history=history,
            outcome=_OUTCOME.validate_json(outcome),
            power_at_sample_W=None if power is None else float(power),
        )


class FromBlop(WithoutModel):
    """One of blop's optimisers behind our seam: it suggests points, and the first one's furnace programme is that of all.

    Its parameters must be named as the factors that are free: `pulse_energy_uJ`, `speed_mm_s` or `exposure_s`,
    `n_passes`, `temperature_C`, `hold_s`; it is told one outcome, `utility`, to be maximised. It keeps its own state: to
    resume, make it anew and replay the same questions and answers.

    Args:
        optimizer: blop's, made for those parameters.
        space: bounds; points outside are moved to their edge.
        objective: of the utility.
        layout: sites of a coupon.
        seed: of the judging; blop's optimiser has its own.
    """

    kind = "blop"

    def __init__(
        self, optimizer: BlopOptimizer, space: SearchSpace, objective: Objective, layout: Layout, seed: int
    ) -> None:
        super().__init__(space, objective, layout, seed)
        self.optimizer = optimizer
        self._asked: dict[str, Suggestion] = {}
        self._ids: dict[tuple[str, str], Any] = {}

    @steady
    def suggest(self, coupons: Sequence[Coupon]) -> Suggestion:
        """Recipes for the first of the coupons at hand.

        Raises:
            ValueError: there is no unused coupon at hand, or its layout has no sites.
            RuntimeError: blop's optimiser suggests nothing.
        """
        coupon = next(iter(self.first_of_each_glass(coupons).values()))
        name = f"{self.history.suggestion_id()} {coupon.serial}"
        if name not in self._asked:  # asking again must not move it
            self._asked = {name: self._fresh(coupon)}
        return self._asked[name]

    def _fresh(self, coupon: Coupon) -> Suggestion:
        sites = self.history.sites(coupon)
        points = list(self.optimizer.suggest(len(sites)))
        if not points:
            raise RuntimeError(f"{type(self.optimizer).__name__} suggested nothing for {len(sites)} sites")
        space = self.history.space
        temperature_C, hold_s = _inside(self.furnace, ("temperature_C", "hold_s"), points[0])
        time = "speed_mm_s" if space.mode == "line" else "exposure_s"
        writings: list[Dot | Line] = []
        for i, site in enumerate(sites):
            point = points[i % len(points)]  # some give fewer than they are asked for
            if i < len(points):
                self._ids[coupon.serial, site.name] = point.get(ID_KEY)
            energy, value, passes = _inside(self.laser, ("pulse_energy_uJ", time, "n_passes"), point)
            writings.append(space.writing(energy, value, round(passes)))
        heat: HeatTreatment = space.heat_treatment(temperature_C, hold_s)
        why = f"{type(self.optimizer).__name__} of blop; the first point's heat treatment for all"
        return self.suggestion(coupon, heat, writings, why)

    def ingest(self, observations: Sequence[Observation]) -> None:
        """Takes in what came of some sites, and tells blop's optimiser."""
        super().ingest(observations)
        evidence, standing, _ = self.standing(self.history.n_coupons)
        worth = {
            (seen.site.coupon, seen.site.name): float(standing.utility[i])
            for i, seen in enumerate(evidence.observations)
        }
        told, failed = [], []
        for seen in observations:
            key = (seen.site.coupon, seen.site.name)
            parameters = self._parameters(seen)
            if (name := self._ids.get(key)) is not None:
                parameters[ID_KEY] = name
            if key in worth:
                told.append({**parameters, "utility": worth[key]})
            elif name is not None:
                failed.append(parameters)
        if told:
            self.optimizer.ingest(told)
        if failed and callable(register := getattr(self.optimizer, "register_failures", None)):
            register(failed)

    def _parameters(self, seen: Observation) -> dict[str, Any]:
        writing = seen.writing
        time = {"exposure_s": writing.exposure_s} if isinstance(writing, Dot) else {"speed_mm_s": writing.speed_mm_s}
        hot = max(seen.heat_history, key=lambda step: (step.temperature_C, step.duration_s), default=None)
        furnace = {} if hot is None else {"temperature_C": hot.temperature_C, "hold_s": hot.duration_s}
        every = {"pulse_energy_uJ": writing.pulse_energy_uJ, **time, "n_passes": writing.n_passes, **furnace}
        free = {cube.factors[i].name for cube in (self.laser, self.furnace) for i in cube.free}
        return {name: value for name, value in every.items() if name in free}


def _inside(cube: Cube, names: tuple[str, ...], point: Point) -> list[float]:
    """A point's values of a cube's factors, on their grain and in their intervals; fixed ones need not be named."""
    values = np.array(
        [
            [
                factor.low if name not in point else float(point[name])
                for name, factor in zip(names, cube.factors, strict=True)
            ]
        ]
    )
    for i, factor in enumerate(cube.factors):
        values[:, i] = factor.round(np.clip(values[:, i], factor.low, factor.high))
    return [float(value) for value in cube.allowed(values)[0]]
