"""A twin's spectrometer behind the Ocean Binary Protocol over TCP, as an Ocean HDX has it."""

from __future__ import annotations

import contextlib
import socketserver
import struct
import threading
from collections.abc import Callable

import numpy as np

from devices.errors import DeviceError
from devices.protocols import SpectrometerDriver

from .obp import HEADER_BYTES, Message, ObpError, length_of, message, parse
from .shared import LOOPBACK, Shared

__all__ = ["N_PIXELS", "SERIAL", "SpectrometerFace", "SpectrometerServer"]

SERIAL = b"TWIN00001"
PRODUCT = 0x2003
N_PIXELS = 2068
"""Of an HDX; the twin has fewer, and the rest repeat its last one."""
FULL = 65535
SHORTEST_us, LONGEST_us = 6000, 10_000_000
PATIENCE_S = 5.0
"""Of the wall, that a request for a spectrum waits beyond the integration time for a lamp that warms up."""
UNKNOWN, BAD_DATA, NOT_READY = 2, 6, 7


class SpectrometerFace:
    """What each message comes to.

    Args:
        driver: of the twin.
        shared: its lock.
    """

    def __init__(self, driver: SpectrometerDriver, shared: Shared) -> None:
        self._driver = driver
        self._shared = shared
        self._integration_s = 0.1
        self._turn = threading.Lock()
        self._pause = threading.Event()
        step_nm = float(driver.wavelength_nm[1] - driver.wavelength_nm[0])
        wavelength = (float(driver.wavelength_nm[0]), step_nm, 0.0, 0.0)
        nonlinearity = (1.0, *(0.0,) * 7)  # what a linear detector would have: the twin tells nobody its own
        self._handlers: dict[int, Callable[[bytes], bytes]] = {
            0x00000100: lambda _: SERIAL,
            0x00000101: lambda _: bytes([len(SERIAL)]),
            0x00000E01: lambda _: struct.pack("<H", PRODUCT),
            0x00101000: lambda _: self._spectrum(),
            0x00101100: lambda _: self._spectrum(),
            0x00110010: self._integrate,
            0x00110110: self._trigger,
            0x00110410: self._light,
            0x00180100: lambda _: bytes([len(wavelength)]),
            0x00180101: lambda data: _entry(wavelength, data),
            0x00181100: lambda _: bytes([len(nonlinearity)]),
            0x00181101: lambda data: _entry(nonlinearity, data),
        }

    def answer(self, asked: Message) -> bytes:
        """The reply, whole."""
        handler = self._handlers.get(asked.kind)
        if handler is None:
            return message(asked, error=UNKNOWN)
        try:
            return message(asked, handler(asked.data))
        except DeviceError:
            return message(asked, error=NOT_READY)
        except (struct.error, IndexError, ValueError):
            return message(asked, error=BAD_DATA)

    def restart(self) -> None:
        """As after a failure of the mains: lamp off, shortest integration time."""
        with self._shared.lock:
            self._driver.abort_acquisition()
            self._driver.switch_lamp(on=False)
            self._integration_s = SHORTEST_us * 1e-6

    def _integrate(self, data: bytes) -> bytes:
        (integration_us,) = struct.unpack("<L", data)
        if not SHORTEST_us <= integration_us <= LONGEST_us:
            raise ValueError(integration_us)
        self._integration_s = integration_us * 1e-6
        return b""

    def _trigger(self, data: bytes) -> bytes:
        if data != b"\0":  # it has no trigger but software's
            raise ValueError(data)
        return b""

    def _light(self, data: bytes) -> bytes:
        (on,) = struct.unpack("<?", data)
        with self._shared.lock:
            self._driver.switch_lamp(on)
        return b""

    def _spectrum(self) -> bytes:
        with self._turn:
            self._wait(PATIENCE_S)
            with self._shared.lock:
                self._driver.start_acquisition(self._integration_s, 1)
            self._wait(PATIENCE_S + 2 * self._integration_s)
            with self._shared.lock:
                counts = np.clip(np.round(self._driver.counts), 0, FULL)
        whole = np.concatenate([counts, np.repeat(counts[-1], N_PIXELS - counts.size)])
        return whole.astype("<u2").tobytes()

    def _wait(self, patience_s: float) -> None:
        for _ in range(round(patience_s / 0.002)):
            with self._shared.lock:
                if not self._driver.is_busy:
                    return
            self._pause.wait(0.002)
        raise DeviceError("the spectrometer is busy")


def _entry(table: tuple[float, ...], data: bytes) -> bytes:
    (place,) = struct.unpack("<B", data)
    return struct.pack("<f", table[place])


class SpectrometerServer:
    """TCP on loopback in front of a `SpectrometerFace`.

    Args:
        face: what answers.
        port: 0 takes one that is free.
    """

    def __init__(self, face: SpectrometerFace, port: int = 0) -> None:
        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                with contextlib.suppress(OSError, ObpError):  # who hangs up or talks otherwise is let go
                    while header := self.rfile.read(HEADER_BYTES):
                        rest = self.rfile.read(length_of(header))
                        self.wfile.write(face.answer(parse(header, rest)))

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True
            block_on_close = False
            allow_reuse_address = True

        self._server = Server((LOOPBACK, port), Handler)
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(
            target=self._server.serve_forever,
            kwargs={"poll_interval": 0.05},
            name="vitrail-twin-spectrometer",
            daemon=True,
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
