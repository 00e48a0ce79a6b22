"""Passes over one place: what the glass remembers of each, so that a further one adds to it what all of them did.

A pass is remembered as the field that it made and how long, not as a dose on some grid: grids are laid for all passes together,
and two equal passes are to the last digit one of twice the time.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from beamline.physics.conduction import Field
from beamline.physics.jit import compiled
from beamline.physics.records import MOST_PASSES, PASS, Record

__all__ = ["free", "is_of_line", "recall", "remember", "seconds_of"]

_SECONDS = PASS.index("seconds")
_STRENGTH = PASS.index("strength_K_um")
_RADIUS = PASS.index("radius_um")
_SHAPE = PASS.index("shape")
_DISTANCE = PASS.index("image_distance_um")
_FACTOR = PASS.index("image_factor")


@compiled
def free(state: Record) -> None:
    """Forgets all passes: a row without time is free, whatever else stands in it."""
    for k in range(MOST_PASSES):
        state.passes[k, _SECONDS] = 0.0


@compiled
def seconds_of(row: NDArray[np.float64]) -> float:
    """Time of a remembered pass, s of a dot and s/um of a line; 0 in a free row."""
    return row[_SECONDS]  # type: ignore[no-any-return]


@compiled
def is_of_line(row: NDArray[np.float64]) -> bool:
    """Whether a remembered pass was a line's."""
    return row[_SHAPE] <= 0.0  # type: ignore[no-any-return]


@compiled
def recall(row: NDArray[np.float64]) -> Field:
    """The field of a remembered pass."""
    shape = row[_SHAPE]
    return Field(row[_STRENGTH], row[_RADIUS], max(shape, 0.0), max(-shape, 0.0), row[_DISTANCE], row[_FACTOR])


@compiled
def remember(state: Record, around: Field, seconds: float) -> None:
    """Notes a pass, or lengthens an equal one.

    Args:
        state: of `state_dtype`; has a free row, since no more than `MOST_PASSES` are let in.
        around: its field.
        seconds: of a dot, or of a line per um of path.
    """
    shape = around.spread_um if around.spread_um > 0.0 else -around.decay_1_um
    for k in range(MOST_PASSES):
        row = state.passes[k]
        if row[_SECONDS] <= 0.0:
            row[_SECONDS] = seconds
            row[_STRENGTH] = around.strength_K_um
            row[_RADIUS] = around.radius_um
            row[_SHAPE] = shape
            row[_DISTANCE] = around.image_distance_um
            row[_FACTOR] = around.image_factor
            return
        same = row[_STRENGTH] == around.strength_K_um and row[_RADIUS] == around.radius_um and row[_SHAPE] == shape
        if same and row[_DISTANCE] == around.image_distance_um and row[_FACTOR] == around.image_factor:
            row[_SECONDS] += seconds
            return
