"""One line to a Modbus controller, TCP or RTU, through `pymodbus`: whole registers or our own errors, and no repeats."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from devices.errors import CommunicationError, RefusedError

if TYPE_CHECKING:
    from pymodbus.client import ModbusSerialClient, ModbusTcpClient

__all__ = ["ModbusAddress", "ModbusLine", "words"]


def words(values: object, n: int) -> list[int]:
    """The registers of a reply, if they are `n` words of 16 bits.

    Raises:
        CommunicationError: they are not.
    """
    if (
        not isinstance(values, Sequence)
        or len(values) != n
        or not all(isinstance(value, int) and 0 <= value <= 0xFFFF for value in values)
    ):
        raise CommunicationError(f"the reply {str(values)[:60]} is not {n} registers; check model and address")
    return list(values)


@dataclass(frozen=True)
class ModbusAddress:
    """Where a controller is.

    Attributes:
        host: address for Modbus TCP; None for RTU.
        port: of Modbus TCP.
        serial_port: device file for RTU; None for TCP.
        baud_rate: of the line.
        parity: of the line, "N", "E" or "O".
        unit_id: Modbus address of the controller.
        timeout_s: for one reply.
    """

    host: str | None
    port: int
    serial_port: str | None
    baud_rate: int
    parity: str
    unit_id: int
    timeout_s: float

    def __post_init__(self) -> None:
        if (self.host is None) == (self.serial_port is None):
            raise ValueError("give either host (Modbus TCP) or serial_port (Modbus RTU)")
        if not (math.isfinite(self.timeout_s) and self.timeout_s > 0):
            raise ValueError(f"timeout_s={self.timeout_s}: a finite, positive time")

    def __str__(self) -> str:
        where = f"{self.host}:{self.port}" if self.host is not None else f"{self.serial_port}"
        return f"{where}, unit {self.unit_id}"


class ModbusLine:
    """Reads and writes holding registers; every reply is checked, nothing is repeated.

    Args:
        address: of the controller.
    """

    def __init__(self, address: ModbusAddress) -> None:
        self._address = address
        self._client: ModbusTcpClient | ModbusSerialClient = _client(address)

    def read(self, first: int, n: int) -> list[int]:
        """`n` holding registers.

        Raises:
            CommunicationError: no good answer.
        """
        reply = self._transact(f"read registers {first} to {first + n - 1}", first, n, None)
        return words(reply, n)

    def write(self, first: int, values: Sequence[int]) -> None:
        """One register by function 6, several by function 16, which writes them in one go.

        Raises:
            RefusedError: the controller answers with an exception.
            CommunicationError: no good answer; whether it was carried out is not known.
        """
        what = ", ".join(str(value) for value in values)
        last = first + len(values) - 1
        where = f"register {first}" if len(values) == 1 else f"registers {first} to {last}"
        self._transact(f"write {what} to {where}", first, len(values), list(values))

    def hang_up(self) -> None:
        """End the connection; the next request makes a new one."""
        self._client.close()  # type: ignore[no-untyped-call]  # pymodbus types all but this

    def _transact(self, what: str, first: int, n: int, values: list[int] | None) -> object:
        from pymodbus.exceptions import ModbusException  # noqa: PLC0415  # asyncio and more, for those with a line

        unit, timeout_s = self._address.unit_id, self._address.timeout_s
        deadline_s = time.monotonic() + 2 * timeout_s
        try:
            if values is None:
                reply = self._client.read_holding_registers(first, count=n, device_id=unit)
            elif n == 1:
                reply = self._client.write_register(first, values[0], device_id=unit)
            else:
                reply = self._client.write_registers(first, values, device_id=unit)
        except (ModbusException, OSError) as error:
            self.hang_up()  # what still comes belongs to this request, not to the next
            raise CommunicationError(
                f"{what}: no good answer within {timeout_s:g} s ({error}); check power, cable and unit; "
                "whether it was carried out is not known"
            ) from error
        except Exception as error:
            self.hang_up()
            raise CommunicationError(
                f"{what}: the answer cannot be understood ({error!r}); check cable and unit"
            ) from error
        if reply.isError():
            code = getattr(reply, "exception_code", None)
            if values is not None and code is not None:
                raise RefusedError(f"{what}: the controller refuses it (Modbus exception {code}); check value and mode")
            self.hang_up()
            raise CommunicationError(f"{what}: the answer is an error ({reply}); check model and unit")
        if time.monotonic() > deadline_s:
            raise CommunicationError(f"{what}: the answer came too late; check the line")
        return getattr(reply, "registers", None)


def _client(address: ModbusAddress) -> ModbusTcpClient | ModbusSerialClient:
    from pymodbus.client import ModbusSerialClient, ModbusTcpClient  # noqa: PLC0415  # as above

    # What it complains of becomes an error of ours; without a handler Python would print it over the operator's screen too.
    logging.getLogger("pymodbus").addHandler(logging.NullHandler())
    # retries=0: a write is never repeated without knowing what became of the first, and reads are polled anyway.
    if address.host is not None:
        return ModbusTcpClient(address.host, port=address.port, timeout=address.timeout_s, retries=0)
    assert address.serial_port is not None  # checked by the address
    return ModbusSerialClient(
        address.serial_port,
        baudrate=address.baud_rate,
        parity=address.parity,
        timeout=address.timeout_s,
        retries=0,
    )
