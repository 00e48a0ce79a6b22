"""Where a measured curve has its peak or its mean, with an uncertainty that the curve itself gives."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["PeakFit", "fit_peak", "mean_of_sizes"]

Floats = NDArray[np.float64]

FEWEST_IN_WINDOW = 8
SEEN_SD = 4.0
N_NUMBERS = 5
PER_SIGMA = 2.0 * math.sqrt(2.0 * math.log(2.0))


@dataclass(frozen=True, slots=True)
class PeakFit:
    """A place on an axis, in its unit.

    Attributes:
        place: of the maximum, or the mean.
        sd: one sigma of it.
        fwhm: full width at half maximum; of sizes the scatter, times 2.35.
        n: points, or crystals, that it comes from.
    """

    place: float
    sd: float
    fwhm: float
    n: int


def fit_peak(x: Floats, y: Floats, near: float, half_window: float) -> PeakFit | None:
    """A Gaussian on a straight line, fitted around a place; the noise is what the fit leaves.

    Args:
        x: axis, rising, shape (n,).
        y: signal, shape (n,).
        near: where a peak is expected.
        half_window: how far from there it may lie.

    Returns:
        None where the window holds too few points, or no peak that is four sigma high and inside.
    """
    from scipy.optimize import least_squares  # noqa: PLC0415  # half as long to load as everything else here

    inside = np.abs(x - near) <= half_window
    if np.count_nonzero(inside) < FEWEST_IN_WINDOW:
        return None
    place, height = x[inside] - near, y[inside]
    size = float(np.ptp(height)) or 1.0
    line = np.polyfit(place, height, 1)
    start = place[int(np.argmax(height - np.polyval(line, place)))]

    def residual(p: Floats) -> Floats:
        gauss = p[0] * np.exp(-0.5 * ((place - p[1]) / p[2]) ** 2)
        return np.asarray((gauss + p[3] + p[4] * place - height) / size)

    pitch = float(np.median(np.diff(place)))
    low = [0.0, -half_window, pitch, -np.inf, -np.inf]
    high = [np.inf, half_window, half_window, np.inf, np.inf]
    first = [size, float(np.clip(start, -0.9 * half_window, 0.9 * half_window)), max(0.2 * half_window, 1.5 * pitch)]
    found = least_squares(residual, [*first, float(height.min()), 0.0], bounds=(low, high), x_scale="jac")
    n_free = place.size - N_NUMBERS
    # a curve without noise, computed for example, would be certain of everything
    noise2 = max(2.0 * found.cost / n_free, 1e-12)
    tangent = np.asarray(found.jac)
    covariance = np.linalg.pinv(tangent.T @ tangent) * noise2
    sds = np.sqrt(np.maximum(np.diag(covariance), 0.0))
    amplitude, at, sigma = (float(v) for v in found.x[:3])
    is_seen = amplitude > SEEN_SD * float(sds[0]) and abs(at) < 0.99 * half_window and sigma < 0.99 * half_window
    if not is_seen:
        return None
    return PeakFit(near + at, float(sds[1]), PER_SIGMA * sigma, int(place.size))


def mean_of_sizes(diameters: Floats) -> PeakFit:
    """The mean of measured sizes with its standard error."""
    scatter = float(np.std(diameters, ddof=1))
    return PeakFit(float(np.mean(diameters)), scatter / math.sqrt(diameters.size), PER_SIGMA * scatter, diameters.size)
