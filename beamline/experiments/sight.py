"""How the head sees a picture: a Gaussian spot over the middle of a cell has light of the neighbours in it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array
from scipy.special import erf

from beamline.experiments.warmth import PlacedLine
from beamline.patterns import Pattern

__all__ = ["SPOT_RADIUS_mm", "Sight", "without_neighbours"]

Floats = NDArray[np.float64]

SPOT_RADIUS_mm: Final = 0.1
"""1/e^2 radius of what the head sees, unless another is given."""
REACH: Final = 3.0
"""Radii of the spot beyond which a line gives it nothing: 2e-8."""


@dataclass(frozen=True, eq=False)
class Sight:
    """Which lines are seen over the middle of which cell.

    Attributes:
        weights: um of each line in the spot, shape (cells, lines).
        shape: rows and columns.
    """

    weights: csr_array
    shape: tuple[int, int]

    @classmethod
    def of(
        cls, pattern: Pattern, lines: Sequence[PlacedLine], corner_mm: tuple[float, float], radius_mm: float
    ) -> Sight:
        """Of a picture at its place.

        Args:
            pattern: the cells.
            lines: along x, all of them on the coupon.
            corner_mm: lower left corner of the picture on the coupon.
            radius_mm: 1/e^2 radius of the spot.
        """
        n_rows, n_columns = pattern.cells.shape
        x_mm = corner_mm[0] + (np.arange(n_columns) + 0.5) * pattern.cell_mm
        y_mm = corner_mm[1] + (n_rows - np.arange(n_rows) - 0.5) * pattern.cell_mm
        at: list[NDArray[np.int64]] = []
        seen: list[Floats] = []
        for one in lines:
            left, right = one.x_mm - 0.5 * one.line.length_mm, one.x_mm + 0.5 * one.line.length_mm
            rows = np.flatnonzero(np.abs(y_mm - one.y_mm) < REACH * radius_mm)
            columns = np.flatnonzero((x_mm > left - REACH * radius_mm) & (x_mm < right + REACH * radius_mm))
            across = np.exp(-2.0 * ((y_mm[rows] - one.y_mm) / radius_mm) ** 2)
            along = _along(left - x_mm[columns], right - x_mm[columns], radius_mm)
            at.append((rows[:, None] * n_columns + columns).ravel())
            seen.append((across[:, None] * along).ravel())
        places = np.concatenate(at), np.repeat(np.arange(len(lines)), [len(a) for a in at])
        weights = coo_array((np.concatenate(seen), places), shape=(n_rows * n_columns, len(lines)))
        return cls(weights.tocsr(), (n_rows, n_columns))

    def cells(self, of_lines: Floats) -> tuple[Floats, Floats, Floats]:
        """Red share, light, and X, Y, Z of the cells.

        Args:
            of_lines: green, red, X, Y, Z of 1 um of each line, shape (n, 5).
        """
        seen = np.maximum(self.weights @ of_lines, 1e-30)
        light = seen[:, 0] + seen[:, 1]
        return (
            (seen[:, 1] / light).reshape(self.shape),
            light.reshape(self.shape),
            seen[:, 2:].reshape(*self.shape, 3),
        )


def _along(left_mm: NDArray[np.floating[Any]], right_mm: NDArray[np.floating[Any]], radius_mm: float) -> Floats:
    """Um of a line in a Gaussian spot on it, whose ends lie there from its middle; 1 is the weight of the middle."""
    root = math.sqrt(2.0) / radius_mm
    return np.asarray(1e3 * radius_mm * math.sqrt(math.pi / 8.0) * (erf(root * right_mm) - erf(root * left_mm)))


def without_neighbours(rates: Floats, cell_mm: float, radius_mm: float) -> Floats:
    """Light of the cells' own lines, as it would be under the spot if each stood alone, shape (rows, columns).

    A line lies in the middle of its row, so the matrix of the spot is one of rows times one of columns, and both are
    inverted. A cell that was not read counts as dark.

    Args:
        rates: read over the middle of each cell, shape (rows, columns).
        cell_mm: side of a cell.
        radius_mm: 1/e^2 radius of the spot.
    """
    n_rows, n_columns = rates.shape
    across = cell_mm * (np.arange(n_rows)[:, None] - np.arange(n_rows))
    along = cell_mm * (np.arange(n_columns) - np.arange(n_columns)[:, None])
    of_rows = np.exp(-2.0 * (across / radius_mm) ** 2)
    of_columns = _along(along - 0.5 * cell_mm, along + 0.5 * cell_mm, radius_mm)
    of_columns /= of_columns[0, 0]
    alone = np.linalg.solve(of_columns, np.linalg.solve(of_rows, np.nan_to_num(rates)).T).T
    return np.where(np.isfinite(rates), alone, np.nan)
