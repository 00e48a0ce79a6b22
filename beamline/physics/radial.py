"""The radial grid, and the constant matrix that integrates a radial function along a line (Abel transform).

Nodes are the midpoints of a uniform grid in t, mapped by r / R = t + c sin(2 pi t) / (2 pi): dense where crystals grow, between
the liquidus and the cut-off, which lie at about 0.4 R and 0.75 R for any power. The map is odd in t and everything vanishes
smoothly at R, so the plain midpoint rule converges fast.

With 32 nodes, over random settings and parameters, the red peak is off by 0.1 nm (lines) and 0.2 nm (dots) rms, sizes by
0.04 um, against 256 nodes; that many equal rings are off by 1.1 and 1.9 nm, and 0.9 um.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["ABEL", "NODES", "N_NODES", "RINGS", "abel_matrix", "nodes_and_rings"]

N_NODES: Final = 32
"""Number of radial nodes. The calibration holds for this number: calibrate anew after a change."""

_CROWDING: Final = 0.6
"""c: the nodes are 1 / (1 - c) times as dense in the middle as equal rings would be."""


def _radius(t: NDArray[np.float64]) -> NDArray[np.float64]:
    return t + _CROWDING * np.sin(2.0 * np.pi * t) / (2.0 * np.pi)


def _slope(t: NDArray[np.float64]) -> NDArray[np.float64]:
    return 1.0 + _CROWDING * np.cos(2.0 * np.pi * t)


def _coordinate(radius: NDArray[np.float64]) -> NDArray[np.float64]:
    """Inverse of `_radius` by bisection, to rounding."""
    low, high = np.zeros_like(radius), np.ones_like(radius)
    for _ in range(54):
        middle = 0.5 * (low + high)
        above = _radius(middle) > radius
        low, high = np.where(above, low, middle), np.where(above, middle, high)
    return 0.5 * (low + high)


def nodes_and_rings(n: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Radii and ring widths in units of the extent: int f dr = extent * sum_j rings[j] f(extent * nodes[j]).

    Returns:
        Two arrays (n,).
    """
    t = (np.arange(n) + 0.5) / n
    return _radius(t), _slope(t) / n


def abel_matrix(n: int, samples: int = 128) -> NDArray[np.float64]:
    """Matrix A with int f(sqrt(x^2 + y_i^2)) dx = extent * sum_j A[i, j] f(r_j) over the whole line at distance y_i = r_i.

    f is interpolated by cubics in t: even at the axis, zero outside the extent.

    Args:
        n: number of nodes.
        samples: Gauss-Legendre points along each half line.

    Returns:
        (n, n); only j >= i - 1 differ from zero.
    """
    radii, _ = nodes_and_rings(n)
    abscissae, gauss = np.polynomial.legendre.leggauss(samples)
    half = np.sqrt(1.0 - radii * radii)[:, np.newaxis]
    along = gauss * half  # both halves of the line; (n, samples)
    distance = np.hypot(0.5 * (abscissae + 1.0) * half, radii[:, np.newaxis])
    place = _coordinate(distance) * n - 0.5
    left = np.floor(place).astype(int)
    f = place - left
    cubic = (
        (-1, -f * (f - 1.0) * (f - 2.0) / 6.0),
        (0, (f + 1.0) * (f - 1.0) * (f - 2.0) / 2.0),
        (1, -(f + 1.0) * f * (f - 2.0) / 2.0),
        (2, (f + 1.0) * f * (f - 1.0) / 6.0),
    )
    matrix = np.zeros((n, n))
    rows = np.broadcast_to(np.arange(n)[:, np.newaxis], left.shape)
    for offset, weight in cubic:
        node = np.where(left + offset < 0, -1 - left - offset, left + offset)
        inside = node < n
        np.add.at(matrix, (rows[inside], node[inside]), (along * weight)[inside])
    return matrix


NODES, RINGS = nodes_and_rings(N_NODES)
ABEL: Final = abel_matrix(N_NODES)
