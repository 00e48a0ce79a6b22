"""Marks on a coupon in pictures of it: spots of light, and how the coupon lies if they are what was written there."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["Lying", "MarksError", "find_lying", "find_spots"]

Floats = NDArray[np.float64]

SEEN_SD: Final = 8.0
LEAST_SHARE: Final = 0.15
"""Of the brightest pixel: what is fainter belongs to no mark."""
MOST_SPOTS: Final = 6
"""In one picture; the brightest."""
LARGEST_SCALE: Final = 0.01
"""By which marks may be farther apart than they were written: a pixel's size is known better."""


class MarksError(ValueError):
    """Marks that are not found, or that say no one thing.

    To do: clean the coupon, look at the pictures of its marks, or write new marks beside them.
    """


@dataclass(frozen=True)
class Lying:
    """How a coupon lies: turned about its lower left corner, then shifted.

    Attributes:
        shift_mm: of that corner, x and y.
        turn_rad: counterclockwise.
        scale: distances as seen over those written, minus 1: no part of how it lies, but a check of pixels and marks.
        rms_mm: distance that is left between a mark and where it should then be.
        sd_mm: one sigma of a place between the marks, from that; infinite for two marks, which leave little to judge by.
        chosen: which of its spots each mark is.
    """

    shift_mm: tuple[float, float]
    turn_rad: float
    scale: float
    rms_mm: float
    sd_mm: float
    chosen: tuple[int, ...]


def find_spots(picture: ArrayLike, *, pixel_mm: float, largest_mm: float = 0.2) -> Floats:
    """Small spots of light, the brightest first: column and row (fractions of pixels), and light, shape (n, 3).

    Args:
        picture: rates, shape (rows, columns); NaN where nothing is known.
        pixel_mm: side of a pixel.
        largest_mm: what is wider or higher is no mark: a line, an edge.
    """
    from scipy.ndimage import find_objects, label  # noqa: PLC0415  # only where pictures are looked at

    light = np.nan_to_num(np.asarray(picture, dtype=float))
    light = light - np.median(light)
    noise = 1.4826 * float(np.median(np.abs(light)))
    lit, _ = label(light > max(SEEN_SD * noise, LEAST_SHARE * float(light.max())))
    found = []
    for number, box in enumerate(find_objects(lit), start=1):
        sides = [part.stop - part.start for part in box]
        touches = any(part.start == 0 or part.stop == n for part, n in zip(box, light.shape, strict=True))
        if touches or max(sides) * pixel_mm > largest_mm or min(sides) < 2:
            continue
        grown = tuple(slice(max(part.start - 3, 0), part.stop + 3) for part in box)
        is_own = (lit[grown] == number) | (lit[grown] == 0)
        weight = np.where(is_own, light[grown], 0.0)
        rows, columns = np.indices(weight.shape)
        total = float(weight.sum())
        found.append(
            (
                grown[1].start + float((weight * columns).sum()) / total,
                grown[0].start + float((weight * rows).sum()) / total,
                total,
            )
        )
    return np.array(sorted(found, key=lambda one: -one[2])[:MOST_SPOTS]).reshape(-1, 3)


def find_lying(written_mm: ArrayLike, spots_mm: Sequence[ArrayLike], *, tolerance_mm: float) -> Lying:
    """How the coupon lies, where one spot of each picture is the mark.

    Args:
        written_mm: places of the marks on the coupon, shape (n, 2), n of at least 2.
        spots_mm: for each mark, where spots are if the coupon lies as it is meant to, shape (k, 2).
        tolerance_mm: rms that may be left, and beyond which two answers are two.

    Raises:
        MarksError: fewer than two marks, a mark without a spot, spots that no turn and shift explains, or more than one does.
    """
    written = np.asarray(written_mm, dtype=float)
    spots = [np.asarray(one, dtype=float).reshape(-1, 2) for one in spots_mm]
    if len(written) < 2:
        raise MarksError(
            f"{len(written)} marks; two are needed at least, and three tell whether they are the right ones"
        )
    if missing := [i for i, one in enumerate(spots) if not len(one)]:
        raise MarksError(
            f"no spot is seen around marks {missing} of {len(written)}; expose longer, or look where they are"
        )
    fits = sorted(
        (
            _fit(written, np.array([one[i] for one, i in zip(spots, choice, strict=True)]), choice)
            for choice in itertools.product(*(range(len(one)) for one in spots))
        ),
        key=lambda fit: fit.rms_mm,
    )
    best = fits[0]
    if best.rms_mm > tolerance_mm or abs(best.scale) > LARGEST_SCALE:
        raise MarksError(
            f"the marks lie {1e3 * best.rms_mm:.0f} um (rms) from where they should, {100 * best.scale:+.2f} % apart; allowed "
            f"are {1e3 * tolerance_mm:.0f} um and {100 * LARGEST_SCALE:g} %: is it the right coupon, and nothing else so bright?"
        )
    for other in fits[1:]:
        if other.rms_mm <= tolerance_mm and _apart_mm(best, other, written) > tolerance_mm:
            raise MarksError(
                f"two answers fit the marks, {1e3 * _apart_mm(best, other, written):.0f} um apart; choose marks with nothing "
                "beside them, or a third one"
            )
    return best


def _fit(written: Floats, seen: Floats, choice: tuple[int, ...]) -> Lying:
    """Turn and shift with the least squares (Kabsch 1976, in the plane)."""
    middle, there = written.mean(axis=0), seen.mean(axis=0)
    a, b = written - middle, seen - there
    turn = math.atan2(float((a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]).sum()), float((a * b).sum()))
    c, s = math.cos(turn), math.sin(turn)
    rotation = np.array([[c, -s], [s, c]])
    scale = float(np.sqrt((b**2).sum() / (a**2).sum())) - 1.0
    shift = there - rotation @ middle
    left = seen - written @ rotation.T - shift
    n_left = 2 * len(written) - 3
    rms = float(np.sqrt((left**2).sum() / len(written)))
    sd = float(np.sqrt((left**2).sum() / n_left)) if len(written) > 2 else math.inf
    return Lying((float(shift[0]), float(shift[1])), turn, scale, rms, sd, choice)


def _apart_mm(one: Lying, other: Lying, written: Floats) -> float:
    """Largest distance between where two answers put a mark."""
    places = []
    for lying in (one, other):
        c, s = math.cos(lying.turn_rad), math.sin(lying.turn_rad)
        places.append(written @ np.array([[c, s], [-s, c]]) + np.array(lying.shift_mm))
    return float(np.hypot(*(places[0] - places[1]).T).max())
