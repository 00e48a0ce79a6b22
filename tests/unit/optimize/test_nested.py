"""The peers that know coupons and no physics: what they make of outcomes, and that they learn."""

from __future__ import annotations

from importlib.util import find_spec
from types import ModuleType

import numpy as np
import pytest

from beamline.optimize import Objective, Optimizer, OptimizerKind, SearchSpace, make_optimizer
from beamline.optimize.nested import BEYOND_LIMIT, GpOptimizer
from beamline.recipe import NoLuminescence

TRUTH = np.array([0.5, 0.0, 0.5, 0.0, 0.3])
needs_botorch = pytest.mark.skipif(find_spec("botorch") is None, reason="the extra `botorch` is not installed")


def campaign(kit: ModuleType, kind: OptimizerKind, seed: int, n_coupons: int) -> Optimizer:
    optimizer = make_optimizer(kind, space=SearchSpace(), objective=Objective(), layout=kit.layout_of(4), seed=seed)
    rack = kit.rack(n_coupons)
    for k in range(n_coupons):
        suggestion = optimizer.suggest(rack)
        optimizer.ingest(kit.answered_by(kit.SmallPrior(), suggestion, TRUTH, np.random.default_rng([seed, k])))
    return optimizer


def test_processes_of_the_observables_end_higher_than_points_that_learn_nothing(kit: ModuleType) -> None:
    best = {
        kind: np.median([campaign(kit, kind, seed, 5).status().trace[-1].utility for seed in range(4)])
        for kind in ("gp", "sobol")
    }
    assert best["gp"] > 1.5 * best["sobol"]


def test_dark_sites_are_low_intensities_and_unknown_peaks(kit: ModuleType) -> None:
    optimizer = GpOptimizer(SearchSpace(), Objective(), kit.layout_of(3), 1)
    suggestion = optimizer.suggest(kit.rack(1))
    dark, lit = NoLuminescence(rate_limit_counts_s=60.0), kit.luminescence(625.0, 2.0, 3000.0)
    optimizer.ingest(kit.answered(suggestion, lambda i: lit if i == 1 else dark))
    values = optimizer.table(optimizer.standing(1)[0]).values
    assert np.isnan(values[[0, 2], :2]).all()
    assert values[0, 2:] == pytest.approx(np.log(60.0) - BEYOND_LIMIT)
    assert np.isfinite(values[1]).all()
    optimizer.ingest(kit.answered(optimizer.suggest(kit.rack(2)), lambda _: dark))
    assert optimizer.suggest(kit.rack(3)).coupon.serial == "C3"  # a night with one lit site goes on


@needs_botorch
@pytest.mark.parametrize("kind", ["botorch", "botorch-physics"])
def test_botorch_suggests_coupons_of_distinct_sites(kit: ModuleType, kind: OptimizerKind) -> None:
    optimizer = campaign(kit, kind, 3, 2)
    suggestion = optimizer.suggest(kit.rack(3))
    assert len({site.writing for site in suggestion.sites}) == 4
    assert "BoTorch" in suggestion.reason
    assert optimizer.suggest(kit.rack(3)) == suggestion
