"""A picture as cells, each of one colour or blank."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["Pattern", "PatternError"]

LEAST_CELL_MM = 0.1
"""Shortest line that a recipe may have."""


class PatternError(ValueError):
    """A picture that cannot be written, and what would do.

    To do: take the size or the picture that the message says would do.
    """


@dataclass(frozen=True, eq=False)
class Pattern:
    """Cells of one size.

    Attributes:
        cells: 0 blank, 1 to k the colours; shape (rows, columns), the first row is the top of the picture.
        cell_mm: side of a cell.
    """

    cells: NDArray[np.int64]
    cell_mm: float

    def __post_init__(self) -> None:
        if self.cells.ndim != 2 or 0 in self.cells.shape or self.cells.min() < 0:
            raise PatternError(
                f"cells of shape {self.cells.shape}: rows and columns of numbers from 0 on are asked for"
            )
        if not self.cell_mm >= LEAST_CELL_MM:
            raise PatternError(f"cells of {self.cell_mm:g} mm; at least {LEAST_CELL_MM:g} mm, the shortest line")

    @classmethod
    def of(cls, cells: ArrayLike, cell_mm: float) -> Pattern:
        """A pattern of whatever looks like cells."""
        return cls(np.asarray(cells, dtype=np.int64), cell_mm)

    @property
    def width_mm(self) -> float:
        """Along x."""
        return float(self.cells.shape[1] * self.cell_mm)

    @property
    def height_mm(self) -> float:
        """Along y."""
        return float(self.cells.shape[0] * self.cell_mm)

    @property
    def colours(self) -> tuple[int, ...]:
        """Those that occur, without blank."""
        return tuple(int(c) for c in np.unique(self.cells) if c > 0)

    def centre_mm(self, row: int, column: int) -> tuple[float, float]:
        """Middle of a cell from the lower left corner of the pattern: row 0 is at the top."""
        return (column + 0.5) * self.cell_mm, (self.cells.shape[0] - row - 0.5) * self.cell_mm

    def check_fits(self, width_mm: float, height_mm: float) -> None:
        """Refuse what is larger than the room.

        Raises:
            PatternError: with the size of a cell, and the number of cells, that would fit.
        """
        if self.width_mm <= width_mm + 1e-9 and self.height_mm <= height_mm + 1e-9:
            return
        rows, columns = self.cells.shape
        cell_mm = math.floor(1e3 * min(width_mm / columns, height_mm / rows)) / 1e3
        n_x, n_y = int(width_mm / self.cell_mm + 1e-9), int(height_mm / self.cell_mm + 1e-9)
        fits = f"cells of {cell_mm:g} mm would fit" if cell_mm >= LEAST_CELL_MM else "no cell that can be written would"
        raise PatternError(
            f"the picture of {columns} x {rows} cells of {self.cell_mm:g} mm is {self.width_mm:g} x {self.height_mm:g} mm; "
            f"there is room for {width_mm:g} x {height_mm:g} mm: {fits}, or {n_x} x {n_y} cells of this size"
        )
