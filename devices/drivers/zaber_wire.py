"""What goes over the wire to a Zaber controller: commands and replies of its ASCII protocol, over TCP or a serial port."""

from __future__ import annotations

import re
import socket
import time
from dataclasses import dataclass
from typing import Any, Protocol

from devices.errors import CommunicationError, RefusedError

__all__ = [
    "MOST_BYTES",
    "SPEED_UNIT",
    "Line",
    "Reply",
    "SerialLine",
    "TcpLine",
    "Zaber",
    "checksum",
    "parse_integers",
    "parse_reply",
]

MOST_BYTES = 1024
"""Longest line that is taken for one."""
SPEED_UNIT = 1.6384
"""Speeds are in microsteps per second times this."""

REPLY = re.compile(
    rb"@(?P<device>\d\d) (?P<axis>\d)(?: (?P<id>\d\d))? (?P<flag>OK|RJ) (?P<status>BUSY|IDLE) "
    rb"(?P<warning>--|[A-Z][A-Z0-9])(?: (?P<data>[ -9;-~]*))?(?::(?P<checksum>[0-9A-F]{2}))?"
)
REASONS = {
    "AGAIN": "it is not ready for it; try again",
    "BADAXIS": "no such axis",
    "BADCOMMAND": "it does not know the command; check the firmware",
    "BADDATA": "the value is outside its limits",
    "DRIVERDISABLED": "the motor's driver is off; find out why, then home",
    "FULL": "its queue is full",
    "NOACCESS": "it needs a higher access level",
    "PARKED": "the axis is parked; unpark it",
    "STATUSBUSY": "the axis still moves; wait for it, or stop it",
}


@dataclass(frozen=True)
class Reply:
    """One reply.

    Attributes:
        device: number of the controller.
        axis: 0 for the controller as a whole.
        message_id: of the command, if it had one.
        is_ok: not rejected.
        is_busy: whether the axis (for 0: any) moves.
        warning: the most important flag, "--" for none.
        data: the value, or the reason of a rejection.
    """

    device: int
    axis: int
    message_id: int | None
    is_ok: bool
    is_busy: bool
    warning: str
    data: str


def checksum(body: bytes) -> int:
    """What makes the sum of a line, between its first character and the colon, a multiple of 256."""
    return -sum(body) & 0xFF


def parse_reply(line: bytes) -> Reply:
    """A line that begins with `@`.

    Raises:
        CommunicationError: it is no reply, or its checksum is wrong.
    """
    match = REPLY.fullmatch(line.rstrip(b"\r\n")) if len(line) <= MOST_BYTES else None
    if match is None:
        raise CommunicationError(f"{line[:60]!r} is no reply of Zaber's ASCII protocol; check address and baud rate")
    if match["checksum"] is not None and int(match["checksum"], 16) != checksum(
        match[0][1 : match.start("checksum") - 1]
    ):
        raise CommunicationError(f"{line[:60]!r}: the checksum is wrong; check the cable")
    return Reply(
        device=int(match["device"]),
        axis=int(match["axis"]),
        message_id=None if match["id"] is None else int(match["id"]),
        is_ok=match["flag"] == b"OK",
        is_busy=match["status"] == b"BUSY",
        warning=match["warning"].decode(),
        data=(match["data"] or b"").decode(),
    )


def parse_integers(data: str, n: int) -> list[int]:
    """`n` whole numbers, as `get pos` gives one for each axis; a setting that an axis has not is "NA" and refused.

    Raises:
        CommunicationError: they are not.
    """
    words = data.split()
    if len(words) < n or not all(re.fullmatch(r"-?\d{1,15}(\.\d{1,15})?", word, re.ASCII) for word in words[:n]):
        raise CommunicationError(f"{data[:60]!r} are not {n} numbers; has the controller so many axes?")
    return [round(float(word)) for word in words[:n]]


class Line(Protocol):
    """Bytes to and from a controller."""

    def write(self, content: bytes) -> None:
        """Send; raises OSError."""

    def read(self, timeout_s: float) -> bytes:
        """What has come, waiting at most so long; b"" if nothing has. Raises OSError, also for a lost connection."""

    def close(self) -> None:
        """Hang up."""


class TcpLine:
    """A line over TCP, connected when it is made.

    Args:
        host: address.
        port: 55550 at most controllers and their servers.
        timeout_s: for the connection.

    Raises:
        OSError: nobody listens there.
    """

    def __init__(self, host: str, port: int, timeout_s: float) -> None:
        self._socket = socket.create_connection((host, port), timeout=timeout_s)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def write(self, content: bytes) -> None:
        """Send."""
        self._socket.sendall(content)

    def read(self, timeout_s: float) -> bytes:
        """What has come."""
        self._socket.settimeout(max(timeout_s, 1e-3))
        try:
            content = self._socket.recv(4096)
        except TimeoutError:
            return b""
        if not content:
            raise ConnectionResetError("the other side hung up")
        return content

    def close(self) -> None:
        """Hang up."""
        self._socket.close()


class SerialLine:
    """A line over a serial port.

    Args:
        port: device file.
        baud_rate: 115200 as delivered.

    Raises:
        OSError: no such port.
    """

    def __init__(self, port: str, baud_rate: int) -> None:
        import serial  # noqa: PLC0415  # only for those who have such a line

        self._serial: Any = serial.Serial(port, baud_rate)

    def write(self, content: bytes) -> None:
        """Send."""
        self._serial.write(content)

    def read(self, timeout_s: float) -> bytes:
        """What has come."""
        self._serial.timeout = max(timeout_s, 1e-3)
        content: bytes = self._serial.read(max(self._serial.in_waiting, 1))
        return content

    def close(self) -> None:
        """Hang up."""
        self._serial.close()


class Zaber:
    """Commands with message numbers, so that a late reply is not taken for the next one's; nothing is repeated.

    Args:
        open_line: makes the connection; made anew after a failure.
        device: number of the controller.
        timeout_s: for one reply.
    """

    def __init__(self, open_line: Any, device: int, timeout_s: float) -> None:
        self._open_line = open_line
        self._device = device
        self._timeout_s = timeout_s
        self._line: Line | None = None
        self._rest = b""
        self._id = 0

    def close(self) -> None:
        """Hang up; the next command makes a new connection."""
        line, self._line, self._rest = self._line, None, b""
        if line is not None:
            line.close()

    def ask(self, command: str, axis: int = 0) -> Reply:
        """One command and its reply.

        Args:
            command: such as "get pos"; "" asks for the status.
            axis: 0 for the controller.

        Raises:
            RefusedError: the controller rejects it.
            CommunicationError: no reply in time, garbage, or the connection is lost.
        """
        self._id = self._id % 99 + 1
        what = f"/{self._device} {axis} {command}"
        try:
            if self._line is None:
                self._line = self._open_line()
            self._line.write(f"/{self._device} {axis} {self._id:02d} {command}".rstrip().encode() + b"\n")
            reply = self._reply()
        except (CommunicationError, OSError) as error:
            self.close()
            raise CommunicationError(
                f"{what}: {error}; check power, cable and address; whether it was carried out is not known"
            ) from error
        if not reply.is_ok:
            reason = REASONS.get(reply.data, "see its protocol manual")
            raise RefusedError(f"{what}: the controller refuses, {reply.data}: {reason}")
        return reply

    def _reply(self) -> Reply:
        assert self._line is not None  # `ask` made it
        deadline_s = time.monotonic() + self._timeout_s
        while True:
            while b"\n" not in self._rest:
                left_s = deadline_s - time.monotonic()
                if left_s <= 0:
                    raise CommunicationError(f"no answer within {self._timeout_s:g} s")
                self._rest += self._line.read(left_s)
                if len(self._rest) > 64 * MOST_BYTES:
                    raise CommunicationError("there is no end to what comes")
            line, _, self._rest = self._rest.partition(b"\n")
            if line[:1] in {b"!", b"#"}:  # alerts and information
                continue
            reply = parse_reply(line)
            if reply.device == self._device and reply.message_id == self._id:
                return reply
