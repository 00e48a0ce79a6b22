"""On a bench whose parameters it does not know, the agent gets there in a few coupons and chance does not."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import numpy.typing as npt
import pytest

from beamline import physics
from beamline.optimize import Objective, Optimizer, SearchSpace, make_optimizer
from beamline.optimize.acquisition import Search
from beamline.optimize.agent import Agent
from beamline.recipe import Observation, Suggestion, hc_eV_nm

SEED = 12
N_COUPONS = 2
N_SITES = 6


def run(
    kit: ModuleType, truth: npt.NDArray[np.void], suggestion: Suggestion, rng: np.random.Generator
) -> list[Observation]:
    """A coupon on a bench with other parameters, 0.02 of composition and 3 % of pulse energy."""
    lines = [
        site.writing.model_copy(update={"pulse_energy_uJ": site.writing.pulse_energy_uJ * np.exp(rng.normal(0, 0.03))})
        for site in suggestion.sites
    ]
    settings = physics.settings(lines, 0.5 + rng.normal(0, 0.02))
    seen = physics.predict(settings, physics.steps_array(suggestion.heat_treatment.steps()), truth)[0]
    red, green = (2e4 * seen[f"{phase}_intensity"] * rng.normal(1, 0.02, len(lines)) for phase in ("red", "green"))
    peak_nm = hc_eV_nm / (seen["red_peak_eV"] + rng.normal(0, 0.001, len(lines)))
    return kit.answered(suggestion, lambda i: kit.luminescence(peak_nm[i], green[i] / red[i], red[i]))


def reached(kit: ModuleType, optimizer: Optimizer) -> list[float]:
    truth = physics.draw(np.random.default_rng(SEED), 1, 0.45)
    rng, rack, told = np.random.default_rng(SEED), kit.rack(N_COUPONS), []
    for _ in range(N_COUPONS):
        optimizer.ingest(run(kit, truth, optimizer.suggest(rack), rng))
        told.append(optimizer.status().p_reached)
    return told


@pytest.mark.parametrize("kind", ["physics", "random"])
def test_the_agent_reaches_the_specification_and_chance_does_not(kit: ModuleType, kind: str) -> None:
    space, objective, layout = SearchSpace(), Objective(), kit.layout_of(N_SITES)
    if kind == "physics":
        quick = Search(n_draws=64, n_screening_draws=32, n_writings=40, n_furnace=10, n_refinements=1)
        p_reached = reached(kit, Agent(space, objective, layout, SEED, search=quick))
        assert p_reached[-1] > 0.8  # of 12 sites on two coupons: how far coupons differ is not known yet
        assert p_reached[0] < 0.5  # it had to learn
    else:
        assert (
            max(reached(kit, make_optimizer("random", space=space, objective=objective, layout=layout, seed=SEED)))
            < 0.5
        )
