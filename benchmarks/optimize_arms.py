"""The arms of benchmarks/optimize.py: optimisers by name, and priors that are badly wrong."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np

from beamline.campaign import Campaign
from beamline.optimize import Optimizer, make_optimizer
from beamline.optimize.prior import SPREAD_SCALE
from beamline.physics import PRIOR, Parameter, Prior

__all__ = ["ARMS", "PARAMETERS_ONLY", "make_arm", "without_furnace_exchange", "wrong_by"]

ARMS: dict[str, str] = {
    "ours": "the agent with the physics as its prior",
    "oracle": "the same on a bench of the same parameters without any structure that the model does not have",
    "botorch-physics": "BoTorch, nested and composite, with the physics at its nominal parameters as prior mean",
    "botorch": "BoTorch without physics, nested and composite",
    "gp": "the agent's nested structure on Gaussian processes without physics",
    "skopt": "scikit-optimize's ask(n), the first point's heat treatment forced on the coupon",
    "sobol": "Sobol' points",
    "random": "uniform",
    "ours-4-sigma": "the agent with twelve parameters of its prior 4 of its standard deviations off",
    "ours-no-exchange": "the agent with a prior that has no halide exchange in the furnace",
}
"""What each is."""
PARAMETERS_ONLY = frozenset({"oracle"})
"""Arms that are run on a bench without structural effects."""

MATTERING = (
    "absorptivity_limit",
    "conductivity_W_mK",
    "nose_K",
    "nose_time_s",
    "loss_per_transport",
    "exchange_per_transport",
    "conversion_steepness",
    "furnace_exchange_rate_1_s",
    "furnace_exchange_barrier_eV",
    "residual_enrichment",
    "gap_I_eV",
    "red_diameter_nm",
)
"""Parameters that are moved for `ours-4-sigma`: of heat, nucleation, exchange in the beam and in the furnace, and emission."""


def wrong_by(sigmas: float, seed: int) -> Prior:
    """The prior with every one of `MATTERING` moved, up or down by the seed, in the agent's standard deviations."""
    signs = np.random.default_rng([41, seed]).choice([-1.0, 1.0], len(MATTERING))
    moves = dict(zip(MATTERING, sigmas * SPREAD_SCALE * signs, strict=True))

    def moved(parameter: Parameter) -> Parameter:
        by = moves.get(parameter.name, 0.0) * parameter.spread
        is_log = parameter.prior == "lognormal"
        return dataclasses.replace(
            parameter, nominal=parameter.nominal * math.exp(by) if is_log else parameter.nominal + by
        )

    return Prior(tuple(moved(parameter) for parameter in PRIOR.parameters), PRIOR.correlations)


def without_furnace_exchange() -> Prior:
    """The prior of somebody who knows nothing of halide exchange in the furnace: its rate is nothing, and surely so."""

    def changed(parameter: Parameter) -> Parameter:
        if parameter.name != "furnace_exchange_rate_1_s":
            return parameter
        return dataclasses.replace(parameter, nominal=1e-6 * parameter.nominal, spread=0.1)

    return Prior(tuple(changed(parameter) for parameter in PRIOR.parameters), PRIOR.correlations)


def make_arm(name: str, campaign: Campaign, seed: int) -> Optimizer:
    """An arm's optimiser without observations.

    Raises:
        ValueError: there is no such arm.
    """
    if name not in ARMS:
        raise ValueError(f"no arm {name!r}; there are: {', '.join(ARMS)}")
    priors = {"ours-4-sigma": lambda: wrong_by(4.0, seed), "ours-no-exchange": without_furnace_exchange}
    kind: Any = "physics" if name in {"ours", "oracle", *priors} else name
    return make_optimizer(
        kind,
        space=campaign.space,
        objective=campaign.objective,
        layout=campaign.layout,
        seed=seed,
        prior=priors.get(name, lambda: PRIOR)(),
    )
