"""Kernels of the misfit, in scikit-optimize's terms. Importing this loads scikit-optimize, which takes seconds."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from skopt.learning import GaussianProcessRegressor
from skopt.learning.gaussian_process.kernels import ConstantKernel, Kernel, Matern

__all__ = ["SameCoupon", "matern", "misfit_regressor"]

Floats = npt.NDArray[np.float64]


def matern(length_scale: float) -> Any:
    """Matern 5/2 correlation of fixed length scale."""
    return Matern(length_scale=length_scale, length_scale_bounds="fixed", nu=2.5)


class SameCoupon(Kernel):  # type: ignore[misc]  # scikit-optimize ships no types
    """Covariance of sites that share a coupon, whose number is the last coordinate; nothing to fit.

    scikit-optimize's regressor knows noise of single points only (`alpha`); an effect that sites share is a kernel.
    """

    def __init__(self, variance: float = 1.0) -> None:
        self.variance = variance

    def __call__(self, X: Floats, Y: Floats | None = None, eval_gradient: bool = False) -> Any:  # noqa: FBT001, FBT002  # scikit-learn's signature
        """Covariance (a, b), with its gradient by no hyperparameters (a, b, 0) if asked."""
        other = X if Y is None else Y
        covariance = self.variance * (X[:, None, -1] == other[None, :, -1])
        return (covariance, np.empty((*covariance.shape, 0))) if eval_gradient else covariance

    def diag(self, X: Floats) -> Floats:
        """Diagonal of the covariance, (a,)."""
        return np.full(len(X), self.variance)

    def is_stationary(self) -> bool:
        """It depends on equality alone."""
        return True


def misfit_regressor(
    length_scale: float, n_conditions: int, variance_bounds: tuple[float, float], coupon_variance: float, alpha: Floats
) -> Any:
    """Regressor whose only free number is the variance of the misfit (`kernel_.k1.k1` after the fit).

    Args:
        length_scale: of the misfit.
        n_conditions: coordinates before the coupon's number.
        variance_bounds: of the misfit; the fit begins at 1.
        coupon_variance: of the effect that a coupon's sites share.
        alpha: variance of the noise of each datum, (n,).
    """
    scales = [length_scale] * n_conditions + [1e9]  # the coupon's number is no condition
    misfit = ConstantKernel(1.0, constant_value_bounds=variance_bounds) * matern(length_scale).set_params(
        length_scale=scales
    )
    return GaussianProcessRegressor(kernel=misfit + SameCoupon(coupon_variance), alpha=alpha, normalize_y=False)
