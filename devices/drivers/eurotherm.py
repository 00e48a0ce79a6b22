"""Driver of Eurotherm temperature controllers over Modbus TCP or RTU: a `devices.protocols.FurnaceDriver`.

The target is written once and the controller ramps to it by its rate limit: setpoints are kept in a memory that wears,
and a ramp of its own goes on if this program does not. Every write is read back. Settings, limits and assumptions:
docs/reference/drivers/furnace.md.
"""

from __future__ import annotations

from dataclasses import dataclass

from devices.capabilities import Capability
from devices.errors import CommunicationError, DeviceError, RefusedError, SensorError

from .eurotherm_registers import MODELS, SECONDS, decode, encode
from .lane import Lane
from .modbus_line import ModbusAddress, ModbusLine

__all__ = ["EurothermFurnace", "EurothermSettings"]

HIGHEST_GOOD_C = 1400.0
"""Beyond the range of the thermocouples of such furnaces: a process value above, or below -50 degC, is a broken sensor."""


@dataclass(frozen=True)
class EurothermSettings:
    """What the driver must know of the controller and its line.

    Attributes:
        model: a key of `MODELS`.
        host: address for Modbus TCP; None for RTU.
        port: of Modbus TCP.
        serial_port: device file for RTU; None for TCP.
        baud_rate: of the line.
        parity: of the line, "N", "E" or "O".
        unit_id: Modbus address of the controller.
        decimals: that the controller is configured to show of a temperature.
        rate_decimals: the same of the setpoint rate limit.
        poll_s: time between two polls.
        timeout_s: for one reply.
        stale_s: age above which a reading is not served.
        most_output_percent: power that the furnace may be given; a controller whose own output limit is higher is not
            connected to.
        highest_C: setpoint that the furnace may be given; the same.
    """

    model: str
    host: str | None = None
    port: int = 502
    serial_port: str | None = None
    baud_rate: int = 9600
    parity: str = "N"
    unit_id: int = 1
    decimals: int = 1
    rate_decimals: int = 1
    poll_s: float = 0.5
    timeout_s: float = 0.5
    stale_s: float = 5.0
    most_output_percent: float = 100.0
    highest_C: float = HIGHEST_GOOD_C

    def __post_init__(self) -> None:
        if self.model not in MODELS:
            raise ValueError(f"model={self.model!r}: known are {', '.join(MODELS)}")
        self.line  # raises for an address that cannot be  # noqa: B018
        if self.host is not None and not MODELS[self.model].has_tcp:
            raise ValueError(f"model={self.model!r} speaks Modbus RTU only: give serial_port, not host")

    @property
    def address(self) -> str:
        """For messages."""
        return f"furnace at {self.line}"

    @property
    def line(self) -> ModbusAddress:
        """Where the controller is."""
        return ModbusAddress(
            self.host, self.port, self.serial_port, self.baud_rate, self.parity, self.unit_id, self.timeout_s
        )


@dataclass(frozen=True)
class _State:
    temperature_C: float
    target_C: float
    setpoint_C: float
    output_percent: float
    is_on: bool
    is_sensor_ok: bool
    alarms: tuple[int, ...]


class EurothermFurnace:
    """A `devices.protocols.FurnaceDriver`; `connect` before use, `close` at the end.

    Args:
        settings: of the controller and its line.
    """

    capabilities: frozenset[Capability] = frozenset()

    def __init__(self, settings: EurothermSettings) -> None:
        self.settings = settings
        self.model = MODELS[settings.model]
        self._line = ModbusLine(settings.line)
        self._lane: Lane[_State] = Lane(
            settings.address, self._poll, poll_s=settings.poll_s, stale_s=settings.stale_s, deadline_s=10.0
        )
        self._limits_C: tuple[float, float] | None = None
        self._output_limits_percent = 0.0, 100.0
        self._rate_s = 60.0
        self._wanted_C: float | None = None

    def connect(self, timeout_s: float = 5.0) -> None:
        """Connect and read for the first time; may take up to `timeout_s`.

        Raises:
            CommunicationError: no controller of this model answers at that address.
        """
        self._lane.start(timeout_s)

    def close(self) -> None:
        """End the connection; the furnace goes on with what it does."""
        self.release()

    def release(self) -> None:
        """End the connection, and leave the furnace as it is: nothing is sent."""
        self._lane.stop()
        self._line.hang_up()

    # ------------------------------------------------------------------------------------------------------ readings
    @property
    def temperature_C(self) -> float:
        """The process value, degC."""
        return self._lane.state.temperature_C

    @property
    def setpoint_C(self) -> float:
        """The working setpoint, degC."""
        return self._lane.state.setpoint_C

    @property
    def target_C(self) -> float:
        """The target setpoint, degC."""
        return self._lane.state.target_C

    @property
    def output_percent(self) -> float:
        """The working output, percent of full power."""
        return self._lane.state.output_percent

    @property
    def is_sensor_ok(self) -> bool:
        """Whether the controller trusts its sensor and the process value is one that a sensor gives."""
        return self._lane.state.is_sensor_ok

    @property
    def alarms(self) -> tuple[int, ...]:
        """Numbers of the alarms that are active; over-temperature is whichever is configured so (docs: alarm 1)."""
        return self._lane.state.alarms

    @property
    def output_limits_percent(self) -> tuple[float, float]:
        """Least and most output power that the controller is configured to give, percent."""
        return self._output_limits_percent

    @property
    def is_on(self) -> bool:
        """Whether the controller controls (automatic, not standby)."""
        return self._lane.state.is_on

    @property
    def is_busy(self) -> bool:
        """Whether a command is not carried out yet."""
        self._lane.state  # noqa: B018  # raises what the last command failed with
        return self._lane.is_pending

    @property
    def age_s(self) -> float:
        """Age of the readings, s."""
        return self._lane.age_s

    @property
    def limits_C(self) -> tuple[float, float]:
        """Lowest and highest setpoint that the controller is configured to take, degC."""
        assert self._limits_C is not None, "connect first"
        return self._limits_C

    # ------------------------------------------------------------------------------------------------------ commands
    def start_ramp(self, target_C: float, ramp_C_min: float) -> None:
        """Write rate and target, and let the controller control.

        Raises:
            RefusedError: outside the controller's setpoint limits, or a rate that it cannot hold.
        """
        settings = self.settings
        low_C, high_C = self.limits_C
        what = f"{settings.address}: ramp to {target_C:g} degC at {ramp_C_min:g} degC/min"
        if not low_C <= target_C <= high_C:
            raise RefusedError(
                f"{what}: the controller's setpoint limits are {low_C:g} to {high_C:g} degC; ask for less, or change "
                "registers 111 and 112 at the controller"
            )
        unit = f"degC/{self._rate_s:g} s"
        rate = encode(ramp_C_min * self._rate_s / 60.0, settings.rate_decimals, unit)
        if (
            not 0 < rate < 0x8000
            or abs(decode(rate, settings.rate_decimals) * 60.0 / self._rate_s / ramp_C_min - 1) > 0.1
        ):
            raise RefusedError(
                f"{what}: the rate is kept in {10**-settings.rate_decimals:g} {unit}, which does not come within 10 % of "
                "it; choose another rate, or another ramp unit at the controller"
            )
        target = encode(target_C, settings.decimals, "degC")

        def work() -> None:
            state = self._poll()
            if not state.is_sensor_ok:
                raise SensorError("sensor break; put the furnace in standby and look at the thermocouple")
            if state.alarms:
                numbers = " and ".join(map(str, state.alarms))
                raise RefusedError(f"alarm {numbers} of the controller is active; find out why, and clear it there")
            model = self.model
            self._wanted_C = None
            for address in (model.rate, model.rate_down):
                if address is not None:
                    self._write(address, rate)
            self._write(model.target_setpoint, target)
            self._switch(on=True)
            self._wanted_C = decode(target, settings.decimals)

        self._lane.submit(f"ramp to {target_C:g} degC at {ramp_C_min:g} degC/min", work)

    def hold(self) -> None:
        """The target becomes what the working setpoint is now; a controller in standby begins at its temperature."""

        def work() -> None:
            state = self._poll()
            self._wanted_C = None
            here = encode(state.setpoint_C if state.is_on else state.temperature_C, self.settings.decimals, "degC")
            self._write(self.model.target_setpoint, here)
            self._switch(on=True)
            self._wanted_C = decode(here, self.settings.decimals)

        self._lane.submit("hold", work)

    def standby(self) -> None:
        """Output off, at once."""

        def work() -> None:
            self._wanted_C = None
            self._switch(on=False)

        self._lane.submit("standby", work)

    # -------------------------------------------------------------------------------------------------- on the thread
    def _poll(self) -> _State:
        model, decimals = self.model, self.settings.decimals
        if self._limits_C is None:
            high, low = self._read(model.setpoint_high, 2)
            (unit,) = self._read(model.ramp_unit, 1)
            if unit > 2:
                raise CommunicationError(f"ramp unit {unit} is none of 0, 1, 2; is it a {model.name}?")
            self._rate_s = SECONDS[model.ramp_units[unit]]
            most, least = self._read(model.output_high, 2)
            self._output_limits_percent = decode(least, 1), decode(most, 1)
            self._check_limits(decode(high, decimals))
            self._limits_C = decode(low, decimals), decode(high, decimals)
        pv, target, _, output, setpoint = self._read(model.process_value, 5)
        (sensor,) = self._read(model.sensor, 1)
        (alarms,) = (sensor,) if model.sensor == model.status_word else self._read(model.status_word, 1)
        (is_off,) = self._read(model.auto_manual if model.force_standby is None else model.force_standby, 1)
        temperature_C = decode(pv, decimals)
        state = _State(
            temperature_C=temperature_C,
            target_C=decode(target, decimals),
            setpoint_C=decode(setpoint, decimals),
            output_percent=decode(output, 1),
            is_on=not is_off,
            is_sensor_ok=model.is_sensor_ok(sensor) and -50.0 < temperature_C < HIGHEST_GOOD_C,
            alarms=tuple(number for number in range(1, 5) if alarms >> (number - 1) & 1),
        )
        wanted_C = self._wanted_C
        if wanted_C is not None and (not state.is_on or state.target_C != wanted_C):
            self._wanted_C = None
            now = f"its target is {state.target_C:g} degC" if state.is_on else "it is in standby"
            self._lane.fail(
                f"ramp to {wanted_C:g} degC",
                DeviceError(
                    f"the controller was restarted or set by hand: {now}; look at the furnace, then ramp again or put it "
                    "in standby"
                ),
            )
        return state

    def _check_limits(self, high_C: float) -> None:
        """The controller's own limits are what is left when this program is wrong: they must not be wider than agreed."""
        settings, most = self.settings, self._output_limits_percent[1]
        if most > settings.most_output_percent:
            raise RefusedError(
                f"the controller may give {most:g} % of its power, and {settings.most_output_percent:g} % are agreed "
                f"(most_output_percent); lower its output limit (register {self.model.output_high}) at the controller"
            )
        if high_C > settings.highest_C:
            raise RefusedError(
                f"the controller takes setpoints up to {high_C:g} degC, and {settings.highest_C:g} degC are agreed "
                f"(highest_C); lower its setpoint limit (register {self.model.setpoint_high}) at the controller"
            )

    def _switch(self, *, on: bool) -> None:
        model = self.model
        if model.force_standby is not None:
            self._write(model.force_standby, 0 if on else 1)
        elif on:
            self._write(model.auto_manual, 0)
        else:
            self._write(model.auto_manual, 1)
            self._write(model.manual_output, 0)

    def _read(self, address: int, n: int) -> list[int]:
        return self._line.read(address, n)

    def _write(self, address: int, word: int) -> None:
        """Write a register and read it back."""
        self._line.write(address, [word])
        (back,) = self._read(address, 1)
        if back != word:
            raise DeviceError(
                f"register {address}: {word} was written, {back} reads back; is the controller in configuration mode, "
                "locked, or limited?"
            )
