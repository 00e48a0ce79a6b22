"""Driver of a coupon carousel on a PLC, over Modbus TCP or RTU: a `devices.protocols.ChangerDriver`.

The PLC has the interlocks and moves by itself; a command that was taken up is carried to its end whatever becomes of the
line. Registers: `carousel_registers`. Settings, limits and assumptions: docs/reference/drivers/carousel.md.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field

from devices.capabilities import Capability
from devices.errors import CommunicationError, DeviceError, RefusedError
from devices.protocols import FurnaceDriver, Station

from .carousel_registers import COMMAND, N_STATE, STATE, STATIONS, CarouselState, Result, parse_state
from .lane import Lane
from .modbus_line import ModbusAddress, ModbusLine

__all__ = ["Carousel", "CarouselSettings"]

MARGIN_C = 5.0
"""Above `unload_C` by so much the door stays shut."""
NUMBERS = 0xFFFF

WHAT_TO_DO: Mapping[Result, str] = {
    "no such slot": "compare the settings' slots with the carousel",
    "occupied": "take the coupon that is there away first",
    "busy": "wait for it",
    "door locked": "cool the furnace first",
    "not homed": "home the carousel at its panel",
    "not there": "look where the coupon is",
    "failed": "look at the carousel's panel",
}


@dataclass(frozen=True)
class CarouselSettings:
    """What the driver must know of the carousel and its line.

    Attributes:
        slots: number of each coupon's slot, from 1, by serial.
        host: address for Modbus TCP; None for RTU.
        port: of Modbus TCP.
        serial_port: device file for RTU; None for TCP.
        baud_rate: of the line.
        parity: of the line, "N", "E" or "O".
        unit_id: Modbus address of the PLC.
        transfer_s: how long a transfer takes.
        door_s: how much longer if the furnace's door is to be opened.
        unload_C: furnace temperature at which the door may be opened.
        poll_s: time between two polls.
        timeout_s: for one reply.
        stale_s: age above which a reading is not served.
    """

    slots: Mapping[str, int] = field(default_factory=dict)
    host: str | None = None
    port: int = 502
    serial_port: str | None = None
    baud_rate: int = 19200
    parity: str = "E"
    unit_id: int = 1
    transfer_s: float = 40.0
    door_s: float = 20.0
    unload_C: float = 60.0
    poll_s: float = 0.2
    timeout_s: float = 0.5
    stale_s: float = 3.0

    def __post_init__(self) -> None:
        self.line  # raises for an address that cannot be  # noqa: B018
        if len(set(self.slots.values())) != len(self.slots):
            raise ValueError(f"slots={dict(self.slots)}: two coupons share a slot")
        if any(not 1 <= slot <= NUMBERS for slot in self.slots.values()):
            raise ValueError(f"slots={dict(self.slots)}: slots are numbered from 1")

    @property
    def line(self) -> ModbusAddress:
        """Where the PLC is."""
        return ModbusAddress(
            self.host, self.port, self.serial_port, self.baud_rate, self.parity, self.unit_id, self.timeout_s
        )


class Carousel:
    """A `devices.protocols.ChangerDriver`; `connect` before use, `close` at the end.

    Args:
        settings: of the carousel and its line.
        furnace: whose temperature keeps its door shut; None leaves that to the PLC alone.
    """

    capabilities: frozenset[Capability] = frozenset({"automatic"})

    def __init__(self, settings: CarouselSettings, furnace: FurnaceDriver | None = None) -> None:
        self.settings = settings
        self._serials = {slot: serial for serial, slot in settings.slots.items()}
        self._furnace = furnace
        self._line = ModbusLine(settings.line)
        self._lane: Lane[CarouselState] = Lane(
            f"carousel at {settings.line}", self._poll, poll_s=settings.poll_s, stale_s=settings.stale_s
        )
        self._lock = threading.Lock()
        self._command = 0
        self._open: tuple[int, int, str] | None = None
        """Number of the command that is not done yet, that of the one before it, and what it is."""

    def connect(self, timeout_s: float = 5.0) -> None:
        """Connect and read for the first time; may take up to `timeout_s`.

        Raises:
            CommunicationError: no carousel of this map answers, or it has fewer slots than the settings name.
        """
        self._lane.start(timeout_s)
        n_slots = self._lane.state.n_slots
        beyond = [serial for serial, slot in self.settings.slots.items() if slot > n_slots]
        if beyond:
            self.close()
            raise CommunicationError(
                f"{self._lane.name}: it has {n_slots} slots; coupons {', '.join(beyond)} are said to be beyond: compare the "
                "settings with the carousel"
            )

    def release(self) -> None:
        """The same as `close`, which sends nothing."""
        self.close()

    def close(self) -> None:
        """End the connection; the carousel goes on with what it does."""
        self._lane.stop()
        self._line.hang_up()

    @property
    def serials(self) -> tuple[str, ...]:
        """Every coupon of the settings."""
        return tuple(self.settings.slots)

    def station_of(self, serial: str) -> Station:
        """Where the PLC says that a coupon is.

        Raises:
            KeyError: no such coupon.
        """
        slot, state = self.settings.slots[serial], self._lane.state
        return "stage" if state.at_stage == slot else "furnace" if state.in_furnace == slot else "rack"

    @property
    def is_busy(self) -> bool:
        """Whether it moves, or a command is not taken up yet.

        Raises:
            DeviceError: the last transfer failed, or the carousel was restarted meanwhile.
        """
        state = self._lane.state
        return self._open is not None or self._lane.is_pending or state.phase == "moving"

    def start_transfer(self, serial: str, station: Station) -> float:
        """Begin to carry a coupon; returns the expected time, s.

        Raises:
            RefusedError: unknown coupon, occupied station, it moves, or the furnace is too hot to open.
        """
        settings, state = self.settings, self._lane.last_state
        what = f"carry coupon {serial!r} to the {station}"
        if serial not in settings.slots:
            raise RefusedError(
                f"{self._lane.name}: {what}: no coupon {serial!r} in the changer; it holds {', '.join(settings.slots)}"
            )
        if self._open is not None or self._lane.is_pending or state.phase == "moving":
            raise RefusedError(f"{self._lane.name}: {what}: it moves already; wait for it")
        there = {"stage": state.at_stage, "furnace": state.in_furnace}.get(station, 0)
        if there:
            occupant = self._serials.get(there, f"of slot {there}")
            raise RefusedError(f"{self._lane.name}: {what}: coupon {occupant!r} is there; take it away first")
        slot = settings.slots[serial]
        uses_door = station == "furnace" or state.in_furnace == slot
        if uses_door:
            self._check_furnace(what)

        def work() -> None:
            before = self._poll()
            number = before.command % NUMBERS + 1  # never 0, which says "since it was switched on"
            with self._lock:
                self._open = number, before.command, what
            try:
                self._line.write(COMMAND, [slot, STATIONS.index(station) + 1, number])
            except RefusedError:
                with self._lock:
                    self._open = None
                raise

        self._lane.submit(what, work)
        return settings.transfer_s + (settings.door_s if uses_door else 0.0)

    def finish_transfer(self) -> None:
        """What the PLC has taken up it carries to its end, and is busy until then; a command that it has not is forgotten."""
        with self._lock:
            if self._open is not None and self._command != self._open[0]:
                self._open = None

    # -------------------------------------------------------------------------------------------------- on the thread
    def _poll(self) -> CarouselState:
        state = parse_state(self._line.read(STATE, N_STATE))
        with self._lock:
            self._command = state.command
            if self._open is not None and self._is_over(state, *self._open):
                self._open = None
        return state

    def _is_over(self, state: CarouselState, number: int, before: int, what: str) -> bool:
        """Whether a command is over; tells what went wrong."""
        error: DeviceError | None = None
        if state.phase == "fault":
            error = DeviceError(f"it stopped with fault {state.fault}; look at its panel and the coupon")
        elif state.command == number:
            if state.result in {"accepted", "done"}:
                return state.result == "done"
            kind = DeviceError if state.result in {"failed", "not there"} else RefusedError
            error = kind(f"the carousel says: {state.result}; {WHAT_TO_DO[state.result]}")
        elif state.command != before or state.phase == "not homed":
            error = DeviceError(
                "the carousel was restarted meanwhile, or another program commands it; look where the coupon is, and home "
                "it at its panel"
            )
        if error is not None:
            self._lane.fail(what, error)
        return error is not None

    def _check_furnace(self, what: str) -> None:
        if self._furnace is None:
            return
        temperature_C, limit_C = self._furnace.temperature_C, self.settings.unload_C
        if not self._furnace.is_sensor_ok or temperature_C > limit_C + MARGIN_C:
            raise RefusedError(
                f"{self._lane.name}: {what}: the furnace is at {temperature_C:.0f} degC, and its door stays shut above "
                f"{limit_C + MARGIN_C:g} degC or with a broken sensor; cool it to {limit_C:g} degC first"
            )
