"""The twin's stage driver: three axes without acceleration, which remember their way while the laser is open."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, replace

from devices.capabilities import Capability
from devices.errors import RefusedError
from devices.protocols import AxisName

from .world import Leg, World

__all__ = ["TwinStage"]

TRAVEL_mm_s = 20.0
"""Speed from place to place, mm/s."""
SETTLE_S = 0.1
"""Time to come to rest after it, s."""
SHORTEST_REST_S = 1e-3
"""A rest under an open output that is shorter than this writes nothing: at 10 kHz it is ten pulses."""


@dataclass(frozen=True)
class _Move:
    """One axis from place to place, or at rest where start is stop; what it carries stays back by `lag_mm`."""

    begin_s: float
    end_s: float
    start_mm: float
    stop_mm: float
    is_line: bool = False
    lag_mm: float = 0.0

    def at(self, time_s: float) -> float:
        if time_s >= self.end_s:
            return self.stop_mm
        share = max((time_s - self.begin_s) / (self.end_s - self.begin_s), 0.0)
        return self.start_mm + share * (self.stop_mm - self.start_mm)


class TwinStage:
    """A `devices.protocols.StageDriver`.

    Args:
        world: whose clock it moves by.
    """

    capabilities: frozenset[Capability] = frozenset({"z", "lines"})

    def __init__(self, world: World) -> None:
        self._world = world
        geometry = world.geometry
        home = {"x": geometry.seat_x_mm, "y": geometry.seat_y_mm, "z": geometry.surface_z_mm}
        self._moves: dict[AxisName, list[_Move]] = {
            axis: [_Move(0.0, 0.0, home[axis], home[axis])] for axis in ("x", "y", "z")
        }
        self._remember_s = math.inf

    def position_mm(self, axis: AxisName) -> float:
        """Where an axis is now, mm."""
        return self._moves[axis][-1].at(self._world.clock.now_s)

    def is_moving(self, axis: AxisName) -> bool:
        """Whether an axis moves now."""
        return self._world.clock.now_s < self._moves[axis][-1].end_s

    def start_move(self, axis: AxisName, target_mm: float) -> float:
        """Move one axis at travel speed; returns the time it takes, s."""
        self._check_rest(axis)
        duration_s = abs(target_mm - self.position_mm(axis)) / TRAVEL_mm_s + SETTLE_S
        self._begin(axis, target_mm, duration_s, is_line=False)
        return duration_s

    def start_line(self, x_mm: float, y_mm: float, speed_mm_s: float) -> float:
        """Move x and y along a straight line at constant speed; returns the time it takes, s."""
        self._check_rest("x", "y", "z")
        length_mm = math.hypot(x_mm - self.position_mm("x"), y_mm - self.position_mm("y"))
        duration_s = length_mm / speed_mm_s
        if duration_s > 0:
            self._begin("x", x_mm, duration_s, is_line=True)
            self._begin("y", y_mm, duration_s, is_line=True)
        return duration_s

    def stop(self) -> None:
        """Every axis stops where it is."""
        now_s = self._world.clock.now_s
        for moves in self._moves.values():
            last = moves[-1]
            if now_s < last.end_s:
                moves[-1] = replace(last, end_s=now_s, stop_mm=last.at(now_s))

    # ------------------------------------------------------------------ for laser and spectrometer of the same twin
    def place_mm(self) -> tuple[float, float, float]:
        """Where what it carries is now, x, y and z: with the backlash, of which the scale sees nothing."""
        return self._place(self._world.clock.now_s)

    def remember_from(self, time_s: float) -> None:
        """The output opens: keep the way from now on."""
        self._remember_s = time_s
        for axis, moves in self._moves.items():
            self._moves[axis] = moves[-1:]

    def legs_between(self, begin_s: float, end_s: float) -> list[Leg]:
        """The pieces of the way between two times that write: rests, and lines. Travel is too fast to write."""
        breaks = {begin_s, end_s}
        for move in itertools.chain.from_iterable(self._moves.values()):
            breaks.update(time_s for time_s in (move.begin_s, move.end_s) if begin_s < time_s < end_s)
        legs = []
        for a, b in itertools.pairwise(sorted(breaks)):
            active = [move for moves in self._moves.values() for move in moves if move.begin_s <= a and b <= move.end_s]
            is_line = bool(active) and all(move.is_line for move in active)
            if is_line or (not active and b - a >= SHORTEST_REST_S):
                legs.append(Leg(b, b - a, self._place(a), self._place(b)))
        self._remember_s = math.inf  # the output is closed: only where it is matters from here on
        return legs

    def _place(self, time_s: float) -> tuple[float, float, float]:
        x, y, z = (self._axis_at(axis, time_s) for axis in ("x", "y", "z"))
        return x, y, z

    def _axis_at(self, axis: AxisName, time_s: float) -> float:
        moves = self._moves[axis]
        begun = [move for move in moves if move.begin_s <= time_s]
        return begun[-1].at(time_s) - begun[-1].lag_mm if begun else moves[0].start_mm - moves[0].lag_mm

    def _begin(self, axis: AxisName, target_mm: float, duration_s: float, *, is_line: bool) -> None:
        now_s = self._world.clock.now_s
        here_mm, lag_mm = self.position_mm(axis), self._moves[axis][-1].lag_mm
        if target_mm != here_mm:
            lag_mm = math.copysign(0.5 * self._world.backlash_mm, target_mm - here_mm)
        move = _Move(now_s, now_s + duration_s, here_mm, target_mm, is_line, lag_mm)
        self._moves[axis] = [old for old in self._moves[axis] if old.end_s > self._remember_s] + [move]

    def _check_rest(self, *axes: AxisName) -> None:
        moving = [axis for axis in axes if self.is_moving(axis)]
        if moving:
            raise RefusedError(f"stage {' and '.join(moving)} still moves; wait for it, or stop it")
