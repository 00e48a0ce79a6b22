"""The latents' maximum a posteriori, found by Levenberg-Marquardt, with its curvature and what does not fit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.linalg import solve_triangular

from beamline.optimize.discrepancy import DEFAULT_AMPLITUDE, Discrepancy, fitted_amplitude
from beamline.optimize.likelihood import Linear, Problem
from beamline.optimize.noise import Noise
from beamline.optimize.observables import Observable

__all__ = ["Maximum", "amplitudes", "maximise"]

Floats = npt.NDArray[np.float64]

MAX_LATENT_STEP = 1.0
"""Longest move of one coordinate in one step, in prior sigmas: the linearisation is not trusted further."""
SETTLED = 2e-3
"""Relative fall of the cost below which the search ends."""
GIVE_UP_DAMPING = 1e6


@dataclass(frozen=True)
class Maximum:
    """Where the search ended.

    Attributes:
        linear: the rows linearised there.
        number: rows as Gaussian data, (n,).
        variance: of their noise, (n,).
        latent_sd: one sigma of each latent under the linearised posterior, (n_latent,).
        surprise: z-score of each row against what all others say, latents integrated out, (n,).
        foreseen: variance of each row under all others, its noise included, (n,).
        odd: variance that rows have for themselves besides, (n,).
    """

    linear: Linear
    number: Floats
    variance: Floats
    latent_sd: Floats
    surprise: Floats
    foreseen: Floats
    odd: Floats


def maximise(problem: Problem, discrepancy: Discrepancy, start: Floats, odd: Floats, max_steps: int) -> Maximum:
    """Searches from some latents; covariance and stand-ins of the limits are renewed at every step.

    Args:
        problem: the rows.
        discrepancy: prior of the misfit.
        start: (n_latent,).
        odd: variance that rows have for themselves besides, (n,).
        max_steps: of the search.
    """
    linear = problem.linearise(start, discrepancy, odd)
    truth, damping = linear.mean, 1e-3
    for _ in range(max_steps):
        number, variance, factor, truth = _renewed(problem, linear, truth)
        cost = _cost(linear.at, number - linear.mean, factor)
        trial, trial_cost, damping = _step(problem, linear, number, factor, damping)
        if trial_cost >= cost:
            break
        linear = problem.linearise(trial, discrepancy, odd)
        if cost - trial_cost < SETTLED * cost:
            break
    number, variance, factor, _ = _renewed(problem, linear, truth)
    slope = solve_triangular(factor, linear.latent, lower=True)
    curvature = np.eye(len(start)) + slope.T @ slope
    # Leave-one-out (Rasmussen and Williams 2006, eq. 5.12) under the linearised model.
    precision = np.linalg.inv(linear.covariance + np.diag(variance) + linear.latent @ linear.latent.T)
    residual = number - linear.mean + linear.latent @ linear.at
    return Maximum(
        linear=linear,
        number=number,
        variance=variance,
        latent_sd=np.sqrt(np.diag(np.linalg.inv(curvature))),
        surprise=precision @ residual / np.sqrt(np.diag(precision)),
        foreseen=1.0 / np.diag(precision),
        odd=odd,
    )


def _cost(latent: Floats, residual: Floats, factor: Floats) -> float:
    left = solve_triangular(factor, residual, lower=True)
    return float(latent @ latent + left @ left)


def _step(
    problem: Problem, linear: Linear, number: Floats, factor: Floats, damping: float
) -> tuple[Floats, float, float]:
    """One damped Gauss-Newton step that lowers the cost, if there is one: latents, their cost, next damping."""
    slope = solve_triangular(factor, linear.latent, lower=True)
    left = solve_triangular(factor, number - linear.mean, lower=True)
    curvature = np.eye(len(linear.at)) + slope.T @ slope
    gradient = slope.T @ left - linear.at
    cost = _cost(linear.at, number - linear.mean, factor)
    while damping < GIVE_UP_DAMPING:
        step = np.linalg.solve(curvature + damping * np.diag(np.diag(curvature)), gradient)
        step *= min(1.0, MAX_LATENT_STEP / max(float(np.abs(step).max()), 1e-12))
        trial = linear.at + step
        rows = problem.rows(problem.prior.observables(trial[None], problem.evidence.sites), trial[None])[0]
        trial_cost = _cost(trial, number - rows, factor)
        if trial_cost < cost:
            return trial, trial_cost, max(damping / 10.0, 1e-6)
        damping = max(10.0 * damping, 1e-2)
    return linear.at, cost, damping


def _renewed(problem: Problem, linear: Linear, truth: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Gaussian stand-ins of the limits at the mean of the truth, which they move: numbers, variances, factor, truth."""
    number, variance = problem.as_gaussian(truth)
    factor = np.asarray(np.linalg.cholesky(linear.covariance + np.diag(variance)), dtype=float)
    for _ in range(0 if problem.is_value.all() else 4):
        left = solve_triangular(factor, number - linear.mean, lower=True)
        truth = number - variance * solve_triangular(factor.T, left, lower=False)
        number, variance = problem.as_gaussian(truth)
        factor = np.asarray(np.linalg.cholesky(linear.covariance + np.diag(variance)), dtype=float)
    return number, variance, factor, truth


def amplitudes(problem: Problem, found: Maximum) -> Floats:
    """Amplitudes of the misfit, by observable, from the residuals of the measured values, (4,)."""
    evidence, noise, linear = problem.evidence, problem.noise, found.linear
    n = evidence.n_rows
    residual = found.number[:n] - linear.mean[:n]
    rest = noise.ln_energy**2 * linear.log_energy**2 + found.variance[:n]
    fitted = np.empty(len(Observable))
    for observable in Observable:
        rows = (evidence.row_weights[:, observable] == 1.0) & problem.is_value[:n]
        site = evidence.row_site[rows]
        fitted[observable] = fitted_amplitude(
            problem.where[site],
            evidence.coupon[site],
            residual[rows],
            sd=np.sqrt(rest[rows] + noise.site[observable, observable]),
            coupon_sd=_coupon_sd(noise, linear.iodide[rows], observable),
            default=float(DEFAULT_AMPLITUDE[observable]),
        )
    return fitted


def _coupon_sd(noise: Noise, by_iodide: Floats, observable: Observable) -> float:
    """Size of what a coupon's sites share in one observable, its composition at the mean slope of the rows (n,)."""
    slope = float(by_iodide.mean()) if len(by_iodide) else 0.0
    return float(np.hypot(np.sqrt(noise.coupon[observable, observable]), noise.iodide_fraction * slope))
