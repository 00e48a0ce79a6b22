"""Where pictures are sharpest: how strongly each changes from pixel to pixel, over the height at which it was taken."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import curve_fit

__all__ = ["FocusError", "best_focus", "sharpness"]

Floats = NDArray[np.float64]

FEWEST_HEIGHTS: Final = 7
LEAST_GAIN: Final = 1.3
"""The sharpest picture over the least sharp: with less there is nothing to focus on."""


class FocusError(ValueError):
    """A scan that has no sharpest height.

    To do: scan a wider range of heights, or look at a place with an edge or a written track.
    """


def sharpness(first: ArrayLike, second: ArrayLike) -> float:
    """Sum of the squared steps from pixel to pixel, without what noise adds to it.

    Noise is not the same in two pictures: the product of the steps of the one with those of the other leaves what is in both
    (Brenner's measure, Journal of Histochemistry and Cytochemistry 24, 100 (1976), with its square taken so).

    Args:
        first: a picture, flat-fielded, of one colour, shape (rows, columns); NaN where nothing is known.
        second: another one of the same place.
    """
    a, b = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    total = 0.0
    for axis in (0, 1):
        step = [np.diff(one, axis=axis) for one in (a, b)]
        total += float(np.nansum(step[0] * step[1]))
    return total


def best_focus(z_mm: ArrayLike, sharpnesses: ArrayLike) -> tuple[float, float]:
    """The height at which pictures are sharpest, and its sigma, mm.

    The spread of what is sharp grows as the root of the squares of a smallest spread and of one in proportion to the defocus;
    the squared steps of an edge fall with its first power, those of a line with its third, those of a dot with its fourth:
    s (1 + ((z - z0) / w)^2)^(-p / 2) + ground, with p between.

    Args:
        z_mm: heights, shape (n,), n of at least 7.
        sharpnesses: at each, shape (n,).

    Raises:
        FocusError: too few heights, nothing that gets sharper, or a best height at the end of the scan.
    """
    z, s = np.asarray(z_mm, dtype=float), np.asarray(sharpnesses, dtype=float)
    if z.size < FEWEST_HEIGHTS or z.shape != s.shape or not np.isfinite(z + s).all():
        raise FocusError(
            f"{z.size} heights with {s.size} measures of sharpness; at least {FEWEST_HEIGHTS} of numbers are needed"
        )
    order = np.argsort(z)
    z, s = z[order], s[order]
    top, bottom = float(s.max()), float(np.median(np.sort(s)[:3]))
    if top <= 0 or top < LEAST_GAIN * max(bottom, 0.0):
        raise FocusError(
            f"the sharpest picture is {top / max(bottom, 1e-12):.2f} times as sharp as the least; {LEAST_GAIN:g} are needed: "
            "look at an edge or at a mark, expose longer, or scan a wider range"
        )
    span = float(z[-1] - z[0])

    def model(at: Floats, height: float, middle: float, width: float, power: float) -> Floats:
        return np.asarray(height * (1.0 + ((at - middle) / width) ** 2) ** (-0.5 * power))

    begin = [top, float(z[int(s.argmax())]), span / 6.0, 2.0]
    # errors in proportion: a fixed pattern and the shot noise grow with what is sharp
    sigma = 0.02 * np.maximum(s, 0.05 * top)
    bounds = ([0.0, z[0] - span, 1e-3 * span, 0.5], [4.0 * top, z[-1] + span, 10.0 * span, 6.0])
    try:
        best, covariance = curve_fit(model, z, s, begin, sigma=sigma, absolute_sigma=True, bounds=bounds, max_nfev=400)
    except RuntimeError as error:
        raise FocusError("the sharpness over height is no single maximum; scan a wider range") from error
    chi2 = float(np.sum(((s - model(z, *best)) / sigma) ** 2) / (z.size - 4))
    middle, sd = float(best[1]), float(np.sqrt(covariance[1, 1] * max(chi2, 1.0)))
    margin = 0.1 * span
    if not z[0] + margin < middle < z[-1] - margin or sd > margin:
        raise FocusError(
            f"it is sharpest at {middle:.3f} ± {sd:.3f} mm, and the scan goes from {z[0]:.3f} to {z[-1]:.3f} mm: scan around it"
        )
    return middle, sd
