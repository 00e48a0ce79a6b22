"""Nights on which nothing works: suggestions stay sensible, and nothing is made up."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

import numpy as np
import pytest

from beamline.optimize import Objective, OptimizerKind, SearchSpace, make_optimizer
from beamline.optimize.acquisition import Search
from beamline.optimize.agent import Agent
from beamline.recipe import Failed, NoLuminescence, Outcome, Saturated

QUICK = Search(n_draws=48, n_screening_draws=24, n_writings=24, n_furnace=6, n_refinements=1, n_around=3)

FAILED = Failed(reason="the shutter did not open")
DARK = NoLuminescence(rate_limit_counts_s=40.0)
FULL = Saturated(n_saturated_pixels=100, rate_floor_counts_s=3e6)


def mixed(i: int) -> Outcome:
    return (FAILED, DARK, FULL, DARK)[i % 4]


@pytest.mark.parametrize("kind", ["physics", "skopt", "random"])
@pytest.mark.parametrize("outcome", [lambda i: FAILED, lambda i: DARK, lambda i: FULL, mixed])  # noqa: ARG005  # of a site
def test_suggestions_go_on_and_nothing_is_reached(
    kit: ModuleType, kind: OptimizerKind, outcome: Callable[[int], Outcome]
) -> None:
    n = 2 if kind == "skopt" else 4  # scikit-optimize takes about a second for every point
    told = {"space": SearchSpace(), "objective": Objective(), "layout": kit.layout_of(n), "seed": 1}
    agent = Agent(*told.values(), prior=kit.SmallPrior(), search=QUICK)
    optimizer = agent if kind == "physics" else make_optimizer(kind, **told)
    rack, recipes = kit.rack(3), []
    for _ in range(2):
        suggestion = optimizer.suggest(rack)
        recipes += [site.writing for site in suggestion.sites]
        optimizer.ingest(kit.answered(suggestion, outcome))
    last = optimizer.suggest(rack)
    assert last.coupon == rack[2]
    assert len({site.writing for site in last.sites}) == n
    assert all(80.0 <= writing.pulse_energy_uJ <= 260.0 for writing in recipes)
    status = optimizer.status()
    assert status.best is None
    assert status.p_reached == 0.0
    assert (status.n_observations, status.n_coupons) == (2 * n, 2)
    assert status.n_failed == 2 * sum(outcome(i) is FAILED for i in range(n))


def test_a_night_of_failures_teaches_nothing(kit: ModuleType) -> None:
    agent = Agent(SearchSpace(), Objective(), kit.layout_of(4), 1, prior=kit.SmallPrior(), search=QUICK)
    agent.ingest(kit.answered(agent.suggest(kit.rack(1)), lambda _: FAILED))
    assert all(belief.z == 0.0 and belief.z_sd == 1.0 for belief in agent.status().parameters)


def test_darkness_moves_the_agent_away(kit: ModuleType) -> None:
    """Dark below 150 uJ, good above: the next coupon's energies go up."""
    agent = Agent(SearchSpace(), Objective(), kit.layout_of(8), 1, prior=kit.SmallPrior(), search=QUICK)
    seen = [
        kit.observation(
            DARK if energy < 150.0 else kit.luminescence(628.0, 1.2, 9000.0),
            site=f"S{i}",
            pulse_energy_uJ=energy,
            speed_mm_s=0.5,
            temperature_C=520.0,
        )
        for i, energy in enumerate(np.linspace(80.0, 250.0, 12))
    ]
    agent.ingest(seen)
    expected = agent.suggest(kit.rack(3)).sites
    assert np.median([site.writing.pulse_energy_uJ for site in expected]) > 150.0


@pytest.mark.parametrize("outcome", [FAILED, DARK, FULL])
def test_the_physics_survives_them_too(kit: ModuleType, outcome: Outcome) -> None:
    agent = Agent(SearchSpace(), Objective(), kit.layout_of(3), 1, search=QUICK)
    rack = kit.rack(2)
    agent.ingest(kit.answered(agent.suggest(rack), lambda _: outcome))
    suggestion = agent.suggest(rack)
    assert all(np.isfinite(one.mean) for site in suggestion.sites for one in site.predictions)
    moved = {belief.name: belief.z for belief in agent.status().parameters}["collection_counts_s"]
    assert np.sign(moved) == {FAILED: 0, DARK: -1, FULL: 0 if moved == 0 else 1}[outcome]
