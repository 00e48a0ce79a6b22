"""Several wishes that are not weighed against each other: which sites none other beats, and the volume that they dominate.

The volume is an average over directions: with directions uniform on the positive part of the unit sphere, the mean of the
largest `min_i(y_i / direction_i)^k` of some points is, but for a constant, the volume that they dominate above the origin
(Golovin and Zhang 2020, random hypervolume scalarizations). So each joint draw gets a direction, and what is chosen greedily
for the largest expected maximum is chosen for the largest expected volume.
"""

from __future__ import annotations

from functools import cache
from math import gamma, pi

import numpy as np
import numpy.typing as npt

__all__ = ["hypervolume", "not_dominated", "scalarised"]

Floats = npt.NDArray[np.float64]


@cache
def _directions(k: int, n: int) -> Floats:
    """Directions of n draws, (k, n): the same for every question, and the first of more."""
    one = np.abs(np.random.default_rng(k).standard_normal((n, k))).T
    return np.asarray(one / np.linalg.norm(one, axis=0))


def scalarised(worth: Floats) -> Floats:
    """Worth of each wish (k, s, m) -> samples of dominated volume, draw by draw along its own direction, (s, m)."""
    k, s = worth.shape[:2]
    constant = pi ** (k / 2) / (2**k * gamma(k / 2 + 1))
    along = np.maximum(worth, 0.0) / np.maximum(_directions(k, s), 1e-9)[:, :, None]
    return np.asarray(constant * along.min(axis=0) ** k)


def not_dominated(worth: Floats) -> npt.NDArray[np.bool_]:
    """Points (m, k) that no other point equals or beats in every wish and beats in one, (m,)."""
    at_least = np.all(worth[:, None] >= worth[None], axis=2)
    better = np.any(worth[:, None] > worth[None], axis=2)
    return np.asarray(~np.any(at_least & better, axis=0))


def hypervolume(worth: Floats) -> float:
    """Volume between the origin and points (m, k), exact: slices along the last wish, each the volume of one wish less."""
    points = worth[np.all(worth > 0, axis=1)]
    if not len(points):
        return 0.0
    if points.shape[1] == 1:
        return float(points.max())
    points = points[np.argsort(-points[:, -1], kind="stable")]
    lower = np.append(points[1:, -1], 0.0)
    volume = 0.0
    for i, (top, bottom) in enumerate(zip(points[:, -1], lower, strict=True)):
        if top > bottom:
            slab = points[: i + 1, :-1]
            volume += (top - bottom) * hypervolume(slab[not_dominated(slab)])
    return float(volume)
