"""Where the doses are worked out: nodes around a dot and across a line, and the matrix that integrates along a line.

Crystals grow in a ring between two isotherms, and their fronts are sharp. So both grids are laid for the site: they end where the
dose has become too small to matter (`nucleation.window_K`).

*Dots* start where it does so on the hot side, and have their nodes equally spaced in 1 / sqrt(r^2 + pi a^2 / 4), which is
nearly the temperature: fronts are as well resolved wherever they are. The rule is the midpoint rule with corrections at both
ends, exact for polynomials of the fifth degree, so that a dot whose centre crystallises is integrated as well as a ring.

*Lines* need the integral along every chord (Abel transform), which is a constant matrix only if the nodes scale with the
extent: r / R = t + sum_k b_k sin(k pi t) / (k pi), t at midpoints, densest where the front is. The map is odd in t, everything
is even at the axis and next to nothing at R, so the midpoint rule converges faster than any power, and so does the matrix,
which integrates the cosine series through the nodes.

`benchmarks/physics_accuracy.py` states what is left, against a fine grid and against as many equal rings.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "ABEL_COLUMNS",
    "DOT_PLACES",
    "DOT_WEIGHTS",
    "LINE",
    "MOST_NODES",
    "N_DOT",
    "N_LINE",
    "LineGrid",
    "dot_rule",
    "line_grid",
]

N_DOT: Final = 24
"""Nodes of a dot. The calibration holds for these numbers: calibrate anew after a change."""

N_LINE: Final = 28
"""Nodes across half a line."""

MOST_NODES: Final = max(N_DOT, N_LINE)

_CROWDING: Final = (0.5, 0.5)
"""b_1, b_2 of the map: nodes are some 2.3 times as dense at 0.6 to 0.8 of the extent as equal rings would be."""

_CORRECTED: Final = 6


class LineGrid(NamedTuple):
    """Nodes across half a line, in units of the extent."""

    nodes: NDArray[np.float64]
    rings: NDArray[np.float64]
    """int_0^R f dr = R sum_j rings[j] f(R nodes[j])."""
    abel: NDArray[np.float64]
    """int f(sqrt(x^2 + y_i^2)) dx over the whole chord at y_i = R nodes[i] is R sum_j abel[i, j] f(R nodes[j])."""


def _radius(t: NDArray[np.float64]) -> NDArray[np.float64]:
    waves = [b * np.sin(k * np.pi * t) / (k * np.pi) for k, b in enumerate(_CROWDING, 1)]
    return np.asarray(t + sum(waves))


def _slope(t: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(1.0 + sum(b * np.cos(k * np.pi * t) for k, b in enumerate(_CROWDING, 1)))


def _coordinate(radius: NDArray[np.float64]) -> NDArray[np.float64]:
    """Inverse of `_radius` by bisection, to rounding."""
    low, high = np.zeros_like(radius), np.ones_like(radius)
    for _ in range(54):
        middle = 0.5 * (low + high)
        above = _radius(middle) > radius
        low, high = np.where(above, low, middle), np.where(above, middle, high)
    return 0.5 * (low + high)


def line_grid(n: int, samples: int = 200) -> LineGrid:
    """The grid of n nodes across half a line.

    Args:
        n: number of nodes.
        samples: Gauss-Legendre points along each half chord; some more than n.

    Returns:
        Nodes (n,), rings (n,) and matrix (n, n).
    """
    t = (np.arange(n) + 0.5) / n
    nodes = _radius(t)
    abscissae, gauss = np.polynomial.legendre.leggauss(samples)
    half = np.sqrt(1.0 - nodes * nodes)[:, np.newaxis]
    place = _coordinate(np.hypot(0.5 * (abscissae + 1.0) * half, nodes[:, np.newaxis]))  # (n, samples)
    orders = np.arange(n)
    # a function even in t is sum_k c_k cos(k pi t), with c_k = (2 - [k = 0]) / n sum_j cos(k pi t_j) f(t_j)
    along = np.einsum("is,isk->ik", gauss * half, np.cos(np.pi * place[:, :, np.newaxis] * orders))
    through = np.cos(np.pi * np.outer(orders, t)) * np.where(orders == 0, 1.0, 2.0)[:, np.newaxis] / n
    return LineGrid(nodes, _slope(t) / n, along @ through)


def dot_rule(n: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Places in (0, 1) and weights: midpoints, with corrections at both ends.

    The sum over midpoints of x^k from an end inwards misses the integral by B_(k+1)(1/2) / (k + 1) (Euler and Maclaurin); the
    weights of the first six nodes are such that it does so for no k below six.

    Args:
        n: number of nodes, at least 12.

    Returns:
        Two arrays (n,).
    """
    middles = np.arange(_CORRECTED) + 0.5
    powers = np.vander(middles, _CORRECTED, increasing=True).T
    # B_1(1/2), B_3(1/2), B_5(1/2) are zero; B_2, B_4, B_6 are -1/12, 7/240, -31/1344
    missing = np.array([0.0, -1.0 / 12.0 / 2.0, 0.0, 7.0 / 240.0 / 4.0, 0.0, -31.0 / 1344.0 / 6.0])
    correction = np.linalg.solve(powers, missing)
    weights = np.ones(n)
    weights[:_CORRECTED] += correction
    weights[-_CORRECTED:] += correction[::-1]
    return (np.arange(n) + 0.5) / n, weights / n


LINE: Final = line_grid(N_LINE)
ABEL_COLUMNS: Final = np.ascontiguousarray(LINE.abel.T)
"""Column after column, as the doses are summed."""
DOT_PLACES, DOT_WEIGHTS = dot_rule(N_DOT)
