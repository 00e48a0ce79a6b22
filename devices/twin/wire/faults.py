"""A wire that fails by a schedule: it stands between a driver and a server, and both are real.

It takes one thing from the client for one request, until the server's reply, as all three protocols have it. What it
does to a request is drawn when the request begins, from a seed: the same schedule and requests fail in the same way.
"""

from __future__ import annotations

import json
import os
import random
import select
import socket
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from beamline.faults import FaultKind
from devices.protocols import Clock

from .modbus import Terminals
from .obp import HEADER_BYTES, Message, ObpError, message, parse
from .shared import LOOPBACK

__all__ = [
    "Fault",
    "FaultKind",
    "FaultySerialLine",
    "FaultyWire",
    "acknowledge_modbus",
    "acknowledge_obp",
    "acknowledge_rest",
    "acknowledge_rtu",
    "acknowledge_zaber",
    "drift_modbus",
    "drift_obp",
    "drift_rest",
    "drift_rtu",
    "drift_zaber",
    "refuse_modbus",
    "refuse_obp",
    "refuse_rest",
    "refuse_rtu",
    "refuse_zaber",
]


def _every(_request: bytes) -> bool:
    return True


@dataclass(frozen=True)
class Fault:
    """One line of a schedule.

    Attributes:
        kind: "silent" loses the request; "late" holds the reply back for `delay_s`; "garbage" replaces the reply by
            random bytes; "refuse" answers a refusal in the server's stead; "drop" lets the request through and hangs up
            in the middle of the reply; "restart" loses it, hangs up and restarts the instrument in another state; "stuck"
            answers in the server's stead that the command is taken; "drift" adds to the numbers in replies.
        begin_s: from when, on the clock.
        end_s: until when.
        probability: that a request of that time meets it.
        meets: which requests; every one by default.
        delay_s: of a late reply, in seconds of the wall.
        size_per_s: of a drift: what the protocol's `drift` is given for each second on the clock since `begin_s`.
    """

    kind: FaultKind
    begin_s: float = 0.0
    end_s: float = float("inf")
    probability: float = 1.0
    meets: Callable[[bytes], bool] = _every
    delay_s: float = 0.0
    size_per_s: float = 0.0


class FaultyWire:
    """A TCP port on loopback that leads to a server, and fails by a schedule.

    Args:
        port: of the server.
        clock: of the schedule.
        faults: the schedule; the first that meets a request counts. It may be set anew at any time.
        refuse: makes the protocol's refusal from a request.
        restart: restarts the instrument.
        acknowledge: makes the protocol's "taken" from a request; needed for "stuck".
        drift: request, reply, size -> a reply with other numbers; needed for "drift".
        seed: of chances and garbage.
    """

    def __init__(
        self,
        port: int | str,
        clock: Clock,
        faults: Sequence[Fault] = (),
        *,
        refuse: Callable[[bytes], bytes],
        restart: Callable[[], None],
        acknowledge: Callable[[bytes], bytes] | None = None,
        drift: Callable[[bytes, bytes, float], bytes] | None = None,
        seed: int = 0,
    ) -> None:
        self._acknowledge = acknowledge
        self._drift = drift
        self.faults = tuple(faults)
        self.n_met = 0
        self._clock = clock
        self._refuse = refuse
        self._restart = restart
        self._rng = random.Random(seed)  # noqa: S311  # faults, not secrets
        self._is_stopped = threading.Event()
        self._threads: list[threading.Thread] = []
        self._connect(port)

    def _connect(self, port: int | str) -> None:
        self._server_port = int(port)
        self._listener = socket.create_server((LOOPBACK, 0))
        self._listener.settimeout(0.05)
        self.port: int = self._listener.getsockname()[1]
        self._threads.append(threading.Thread(target=self._listen, name="vitrail-faulty-wire", daemon=True))
        self._threads[0].start()

    @property
    def faults(self) -> tuple[Fault, ...]:
        """The schedule."""
        return self._faults

    @faults.setter
    def faults(self, faults: Sequence[Fault]) -> None:
        kinds = {fault.kind for fault in faults}
        for kind, hook in (("stuck", self._acknowledge), ("drift", self._drift)):
            if kind in kinds and hook is None:
                raise ValueError(f"this wire has not been told how its protocol does {kind!r}; give it to FaultyWire")
        self._faults = tuple(faults)

    def stop(self) -> None:
        """Hang up and listen no longer."""
        self._is_stopped.set()
        for thread in self._threads:
            thread.join(2.0)
        self._listener.close()

    def _listen(self) -> None:
        while not self._is_stopped.is_set():
            try:
                client, _ = self._listener.accept()
            except TimeoutError:
                continue
            client.settimeout(2.0)
            thread = threading.Thread(target=self._carry, args=(client,), name="vitrail-faulty-line", daemon=True)
            self._threads.append(thread)
            thread.start()

    def _carry(self, client: socket.socket) -> None:
        try:
            with client, socket.create_connection((LOOPBACK, self._server_port), timeout=2.0) as server:
                fault: Fault | None = None
                request = b""
                is_begun = False
                while not self._is_stopped.is_set():
                    ready, _, _ = select.select([client, server], [], [], 0.05)
                    if client in ready:
                        if not (request := client.recv(65536)):
                            return
                        if not is_begun:
                            fault, is_begun = self._draw(request), True
                        if not self._on_request(client, server, request, fault):
                            return
                        # what a silent wire swallowed has no reply that could end it
                        is_begun = is_begun and (fault is None or fault.kind not in {"silent", "refuse", "stuck"})
                    elif server in ready:
                        if not (reply := server.recv(65536)) or not self._on_reply(client, request, reply, fault):
                            return
                        is_begun = False
        except OSError:
            return  # whoever hung up: the line is over

    def _draw(self, request: bytes) -> Fault | None:
        now_s = self._clock.now_s
        for fault in self.faults:
            is_now = fault.begin_s <= now_s < fault.end_s and fault.meets(request)
            if is_now and self._rng.random() < fault.probability:
                self.n_met += 1
                return fault
        return None

    def _on_request(
        self, client: socket.socket | _End, server: socket.socket | _End, request: bytes, fault: Fault | None
    ) -> bool:
        """Pass a request on, or do not; False ends the line."""
        kind = fault.kind if fault is not None else None
        if kind == "refuse":
            client.sendall(self._refuse(request))
        elif kind == "stuck" and self._acknowledge is not None:
            client.sendall(self._acknowledge(request))
        elif kind == "restart":
            self._restart()
            return False
        elif kind != "silent":
            server.sendall(request)
        return True

    def _on_reply(self, client: socket.socket | _End, request: bytes, reply: bytes, fault: Fault | None) -> bool:
        """Pass a reply on, or what a fault makes of it; False ends the line."""
        kind = fault.kind if fault is not None else None
        if fault is not None and kind == "late":
            self._is_stopped.wait(fault.delay_s)
        if fault is not None and kind == "drift" and self._drift is not None:
            reply = self._drift(request, reply, (self._clock.now_s - fault.begin_s) * fault.size_per_s)
        if kind == "garbage":
            reply = self._rng.randbytes(len(reply)) + b"\n"
        if kind == "drop":
            client.sendall(reply[: len(reply) // 2])
            return False
        client.sendall(reply)
        return True


class _End:
    """A file descriptor of a terminal, used like a socket."""

    def __init__(self, path: str) -> None:
        self._descriptor = os.open(path, os.O_RDWR | os.O_NOCTTY)

    def fileno(self) -> int:
        return self._descriptor

    def recv(self, n_bytes: int) -> bytes:
        return os.read(self._descriptor, n_bytes)

    def sendall(self, content: bytes) -> None:
        os.write(self._descriptor, content)

    def close(self) -> None:
        os.close(self._descriptor)


class FaultySerialLine(FaultyWire):
    """The same for a serial line: `port` is the server's terminal, and clients open `serial_port`.

    A line has no connection that could be lost: a dropped reply ends in its middle, and a restart gives none.
    """

    def stop(self) -> None:
        """Cut the cable."""
        self._is_stopped.set()
        for thread in self._threads:
            thread.join(2.0)
        self._near.close()
        self._far.close()
        self._cable.close()

    def _connect(self, port: int | str) -> None:
        self._cable = Terminals()
        self.serial_port = self._cable.client
        self._near, self._far = _End(self._cable.server), _End(str(port))
        self._threads.append(threading.Thread(target=self._shuttle, name="vitrail-faulty-line", daemon=True))
        self._threads[0].start()

    def _shuttle(self) -> None:
        near, far = self._near, self._far
        fault: Fault | None = None
        request = b""
        while not self._is_stopped.is_set():
            ready, _, _ = select.select([near, far], [], [], 0.05)
            if near in ready:
                request = near.recv(65536)
                fault = self._draw(request)
                self._on_request(near, far, request, fault)
            if far in ready:
                self._on_reply(near, request, far.recv(65536), fault)


def refuse_rest(_request: bytes) -> bytes:
    """Status 403."""
    return b'HTTP/1.1 403 Forbidden\r\nContent-Length: 9\r\nConnection: close\r\n\r\n"not now"'


def refuse_modbus(request: bytes) -> bytes:
    """Exception 4, device failure, over TCP."""
    return request[:4] + b"\x00\x03" + request[6:7] + bytes([request[7] | 0x80, 4])


def refuse_rtu(request: bytes) -> bytes:
    """Exception 4, device failure, over a serial line."""
    return _with_crc(bytes([request[0], request[1] | 0x80, 4]))


def refuse_obp(request: bytes) -> bytes:
    """Not ready, of a spectrometer."""
    return message(parse(request[:HEADER_BYTES], request[HEADER_BYTES:]), error=7)


def refuse_zaber(request: bytes) -> bytes:
    """Rejected, of a command with a message number."""
    axis, message_id = request.decode("ascii", errors="replace").split()[1:3]
    return f"@01 {axis} {message_id} RJ IDLE -- STATUSBUSY\r\n".encode()


def acknowledge_rest(_request: bytes) -> bytes:
    """Status 200."""
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 4\r\n\r\nnull"


def acknowledge_modbus(request: bytes) -> bytes:
    """A write is answered by its first twelve bytes: address and value, or address and number of registers."""
    return request[:4] + b"\x00\x06" + request[6:12]


def acknowledge_rtu(request: bytes) -> bytes:
    """A write of one register is answered by itself."""
    return request


def acknowledge_obp(request: bytes) -> bytes:
    """A spectrum, always the same to the last bit; 2068 pixels of an HDX."""
    asked = parse(request[:HEADER_BYTES], request[HEADER_BYTES:])
    rng = random.Random(0)  # noqa: S311  # a frozen frame has the noise of its moment
    frame = b"".join(round(rng.gauss(981.0, 10.0)).to_bytes(2, "little") for _ in range(2068))
    return message(Message(asked.kind, b"", asked.regarding), frame)


def acknowledge_zaber(request: bytes) -> bytes:
    """Taken, and at rest."""
    axis, message_id = request.decode("ascii", errors="replace").split()[1:3]
    return f"@01 {axis} {message_id} OK IDLE -- 0\r\n".encode()


def drift_rest(_request: bytes, reply: bytes, size: float) -> bytes:
    """Attenuator and power in a reply with the state, larger by the share `size`."""
    head, _, body = reply.partition(b"\r\n\r\n")
    try:
        state = json.loads(body)
    except ValueError:
        return reply
    if not isinstance(state, dict):
        return reply
    for key in ("ActualAttenuatorPercentage", "ActualOutputPower", "ActualOutputEnergy"):
        if isinstance(state.get(key), (int, float)):
            state[key] *= 1.0 + size
    body = json.dumps(state).encode()
    lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"content-length")]
    return b"\r\n".join([*lines, b"Content-Length: %d" % len(body), b"", body])


def drift_modbus(request: bytes, reply: bytes, size: float, register: int = 1) -> bytes:
    """A register of 16 bits (1: the process value of a furnace) in a reply to a read over TCP, larger by `size`."""
    if request[7:8] not in {b"\x03", b"\x04"} or reply[7:8] != request[7:8]:
        return reply
    at = 9 + 2 * (register - int.from_bytes(request[8:10], "big"))
    if not 9 <= at <= len(reply) - 2:
        return reply
    value = int.from_bytes(reply[at : at + 2], "big", signed=True) + round(size)
    return reply[:at] + min(max(value, -32768), 32767).to_bytes(2, "big", signed=True) + reply[at + 2 :]


def drift_rtu(request: bytes, reply: bytes, size: float) -> bytes:
    """As `drift_modbus`, over a serial line."""
    if reply[-2:] != _with_crc(reply[:-2])[-2:]:
        return reply
    return _with_crc(drift_modbus(bytes(6) + request, bytes(6) + reply[:-2], size)[6:])


def drift_obp(_request: bytes, reply: bytes, size: float) -> bytes:
    """Every pixel of a spectrum that came in one piece, larger by `size` counts."""
    try:
        told = parse(reply[:HEADER_BYTES], reply[HEADER_BYTES:])
    except ObpError:
        return reply
    if len(told.data) < 1000:
        return reply
    pixels = (int.from_bytes(told.data[i : i + 2], "little") for i in range(0, len(told.data), 2))
    moved = b"".join(min(round(pixel + size), 65535).to_bytes(2, "little") for pixel in pixels)
    return message(Message(told.kind, b"", told.regarding), moved)


def _with_crc(content: bytes) -> bytes:
    """With the check of Modbus RTU at its end: CRC-16, polynomial 0xA001, least byte first."""
    crc = 0xFFFF
    for byte in content:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ 0xA001 if crc & 1 else crc >> 1
    return content + crc.to_bytes(2, "little")


def drift_zaber(request: bytes, reply: bytes, size: float) -> bytes:
    """Positions in a reply to `get pos`, larger by `size` microsteps; without a checksum."""
    words = reply.decode("ascii", errors="replace").split()
    if b"get pos" not in request or len(words) < 7 or words[3] != "OK":
        return reply
    numbers = [word.partition(":")[0] for word in words[6:]]
    moved = [str(round(int(number) + size)) for number in numbers]
    return (" ".join([*words[:6], *moved]) + "\r\n").encode()
