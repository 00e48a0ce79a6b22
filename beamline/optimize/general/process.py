"""A Gaussian process without a model of the world: constant mean, one length scale for each factor, noise learnt.

What scikit-optimize's regressor does less well, and why this stands beside it, is in docs/decisions/017: its bounds on
hyperparameters are the only prior, and with few data the fit runs to them. Here the length scales have log-normal priors
that grow with the square root of the number of factors (Hvarfner, Hellsten and Nardi, "Vanilla Bayesian optimization
performs great in high dimensions", ICML 2024), and what is maximised is the posterior density.

Factors are points of the unit cube; values are scaled to mean 0 and variance 1 inside.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.linalg import cho_solve, solve_triangular
from scipy.optimize import minimize

__all__ = ["GaussianProcess", "KernelName", "fit"]

Floats = npt.NDArray[np.float64]
KernelName = Literal["matern52", "rbf"]

SCALE_LOG_MEAN, SCALE_LOG_SD = -0.7, 1.0
"""Normal prior of a length scale's logarithm; half the logarithm of the number of factors is added to the mean."""
NOISE_LOG_MEAN, NOISE_LOG_SD = -5.0, 1.0
"""Normal prior of the logarithm of the noise's variance, in variances of the values."""
LOG_BOUNDS_SCALE = (np.log(2.5e-2), np.log(1e3))
LOG_BOUNDS_NOISE = (np.log(1e-5), np.log(10.0))
JITTER = 1e-8
SQRT5 = np.sqrt(5.0)


@dataclass(frozen=True)
class GaussianProcess:
    """A fitted process.

    Attributes:
        x: where values are known, (n, d), in the unit cube.
        scales: length scales, (d,).
        noise: variance of the noise, in variances of the values.
        kernel: correlation function.
        offset, spread: of the values: their mean and standard deviation.
        mean: constant mean, scaled.
        weights: K^-1 (y - mean), scaled, (n,).
        factor: lower Cholesky factor of K, (n, n).
        log_density: of the hyperparameters, posterior, but for a constant.
    """

    x: Floats
    scales: Floats
    noise: float
    kernel: KernelName
    offset: float
    spread: float
    mean: float
    weights: Floats
    factor: Floats
    log_density: float

    def predict(self, at: Floats) -> tuple[Floats, Floats]:
        """Mean and standard deviation of the noiseless function at points (m, d): (m,), (m,)."""
        k = correlation(at, self.x, self.scales, self.kernel)
        half = solve_triangular(self.factor, k.T, lower=True, check_finite=False)
        variance = np.maximum(1.0 - np.einsum("ij,ij->j", half, half), 1e-12)
        return self.offset + self.spread * (self.mean + k @ self.weights), self.spread * np.sqrt(variance)

    def slope(self, at: Floats) -> tuple[float, float, Floats, Floats]:
        """Mean, standard deviation and their gradients at one point (d,)."""
        k, dk = correlation_slope(at, self.x, self.scales, self.kernel)
        solved = cho_solve((self.factor, True), k, check_finite=False)
        sd = float(np.sqrt(max(1.0 - float(k @ solved), 1e-12)))
        mean = self.offset + self.spread * (self.mean + float(k @ self.weights))
        return mean, self.spread * sd, self.spread * (self.weights @ dk), -self.spread * (solved @ dk) / sd

    def covariance(self, at: Floats) -> Floats:
        """Joint covariance of the noiseless function at points, (m, m)."""
        half = solve_triangular(self.factor, correlation(at, self.x, self.scales, self.kernel).T, lower=True)
        return np.asarray(self.spread**2 * (correlation(at, at, self.scales, self.kernel) - half.T @ half))

    def believing(self, at: Floats) -> GaussianProcess:
        """The process after it was told its own mean at more points, (m, d): only the uncertainty changes."""
        told = np.concatenate([self._values(), (self.predict(at)[0] - self.offset) / self.spread])
        return _conditioned(
            np.vstack([self.x, at]), told, self.scales, self.noise, self.kernel, self.offset, self.spread
        )

    def _values(self) -> Floats:
        return np.asarray(self.mean + self.factor @ (self.factor.T @ self.weights))


def _radius(one: Floats, other: Floats, scales: Floats) -> Floats:
    a, b = one / scales, other / scales
    square = np.sum(a**2, 1)[:, None] + np.sum(b**2, 1)[None, :] - 2.0 * a @ b.T
    return np.asarray(np.sqrt(np.maximum(square, 0.0)))


def correlation(one: Floats, other: Floats, scales: Floats, kernel: KernelName) -> Floats:
    """Correlation between points (a, d) and (b, d): (a, b)."""
    r = _radius(one, other, scales)
    if kernel == "rbf":
        return np.asarray(np.exp(-0.5 * r**2))
    return np.asarray((1.0 + SQRT5 * r + 5.0 / 3.0 * r**2) * np.exp(-SQRT5 * r))


def correlation_slope(at: Floats, other: Floats, scales: Floats, kernel: KernelName) -> tuple[Floats, Floats]:
    """Correlation of one point (d,) with others (b, d), and its gradient by the one: (b,), (b, d)."""
    difference = (at - other) / scales
    r = np.sqrt(np.sum(difference**2, 1))
    if kernel == "rbf":
        k = np.exp(-0.5 * r**2)
        return k, -k[:, None] * difference / scales
    decay = np.exp(-SQRT5 * r)
    return (1.0 + SQRT5 * r + 5.0 / 3.0 * r**2) * decay, -5.0 / 3.0 * ((1.0 + SQRT5 * r) * decay)[
        :, None
    ] * difference / scales


def _conditioned(  # noqa: PLR0917  # all of a process, in its order
    x: Floats, y: Floats, scales: Floats, noise: float, kernel: KernelName, offset: float, spread: float
) -> GaussianProcess:
    covariance = correlation(x, x, scales, kernel) + (noise + JITTER) * np.eye(len(x))
    factor = np.linalg.cholesky(covariance)
    ones = cho_solve((factor, True), np.ones(len(x)))
    mean = float(ones @ y / ones.sum())
    weights = cho_solve((factor, True), y - mean)
    return GaussianProcess(
        x, scales, noise, kernel, offset, spread, mean, np.asarray(weights), np.asarray(factor), np.nan
    )


def _negative_log_density(
    theta: Floats, x: Floats, y: Floats, squares: Floats, kernel: KernelName
) -> tuple[float, Floats]:
    """Minus the logarithm of the posterior density of the hyperparameters, and its gradient."""
    d = x.shape[1]
    scales, noise = np.exp(theta[:d]), float(np.exp(theta[d]))
    square = np.tensordot(squares, scales**-2, axes=(2, 0))
    r = np.sqrt(square)
    if kernel == "rbf":
        k = np.exp(-0.5 * square)
        steep = k
    else:
        decay = np.exp(-SQRT5 * r)
        k = (1.0 + SQRT5 * r + 5.0 / 3.0 * square) * decay
        steep = 5.0 / 3.0 * (1.0 + SQRT5 * r) * decay
    try:
        factor = np.linalg.cholesky(k + (noise + JITTER) * np.eye(len(y)))
    except np.linalg.LinAlgError:
        return 1e10, np.zeros_like(theta)
    inverse = cho_solve((factor, True), np.eye(len(y)), check_finite=False)
    ones = inverse.sum(1)
    mean = float(ones @ y / ones.sum())
    weights = inverse @ (y - mean)
    log_mean = SCALE_LOG_MEAN + 0.5 * np.log(d)
    # Densities of the logarithms: the mode stays where it is when a factor's unit changes.
    off = np.append((theta[:d] - log_mean) / SCALE_LOG_SD, (theta[d] - NOISE_LOG_MEAN) / NOISE_LOG_SD)
    value = 0.5 * float((y - mean) @ weights) + float(np.log(np.diag(factor)).sum()) + 0.5 * float(off @ off)
    inner = (inverse - np.outer(weights, weights)) * 0.5
    slope = np.empty_like(theta)
    slope[:d] = np.tensordot(inner * steep, squares, axes=([0, 1], [0, 1])) / scales**2
    slope[d] = float(np.trace(inner)) * noise
    slope += off / np.append(np.full(d, SCALE_LOG_SD), NOISE_LOG_SD)
    return value, slope


def fit(
    x: Floats,
    y: Floats,
    *,
    kernel: KernelName = "matern52",
    starts: int = 4,
    rng: np.random.Generator,
    warm: Floats | None = None,
) -> GaussianProcess:
    """The process with the most probable hyperparameters.

    Args:
        x: points of the unit cube, (n, d).
        y: values, (n,), finite.
        kernel: correlation function.
        starts: of the search for hyperparameters: the mode of the prior, and others drawn from it.
        rng: for these.
        warm: length scales and noise of an earlier fit, (d + 1,), tried first.

    Raises:
        ValueError: shapes disagree, there are no data, or a number is not finite.
    """
    x, y = np.atleast_2d(np.asarray(x, float)), np.asarray(y, float)
    if x.ndim != 2 or y.shape != (len(x),) or len(y) == 0:
        raise ValueError(f"x must have the shape (n, d) and y (n,) with n > 0, not {x.shape} and {y.shape}")
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise ValueError("x and y must be finite: leave out what was not measured")
    d = x.shape[1]
    offset = float(y.mean())
    spread = float(y.std(ddof=1)) if len(y) > 1 else 1.0
    spread = spread if spread > 1e-12 * max(1.0, abs(offset)) else 1.0
    scaled = (y - offset) / spread
    squares = (x[:, None, :] - x[None, :, :]) ** 2
    centre = np.append(np.full(d, SCALE_LOG_MEAN + 0.5 * np.log(d)), NOISE_LOG_MEAN)
    begin = [] if warm is None else [np.log(warm)]
    begin.append(np.append(np.full(d, np.log(0.5)), NOISE_LOG_MEAN))
    width = np.append(np.full(d, SCALE_LOG_SD), NOISE_LOG_SD)
    while len(begin) < starts:
        begin.append(centre + width * rng.standard_normal(d + 1))
    bounds = [LOG_BOUNDS_SCALE] * d + [LOG_BOUNDS_NOISE]
    low, high = np.transpose(bounds)
    found = [
        minimize(
            _negative_log_density,
            np.clip(theta, low, high),
            args=(x, scaled, squares, kernel),
            jac=True,
            method="L-BFGS-B",
            bounds=bounds,
            options={"maxiter": 200},
        )
        for theta in begin
    ]
    best = min(found, key=lambda one: one.fun)
    process = _conditioned(x, scaled, np.exp(best.x[:d]), float(np.exp(best.x[d])), kernel, offset, spread)
    return GaussianProcess(**{**process.__dict__, "log_density": -float(best.fun)})
