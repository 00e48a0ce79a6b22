"""The latents' maximum a posteriori, found by Levenberg-Marquardt, with its curvature and what does not fit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from beamline.optimize.algebra import Factor
from beamline.optimize.discrepancy import Discrepancy
from beamline.optimize.likelihood import Linear, Problem
from beamline.optimize.sizes import Sizes

__all__ = ["Maximum", "maximise", "surprise", "with_sizes"]

Floats = npt.NDArray[np.float64]

MAX_LATENT_STEP = 1.0
"""Longest move of one coordinate in one step, in prior sigmas: the linearisation is not trusted further."""
SETTLED = 2e-3
"""Relative fall of the cost below which the search ends."""
GIVE_UP_DAMPING = 1e6
LIMIT_ROUNDS = 4
"""How often the stand-ins of limits are renewed before the first step; they follow the latents later."""

STOOD_STILL = 0.02
"""Move of the truth at a limit, in units of the limit's softness, for which its stand-in is not renewed."""


@dataclass(frozen=True)
class Maximum:
    """Where the search ended.

    Attributes:
        linear: the rows linearised there.
        number: rows as Gaussian data, (n,).
        variance: of their noise, (n,).
        factor: of the rows' covariance with that noise.
        latent_covariance: of the latents under the linearised posterior, (n_latent, n_latent).
        odd: variance that rows have for themselves besides, (n,).
        widening: of the latents' prior.
    """

    linear: Linear
    number: Floats
    variance: Floats
    factor: Factor
    latent_covariance: Floats
    odd: Floats
    widening: float

    @property
    def latent_sd(self) -> Floats:
        """One sigma of each latent, (n_latent,)."""
        return np.asarray(np.sqrt(np.diag(self.latent_covariance)))

    @property
    def truth(self) -> Floats:
        """What is believed of the rows without the noise of the analysis, (n,)."""
        return np.asarray(self.number - self.variance * self.factor.solve(self.number - self.linear.mean))


def maximise(
    problem: Problem,
    discrepancy: Discrepancy,
    sizes: Sizes,
    start: Floats | Maximum,
    odd: Floats,
    *,
    max_steps: int,
) -> Maximum:
    """Searches from some latents; covariance and stand-ins of the limits are renewed at every step.

    Args:
        problem: the rows.
        discrepancy: prior of the misfit, with the amplitudes of the sizes.
        sizes: of the scatter and of the latents' prior.
        start: latents, (n_latent,), or a maximum of the same rows under other sizes: its stand-ins of limits are still good.
        odd: variance that rows have for themselves besides, (n,).
        max_steps: of the search.
    """
    weight = sizes.widening**-2
    damping = 1e-3
    if isinstance(start, Maximum):
        linear = problem.linearise(start.linear.at, discrepancy, sizes.noise)
        truth, rounds = start.truth, 1
    else:
        linear = problem.linearise(start, discrepancy, sizes.noise)
        truth, rounds = linear.mean, LIMIT_ROUNDS
    for _ in range(max_steps):
        number, variance, factor, truth = _renewed(problem, linear, truth, odd, rounds)
        rounds = 1
        cost = _cost(weight, linear.at, number - linear.mean, factor)
        trial, trial_cost, damping = _step(problem, linear, number, factor, (weight, damping))
        if trial_cost >= cost:
            break
        linear = problem.linearise(trial, discrepancy, sizes.noise)
        if cost - trial_cost < SETTLED * cost:
            break
    number, variance, factor, _ = _renewed(problem, linear, truth, odd, rounds)
    curvature = weight * np.eye(len(linear.at)) + factor.gram(linear.latent)
    return Maximum(
        linear=linear,
        number=number,
        variance=variance,
        factor=factor,
        latent_covariance=np.asarray(np.linalg.inv(curvature), dtype=float),
        odd=odd,
        widening=sizes.widening,
    )


def with_sizes(problem: Problem, found: Maximum, discrepancy: Discrepancy, sizes: Sizes) -> Maximum:
    """The same place under other sizes; the latents' covariance is left as it was."""
    linear = problem.with_sizes(found.linear, discrepancy, sizes.noise)
    variance = np.where(problem.is_value, linear.sd**2, found.variance)
    factor = linear.covariance.factor(variance + found.odd)
    return Maximum(linear, found.number, variance, factor, found.latent_covariance, found.odd, sizes.widening)


def surprise(found: Maximum) -> tuple[Floats, Floats]:
    """Each row against what all others say, latents integrated out (Rasmussen and Williams 2006, eq. 5.12).

    Returns:
        z-scores (n,), and variances of the rows under all others, their noise included, (n,).
    """
    linear = found.linear
    whole = linear.covariance.factor(found.variance + found.odd, more=found.widening * linear.latent)
    residual = found.number - linear.mean + linear.latent @ linear.at
    diagonal = whole.inverse_diagonal()
    return whole.solve(residual) / np.sqrt(diagonal), 1.0 / diagonal


def _cost(weight: float, latent: Floats, residual: Floats, factor: Factor) -> float:
    return float(weight * latent @ latent + factor.squares(residual))


def _step(
    problem: Problem, linear: Linear, number: Floats, factor: Factor, damped: tuple[float, float]
) -> tuple[Floats, float, float]:
    """One damped Gauss-Newton step that lowers the cost, if there is one: latents, their cost, next damping."""
    weight, damping = damped
    residual = number - linear.mean
    products = factor.gram(np.column_stack([linear.latent, residual]))
    curvature = weight * np.eye(len(linear.at)) + products[:-1, :-1]
    gradient = products[:-1, -1] - weight * linear.at
    cost = _cost(weight, linear.at, residual, factor)
    while damping < GIVE_UP_DAMPING:
        step = np.linalg.solve(curvature + damping * np.diag(np.diag(curvature)), gradient)
        step *= min(1.0, MAX_LATENT_STEP / max(float(np.abs(step).max()), 1e-12))
        trial = linear.at + step
        rows = problem.rows(problem.values_at(trial)[None], trial[None])[0]
        trial_cost = _cost(weight, trial, number - rows, factor)
        if trial_cost < cost:
            return trial, trial_cost, max(damping / 10.0, 1e-6)
        damping = max(10.0 * damping, 1e-2)
    return linear.at, cost, damping


def _renewed(
    problem: Problem, linear: Linear, truth: Floats, odd: Floats, rounds: int
) -> tuple[Floats, Floats, Factor, Floats]:
    """Gaussian stand-ins of the limits at the mean of the truth, which they move: numbers, variances, factor, truth."""
    number, variance = problem.as_gaussian(truth, linear.sd)
    factor = linear.covariance.factor(variance + odd)
    limits = ~problem.is_value
    for _ in range(rounds if limits.any() else 0):
        before, truth = truth, number - variance * factor.solve(number - linear.mean)
        if (np.abs(truth - before)[limits] <= STOOD_STILL * linear.sd[limits]).all():
            break
        number, variance = problem.as_gaussian(truth, linear.sd)
        factor = linear.covariance.factor(variance + odd)
    return number, variance, factor, truth
