"""How a coupon lies in its seat: a little beside where it is meant to, and turned, anew each time that it is put there."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from .features import Feature

__all__ = ["AS_MEANT", "Seating"]

Floats = NDArray[np.float64]
Place = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Seating:
    """A turn about the coupon's lower left corner, then a shift.

    Attributes:
        shift_x_mm: of that corner.
        shift_y_mm: the same.
        turn_rad: counterclockwise.
    """

    shift_x_mm: float = 0.0
    shift_y_mm: float = 0.0
    turn_rad: float = 0.0

    @classmethod
    def draw(cls, rng: np.random.Generator, shift_sd_mm: float, turn_sd_deg: float) -> Seating:
        """One seating; as many draws whatever the sizes."""
        x, y, turn = rng.standard_normal(3).tolist()
        return cls(shift_sd_mm * x, shift_sd_mm * y, math.radians(turn_sd_deg) * turn)

    def on_coupon(self, x_mm: float, y_mm: float) -> Place:
        """What of the coupon is where a place of it is meant to be, mm."""
        if self == AS_MEANT:
            return x_mm, y_mm
        return self._turned(x_mm - self.shift_x_mm, y_mm - self.shift_y_mm, -self.turn_rad)

    def grid_on_coupon(self, x_mm: Floats, y_mm: Floats) -> tuple[Floats, Floats]:
        """The same for a grid of columns, shape [columns], and rows, shape [rows]; both of shape [rows, columns]."""
        x, y = np.meshgrid(x_mm - self.shift_x_mm, y_mm - self.shift_y_mm)
        c, s = math.cos(self.turn_rad), math.sin(self.turn_rad)
        return np.asarray(c * x + s * y), np.asarray(c * y - s * x)

    def seen(self, feature: Feature) -> Feature:
        """A feature where it lies, in the places that are meant."""
        if self == AS_MEANT:
            return feature
        if not feature.is_line:
            x_mm, y_mm = self._lies(feature.x_mm, feature.y_mm)
            return replace(feature, x_mm=x_mm, y_mm=y_mm)
        (x0, y0), (x1, y1) = (self._lies(*end) for end in feature.ends_mm)
        ux, uy = self._turned(feature.ux, feature.uy, self.turn_rad)
        return replace(
            feature, ux=ux, uy=uy, offset_mm=ux * y0 - uy * x0, begin_mm=ux * x0 + uy * y0, end_mm=ux * x1 + uy * y1
        )

    def _lies(self, x_mm: float, y_mm: float) -> Place:
        x, y = self._turned(x_mm, y_mm, self.turn_rad)
        return x + self.shift_x_mm, y + self.shift_y_mm

    @staticmethod
    def _turned(x: float, y: float, by_rad: float) -> Place:
        c, s = math.cos(by_rad), math.sin(by_rad)
        return c * x - s * y, s * x + c * y


AS_MEANT = Seating()
