"""In which order places are visited, so that the stage travels little."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

__all__ = ["boustrophedon", "path_mm", "short_order"]

Place = tuple[float, float]
MOST_IMPROVED = 250
"""Beyond so many places crossings are not taken out: it takes their square in time, and nearest neighbours do well on a grid."""


def path_mm(places: Sequence[Place], order: Sequence[int] | None = None) -> float:
    """Length of the way from place to place, mm."""
    way = [places[i] for i in (order if order is not None else range(len(places)))]
    return sum(math.dist(a, b) for a, b in pairwise(way))


def boustrophedon(n_x: int, n_y: int) -> list[tuple[int, int]]:
    """Columns and rows of a raster, each row back the way of the one before: (column, row)."""
    return [(x if y % 2 == 0 else n_x - 1 - x, y) for y in range(n_y) for x in range(n_x)]


def short_order(places: Sequence[Place], start: Place = (0.0, 0.0)) -> list[int]:
    """Indices of the places along a short way from `start`: the nearest next, then crossings taken out (2-opt)."""
    left = set(range(len(places)))
    order: list[int] = []
    here = start
    while left:
        # a tie goes to the lower index: the same places give the same way
        nearest = min(left, key=lambda i: (round(math.dist(here, places[i]), 9), i))
        left.remove(nearest)
        order.append(nearest)
        here = places[nearest]
    if len(order) <= MOST_IMPROVED:
        _uncross(places, start, order)
    return order


def _uncross(places: Sequence[Place], start: Place, order: list[int]) -> None:
    def at(i: int) -> Place:
        return start if i < 0 else places[order[i]]

    improved = True
    while improved:
        improved = False
        for i in range(len(order) - 1):
            for j in range(i + 1, len(order)):
                before = math.dist(at(i - 1), at(i))
                after = math.dist(at(i - 1), at(j))
                if j + 1 < len(order):
                    before += math.dist(at(j), at(j + 1))
                    after += math.dist(at(i), at(j + 1))
                if after < before - 1e-9:
                    order[i : j + 1] = order[i : j + 1][::-1]
                    improved = True
