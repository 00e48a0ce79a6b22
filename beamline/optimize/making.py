"""Makes an optimiser by the name of its kind; what is heavy is loaded only for the kind that is asked for."""

from __future__ import annotations

from beamline.optimize.objective import Objective
from beamline.optimize.protocol import Layout, Optimizer, OptimizerKind
from beamline.optimize.space import SearchSpace

__all__ = ["make_optimizer"]


def make_optimizer(
    kind: OptimizerKind, *, space: SearchSpace, objective: Objective, layout: Layout, seed: int
) -> Optimizer:
    """An optimiser without observations.

    Args:
        kind: "physics" (the agent), "skopt" (scikit-optimize as it comes) or "random".
        space: bounds.
        objective: what is wanted.
        layout: sites of a coupon.
        seed: of all random numbers; a whole number of at least 0.

    Raises:
        ValueError: no such kind, or a negative seed.
    """
    if kind == "physics":
        from beamline.optimize.agent import Agent  # noqa: PLC0415  # scipy and numba

        return Agent(space, objective, layout, seed)
    if kind not in {"skopt", "random"}:
        raise ValueError(f'{kind=}: no such optimiser; it is "physics", "skopt" or "random"')
    from beamline.optimize.peers import RandomOptimizer, SkoptOptimizer  # noqa: PLC0415  # numpy only, skopt later

    peer = SkoptOptimizer if kind == "skopt" else RandomOptimizer
    return peer(space, objective, layout, seed)
