"""blop's optimiser protocol, as of blop 1.2.0, written out: our optimisers fulfil it, and what fulfils it can be ours."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from beamline.optimize import Objective, Optimizer, SearchSpace
from beamline.optimize.acquisition import Search
from beamline.optimize.agent import Agent
from beamline.optimize.blop_seam import BlopOptimizer, ForBlop, FromBlop

QUICK = Search(n_draws=48, n_screening_draws=24, n_writings=24, n_furnace=6, n_refinements=1, n_around=3)


def ours(kit: ModuleType, **told: Any) -> ForBlop:
    agent = Agent(SearchSpace(), Objective(), kit.layout_of(4), 1, prior=kit.SmallPrior(), search=QUICK)
    return ForBlop(agent, SearchSpace(), kit.rack(3), **told)


def evaluated(kit: ModuleType, points: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """blop's evaluation function: outcomes by id, in another order than the suggestions."""
    return [{"_id": p["_id"], "outcome": kit.luminescence(625.0 + 2 * i, 1.2)} for i, p in enumerate(points)][::-1]


def test_it_has_the_methods_and_the_signatures_that_blop_calls(kit: ModuleType) -> None:
    optimizer = ours(kit)
    assert isinstance(optimizer, BlopOptimizer)
    assert list(inspect.signature(optimizer.suggest).parameters) == ["num_points"]
    assert inspect.signature(optimizer.suggest).parameters["num_points"].default is None
    assert list(inspect.signature(optimizer.ingest).parameters) == ["points"]
    assert list(inspect.signature(optimizer.register_failures).parameters) == ["suggestions"]
    assert list(inspect.signature(optimizer.should_stop).parameters) == []


def test_a_loop_as_blops_plan_runs_it(kit: ModuleType) -> None:
    optimizer, native = ours(kit, confidence=0.5), ours(kit).optimizer
    rack = kit.rack(3)
    assert optimizer.get_best_points() == []
    for _ in range(2):
        points = optimizer.suggest(4)
        assert len({point["_id"] for point in points}) == 4
        assert len({(p["coupon"], p["temperature_C"], p["hold_s"]) for p in points}) == 1
        direct = native.suggest(rack)
        assert [point["_id"] for point in points] == [site.suggestion_id for site in direct.sites]
        native.ingest(kit.answered(direct, lambda i: kit.luminescence(625.0 + 2 * i, 1.2)))
        rack = [coupon for coupon in rack if coupon != direct.coupon]
        optimizer.ingest(evaluated(kit, points))
    assert optimizer.optimizer.status() == native.status()  # by points and by coupons it is the same optimiser
    [(key, parameters, outcomes)] = optimizer.get_best_points()
    assert key in {f"{p}" for p in optimizer._points}  # ids are those of suggestions
    assert set(parameters) >= {"pulse_energy_uJ", "speed_mm_s", "temperature_C", "hold_s"}
    assert np.isfinite(list(outcomes.values())).all()
    stop, why = optimizer.should_stop()
    assert stop == (optimizer.optimizer.status().p_reached >= 0.5)
    assert (why is not None) == stop


def test_failures_and_points_from_elsewhere_are_taken(kit: ModuleType) -> None:
    optimizer = ours(kit)
    points = optimizer.suggest(2)
    optimizer.register_failures(points)
    elsewhere = {k: v for k, v in points[0].items() if k != "_id"} | {"coupon": "C2", "outcome": kit.luminescence()}
    optimizer.ingest([elsewhere])
    status = optimizer.optimizer.status()
    assert (status.n_observations, status.n_failed, status.n_coupons) == (3, 2, 2)
    assert optimizer.suggest()[0]["coupon"] == "C3"
    with pytest.raises(ValueError, match="at least one point"):
        optimizer.suggest(0)


class Walker:
    """An optimiser as blop has them: uniform points with ids, and a memory; gives one point less than it is asked for."""

    def __init__(self) -> None:
        self.rng, self.told, self.failed, self.n = np.random.default_rng(1), [], [], 0

    def suggest(self, num_points: int | None = None) -> list[dict[str, Any]]:
        points = []
        for _ in range(max((num_points or 1) - 1, 1)):
            self.n += 1
            energy, speed, hot = self.rng.random(3)
            points.append(
                {
                    "_id": self.n,
                    "pulse_energy_uJ": 60.0 + 250.0 * energy,
                    "speed_mm_s": 0.2 + speed,
                    "temperature_C": 200.0 + 350.0 * hot,
                    "hold_s": 3600.0,
                }
            )
        return points

    def ingest(self, points: Sequence[Mapping[str, Any]]) -> None:
        self.told += points

    def register_failures(self, suggestions: Sequence[Mapping[str, Any]]) -> None:
        self.failed += suggestions

    def get_best_points(self) -> list[tuple[Any, Mapping[str, Any], Mapping[str, Any]]]:
        best = max(self.told, key=lambda one: one["utility"])
        return [(best.get("_id"), best, {"utility": best["utility"]})]


def test_an_optimiser_of_blop_is_one_of_ours(kit: ModuleType) -> None:
    walker = Walker()
    optimizer = FromBlop(walker, SearchSpace(), Objective(), kit.layout_of(4), 1)
    assert isinstance(walker, BlopOptimizer)
    assert isinstance(optimizer, Optimizer)
    rack = kit.rack(2)
    suggestion = optimizer.suggest(rack)
    assert optimizer.suggest(rack) == suggestion  # asking again does not move it
    assert walker.n == 3
    assert all(80.0 <= one.writing.pulse_energy_uJ <= 260.0 for one in suggestion.sites)
    outcomes = [kit.luminescence(), kit.luminescence(640.0), *[kit.FAILED] * 2]
    optimizer.ingest(kit.answered(suggestion, lambda i: outcomes[i]))
    assert [one["_id"] for one in walker.told] == [1, 2]
    assert walker.told[0]["utility"] > walker.told[1]["utility"]
    assert [one["_id"] for one in walker.failed] == [3]  # the fourth site repeated the first: no id of its own
    assert optimizer.status().best is not None
    assert optimizer.suggest(rack).coupon == rack[1]
