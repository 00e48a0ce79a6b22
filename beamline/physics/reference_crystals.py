"""The plain model: crystals from doses, how red, and how far out they can be seen. See `reference`."""

from __future__ import annotations

import numpy as np

from beamline.physics.reference_doses import Doses, Mask
from beamline.physics.reference_heat import Array, Columns

__all__ = ["crystals_of", "residual_of"]


def _red_share(y: Array, xi: Array, p: np.void) -> Array:
    g = -np.expm1(-((p["conversion_steepness"] * xi) ** 2))
    red, green = y * g, (1.0 - y) * (1.0 - g)
    some = red + green > 0.0
    return np.where(some, red / np.where(some, red + green, 1.0), y >= 1.0)


def _contour(X: Array, r: Array, end: Array, f: float) -> Array:
    """Where the share last falls through f: cubic through ln(X / f) at four nodes, by five steps of Newton's method.

    Where one of the outer two nodes is missing or empty it is where the lower polynomial through the others has it.
    """
    J = X.shape[1]
    rows = np.flatnonzero((X[:, -1] < f) & (f <= X).any(axis=1))
    radius = np.where(X[:, -1] >= f, end, 0.0)
    j = J - 1 - np.argmax(X[rows, ::-1] >= f, axis=1)
    before, after = np.maximum(j - 1, 0), np.minimum(j + 2, J - 1)
    has_before, has_after = (j > 0) & (X[rows, before] > 0.0), (j + 2 < J) & (X[rows, after] > 0.0)
    share = [np.where(has_before, X[rows, before], f), X[rows, j], np.maximum(X[rows, j + 1], 1e-9 * f)]
    share.append(np.where(has_after, X[rows, after], f))
    h = _filled([np.log(x / f) for x in share], has_before, has_after)
    R = _filled([r[rows, at] for at in (before, j, j + 1, after)], has_before, has_after)
    t = h[1] / (h[1] - h[2])
    for _ in range(5):
        slope = _slope(h, t)
        falls = slope < 0.0
        t = np.where(falls, np.clip(t - _cubic(h, t) / np.where(falls, slope, -1.0), 0.0, 1.0), t)
    radius[rows] = _cubic(R, t)
    return radius


def _filled(y: list[Array], has_before: Mask, has_after: Mask) -> list[Array]:
    """Four values at -1, 0, 1, 2, of which the first and the last may be missing."""
    a, y0, y1, b = y
    first = np.where(has_before, a, np.where(has_after, 3.0 * (y0 - y1) + b, 2.0 * y0 - y1))
    last = np.where(has_after, b, np.where(has_before, 3.0 * (y1 - y0) + a, 2.0 * y1 - y0))
    return [first, y0, y1, last]


def _cubic(y: list[Array], t: Array) -> Array:
    """Newton's form through values at -1, 0, 1, 2."""
    d1, d2, d3 = y[2] - y[1], y[2] - 2.0 * y[1] + y[0], y[3] - 3.0 * y[2] + 3.0 * y[1] - y[0]
    return np.asarray(y[1] + t * (d1 + (t - 1.0) / 2.0 * (d2 + (t + 1.0) / 3.0 * d3)))


def _slope(y: list[Array], t: Array) -> Array:
    d1, d2, d3 = y[2] - y[1], y[2] - 2.0 * y[1] + y[0], y[3] - 3.0 * y[2] + 3.0 * y[1] - y[0]
    return np.asarray(d1 + (2.0 * t - 1.0) / 2.0 * d2 + (3.0 * t**2 - 1.0) / 6.0 * d3)


def _highest(X: Array, *, is_line: bool) -> Array:
    """Top of the quartic through ln X at five nodes, within half a node of the largest; a line is even at its axis."""
    m, J = X.shape
    rows, top = np.arange(m), X.argmax(axis=1)
    largest = X[rows, top]
    middle = np.minimum(top if is_line else np.maximum(top, 2), J - 3)
    places = [middle + k for k in range(-2, 3)]
    shares = [X[rows, np.where(j < 0, -1 - j, j)] for j in places]
    a, b, c, d, e = (np.log(np.maximum(x, np.maximum(0.01 * largest, 1e-300))) for x in shares)
    slopes = (a - 8 * b + 8 * d - e) / 12, (-a + 16 * b - 30 * c + 16 * d - e) / 12, (-a + 2 * b - 2 * d + e) / 2
    through = np.stack([c, slopes[0], slopes[1] / 2, slopes[2] / 6, (a - 4 * b + 6 * c - 4 * d + e) / 24])
    start = (top - middle).astype(np.float64)
    t = start
    for _ in range(5):
        slope, bend = (sum(_falling(k, n) * through[k] * t ** (k - n) for k in range(n, 5)) for n in (1, 2))
        bends = bend < 0.0
        t = np.where(bends, np.clip(t - slope / np.where(bends, bend, -1.0), start - 0.5, start + 0.5), t)
    found = np.exp(sum(through[k] * t**k for k in range(5)))
    return np.where(largest > 0.0, np.clip(found, largest, np.minimum(1.1 * largest, 1.0)), 0.0)


def _falling(k: int, n: int) -> float:
    """Factor of the n-th derivative of t^k."""
    return float(np.prod(np.arange(k - n + 1, k + 1)))


def crystals_of(doses: Doses, y: Array, p: np.void, *, is_line: bool) -> Columns:
    """Shares, exchange, and their integrals over the feature."""
    r, area, end, u, tau = doses
    n = p["avrami_exponent"]
    lost = p["loss_per_transport"] * tau
    some = (u > 1e-4) & (lost < 400.0)  # what is beyond neither adds up to anything nor can be seen
    u_n = np.where(u > 1e-4, u, 0.0) ** n
    X = np.where(some, -np.expm1(-u_n) * np.exp(-lost), 0.0)
    xi = p["exchange_per_transport"] * tau * u_n / (u_n + n + 1.0)
    x_0, x_res = y ** p["birth_exponent"], residual_of(y, p)
    x = x_0[:, np.newaxis] - (x_res - x_0)[:, np.newaxis] * np.expm1(-xi)
    red = _red_share(y[:, np.newaxis], xi, p)

    whole = (area * X).sum(axis=1)
    whole_red = (area * X * red).sum(axis=1)
    whole_green = (area * X * (1.0 - red)).sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        dose = np.where(whole > 0.0, (area * X * u).sum(axis=1) / whole, 0.0)
        f_R = np.where(whole > 0.0, whole_red / (whole_red + whole_green), 0.0)
        x_red = np.where(whole_red > 0.0, (area * X * red * x).sum(axis=1) / whole_red, x_0)

    return {
        "whole": whole,
        "dose": dose,
        "f_R": f_R,
        "x": x_red,
        "peak": _highest(X, is_line=is_line),
        "size": 2.0 * _contour(X, r, end, p["visible_share"]),
    }


def residual_of(y: Array, p: np.void) -> Array:
    """Iodide fraction of the residual melt."""
    return np.asarray(1.0 - (1.0 - y) ** p["residual_enrichment"])
