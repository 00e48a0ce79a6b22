"""Pictures of a camera: what is uneven about it taken out, and tiles put together to one picture."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["flat_fielded", "stitch"]

Floats = NDArray[np.float64]

LEAST_RESPONSE = 0.05
"""Of a pixel, as a share of the mean: less is a pixel that sees nothing."""


def flat_fielded(counts: ArrayLike, dark: ArrayLike, flat: ArrayLike, flat_dark: ArrayLike) -> Floats:
    """Counts above dark as pixels that are all alike would have them.

    Args:
        counts: raw, shape (rows, columns, 3).
        dark: with the same exposure and gain without light, same shape.
        flat: of an even light, same shape.
        flat_dark: dark of the flat, same shape.

    Returns:
        Same shape; NaN where a pixel sees less than a twentieth of the even light.

    Raises:
        ValueError: shapes that differ, or a flat without light.
    """
    raw, without, even, even_without = (np.asarray(one, dtype=float) for one in (counts, dark, flat, flat_dark))
    if raw.ndim != 3 or not raw.shape == without.shape == even.shape == even_without.shape:
        shapes = f"{raw.shape}, {without.shape}, {even.shape}, {even_without.shape}"
        raise ValueError(f"shapes {shapes}: (rows, columns, 3) for all is asked for")
    light = even - even_without
    mean = light.mean(axis=(0, 1))
    if not (mean > 0).all():
        shown = mean.round(2).tolist()
        raise ValueError(f"the flat has {shown} counts above dark in red, green, blue: it has no light; take it anew")
    response = light / mean
    return np.asarray((raw - without) / np.where(response > LEAST_RESPONSE, response, np.nan))


def stitch(tiles: Sequence[ArrayLike], corners: Sequence[tuple[int, int]]) -> Floats:
    """One picture of several that overlap.

    Where tiles overlap their mean is taken, each weighed by the distance from its own edge, so that no seam is seen.

    Args:
        tiles: each of shape (rows, columns, 3); a pixel that is NaN does not count.
        corners: row and column of each tile's first pixel in the whole, 0 and above.

    Returns:
        Shape (rows, columns, 3) of the whole; NaN where no tile is.

    Raises:
        ValueError: no tiles, or not as many corners.
    """
    if not tiles or len(tiles) != len(corners):
        raise ValueError(f"{len(tiles)} tiles and {len(corners)} corners: at least one, and as many")
    pictures = [np.asarray(tile, dtype=float) for tile in tiles]
    rows = max(row + one.shape[0] for one, (row, _) in zip(pictures, corners, strict=True))
    columns = max(column + one.shape[1] for one, (_, column) in zip(pictures, corners, strict=True))
    total, weight = np.zeros((rows, columns, 3)), np.zeros((rows, columns, 3))
    for one, (row, column) in zip(pictures, corners, strict=True):
        down, across = (np.minimum(np.arange(n), np.arange(n)[::-1]) + 1.0 for n in one.shape[:2])
        here = np.minimum(down[:, np.newaxis], across)[:, :, np.newaxis] * np.isfinite(one)
        place = slice(row, row + one.shape[0]), slice(column, column + one.shape[1])
        total[place] += here * np.nan_to_num(one)
        weight[place] += here
    return np.where(weight > 0, total / np.where(weight > 0, weight, 1.0), np.nan)
