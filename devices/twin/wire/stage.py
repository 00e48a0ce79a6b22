"""A twin's stage behind the ASCII protocol of a Zaber controller with three axes."""

from __future__ import annotations

import re
import socketserver
import threading
from dataclasses import dataclass

from devices.drivers.zaber import ACCELERATION_UNIT
from devices.drivers.zaber_wire import MOST_BYTES, SPEED_UNIT, checksum
from devices.errors import DeviceError
from devices.geometry import Limits
from devices.protocols import AxisName
from devices.twin.stage import TwinStage

from .shared import LOOPBACK, Shared

__all__ = ["GATE_OUTPUT", "MICROSTEP_um", "StageFace", "StageServer"]

MICROSTEP_um = 0.1
TRAVEL_mm_s = 20.0
"""As the twin's stage moves from place to place."""
GATE_OUTPUT = 1
"""Digital output that opens the gate in the laser's beam."""
AXES: tuple[AxisName, AxisName, AxisName] = ("x", "y", "z")
COMMAND = re.compile(r"/(?:(\d{1,2})(?: (\d)(?: (\d{2}|--))?)?)?(?: ?([a-z][ -~]*))?", re.ASCII)


class RejectedError(Exception):
    """A command that is rejected; its text is the reason."""


@dataclass
class _Stream:
    is_live: bool = False
    speed_mm_s: float = TRAVEL_mm_s


@dataclass
class _Trigger:
    """Switches the gate once when an axis passes a place."""

    axis: AxisName = "x"
    is_rising: bool = True
    place_mm: float = 0.0
    opens: bool | None = None
    n_left: int = 0


class StageFace:
    """What each command comes to.

    Args:
        driver: of the twin.
        shared: its lock.
        limits: soft limits of the axes.
    """

    def __init__(self, driver: TwinStage, shared: Shared, limits: Limits) -> None:
        self._driver = driver
        self._shared = shared
        self._limits_mm = (limits.x_mm, limits.y_mm, limits.z_mm)
        self._outputs: dict[int, bool] = {}
        self._triggers: dict[int, _Trigger] = {}
        self._stream = _Stream()
        self.is_homed = True
        self.commands: list[str] = []
        """What it was told to do other than to `get` something, for a test; the last thousand."""

    def answer(self, line: bytes) -> bytes | None:
        """The reply to a line without its end, or None where a controller would be silent."""
        text = line.decode("ascii", errors="replace").strip()
        has_checksum = re.fullmatch(r"(.*):([0-9A-Fa-f]{2})", text)
        if has_checksum:
            if checksum(has_checksum[1][1:].encode(errors="replace")) != int(has_checksum[2], 16):
                return None
            text = has_checksum[1]
        match = COMMAND.fullmatch(text) if len(text) <= MOST_BYTES else None
        if match is None or int(match[1] or 0) not in {0, 1}:
            return None
        axis, message_id, command = int(match[2] or 0), match[3], (match[4] or "").strip()
        with self._shared.lock:
            try:
                flag, data = "OK", self._do(axis, command)
            except (RejectedError, DeviceError) as error:
                flag, data = "RJ", str(error) if isinstance(error, RejectedError) else "STATUSBUSY"
            is_busy = any(
                self._driver.is_moving(name) for name in (AXES if axis in {0, *range(4, 10)} else (AXES[axis - 1],))
            )
        status, warning = "BUSY" if is_busy else "IDLE", "--" if self.is_homed else "WR"
        number = f" {message_id}" if message_id and message_id != "--" else ""
        body = f"01 {axis}{number} {flag} {status} {warning} {data}"
        return f"@{body}{f':{checksum(body.encode()):02X}' if has_checksum else ''}".encode()

    def restart(self) -> None:
        """As after a failure of the mains: at rest, and without a reference."""
        with self._shared.lock:
            self._driver.stop()
            self.is_homed = False
            self._stream = _Stream()
            self._triggers.clear()
            for output in [*self._outputs, GATE_OUTPUT]:
                self._set_output(output, is_on=False)

    def _do(self, axis: int, command: str) -> str:
        if axis > len(AXES):
            raise RejectedError("BADAXIS")
        words = command.split()
        if "get" not in words[:2] and words:
            self.commands = [*self.commands[-999:], f"{axis} {command}"]
        match words:
            case []:
                return "0"
            case ["get", name]:
                return self._get(axis, name)
            case ["stop" | "estop"]:
                self._driver.stop()
            case ["home"]:
                self._home(axis)
            case ["move", "abs" | "rel" as how, steps]:
                begin = round(self._steps(axis - 1)) if how == "rel" else 0
                self._move(axis, begin + _integer(steps))
            case ["stream", "1", *rest]:
                self._streaming(rest)
            case ["io" | "trigger", *_]:
                return self._signal(words)
            case _:
                raise RejectedError("BADCOMMAND")
        return "0"

    def _get(self, axis: int, name: str) -> str:
        limits = [[round(mm * 1e3 / MICROSTEP_um) for mm in pair] for pair in self._limits_mm]
        speed = round(TRAVEL_mm_s * 1e3 / MICROSTEP_um * SPEED_UNIT)
        by_axis = {
            "pos": [round(self._steps(i)) for i in range(3)],
            "limit.min": [low for low, _ in limits],
            "limit.max": [high for _, high in limits],
            "maxspeed": [speed] * 3,
            "accel": [round(self._driver.acceleration_mm_s2 * 1e3 / MICROSTEP_um * ACCELERATION_UNIT)] * 3,
        }
        whole = {"version": "7.38", "deviceid": "30342", "system.axiscount": "3", "system.access": "1"}
        if name in by_axis:
            return " ".join(map(str, by_axis[name] if axis == 0 else [by_axis[name][axis - 1]]))
        if name in whole and axis == 0:
            return whole[name]
        raise RejectedError("BADCOMMAND")

    def _steps(self, i: int) -> float:
        return self._driver.position_mm(AXES[i]) * 1e3 / MICROSTEP_um

    def _home(self, axis: int) -> None:
        for i in range(3) if axis == 0 else (axis - 1,):
            self._driver.start_move(AXES[i], self._limits_mm[i][0])
        self.is_homed = True
        self._foresee()

    def _move(self, axis: int, steps: int) -> None:
        if axis == 0:
            raise RejectedError("BADAXIS")
        self._driver.start_move(AXES[axis - 1], self._mm(axis - 1, steps))
        self._foresee()

    def _signal(self, words: list[str]) -> str:
        match words:
            case ["io", "set", "do", output, "0" | "1" as level]:
                self._set_output(_integer(output), is_on=level == "1")
            case ["io", "get", "do", output]:
                return str(int(self._is_on(_integer(output))))
            case ["trigger", "1" | "2" | "3" | "4" | "5" | "6" as number, *rest]:
                self._trigger(self._triggers.setdefault(int(number), _Trigger()), rest)
            case _:
                raise RejectedError("BADCOMMAND")
        return "0"

    def _is_on(self, output: int) -> bool:
        is_gate = output == GATE_OUTPUT and self._driver.has_gate
        return self._driver.is_gate_open if is_gate else self._outputs.get(output, False)

    def _set_output(self, output: int, *, is_on: bool) -> None:
        if not 1 <= output <= 4:
            raise RejectedError("BADDATA")
        if output == GATE_OUTPUT and self._driver.has_gate:
            self._driver.switch_gate(is_on)
        else:
            self._outputs[output] = is_on

    def _trigger(self, trigger: _Trigger, words: list[str]) -> None:
        match words:
            case ["when", "1" | "2" | "3" as axis, "pos", ">=" | "<=" as sign, place]:
                trigger.axis, trigger.is_rising = AXES[int(axis) - 1], sign == ">="
                trigger.place_mm = _integer(place) * MICROSTEP_um * 1e-3
            case ["action", "a", "io", "set", "do", output, "0" | "1" as level]:
                trigger.opens = level == "1" if _integer(output) == GATE_OUTPUT else None
            case ["enable", times]:
                trigger.n_left = _integer(times)
                self._foresee()
            case ["disable"]:
                trigger.n_left = 0
            case _:
                raise RejectedError("BADCOMMAND")

    def _foresee(self) -> None:
        """Each trigger that waits: whether it is met now, or when the way that has begun will meet it."""
        driver, now_s = self._driver, self._shared.now_s
        for trigger in self._triggers.values():
            if trigger.n_left <= 0 or trigger.opens is None or not driver.has_gate:
                continue
            here_mm, place_mm = driver.position_mm(trigger.axis), trigger.place_mm
            is_met = here_mm >= place_mm - 1e-9 if trigger.is_rising else here_mm <= place_mm + 1e-9
            when_s = now_s if is_met else driver.time_at(trigger.axis, place_mm)
            if when_s is not None:
                driver.switch_gate_at(when_s, is_open=trigger.opens)
                trigger.n_left -= 1

    def _streaming(self, words: list[str]) -> None:
        match words:
            case ["setup", "disable"]:
                self._stream = _Stream()
            case ["setup", "live", "1", "2"]:
                self._stream = _Stream(is_live=True)
            case ["set", "maxspeed", speed] if self._stream.is_live:
                if _integer(speed) <= 0:
                    raise RejectedError("BADDATA")
                self._stream.speed_mm_s = _integer(speed) / SPEED_UNIT * MICROSTEP_um * 1e-3
            case ["line", "abs", x, y] if self._stream.is_live:
                to = self._mm(0, _integer(x)), self._mm(1, _integer(y))
                self._driver.start_line(*to, self._stream.speed_mm_s)
                self._foresee()
            case _:
                raise RejectedError("BADCOMMAND")

    def _mm(self, i: int, steps: int) -> float:
        low, high = self._limits_mm[i]
        if not low <= (mm := steps * MICROSTEP_um * 1e-3) <= high:
            raise RejectedError("BADDATA")
        return mm


def _integer(word: str) -> int:
    if not re.fullmatch(r"-?\d{1,12}", word, re.ASCII):
        raise RejectedError("BADDATA")
    return int(word)


class StageServer:
    """TCP on loopback in front of a `StageFace`.

    Args:
        face: what answers.
        port: 0 takes one that is free.
    """

    def __init__(self, face: StageFace, port: int = 0) -> None:
        class Handler(socketserver.StreamRequestHandler):
            disable_nagle_algorithm = True

            def handle(self) -> None:
                while line := self.rfile.readline(MOST_BYTES):
                    reply = face.answer(line)
                    if reply is not None:
                        self.wfile.write(reply + b"\r\n")

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address = True
            daemon_threads = True
            block_on_close = False

            def handle_error(self, *_: object) -> None:
                """A client that goes away in the middle is its own affair."""

        self._server = Server((LOOPBACK, port), Handler)
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, name="vitrail-twin-stage", daemon=True
        )
        self._thread.start()

    @property
    def address(self) -> str:
        """Where it listens."""
        return f"{LOOPBACK}:{self.port}"

    def stop(self) -> None:
        """Listen no longer."""
        self._server.shutdown()
        self._server.server_close()
