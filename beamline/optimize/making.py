"""Makes an optimiser by the name of its kind; what is heavy is loaded only for the kind that is asked for."""

from __future__ import annotations

from typing import get_args

from beamline.optimize.objective import Objective
from beamline.optimize.protocol import Hours, Layout, Optimizer, OptimizerKind
from beamline.optimize.space import SearchSpace
from beamline.physics import PRIOR, Prior

__all__ = ["make_optimizer"]


def make_optimizer(
    kind: OptimizerKind,
    *,
    space: SearchSpace,
    objective: Objective,
    layout: Layout,
    seed: int,
    prior: Prior = PRIOR,
    hours: Hours | None = None,
) -> Optimizer:
    """An optimiser without observations.

    Args:
        kind: "physics" (the agent); without physics "gp" (the agent's structure, Gaussian processes), "skopt"
            (scikit-optimize as it comes), "sobol", "random"; with the extra `botorch` "botorch", and "botorch-physics",
            which has the physics model as prior mean.
        space: bounds.
        objective: what is wanted.
        layout: sites of a coupon.
        seed: of all random numbers; a whole number of at least 0.
        prior: of the model's parameters; for "physics". One that was learnt by a campaign is not insisted on.
        hours: what a coupon costs, weighed by "physics"; None where all coupons cost the same.

    Raises:
        ValueError: no such kind, or a negative seed.
        ModuleNotFoundError: the extra that the kind needs is not installed.
    """
    if kind == "physics":
        if prior.learned_from:
            from beamline.optimize.sceptic import Sceptic  # noqa: PLC0415  # scipy and numba

            return Sceptic(space, objective, layout, seed, prior=prior, hours=hours)
        from beamline.optimize.agent import Agent  # noqa: PLC0415  # scipy and numba
        from beamline.optimize.prior import PhysicsPrior  # noqa: PLC0415  # as above

        physics = PhysicsPrior(prior=prior, n_observables=objective.n_observables)
        return Agent(space, objective, layout, seed, prior=physics, hours=hours)
    if kind in {"gp", "sobol"}:
        from beamline.optimize.nested import GpOptimizer, SobolOptimizer  # noqa: PLC0415  # scipy

        return (GpOptimizer if kind == "gp" else SobolOptimizer)(space, objective, layout, seed)
    if kind in {"botorch", "botorch-physics"}:
        from beamline.optimize.botorch_peer import BotorchOptimizer, BotorchPhysicsOptimizer  # noqa: PLC0415  # torch, an extra

        return (BotorchOptimizer if kind == "botorch" else BotorchPhysicsOptimizer)(space, objective, layout, seed)
    if kind not in {"skopt", "random"}:
        kinds = ", ".join(f'"{one}"' for one in get_args(OptimizerKind))
        raise ValueError(f"{kind=}: no such optimiser; there are {kinds}")
    from beamline.optimize.peers import RandomOptimizer, SkoptOptimizer  # noqa: PLC0415  # numpy only, skopt later

    peer = SkoptOptimizer if kind == "skopt" else RandomOptimizer
    return peer(space, objective, layout, seed)
