"""Nights on which nothing works: suggestions stay sensible, and nothing is made up."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

import numpy as np
import pytest
from pydantic import ValidationError

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


@pytest.mark.parametrize("kind", ["physics", "gp", "random"])
def test_what_is_not_a_number_is_not_learnt(kit: ModuleType, kind: OptimizerKind) -> None:
    """The words refuse it; what went round them leaves no trace but its site."""
    with pytest.raises(ValidationError, match="finite"):
        NoLuminescence(rate_limit_counts_s=float("nan"))
    good = kit.luminescence()
    peak = good.bands[0].model_copy(update={"peak_eV": float("nan")})
    rate = good.bands[0].model_copy(update={"rate_counts_s": float("nan")})
    broken = [
        good.model_copy(update={"bands": (peak, good.bands[1])}),
        good.model_copy(update={"bands": (rate, good.bands[1])}),
        NoLuminescence.model_construct(rate_limit_counts_s=float("nan")),
        good,
    ]
    told = {"space": SearchSpace(), "objective": Objective(), "layout": kit.layout_of(4), "seed": 1}
    agent = Agent(*told.values(), prior=kit.SmallPrior(), search=QUICK)
    optimizer = agent if kind == "physics" else make_optimizer(kind, **told)
    for _ in range(3):
        optimizer.ingest(kit.answered(optimizer.suggest(kit.rack(4)), lambda i: broken[i]))
    suggestion, status = optimizer.suggest(kit.rack(4)), optimizer.status()
    assert len(suggestion.sites) == 4
    assert np.isfinite(status.p_reached)
    assert "nan" not in (status.to_json() + suggestion.to_json()).lower()


@pytest.mark.parametrize("kind", ["physics", "gp"])
def test_one_recipe_everywhere_is_learnt_from(kit: ModuleType, kind: OptimizerKind) -> None:
    """Duplicate sites: all sites of two coupons written alike, with outcomes that scatter, or equal to the last digit."""
    for scatter in (0.0, 1.0):
        told = {"space": SearchSpace(), "objective": Objective(), "layout": kit.layout_of(4), "seed": 1}
        agent = Agent(*told.values(), prior=kit.SmallPrior(), search=QUICK)
        optimizer = agent if kind == "physics" else make_optimizer(kind, **told)
        for coupon in ("C1", "C2", "C3"):
            optimizer.ingest(
                [
                    kit.observation(kit.luminescence(635.0 + scatter * i, 1.3), coupon=coupon, site=f"S{i}")
                    for i in range(6)
                ]
            )
        suggestion = optimizer.suggest(kit.rack(1, first=9))
        assert len({site.writing for site in suggestion.sites}) == 4
        assert optimizer.status().p_reached < 0.1


def test_a_space_of_one_recipe_repeats_it(kit: ModuleType) -> None:
    space = SearchSpace(
        pulse_energy_uJ=(150.0, 150.0), speed_mm_s=(0.5, 0.5), temperature_C=(450.0, 450.0), hold_s=(3600.0, 3600.0)
    )
    agent = Agent(space, Objective(), kit.layout_of(3), 1, prior=kit.SmallPrior(), search=QUICK)
    for _ in range(2):
        suggestion = agent.suggest(kit.rack(3))
        assert {(site.writing.pulse_energy_uJ, site.writing.speed_mm_s) for site in suggestion.sites} == {(150.0, 0.5)}
        agent.ingest(kit.answered(suggestion, lambda i: kit.luminescence(630.0 + i)))


def test_sites_of_one_name_are_refused(kit: ModuleType) -> None:
    told = {"space": SearchSpace(), "objective": Objective(), "layout": lambda c: 2 * kit.layout_of(2)(c), "seed": 1}
    for kind in ("random", "sobol", "physics"):
        optimizer = make_optimizer(kind, **told)
        with pytest.raises(ValueError, match="site S00, S01 more than once"):
            optimizer.suggest(kit.rack(1))
