"""Pareto fronts: which points are on them, the volume under them, and that its samples average to it."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from beamline.optimize import Objective, OptimizerStatus, SearchSpace
from beamline.optimize.acquisition import Search
from beamline.optimize.agent import Agent
from beamline.optimize.front import hypervolume, not_dominated, scalarised

QUICK = Search(n_draws=64, n_screening_draws=32, n_writings=24, n_furnace=6, n_refinements=1, n_around=3)
points = st.integers(1, 4).flatmap(
    lambda k: st.integers(1, 7).flatmap(lambda m: arrays(np.float64, (m, k), elements=st.floats(0.0, 1.0)))
)


def by_counting(worth: np.ndarray, rng: np.random.Generator) -> float:
    at = rng.random((40_000, worth.shape[1]))
    return float(np.any(np.all(at[:, None] <= worth[None], axis=2), axis=1).mean())


@given(worth=points)
def test_the_volume_is_the_share_of_places_that_a_point_dominates(worth: np.ndarray) -> None:
    assert hypervolume(worth) == pytest.approx(by_counting(worth, np.random.default_rng(1)), abs=0.015)


@given(worth=points)
def test_the_front_has_the_volume_of_all_and_each_of_its_points_is_needed(worth: np.ndarray) -> None:
    front = np.unique(worth[not_dominated(worth)], axis=0)
    assert hypervolume(front) == pytest.approx(hypervolume(worth))
    assert len(front)
    for i in range(len(front)):
        others = np.delete(front, i, axis=0)
        assert not np.any(np.all(others >= front[i], axis=1))


@pytest.mark.parametrize("k", [2, 3, 4])
def test_samples_along_directions_average_to_the_volume(k: int) -> None:
    worth = np.random.default_rng(k).random((6, k))
    draws = np.broadcast_to(worth.T[:, None], (k, 20_000, 6))
    assert scalarised(draws).max(axis=1).mean() == pytest.approx(hypervolume(worth), rel=0.05)


def test_a_night_of_two_wishes_ends_with_a_front_and_resumes_from_its_records(kit: ModuleType) -> None:
    """Brightness rises with energy, the ratio of 4 wants little of it: they go against each other."""
    objective = Objective(red_peak_nm=None, green_red_ratio={"target": 4.0, "factor": 1.3}, together="front")
    prior, rng = kit.SmallPrior(), np.random.default_rng(0)
    agent, told, volumes = Agent(SearchSpace(), objective, kit.layout_of(5), 1, prior=prior, search=QUICK), [], []
    for _ in range(2):
        suggestion = agent.suggest(kit.rack(3))
        told.append(kit.answered_by(prior, suggestion, np.zeros(5), rng))
        agent.ingest(told[-1])
        status = agent.status()
        assert status.front is not None
        volumes.append(status.front.hypervolume)
        worth = np.array([[one.mean for one in site.desirabilities] for site in status.front.sites])
        assert not_dominated(worth).all()
    assert volumes[1] > 0.95 * volumes[0] > 0.0
    assert OptimizerStatus.from_json(status.to_json()) == status
    again = Agent(SearchSpace(), objective, kit.layout_of(5), 1, prior=prior, search=QUICK)
    again.ingest([seen for group in told for seen in group])
    assert again.suggest(kit.rack(3)).to_json() == agent.suggest(kit.rack(3)).to_json()
    assert again.status().front == status.front
