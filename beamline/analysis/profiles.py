"""How wide a written line is, from a scan of its light across it: the spot of the head taken off in squares."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["LineWidth", "line_width"]

Floats = NDArray[np.float64]

FWHM_OF_RADIUS = math.sqrt(2.0 * math.log(2.0))
"""FWHM of exp(-2 r^2 / w^2) over w."""
LIMIT_SD = 1.645


@dataclass(frozen=True, slots=True)
class LineWidth:
    """A line's profile.

    Attributes:
        centre_mm: where it lies.
        centre_sd_mm: one sigma.
        fwhm_mm: of the scan, with the spot in it.
        fwhm_sd_mm: one sigma.
        width_mm: of the line itself; None where it cannot be told from the spot.
        width_sd_mm: one sigma of it, or None.
        width_limit_mm: 95 % upper limit of the line's own width.
        height: of the profile above the background, in units of the rates.
        height_sd: one sigma.
    """

    centre_mm: float
    centre_sd_mm: float
    fwhm_mm: float
    fwhm_sd_mm: float
    width_mm: float | None
    width_sd_mm: float | None
    width_limit_mm: float
    height: float
    height_sd: float


def line_width(across_mm: ArrayLike, rates: ArrayLike, sds: ArrayLike, *, spot_radius_mm: float) -> LineWidth:
    """Fit a Gaussian and a constant to a scan across a line.

    Args:
        across_mm: places, shape (n,), n of at least 5.
        rates: light at each, shape (n,).
        sds: one sigma, shape (n,).
        spot_radius_mm: 1/e^2 radius of what the head sees; 0 takes nothing off.

    Raises:
        ValueError: shapes that do not fit, fewer than five places, or no line in the scan.
    """
    from scipy.optimize import least_squares  # noqa: PLC0415  # half as long to load as everything else here

    x, y, sd = (np.asarray(a, dtype=float) for a in (across_mm, rates, sds))
    if x.ndim != 1 or x.size < 5 or y.shape != x.shape or sd.shape != x.shape or not (sd > 0).all():
        raise ValueError(f"shapes {x.shape}, {y.shape}, {sd.shape}: three of (n,), n >= 5, sigmas above 0")
    base = float(np.percentile(y, 20.0))
    net = np.maximum(y - base, 0.0)
    if net.max() <= 5.0 * float(np.median(sd)):
        raise ValueError(
            f"no line in the scan: the largest rate is {net.max():.3g} above the rest, sigma {np.median(sd):.3g}"
        )
    centre = float(net @ x / net.sum())
    wide = math.sqrt(max(float(net @ (x - centre) ** 2 / net.sum()), (0.25 * float(np.ptp(x)) / x.size) ** 2))

    def residual(p: Floats) -> Floats:
        return np.asarray((p[0] * np.exp(-0.5 * ((x - p[1]) / p[2]) ** 2) + p[3] - y) / sd)

    found = least_squares(residual, [float(net.max()), centre, wide, base], x_scale=[net.max(), wide, wide, net.max()])
    tangent = np.asarray(found.jac)
    covariance = np.linalg.pinv(tangent.T @ tangent) * max(1.0, 2.0 * found.cost / max(x.size - 4, 1))
    height, centre, sigma, _ = (float(v) for v in found.x)
    sds = np.sqrt(np.diag(covariance))
    per_sigma = 2.0 * math.sqrt(2.0 * math.log(2.0))
    fwhm, fwhm_sd = per_sigma * abs(sigma), per_sigma * float(sds[2])
    square = fwhm**2 - (FWHM_OF_RADIUS * spot_radius_mm) ** 2
    square_sd = 2.0 * fwhm * fwhm_sd
    seen = square > LIMIT_SD * square_sd
    width = math.sqrt(square) if seen else None
    return LineWidth(
        centre_mm=centre,
        centre_sd_mm=float(sds[1]),
        fwhm_mm=fwhm,
        fwhm_sd_mm=fwhm_sd,
        width_mm=width,
        width_sd_mm=square_sd / (2.0 * width) if width else None,
        width_limit_mm=math.sqrt(max(square, 0.0) + LIMIT_SD * square_sd),
        height=height,
        height_sd=float(sds[0]),
    )
