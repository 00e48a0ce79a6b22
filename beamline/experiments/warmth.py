"""Heat that the lines of a picture leave to one another, and what it does to the later ones.

A line that is written into warm glass needs less of the laser to reach the temperature of nucleation: it comes out as if it
had been written with more energy, redder. The heat is that of the model's own numbers (absorbed power, conduction), each piece
of an earlier line an instantaneous point source at its depth below a surface that lets nothing through (Carslaw and Jaeger
1959, ch. 10.2 and 14.9). What a line leaves to itself is in the model already, and is not counted here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from beamline.physics import settings
from beamline.physics.constants import ROOM_TEMPERATURE_K
from beamline.physics.reference_heat import source_of
from beamline.recipe import Line

__all__ = ["PlacedLine", "Warmth", "gain_of"]

Floats = NDArray[np.float64]

PIECE_mm = 0.1
"""Of an earlier line, which is one source: shorter than the distance between rows, over which heat spreads in tens of ms."""
MEMORY_s = 120.0
"""What an earlier line left is forgotten then: it falls as the time to the power -3/2, and 400 lines hardly reach 1 K."""
RECEIVED_AT = (1 / 6, 1 / 2, 5 / 6)
"""Places along a line at which its warmth is taken; the mean counts."""
MOST_K = 200.0
"""Beyond it glass would be so warm that "a bit more energy" is no description any more."""


@dataclass(frozen=True, slots=True)
class PlacedLine:
    """A line of a picture, where and when.

    Attributes:
        name: of the site.
        x_mm: of its middle.
        y_mm: the same.
        colour: of its cells.
        line: how it is written, its length included.
        begin_s: clock at which its light begins; only differences count.
    """

    name: str
    x_mm: float
    y_mm: float
    colour: int
    line: Line
    begin_s: float

    @property
    def duration_s(self) -> float:
        """Of one pass."""
        return self.line.length_mm / self.line.speed_mm_s


def gain_of(rise_K: Floats, parameters: NDArray[np.void]) -> Floats:
    """Factor on the energy that warmth is worth, for it spares a part of the way to the temperature of nucleation.

    Args:
        rise_K: above room temperature.
        parameters: (1,); its nose of nucleation counts.
    """
    to_nose_K = float(parameters["nose_K"][0]) - ROOM_TEMPERATURE_K
    return np.asarray(to_nose_K / (to_nose_K - np.minimum(rise_K, MOST_K)))


class Warmth:
    """Which line warms which, K per W that the earlier one absorbs; fixed by places, speeds and times alone.

    Args:
        lines: in the order in which they are written.
        iodide_fraction: of the glass.
        parameters: (1,) of `parameter_dtype`.
    """

    def __init__(self, lines: Sequence[PlacedLine], iodide_fraction: float, parameters: NDArray[np.void]) -> None:
        self._lines = tuple(lines)
        self._iodide = iodide_fraction
        self._parameters = parameters
        self._per_W: list[tuple[NDArray[np.int64], Floats]] = []
        heat_capacity_J_mm3K = 1e-3 * float(parameters["heat_capacity_J_cm3K"][0])
        diffusivity_mm2_s = 1e-3 * float(parameters["conductivity_W_mK"][0]) / heat_capacity_J_mm3K
        pieces = [_pieces(one) for one in self._lines]
        ends_s = np.array([one.begin_s + one.duration_s for one in self._lines])
        for i, one in enumerate(self._lines):
            earlier = np.flatnonzero(one.begin_s - ends_s[:i] < MEMORY_s)
            at_mm = one.x_mm + one.line.length_mm * (np.array(RECEIVED_AT) - 0.5)
            at_s = one.begin_s + one.duration_s * np.array(RECEIVED_AT)
            kelvin = np.zeros(len(earlier))
            for k, j in enumerate(earlier):
                x_mm, t_s, share_s = pieces[j]
                four_Dt = 4.0 * diffusivity_mm2_s * np.maximum(at_s[:, None] - t_s, 1e-3)
                away2 = (at_mm[:, None] - x_mm) ** 2 + (one.y_mm - self._lines[j].y_mm) ** 2
                image2 = (2.0 * one.line.depth_mm) ** 2
                spread = (np.exp(-away2 / four_Dt) * (1.0 + np.exp(-image2 / four_Dt))) / (math.pi * four_Dt) ** 1.5
                kelvin[k] = share_s / heat_capacity_J_mm3K * float(spread.sum(axis=1).mean())
            self._per_W.append((earlier, kelvin))

    def rises_K(self, energies_uJ: Floats) -> Floats:
        """How much warmer than the room each line finds its place, shape (n,).

        Args:
            energies_uJ: with which they are written, shape (n,).
        """
        if not self._lines:
            return np.zeros(0)
        moved = [
            one.line.model_copy(update={"pulse_energy_uJ": float(energy)})
            for one, energy in zip(self._lines, energies_uJ, strict=True)
        ]
        table = settings(moved, self._iodide)
        columns = {name: table[name].astype(float) for name in table.dtype.names or ()}
        absorbed_W = source_of(columns, self._parameters[0], 1.0)["power_W"]
        passes = np.array([one.line.n_passes for one in self._lines])
        power_W = absorbed_W * passes  # passes follow one another within what a piece's heat takes to arrive
        return np.array([float(kelvin @ power_W[earlier]) for earlier, kelvin in self._per_W])


def _pieces(one: PlacedLine) -> tuple[Floats, Floats, float]:
    """Middles of the pieces of a line, when each was written, and how long that took, mm and s."""
    n = max(1, math.ceil(one.line.length_mm / PIECE_mm))
    along = (np.arange(n) + 0.5) / n
    return (
        one.x_mm + one.line.length_mm * (along - 0.5),
        one.begin_s + one.duration_s * along,
        one.duration_s / n,
    )
