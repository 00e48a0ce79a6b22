"""What is written in a coupon, as geometry: dots, and stretches of lines with the passes that went over each."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

__all__ = ["Feature", "Pass", "add_dot", "add_line"]

SAME_PLACE_mm = 0.005
"""Nearer than this, a writing goes over an earlier one."""
SHORTEST_mm = 1e-4
"""Shorter stretches are rounding, and are dropped."""


@dataclass(frozen=True, slots=True)
class Pass:
    """One exposure, as the glass had it.

    Attributes:
        power_W: mean power at the sample, with what changes its absorption.
        pulse_energy_uJ: as set.
        repetition_rate_kHz: as set.
        depth_mm: of the focus.
        exposure_s: of a dot; 0 for a line.
        speed_mm_s: of a line; 0 for a dot.
    """

    power_W: float
    pulse_energy_uJ: float
    repetition_rate_kHz: float
    depth_mm: float
    exposure_s: float = 0.0
    speed_mm_s: float = 0.0


@dataclass(frozen=True)
class Feature:
    """A dot, or a stretch of a line that all its passes cover.

    A line lies along a unit vector (`ux`, `uy`), at `offset_mm` to the left of the coupon's corner, from `begin_mm` to
    `end_mm` along that vector. A dot has ux = uy = 0 and is at (`x_mm`, `y_mm`).

    Attributes:
        passes: in order; a further pass melts what is there, so the feature begins anew with all of them.
        born: number of steps in the coupon's heat history when the last pass was made.
        written_s: clock at the last pass.
        state: (1, 1) of `beamline.physics.state_dtype` after `heated` steps; None before it is worked out.
        lamp_s: seconds under the excitation lamp.
    """

    passes: tuple[Pass, ...]
    born: int
    written_s: float
    x_mm: float = 0.0
    y_mm: float = 0.0
    ux: float = 0.0
    uy: float = 0.0
    offset_mm: float = 0.0
    begin_mm: float = 0.0
    end_mm: float = 0.0
    state: NDArray[np.void] | None = None
    heated: int = 0
    lamp_s: float = 0.0

    @property
    def is_line(self) -> bool:
        """Whether it is a stretch of a line."""
        return (self.ux, self.uy) != (0.0, 0.0)

    @property
    def centre_mm(self) -> tuple[float, float]:
        """Middle of the feature on the coupon, mm."""
        if not self.is_line:
            return self.x_mm, self.y_mm
        along = 0.5 * (self.begin_mm + self.end_mm)
        return self.ux * along - self.uy * self.offset_mm, self.uy * along + self.ux * self.offset_mm

    def again(self, new: Pass, born: int, written_s: float) -> Feature:
        """The same place after a further pass."""
        return replace(self, passes=(*self.passes, new), born=born, written_s=written_s, state=None, lamp_s=0.0)

    @property
    def ends_mm(self) -> tuple[tuple[float, float], ...]:
        """The place of a dot, or the two ends of a line, on the coupon, mm."""
        if not self.is_line:
            return (self.centre_mm,)
        return tuple(
            (self.ux * along - self.uy * self.offset_mm, self.uy * along + self.ux * self.offset_mm)
            for along in (self.begin_mm, self.end_mm)
        )

    def is_within(self, x_mm: tuple[float, float], y_mm: tuple[float, float]) -> bool:
        """Whether the box around it and another, from and to on the coupon, have a place in common."""
        xs, ys = zip(*self.ends_mm, strict=True)
        return bool(min(xs) <= x_mm[1] and max(xs) >= x_mm[0] and min(ys) <= y_mm[1] and max(ys) >= y_mm[0])

    def weight(self, x_mm: float, y_mm: float, radius_mm: float) -> float:
        """How much of its light a Gaussian spot collects: exp(-2 r^2 / R^2), for lines integrated along them, in um."""
        if not self.is_line:
            return math.exp(-2.0 * ((self.x_mm - x_mm) ** 2 + (self.y_mm - y_mm) ** 2) / radius_mm**2)
        across = self.ux * y_mm - self.uy * x_mm - self.offset_mm
        along = self.ux * x_mm + self.uy * y_mm
        root = math.sqrt(2.0) / radius_mm
        ends = math.erf(root * (self.end_mm - along)) - math.erf(root * (self.begin_mm - along))
        return 1e3 * radius_mm * math.sqrt(math.pi / 8.0) * ends * math.exp(-2.0 * (across / radius_mm) ** 2)


def add_dot(
    features: list[Feature], x_mm: float, y_mm: float, new: Pass, *, born: int, written_s: float
) -> list[Feature]:
    """Features after an exposure at rest: a new dot, or a further pass over the one that is there."""
    for i, old in enumerate(features):
        if not old.is_line and math.hypot(old.x_mm - x_mm, old.y_mm - y_mm) <= SAME_PLACE_mm:
            return [*features[:i], old.again(new, born, written_s), *features[i + 1 :]]
    return [*features, Feature(passes=(new,), born=born, written_s=written_s, x_mm=x_mm, y_mm=y_mm)]


def add_line(
    features: list[Feature],
    start_mm: tuple[float, float],
    stop_mm: tuple[float, float],
    new: Pass,
    *,
    born: int,
    written_s: float,
) -> list[Feature]:
    """Features after a line: earlier stretches that it goes over are cut at its ends, so that each has its passes."""
    dx, dy = stop_mm[0] - start_mm[0], stop_mm[1] - start_mm[1]
    length = math.hypot(dx, dy)
    if length <= SHORTEST_mm:
        return features
    # To and fro is one direction: the one with ux > 0, or straight up.
    sign = -1.0 if (dx, dy) < (0.0, 0.0) else 1.0
    ux, uy = sign * dx / length, sign * dy / length
    offset = ux * start_mm[1] - uy * start_mm[0]
    begin, end = sorted(ux * x + uy * y for x, y in (start_mm, stop_mm))
    kept: list[Feature] = []
    bare = [(begin, end)]  # of the new line, what no earlier stretch covers
    for old in features:
        low, high = max(old.begin_mm, begin), min(old.end_mm, end)
        on_track = (
            old.is_line and abs(old.ux * uy - old.uy * ux) < 1e-6 and abs(old.offset_mm - offset) <= SAME_PLACE_mm
        )
        if not on_track or high - low <= SHORTEST_mm:
            kept.append(old)
            continue
        kept.extend(
            replace(old, begin_mm=a, end_mm=b)
            for a, b in ((old.begin_mm, low), (high, old.end_mm))
            if b - a > SHORTEST_mm
        )
        kept.append(replace(old.again(new, born, written_s), begin_mm=low, end_mm=high))
        bare = [
            piece
            for a, b in bare
            for piece in ((a, min(b, low)), (max(a, high), b))
            if piece[1] - piece[0] > SHORTEST_mm
        ]
    kept.extend(
        Feature(passes=(new,), born=born, written_s=written_s, ux=ux, uy=uy, offset_mm=offset, begin_mm=a, end_mm=b)
        for a, b in bare
    )
    return kept
