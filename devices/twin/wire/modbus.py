"""A Modbus server for a face of registers, over TCP on loopback and over RTU on a pseudo-terminal."""

from __future__ import annotations

import asyncio
import os
import select
import threading
import tty
from typing import TYPE_CHECKING, Any, Protocol

from .shared import LOOPBACK

if TYPE_CHECKING:
    from pymodbus.constants import ExcCodes
    from pymodbus.server import ModbusSerialServer, ModbusTcpServer
    from pymodbus.simulator import SimDevice

__all__ = ["ModbusServer", "Registers"]


class Registers(Protocol):
    """What a server puts on the wire."""

    @property
    def addresses(self) -> tuple[int, ...]:
        """Every holding register's, rising."""

    def read(self) -> dict[int, int]:
        """Every register by its address, words of 16 bits."""

    def write(self, address: int, word: int) -> bool:
        """Write a register; False if it refuses the value."""


class ModbusServer:
    """A face of registers over Modbus TCP on loopback, or over RTU on a pseudo-terminal.

    Args:
        face: what answers, as unit 1.
        port: of TCP, 0 takes one that is free; None serves RTU.
    """

    def __init__(self, face: Registers, port: int | None = 0) -> None:
        self._face = face
        self._terminals = Terminals() if port is None else None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="vitrail-twin-modbus", daemon=True)
        self._thread.start()
        self._server: ModbusTcpServer | ModbusSerialServer | None = None
        try:
            self._server = self._run(self._start(port))
        except BaseException:
            self.stop()
            raise
        self.port: int | None = None
        if port is not None:
            transport: Any = self._server.transport  # an asyncio.Server for TCP
            self.port = transport.sockets[0].getsockname()[1]

    @property
    def serial_port(self) -> str | None:
        """Device file of RTU, or None."""
        return self._terminals.client if self._terminals is not None else None

    @property
    def address(self) -> str:
        """Where it listens."""
        return f"{LOOPBACK}:{self.port}" if self.serial_port is None else self.serial_port

    def stop(self) -> None:
        """Listen no longer."""
        if self._server is not None:
            self._run(self._server.shutdown())  # type: ignore[no-untyped-call]  # pymodbus types all but this
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(2.0)
        self._loop.close()
        if self._terminals is not None:
            self._terminals.close()

    def _run(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(5.0)

    async def _start(self, port: int | None) -> ModbusTcpServer | ModbusSerialServer:
        from pymodbus.server import ModbusSerialServer, ModbusTcpServer  # noqa: PLC0415  # only where it is served

        server: ModbusTcpServer | ModbusSerialServer
        if self._terminals is not None:
            server = ModbusSerialServer(self._device(), port=self._terminals.server, baudrate=115200)
        else:
            assert port is not None  # a port, or terminals
            server = ModbusTcpServer(self._device(), address=(LOOPBACK, port))
        try:
            await server.serve_forever(background=True)
        except RuntimeError as error:  # its word for a port that is taken
            raise OSError(f"cannot listen at {LOOPBACK}:{port}") from error
        return server

    def _device(self) -> SimDevice:
        from pymodbus.constants import ExcCodes  # noqa: PLC0415  # as above
        from pymodbus.simulator import DataType, SimData, SimDevice  # noqa: PLC0415  # as above

        face = self._face

        async def action(
            _function: int, first: int, address: int, n: int, now: list[int], new: list[int] | list[bool] | None
        ) -> ExcCodes | None:
            for offset, word in enumerate(new or ()):
                if not face.write(address + offset, int(word)):
                    return ExcCodes.ILLEGAL_VALUE
            values = face.read()
            for wanted in range(address, address + n):
                now[wanted - first] = values.get(wanted, 0)
            return None

        registers = [SimData(address, values=0, datatype=DataType.REGISTERS) for address in face.addresses]
        return SimDevice(1, registers, action=action)


class Terminals:
    """Two pseudo-terminals joined like a cable: a program opens each end by its name."""

    def __init__(self) -> None:
        self._pairs = [os.openpty(), os.openpty()]
        for master, slave in self._pairs:
            tty.setraw(master)
            tty.setraw(slave)
        self.server, self.client = (os.ttyname(slave) for _, slave in self._pairs)
        self._wake, self._waker = os.pipe()
        self._thread = threading.Thread(target=self._copy, name="vitrail-twin-cable", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Cut the cable."""
        os.write(self._waker, b"x")
        self._thread.join(2.0)
        for descriptor in (*self._pairs[0], *self._pairs[1], self._wake, self._waker):
            os.close(descriptor)

    def _copy(self) -> None:
        (a, _), (b, _) = self._pairs
        other = {a: b, b: a}
        while True:
            ready, _, _ = select.select([a, b, self._wake], [], [])
            if self._wake in ready:
                return
            for end in ready:
                os.write(other[end], os.read(end, 4096))
