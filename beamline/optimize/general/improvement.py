"""How promising a point is: logarithm of the expected improvement, and upper confidence bound; both with gradients.

The expected improvement of many points is 0 in floating point, and a search that climbs it stands still; its logarithm
has a slope everywhere (Ament, Daulton, Eriksson, Balandat and Bakshy, "Unexpected improvements to expected improvement
for Bayesian optimization", NeurIPS 2023).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import erfcx, log_ndtr, ndtr

__all__ = ["log_improvement", "log_improvement_slope"]

Floats = npt.NDArray[np.float64]

LN_SQRT_2PI = 0.5 * np.log(2.0 * np.pi)
FAR = -50.0
"""Below this the asymptote 1/u^2 is exact to 0.2 %, and the difference that it stands for is rounding error."""


def log_improvement(u: Floats) -> Floats:
    """ln(phi(u) + u Phi(u)): logarithm of the expected improvement, in standard deviations, u of them above the incumbent.

    Above -1 as it stands; below by the scaled complementary error function, which does not underflow (Ament et al. 2023, eq. 9).
    """
    u = np.asarray(u, dtype=float)
    near = np.maximum(u, -1.0)
    direct = np.log(np.exp(-0.5 * near**2 - LN_SQRT_2PI) + near * ndtr(near))
    below = np.clip(u, FAR, -1.0)
    share = 1.0 + np.sqrt(np.pi / 2.0) * below * erfcx(-below / np.sqrt(2.0))
    with np.errstate(divide="ignore"):
        tail = np.where(u > FAR, np.log(share), -2.0 * np.log(np.maximum(-u, 1.0)))
    return np.asarray(np.where(u > -1.0, direct, tail - 0.5 * np.minimum(u, -1.0) ** 2 - LN_SQRT_2PI))


def log_improvement_slope(u: float) -> tuple[float, float]:
    """`log_improvement` at one number, and its derivative Phi(u) / (phi(u) + u Phi(u))."""
    value = float(log_improvement(np.array(u)))
    return value, float(np.exp(log_ndtr(u) - value))
