"""A twin's furnace behind the registers of a Eurotherm controller, over Modbus TCP and over RTU on a pseudo-terminal."""

from __future__ import annotations

import asyncio
import os
import select
import threading
import tty
from typing import TYPE_CHECKING, Any

from devices.drivers.eurotherm_registers import MODELS, decode, encode
from devices.errors import DeviceError
from devices.protocols import FurnaceDriver

from .shared import LOOPBACK, Shared

if TYPE_CHECKING:
    from pymodbus.constants import ExcCodes
    from pymodbus.server import ModbusSerialServer, ModbusTcpServer
    from pymodbus.simulator import SimDevice

__all__ = ["FurnaceFace", "ModbusServer"]

DECIMALS = 1
SETPOINT_LIMITS_C = (0.0, 600.0)
PROPORTIONAL_BAND_C = 50.0
AT_ONCE_C_min = 6e5
"""What a rate limit of 0, "off", comes to."""


class FurnaceFace:
    """What each register holds, and what writing it does.

    Args:
        driver: of the twin.
        shared: its lock.
        model: a key of `MODELS`.
    """

    def __init__(self, driver: FurnaceDriver, shared: Shared, model: str) -> None:
        self.model = MODELS[model]
        self._driver = driver
        self._shared = shared
        self._target_C = 25.0
        self._rate_C_min = 0.0
        self._is_on = False
        self.most_output_percent = 100.0
        self.alarms: set[int] = set()
        """Numbers of the alarms that are active; set by a test."""

    def read(self) -> dict[int, int]:
        """Every register by its address."""
        model, driver = self.model, self._driver
        with self._shared.lock:
            pv_C, setpoint_C = driver.temperature_C, driver.setpoint_C
            is_on, is_sensor_ok = driver.is_on, driver.is_sensor_ok
        # The oven has no figure for its heating power: a proportional one, for somebody who looks.
        output = min(max((setpoint_C - pv_C) / PROPORTIONAL_BAND_C, 0.0), 1.0) * 100.0 if is_on else 0.0
        values = {
            model.process_value: encode(pv_C, DECIMALS, "degC"),
            model.target_setpoint: encode(self._target_C, DECIMALS, "degC"),
            model.manual_output: 0,
            model.working_output: encode(output, 1, "%"),
            model.working_setpoint: encode(setpoint_C, DECIMALS, "degC"),
            model.output_high: encode(self.most_output_percent, 1, "%"),
            model.output_high + 1: 0,
            model.status_word: sum(1 << (number - 1) for number in self.alarms),
            model.rate: encode(self._rate_C_min, DECIMALS, "degC/min"),
            model.setpoint_low: encode(SETPOINT_LIMITS_C[0], DECIMALS, "degC"),
            model.setpoint_high: encode(SETPOINT_LIMITS_C[1], DECIMALS, "degC"),
            model.auto_manual: 0 if is_on else 1,
            model.ramp_unit: model.ramp_units.index("min"),
        }
        if model.rate_down is not None:
            values[model.rate_down] = values[model.rate]
        if model.force_standby is not None:
            values |= {model.force_standby: 0 if is_on else 1, model.auto_manual: 0}
        if model.pv_status is not None:
            values[model.pv_status] = 0 if is_sensor_ok else 1
        if model.pv_status is None and not is_sensor_ok:
            values[model.status_word] |= 1 << model.sensor_break_bit
        return values

    def write(self, address: int, word: int) -> bool:
        """Write a register; False if it refuses the value."""
        model, value = self.model, decode(word, DECIMALS)
        with self._shared.lock:
            if address == model.target_setpoint:
                if not SETPOINT_LIMITS_C[0] <= value <= SETPOINT_LIMITS_C[1]:
                    return False
                self._target_C = value
            elif address in {model.rate, model.rate_down}:
                if value < 0:
                    return False
                self._rate_C_min = value
            elif address == (model.auto_manual if model.force_standby is None else model.force_standby):
                if word > 1:
                    return False
                self._is_on = word == 0
            else:
                return address == model.manual_output and word == 0
            try:
                self._act()
            except DeviceError:
                return False
        return True

    def restart(self) -> None:
        """As after a failure of the mains: in standby, without a rate limit, setpoint at the bottom."""
        with self._shared.lock:
            self._is_on, self._target_C, self._rate_C_min = False, SETPOINT_LIMITS_C[0], 0.0
            self._act()

    def _act(self) -> None:
        if self._is_on:
            self._driver.start_ramp(self._target_C, self._rate_C_min or AT_ONCE_C_min)
        elif self._driver.is_on:
            self._driver.standby()


class ModbusServer:
    """A `FurnaceFace` over Modbus TCP on loopback, or over RTU on a pseudo-terminal.

    Args:
        face: what answers, as unit 1.
        port: of TCP, 0 takes one that is free; None serves RTU.
    """

    def __init__(self, face: FurnaceFace, port: int | None = 0) -> None:
        self._face = face
        self._terminals = Terminals() if port is None else None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="vitrail-twin-furnace", daemon=True)
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

        registers = [SimData(address, values=0, datatype=DataType.REGISTERS) for address in face.model.addresses]
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
