"""A twin's laser behind the REST interface of a Light Conversion laser."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from devices.errors import DeviceError
from devices.protocols import LaserDriver

from .shared import LOOPBACK, Shared

__all__ = ["AMPLIFIER_kHz", "FULL_ENERGY_uJ", "LaserFace", "LaserServer"]

AMPLIFIER_kHz = 200.0
"""What the pulse picker divides."""
FULL_ENERGY_uJ = 400.0
"""Pulse energy with the attenuator at 100 %; it is linear."""
MOST_BODY_BYTES = 4096

Reply = tuple[int, Any]


def _number(body: bytes) -> float:
    value = json.loads(body)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) < 1e15:
        raise ValueError(f"{body[:40]!r} is no number")
    return float(value)


class LaserFace:
    """What each request comes to.

    Args:
        driver: of the twin.
        shared: its lock.
    """

    def __init__(self, driver: LaserDriver, shared: Shared) -> None:
        self._driver = driver
        self._shared = shared
        self._before_move_percent = self._percent
        self.is_interlocked = False
        self._commands: dict[str, Callable[[], None]] = {
            "/v1/Basic/EnableOutput": self._open,
            "/v1/Basic/CloseOutput": driver.close_output,
            "/v1/Basic/GoToStandby": driver.close_output,
        }
        self._settings: dict[str, Callable[[float], None]] = {
            "/v1/Basic/TargetPpDivider": self._divide,
            "/v1/Basic/TargetAttenuatorPercentage": self._attenuate,
        }

    def answer(self, method: str, path: str, body: bytes) -> Reply:
        """Status and JSON value of the reply."""
        with self._shared.lock:
            try:
                if method == "GET":
                    return self._read(path)
                if method == "POST" and path in self._commands:
                    self._commands[path]()
                elif method == "PUT" and path in self._settings:
                    self._settings[path](_number(body))
                else:
                    return 404, f"{method} {path} does not exist"
            except DeviceError as error:
                return 403, str(error)
            except (ValueError, RecursionError) as error:
                return 400, str(error)
        return 200, None

    def restart(self) -> None:
        """As after a failure of the mains: output closed, attenuator shut, pulse picker at 1."""
        with self._shared.lock:
            self._driver.close_output()
            self._driver.start_pulse_energy(0.0)
            self._driver.start_repetition_rate(AMPLIFIER_kHz)
            self._before_move_percent = 0.0

    @property
    def _percent(self) -> float:
        return self._driver.pulse_energy_uJ / FULL_ENERGY_uJ * 100.0

    def _read(self, path: str) -> Reply:
        driver = self._driver
        is_open = driver.is_output_open
        energy_uJ, rate_kHz = driver.pulse_energy_uJ, driver.repetition_rate_kHz
        is_moving = driver.is_busy and not is_open
        basic: dict[str, Any] = {
            "ActualStateName": "StateOperational",
            "GeneralStatus": "Emission" if is_open else "Ready",
            "IsOutputEnabled": is_open,
            "ActualOutputPower": energy_uJ * rate_kHz * 1e-3 if is_open else 0.0,
            "ActualOutputFrequency": rate_kHz,
            "ActualOutputEnergy": energy_uJ,
            "ActualPulseDuration": driver.pulse_duration_fs,
            "ActualPpDivider": round(AMPLIFIER_kHz / rate_kHz),
            "ActualAttenuatorPercentage": round(self._before_move_percent if is_moving else self._percent, 6),
            "Errors": [],
            "Warnings": [],
        }
        values: dict[str, Any] = {f"/v1/Basic/{key}": value for key, value in basic.items()}
        values["/v1/Basic"] = basic
        values["/v1/Advanced/IsRemoteInterlockActive"] = self.is_interlocked
        values["/v1/Advanced/TargetRaFrequency"] = AMPLIFIER_kHz
        return (200, values[path]) if path in values else (404, f"GET {path} does not exist")

    def _open(self) -> None:
        if self.is_interlocked:
            raise DeviceError("the remote interlock is active")
        self._driver.open_output()

    def _divide(self, divider: float) -> None:
        if not 1 <= divider <= 100_000:
            raise ValueError(f"{divider:g} is no divider from 1 to 100000")
        self._driver.start_repetition_rate(AMPLIFIER_kHz / round(divider))

    def _attenuate(self, percent: float) -> None:
        if not 0 <= percent <= 100:
            raise ValueError(f"{percent:g} % is outside 0 to 100 %")
        before = self._percent
        self._driver.start_pulse_energy(percent / 100.0 * FULL_ENERGY_uJ)
        self._before_move_percent = before


class LaserServer:
    """HTTP on loopback in front of a `LaserFace`.

    Args:
        face: what answers.
        port: 0 takes one that is free.
    """

    def __init__(self, face: LaserFace, port: int = 0) -> None:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = 60
            # Headers and body go out together: else the second waits for the acknowledgement of the first, 40 ms.
            wbufsize = -1
            disable_nagle_algorithm = True

            def _serve(self) -> None:
                try:
                    n_bytes = int(self.headers.get("Content-Length") or 0)
                except ValueError:
                    n_bytes = -1
                if not 0 <= n_bytes <= MOST_BODY_BYTES:
                    self.close_connection = True
                    status, value = 400, f"a body has 0 to {MOST_BODY_BYTES} bytes"
                else:
                    status, value = face.answer(self.command, self.path, self.rfile.read(n_bytes))
                content = json.dumps(value).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_PUT = do_POST = _serve

            def log_message(self, *_: Any) -> None:
                """Requests come ten times a second: not logged."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            block_on_close = False

            def handle_error(self, *_: Any) -> None:
                """A client that goes away in the middle is its own affair."""

        self._server = Server((LOOPBACK, port), Handler)
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, name="vitrail-twin-laser", daemon=True
        )
        self._thread.start()

    @property
    def address(self) -> str:
        """Where it listens."""
        return f"http://{LOOPBACK}:{self.port}/v1/"

    def stop(self) -> None:
        """Listen no longer."""
        self._server.shutdown()
        self._server.server_close()
