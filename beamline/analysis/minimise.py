"""Least squares within bounds: damped Gauss-Newton steps, then Newton steps, on the numbers themselves.

Where bands overlap, some directions are so flat that what Gauss and Newton leave out of the second derivatives is as
large as what they keep: their steps then creep for hundreds of evaluations. After a few of them the matrix is taken from
differences of the gradient.

Bounds are kept by projection: a number on its bound that the gradient pushes further out is left out of the step
(Bertsekas, SIAM J. Control Optim. 20, 221, 1982). Transforming bounded numbers into unbounded ones, as MINUIT and lmfit
do, bends the valleys of overlapping bands so much that three in ten fits were not done after 70 evaluations.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Least", "least_squares"]

Floats = NDArray[np.float64]

Evaluation = Callable[[Floats], tuple[Floats, Floats]]

N_FIRST = 8
"""Steps of Gauss and Newton; those that follow know the second derivatives too."""
DIFFERENCE_SD = 0.05
DONE = 1e-3
"""A full step that would lower the sum of squares by less than this is within 0.03 sigma of the minimum."""
MAX_DAMPING = 1e9


@dataclass(frozen=True, slots=True)
class Least:
    """Where the search ended: `values` (k,), the sum of squares there, and whether it is a minimum."""

    values: Floats
    cost: float
    converged: bool


def least_squares(at: Evaluation, start: Floats, low: Floats, high: Floats, *, max_steps: int) -> Least:
    """Find a minimum of a sum of squares.

    Args:
        at: residuals (n,) and their derivatives (k, n) at given values (k,).
        start: where to begin, (k,).
        low: lower bounds, (k,).
        high: upper bounds, (k,).
        max_steps: evaluations at most.

    Returns:
        The best place that was seen.
    """
    values = np.clip(start, low, high)
    residual, rows = at(values)
    cost, damping, growth = float(residual @ residual), 1e-3, 2.0
    is_new, second = True, np.zeros((0, 0))
    for i in range(max_steps):
        slope = rows @ residual
        free = ~(((values <= low) & (slope > 0)) | ((values >= high) & (slope < 0)))
        if not free.any():
            return Least(values, cost, converged=True)
        if is_new:
            second = rows @ rows.T if i < N_FIRST else _curvature(at, values, slope, rows)
        size = np.sqrt(np.maximum(np.diag(rows @ rows.T)[free], 1e-300))
        scaled, downhill = second[np.ix_(free, free)] / np.outer(size, size), -slope[free] / size
        bend, axes = np.linalg.eigh(scaled)
        along = axes.T @ downhill
        if bend[0] > 0 and float(along @ (along / np.maximum(bend, 1e-10))) < DONE:
            return Least(values, cost, converged=True)
        # where the valley bends down, its bottom is on the other side of the damped step
        step = axes @ (along / (np.maximum(np.abs(bend), 1e-10) + damping))
        trial = values.copy()
        trial[free] = np.clip(values[free] + step / size, low[free], high[free])
        new_residual, new_rows = at(trial)
        new_cost = float(new_residual @ new_residual)
        is_new = bool(np.isfinite(new_cost)) and new_cost < cost
        if is_new:
            moved = (trial - values)[free] * size
            foreseen = 2.0 * float(downhill @ moved) - float(moved @ scaled @ moved)
            ratio = (cost - new_cost) / foreseen if foreseen > 0 else 0.5
            damping = max(damping * max(1.0 / 3.0, 1.0 - (2.0 * ratio - 1.0) ** 3), 1e-12)
            growth = 2.0
            values, residual, rows, cost = trial, new_residual, new_rows, new_cost
        else:
            damping, growth = damping * growth, growth * 2.0
            if damping > MAX_DAMPING:
                break
    return Least(values, cost, converged=False)


def _curvature(at: Evaluation, values: Floats, slope: Floats, rows: Floats) -> Floats:
    """Half the matrix of second derivatives of the sum of squares, by differences of its gradient, shape (k, k)."""
    out = np.empty((len(values), len(values)))
    for i, size in enumerate(np.linalg.norm(rows, axis=1)):
        step = DIFFERENCE_SD / max(float(size), 1e-150)
        moved = values.copy()
        moved[i] += step
        there, rows_there = at(moved)
        out[i] = (rows_there @ there - slope) / step
    return np.asarray(0.5 * (out + out.T))
