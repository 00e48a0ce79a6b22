"""The twin's stage driver: three axes that remember their way while the laser is open, and a gate in its beam.

For nights the axes have no acceleration and there is no gate. Behind a controller's protocol they get up to speed and
down from it, and the controller's position triggers work the gate (`devices.twin.wire.stage`).
"""

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
SHORTEST_STROKE_S = 1e-6
"""A piece of a line that is shorter holds no pulse: it is what rounding leaves between a gate and the end of a ramp."""
RAMP_PIECES = 8
"""Pieces of even speed by which a ramp under an open gate is written."""


@dataclass(frozen=True)
class _Move:
    """One axis from place to place, or at rest where start is stop; what it carries stays back by `lag_mm`.

    With `ramp_s` it takes that long to get up to speed and down from it, arrives at `arrive_s`, and settles until `end_s`;
    one that was stopped ends short of `goal_mm`.
    """

    begin_s: float
    end_s: float
    start_mm: float
    stop_mm: float
    is_line: bool = False
    lag_mm: float = 0.0
    ramp_s: float = 0.0
    arrive_s: float = 0.0
    goal_mm: float = 0.0

    def at(self, time_s: float) -> float:
        if time_s >= self.end_s:
            return self.stop_mm
        if self.ramp_s > 0:
            return self.start_mm + self._share(time_s) * (self.goal_mm - self.start_mm)
        share = max((time_s - self.begin_s) / (self.end_s - self.begin_s), 0.0)
        return self.start_mm + share * (self.stop_mm - self.start_mm)

    @property
    def breaks_s(self) -> tuple[float, ...]:
        """Times between which its speed is even, or nearly so."""
        if self.ramp_s == 0:
            return self.begin_s, self.end_s
        up = tuple(self.begin_s + self.ramp_s * i / RAMP_PIECES for i in range(RAMP_PIECES + 1))
        down = tuple(self.arrive_s - self.ramp_s * i / RAMP_PIECES for i in range(RAMP_PIECES + 1))
        return (*up, *down, self.end_s)

    def time_at(self, place_mm: float) -> float | None:
        """When it passes a place, s; None if it does not."""
        if (
            self.start_mm == self.stop_mm
            or not 0.0 <= (place_mm - self.start_mm) / (self.stop_mm - self.start_mm) <= 1.0
        ):
            return None
        low_s, high_s = self.begin_s, self.end_s
        is_up = self.stop_mm > self.start_mm
        for _ in range(50):  # halves to far below a nanosecond
            middle_s = 0.5 * (low_s + high_s)
            if (self.at(middle_s) >= place_mm) if is_up else (self.at(middle_s) <= place_mm):
                high_s = middle_s
            else:
                low_s = middle_s
        return high_s

    def _share(self, time_s: float) -> float:
        """Of the way that is done: a trapezoid of speed."""
        ramp_s, length_s = self.ramp_s, self.arrive_s - self.begin_s
        done_s = min(max(time_s - self.begin_s, 0.0), length_s)
        left_s = length_s - done_s
        speed = 1.0 / (length_s - ramp_s)
        if done_s < ramp_s:
            return 0.5 * speed * done_s**2 / ramp_s
        if left_s < ramp_s:
            return 1.0 - 0.5 * speed * left_s**2 / ramp_s
        return speed * (done_s - 0.5 * ramp_s)


class TwinStage:
    """A `devices.protocols.StageDriver`.

    Args:
        world: whose clock it moves by.
        acceleration_mm_s2: of the axes, and along a line; 0 is without. With it a line has not one speed over its whole
            length, as on a bare controller: the driver of the instrument sees to that.
        has_gate: a gate in the laser's beam, shut at the beginning.
    """

    def __init__(self, world: World, acceleration_mm_s2: float = 0.0, *, has_gate: bool = False) -> None:
        self._world = world
        self.acceleration_mm_s2 = acceleration_mm_s2
        self.has_gate = has_gate
        self._gate: list[tuple[float, bool]] = [(-math.inf, not has_gate)]
        has: set[Capability] = {"z", "home"}
        has |= {"lines"} if acceleration_mm_s2 == 0 else set()
        has |= {"gate"} if has_gate else set()
        self.capabilities: frozenset[Capability] = frozenset(has)
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
        travel_s, ramp_s = self._times(abs(target_mm - self.position_mm(axis)), TRAVEL_mm_s)
        self._begin(axis, target_mm, travel_s, ramp_s, settle_s=SETTLE_S)
        return travel_s + SETTLE_S

    def start_line(self, x_mm: float, y_mm: float, speed_mm_s: float) -> float:
        """Move x and y along a straight line at constant speed; returns the time it takes, s."""
        self._check_rest("x", "y", "z")
        length_mm = math.hypot(x_mm - self.position_mm("x"), y_mm - self.position_mm("y"))
        duration_s, ramp_s = self._times(length_mm, speed_mm_s)
        if duration_s > 0:
            self._begin("x", x_mm, duration_s, ramp_s, is_line=True)
            self._begin("y", y_mm, duration_s, ramp_s, is_line=True)
        return duration_s

    @property
    def is_homed(self) -> bool:
        """Its scale is never lost."""
        return True

    def start_home(self) -> float:
        """Move every axis to the lower end of its scale; returns the time it takes, s."""
        return max([self.start_move(axis, 0.0) for axis in self._moves])

    @property
    def is_gate_open(self) -> bool:
        """Whether the laser's light gets through; without a gate it always does."""
        return self._is_gate_open_at(self._world.clock.now_s)

    def switch_gate(self, is_open: bool) -> float:  # noqa: FBT001  # a gate has two positions
        """Open or shut the gate, at once.

        Raises:
            RefusedError: there is none.
        """
        if not self.has_gate:
            raise RefusedError("the stage has no gate in the laser's beam; use the laser's own output")
        self.switch_gate_at(self._world.clock.now_s, is_open=is_open)
        return 0.0

    def switch_gate_at(self, time_s: float, *, is_open: bool) -> None:
        """The gate opens or shuts at a time to come, if the stage is not stopped before."""
        self._gate = sorted([*self._gate, (time_s, is_open)], key=lambda change: change[0])

    def time_at(self, axis: AxisName, place_mm: float) -> float | None:
        """When an axis passes a place on its present move, s of the clock; None if it does not."""
        return self._moves[axis][-1].time_at(place_mm) if self.is_moving(axis) else None

    def stop(self) -> None:
        """Every axis stops where it is, at once; what the gate was still to do is off."""
        now_s = self._world.clock.now_s
        self._gate = [change for change in self._gate if change[0] <= now_s]
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
        past = [change for change in self._gate if change[0] <= time_s]
        self._gate = [*past[-1:], *(change for change in self._gate if change[0] > time_s)]

    def legs_between(self, begin_s: float, end_s: float) -> list[Leg]:
        """The pieces of the way between two times that write: rests, and lines. Travel is too fast to write."""
        breaks = {begin_s, end_s}
        for move in itertools.chain.from_iterable(self._moves.values()):
            breaks.update(time_s for time_s in move.breaks_s if begin_s < time_s < end_s)
        breaks.update(time_s for time_s, _ in self._gate if begin_s < time_s < end_s)
        legs = []
        for a, b in itertools.pairwise(sorted(breaks)):
            if not self._is_gate_open_at(a):
                continue
            active = [move for moves in self._moves.values() for move in moves if move.begin_s <= a and b <= move.end_s]
            is_line = bool(active) and all(move.is_line for move in active)
            if (is_line and b - a >= SHORTEST_STROKE_S) or (not active and b - a >= SHORTEST_REST_S):
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

    def _is_gate_open_at(self, time_s: float) -> bool:
        return [is_open for change_s, is_open in self._gate if change_s <= time_s][-1]

    def _times(self, distance_mm: float, speed_mm_s: float) -> tuple[float, float]:
        """How long a way takes, and how long each of its ramps, s; a short way does not reach the speed."""
        a = self.acceleration_mm_s2
        if a == 0:
            return distance_mm / speed_mm_s, 0.0
        if distance_mm < speed_mm_s**2 / a:
            ramp_s = math.sqrt(distance_mm / a)
            return 2.0 * ramp_s, ramp_s
        return distance_mm / speed_mm_s + speed_mm_s / a, speed_mm_s / a

    def _begin(
        self,
        axis: AxisName,
        target_mm: float,
        travel_s: float,
        ramp_s: float,
        *,
        settle_s: float = 0.0,
        is_line: bool = False,
    ) -> None:
        now_s = self._world.clock.now_s
        here_mm, lag_mm = self.position_mm(axis), self._moves[axis][-1].lag_mm
        if target_mm != here_mm:
            lag_mm = math.copysign(0.5 * self._world.backlash_mm, target_mm - here_mm)
        arrive_s = now_s + travel_s
        move = _Move(
            now_s, now_s + (travel_s + settle_s), here_mm, target_mm, is_line, lag_mm, ramp_s, arrive_s, target_mm
        )
        self._moves[axis] = [old for old in self._moves[axis] if old.end_s > self._remember_s] + [move]

    def _check_rest(self, *axes: AxisName) -> None:
        moving = [axis for axis in axes if self.is_moving(axis)]
        if moving:
            raise RefusedError(f"stage {' and '.join(moving)} still moves; wait for it, or stop it")
