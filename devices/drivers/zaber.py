"""Driver of a three-axis stage on a Zaber controller, by its ASCII protocol: a `devices.protocols.StageDriver`.

A line at constant speed begins and ends outside what is written: the stage goes back by the way that it needs to get up
to speed, the laser's gate opens and closes at the two points by the controller's own position triggers, and the stage
returns to the end. Before and after a line the gate is shut; `switch_gate` opens it for dots. Settings,
limits and assumptions: docs/reference/drivers/stage.md.
"""

from __future__ import annotations

import functools
import math
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from devices.capabilities import Capability
from devices.errors import CommunicationError, DeviceError, RefusedError
from devices.protocols import AxisName

from .lane import Lane
from .zaber_settings import ZaberSettings
from .zaber_wire import SPEED_UNIT, SerialLine, TcpLine, Zaber, parse_integers

__all__ = ["ZaberSettings", "ZaberStage"]

ACCELERATION_UNIT = 1.6384e-4
"""Accelerations are in microsteps per second squared times this (10 kHz control loop)."""
NOT_HOMED = {"WR", "WH"}
HOME = "home"
LOST = "an axis has lost its reference (a restart, or a stall); see that the way is free, then start_home()"
AXES: tuple[AxisName, AxisName, AxisName] = ("x", "y", "z")


@dataclass(frozen=True)
class _State:
    position_mm: tuple[float, float, float]
    is_moving: tuple[bool, bool, bool]
    is_homed: bool
    is_gate_open: bool


class ZaberStage:
    """A `devices.protocols.StageDriver`; `connect` and `start_home` before use, `close` at the end.

    Args:
        settings: of the controller and its stages.
    """

    def __init__(self, settings: ZaberSettings) -> None:
        self.settings = settings
        open_line: Callable[[], TcpLine | SerialLine]
        if settings.host is not None:
            open_line = functools.partial(TcpLine, settings.host, settings.port, settings.timeout_s)
        else:
            assert settings.serial_port is not None  # checked by the settings
            open_line = functools.partial(SerialLine, settings.serial_port, settings.baud_rate)
        self._zaber = Zaber(open_line, settings.device, settings.timeout_s)
        self._lane: Lane[_State] = Lane(settings.address, self._poll, poll_s=settings.poll_s, stale_s=settings.stale_s)
        self._lock = threading.Lock()
        self._unseen: set[AxisName] = set()
        self._sent: set[AxisName] = set()
        self._steps: deque[Callable[[], object]] = deque()
        self._limits_mm: tuple[tuple[float, float], ...] = ()
        self._speeds_mm_s: tuple[float, ...] = ()
        self._acceleration_mm_s2 = 0.0

    @property
    def capabilities(self) -> frozenset[Capability]:
        """A line needs a gate, or an axis without acceleration; known when connected."""
        has_lines = self.settings.gate_output is not None or self._acceleration_mm_s2 == 0
        has_gate = self.settings.gate_output is not None
        has: set[Capability] = {"z", "home"}
        has |= {"lines"} if has_lines else set()
        has |= {"gate"} if has_gate else set()
        return frozenset(has)

    def connect(self, timeout_s: float = 5.0) -> None:
        """Connect and read for the first time; may take up to `timeout_s`.

        Raises:
            CommunicationError: no controller with three axes answers at that address.
        """
        self._lane.start(timeout_s)

    def close(self) -> None:
        """Stop, and end the connection."""
        try:
            self.stop()
        finally:
            self.release()

    def release(self) -> None:
        """End the connection, and leave the stage as it is: nothing is sent."""
        self._lane.stop()
        self._zaber.close()

    # ------------------------------------------------------------------------------------------------------ readings
    def position_mm(self, axis: AxisName) -> float:
        """Where an axis is, mm."""
        return self._lane.state.position_mm[AXES.index(axis)]

    def is_moving(self, axis: AxisName) -> bool:
        """Whether an axis moves, or is about to."""
        return self._moves(axis, self._lane.state)

    @property
    def is_gate_open(self) -> bool:
        """Whether the gate's output is on, as it was read last; always, without a gate."""
        return self._lane.state.is_gate_open

    @property
    def is_homed(self) -> bool:
        """Whether every axis has its reference; moves are refused before."""
        return self._lane.state.is_homed

    @property
    def limits_mm(self) -> tuple[tuple[float, float], ...]:
        """Soft limits of x, y and z as the controller has them, mm."""
        return self._limits_mm

    @property
    def age_s(self) -> float:
        """Age of the readings, s."""
        return self._lane.age_s

    # ------------------------------------------------------------------------------------------------------ commands
    def start_home(self) -> float:
        """Drive every axis to its reference; returns the longest time that it should take, s.

        Raises:
            RefusedError: an axis moves.
        """
        self._check_rest(HOME, *AXES)
        self._begin(HOME, AXES, lambda: self._zaber.ask("home"))
        return max((high - low) / v for (low, high), v in zip(self._limits_mm, self._speeds_mm_s, strict=True)) + 10.0

    def start_move(self, axis: AxisName, target_mm: float) -> float:
        """Begin to move one axis; returns the expected time, s.

        Raises:
            RefusedError: outside the soft limits, the axis moves, or it is not homed.
        """
        i = AXES.index(axis)
        what = f"move {axis} to {target_mm:g} mm"
        self._check_target(what, axis, target_mm)
        self._check_rest(what, axis)
        self._check_homed(what)
        steps = self.settings.steps(i, target_mm)
        distance_mm = abs(target_mm - self._lane.last_state.position_mm[i])
        self._begin(what, (axis,), lambda: self._zaber.ask(f"move abs {steps}", i + 1))
        return distance_mm / self._speeds_mm_s[i] + self.settings.settle_s

    def start_line(self, x_mm: float, y_mm: float, speed_mm_s: float) -> float:
        """Begin a line at constant speed from here to (`x_mm`, `y_mm`); returns the expected time, s.

        Raises:
            RefusedError: outside the soft limits (with the way to get up to speed), an axis moves or is not homed, or
                the stage needs such a way and there is no gate to keep it dark.
        """
        what = f"line to ({x_mm:g}, {y_mm:g}) mm at {speed_mm_s:g} mm/s"
        self._check_rest(what, *AXES)
        self._check_homed(what)
        if not speed_mm_s > 0:
            raise RefusedError(f"{self._lane.name}: {what}: a speed is positive, in mm/s")
        begin = self._lane.last_state.position_mm[:2]
        end = x_mm, y_mm
        length_mm = math.dist(begin, end)
        if length_mm == 0.0:
            return 0.0
        a = self._acceleration_mm_s2
        run_mm = speed_mm_s**2 / (2.0 * a) if a > 0 else 0.0  # 0 in the controller means: without acceleration
        if run_mm > 0 and self.settings.gate_output is None:
            raise RefusedError(
                f"{self._lane.name}: {what}: the stage needs {run_mm * 1e3:.0f} um to get up to speed, and there is no "
                "gate to keep it dark; wire a digital output to the laser's gate and set gate_output"
            )
        direction = (end[0] - begin[0]) / length_mm, (end[1] - begin[1]) / length_mm
        first = begin[0] - run_mm * direction[0], begin[1] - run_mm * direction[1]
        last = end[0] + run_mm * direction[0], end[1] + run_mm * direction[1]
        for x, y in (first, last):
            self._check_target(what, "x", x)
            self._check_target(what, "y", y)
        travel_mm_s = min(self._speeds_mm_s[:2])
        steps: list[Callable[[], object]] = [functools.partial(self._send_line, begin, end, last, speed_mm_s)]
        if run_mm > 0:
            steps.insert(0, functools.partial(self._send_approach, first, travel_mm_s))
            steps.append(functools.partial(self._send_stream, end, travel_mm_s))
        steps.append(self._end_stream)
        self._begin(what, ("x", "y"), steps[0], steps[1:])
        overhead_s = 2.0 * (run_mm / travel_mm_s + speed_mm_s / a + self.settings.poll_s) if a > 0 else 0.0
        return length_mm / speed_mm_s + overhead_s + self.settings.poll_s

    def switch_gate(self, is_open: bool) -> float:  # noqa: FBT001  # a gate has two positions
        """Open or shut the laser's gate; returns the expected time, s.

        Raises:
            RefusedError: there is no gate, or x or y moves: on a line its triggers work the gate.
        """
        output = self.settings.gate_output
        what = f"{'open' if is_open else 'shut'} the gate"
        if output is None:
            raise RefusedError(f"{self._lane.name}: {what}: there is none; wire an output to it and set gate_output")
        if is_open:
            self._check_rest(what, "x", "y")
        self._lane.submit(what, lambda: self._zaber.ask(f"io set do {output} {int(is_open)}"))
        return self.settings.poll_s

    def stop(self) -> None:
        """Bring every axis to rest, and shut the gate; what is left of a line is given up."""
        with self._lock:
            self._steps.clear()

        def work() -> None:
            with self._lock:
                self._steps.clear()
                self._sent |= self._unseen
            self._zaber.ask("stop")
            self._end_stream()

        self._lane.submit("stop", work)

    def _moves(self, axis: AxisName, state: _State) -> bool:
        with self._lock:
            return axis in self._unseen or state.is_moving[AXES.index(axis)]

    # -------------------------------------------------------------------------------------------------- on the thread
    def _poll(self) -> _State:
        settings = self.settings
        if not self._limits_mm:
            self._configure()
        with self._lock:
            sent = set(self._sent)
        reply = self._zaber.ask("get pos")
        positions = parse_integers(reply.data, 3)
        moving = tuple(reply.is_busy and self._zaber.ask("", i + 1).is_busy for i in range(3))
        if reply.is_busy and not all(moving):  # an axis may have come to rest since: where it stands is read after that
            reply = self._zaber.ask("get pos")
            positions = parse_integers(reply.data, 3)
        if reply.warning.startswith("F"):
            with self._lock:
                self._steps.clear()
                self._unseen.clear()
            self._lane.fail(
                f"fault {reply.warning}",
                DeviceError("the controller reports a fault; look at the stage, clear it there, then home"),
            )
        is_at_rest = not any(moving)
        with self._lock:
            step = self._steps.popleft() if self._steps and is_at_rest and {"x", "y"} <= sent else None
            if not self._steps and step is None:
                self._unseen -= sent
                self._sent -= sent
        if step is not None:
            try:
                step()
            except DeviceError as error:
                with self._lock:
                    self._steps.clear()
                    self._unseen.clear()
                self._lane.fail("line", error)
            return self._poll()
        return _State(
            position_mm=(settings.mm(0, positions[0]), settings.mm(1, positions[1]), settings.mm(2, positions[2])),
            is_moving=(moving[0], moving[1], moving[2]),
            is_homed=reply.warning not in NOT_HOMED,
            is_gate_open=self._read_gate(),
        )

    def _read_gate(self) -> bool:
        output = self.settings.gate_output
        return output is None or parse_integers(self._zaber.ask(f"io get do {output}").data, 1) == [1]

    def _configure(self) -> None:
        settings = self.settings
        low, high, speed, acceleration = (
            parse_integers(self._zaber.ask(f"get {name}").data, 3)
            for name in ("limit.min", "limit.max", "maxspeed", "accel")
        )
        um = settings.microstep_um
        speeds = tuple(speed[i] / SPEED_UNIT * um[i] * 1e-3 for i in range(3))
        if min(speeds) <= 0:
            raise CommunicationError(f"maxspeed {speed}: an axis has no speed; set it at the controller")
        self._speeds_mm_s = speeds
        self._acceleration_mm_s2 = min(acceleration[:2]) / ACCELERATION_UNIT * um[0] * 1e-3
        self._limits_mm = tuple((settings.mm(i, low[i]), settings.mm(i, high[i])) for i in range(3))

    def _begin(
        self,
        what: str,
        axes: tuple[AxisName, ...],
        first: Callable[[], object],
        then: list[Callable[[], object]] | None = None,
    ) -> None:
        with self._lock:
            self._unseen |= set(axes)
            self._sent -= set(axes)

        def work() -> None:
            try:
                if what != HOME:
                    self._check_reference()
                first()
            except BaseException:
                with self._lock:
                    self._unseen -= set(axes)
                raise
            with self._lock:
                self._sent |= set(axes) & self._unseen
                self._steps.extend(then or ())

        self._lane.submit(what, work)

    def _check_reference(self) -> None:
        """Asked anew: a controller that restarted since the last poll would run from a wrong zero."""
        if self._zaber.ask("").warning in NOT_HOMED:
            raise RefusedError(LOST)

    def _send_line(
        self, begin: tuple[float, float], end: tuple[float, float], last: tuple[float, float], speed_mm_s: float
    ) -> None:
        """The stroke itself, with the gate opened at `begin` and closed at `end` by the controller."""
        output = self.settings.gate_output
        if output is not None:
            self._zaber.ask(f"io set do {output} 0")
            i = 0 if abs(end[0] - begin[0]) >= abs(end[1] - begin[1]) else 1  # the axis that moves more
            sign = ">=" if end[i] > begin[i] else "<="
            for trigger, (place_mm, level) in enumerate(((begin[i], 1), (end[i], 0)), start=1):
                self._zaber.ask(f"trigger {trigger} when {i + 1} pos {sign} {self.settings.steps(i, place_mm)}")
                self._zaber.ask(f"trigger {trigger} action a io set do {output} {level}")
                self._zaber.ask(f"trigger {trigger} enable 1")
        self._send_stream(last, speed_mm_s)

    def _send_approach(self, first: tuple[float, float], travel_mm_s: float) -> None:
        """Back by the way that it needs to get up to speed, in the dark."""
        self._zaber.ask(f"io set do {self.settings.gate_output} 0")
        self._send_stream(first, travel_mm_s)

    def _send_stream(self, to: tuple[float, float], speed_mm_s: float) -> None:
        settings = self.settings
        speed = round(speed_mm_s * 1e3 / settings.microstep_um[0] * SPEED_UNIT)
        self._zaber.ask("stream 1 setup disable")
        self._zaber.ask("stream 1 setup live 1 2")
        self._zaber.ask(f"stream 1 set maxspeed {speed}")
        self._zaber.ask(f"stream 1 line abs {settings.steps(0, to[0])} {settings.steps(1, to[1])}")

    def _end_stream(self) -> None:
        self._zaber.ask("stream 1 setup disable")
        if self.settings.gate_output is not None:
            for trigger in (1, 2):  # one that has not fired would open the gate on a later way
                self._zaber.ask(f"trigger {trigger} disable")
            self._zaber.ask(f"io set do {self.settings.gate_output} 0")

    # ---------------------------------------------------------------------------------------------------- refusals
    # These look at the state whatever became of the last command: its failure must not keep the next from being given.
    def _check_rest(self, what: str, *axes: AxisName) -> None:
        state = self._lane.last_state
        moving = [axis for axis in axes if self._moves(axis, state)]
        if moving:
            raise RefusedError(
                f"{self._lane.name}: {what}: stage {' and '.join(moving)} still moves; wait for it, or stop it"
            )

    def _check_homed(self, what: str) -> None:
        if not self._lane.last_state.is_homed:
            raise RefusedError(f"{self._lane.name}: {what}: {LOST}")

    def _check_target(self, what: str, axis: AxisName, target_mm: float) -> None:
        low, high = self._limits_mm[AXES.index(axis)]
        if not low - 1e-6 <= target_mm <= high + 1e-6:
            raise RefusedError(
                f"{self._lane.name}: {what}: {axis} = {target_mm:g} mm is outside the controller's limits, {low:g} to "
                f"{high:g} mm"
            )
