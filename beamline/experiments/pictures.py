"""A picture read back: the light of each cell, from a map, as an image that any decoder of codes takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from beamline.experiments.maps import PlacedMap
from beamline.experiments.photographs import Photograph

__all__ = ["CellLight", "colours_of_cells", "grey_image", "light_of_cells", "means_of_cells"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class CellLight:
    """Mean light of each cell by band, counts/s, shape (rows, columns); NaN where no point of the map lies."""

    rates: dict[str, Floats]


def light_of_cells(seen: PlacedMap, experiment: dict[str, Any]) -> CellLight:
    """The light of the cells of a pattern.

    Args:
        seen: a map over it.
        experiment: of the start document of the run that wrote it: cells, cell_mm, corner_mm.
    """
    return CellLight({name: means_of_cells(seen, experiment, rate) for name, rate in seen.seen.rates.items()})


def means_of_cells(seen: PlacedMap, experiment: dict[str, Any], values: Floats) -> Floats:
    """Means over the points of a map that lie in a cell of a pattern, shape (rows, columns); NaN where none does.

    Args:
        seen: a map over it.
        experiment: as of `light_of_cells`.
        values: of the points, shape (n,).
    """
    asked = experiment["parameters"]
    cells, cell_mm, corner = np.asarray(asked["cells"]), float(asked["cell_mm"]), asked["corner_mm"]
    rows, columns = cells.shape
    column = np.floor((seen.x_mm - corner[0]) / cell_mm).astype(int)
    row = rows - 1 - np.floor((seen.y_mm - corner[1]) / cell_mm).astype(int)
    inside = (column >= 0) & (column < columns) & (row >= 0) & (row < rows)
    index = row[inside] * columns + column[inside]
    n = np.bincount(index, minlength=rows * columns)
    total = np.bincount(index, weights=values[inside], minlength=rows * columns)
    with np.errstate(invalid="ignore"):
        return np.where(n > 0, total / n, np.nan).reshape(rows, columns)


def colours_of_cells(seen: Photograph, experiment: dict[str, Any]) -> Floats:
    """Mean red, green and blue of the cells of a pattern in a picture, counts/s, shape (rows, columns, 3); NaN where it is not.

    Args:
        seen: a picture, or an overview, of it.
        experiment: of the start document of the run that wrote it, as of `light_of_cells`.
    """
    asked = experiment["parameters"]
    cells, cell_mm, corner = np.asarray(asked["cells"]), float(asked["cell_mm"]), asked["corner_mm"]
    n_rows, n_columns = cells.shape
    height, width = seen.rates.shape[:2]
    column = np.floor((seen.x_mm + seen.pixel_mm * np.arange(width) - corner[0]) / cell_mm).astype(int)
    row = n_rows - 1 - np.floor((seen.y_mm - seen.pixel_mm * np.arange(height) - corner[1]) / cell_mm).astype(int)
    out = np.full((n_rows, n_columns, 3), np.nan)
    for r in range(n_rows):
        band = seen.rates[row == r]
        for c in range(n_columns):
            pixels = band[:, column == c].reshape(-1, 3)
            if np.isfinite(pixels).all(axis=1).any():
                out[r, c] = np.nanmean(pixels, axis=0)
    return out


def grey_image(values: Floats, *, pixels_per_cell: int = 8) -> NDArray[np.uint8]:
    """Values as an image of 8 bits, from their 2nd to their 98th percentile, each cell some pixels wide.

    Args:
        values: shape (rows, columns); cells that are not numbers become middle grey.
        pixels_per_cell: side of a cell.
    """
    low, high = (float(v) for v in np.nanpercentile(values, [2.0, 98.0]))
    scaled = np.clip((values - low) / (high - low), 0.0, 1.0) if high > low else np.full(values.shape, 0.5)
    grey = np.where(np.isfinite(scaled), scaled, 0.5)
    return np.asarray(np.kron(grey * 255.0, np.ones((pixels_per_cell, pixels_per_cell))), dtype=np.uint8)
