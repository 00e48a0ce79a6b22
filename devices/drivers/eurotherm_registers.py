"""Registers of Eurotherm's controllers, by model, and what their 16 bits mean.

Addresses from public drivers of these models (devices of the 3200 and EPC3000 series); those marked "confirm" were seen
in one place only. docs/reference/drivers/furnace.md says what to look at on the instrument.
"""

from __future__ import annotations

from dataclasses import dataclass

from devices.errors import RefusedError

__all__ = ["MODELS", "Model", "decode", "encode"]

SECONDS = {"s": 1.0, "min": 60.0, "h": 3600.0}


@dataclass(frozen=True)
class Model:
    """Where a model keeps what; None where it has no such register.

    Attributes:
        name: of the series.
        ramp_units: what the values 0, 1, 2 of `ramp_unit` mean: the rate is per this time.
        has_tcp: whether it speaks Modbus TCP; all speak RTU.
        rate_down: of the setpoint, where falling has a limit of its own.
        force_standby: 1 switches the output off.
        pv_status: 0 while the process value is good (confirm).
        status_word: of which bits 0 to 3 are alarms 1 to 4, and `sensor_break_bit` is set on a sensor break (confirm).
        output_high: most output power; the next register is the least (confirm).
    """

    name: str
    ramp_units: tuple[str, str, str]
    has_tcp: bool = False
    rate_down: int | None = None
    force_standby: int | None = None
    pv_status: int | None = None
    status_word: int = 75
    sensor_break_bit: int = 5
    process_value: int = 1
    target_setpoint: int = 2
    manual_output: int = 3
    working_output: int = 4
    working_setpoint: int = 5
    output_high: int = 30
    rate: int = 35
    setpoint_high: int = 111
    setpoint_low: int = 112
    auto_manual: int = 273
    ramp_unit: int = 531

    @property
    def sensor(self) -> int:
        """The register that tells of a sensor break."""
        return self.pv_status if self.pv_status is not None else self.status_word

    def is_sensor_ok(self, value: int) -> bool:
        """What the value of the register `sensor` says."""
        return value == 0 if self.pv_status is not None else not value >> self.sensor_break_bit & 1

    @property
    def addresses(self) -> tuple[int, ...]:
        """Every register in use, rising."""
        optional = (self.rate_down, self.force_standby, self.pv_status)
        always = {self.process_value, self.target_setpoint, self.manual_output, self.working_output, self.rate}
        always |= {self.status_word, self.output_high, self.output_high + 1}
        always |= {self.working_setpoint, self.setpoint_high, self.setpoint_low, self.auto_manual, self.ramp_unit}
        return tuple(sorted(always | {address for address in optional if address is not None}))


MODELS = {
    "EPC3000": Model("EPC3000", ("s", "min", "h"), rate_down=1667, force_standby=1085, pv_status=1932, has_tcp=True),
    "3200": Model("3200", ("min", "h", "s")),
}
"""By the name that settings use."""


def decode(word: int, decimals: int) -> float:
    """A signed word, scaled by the decimals that the controller is configured to show."""
    return float((word - 0x10000 if word >= 0x8000 else word) / 10**decimals)


def encode(value: float, decimals: int, unit: str) -> int:
    """The word for a number.

    Raises:
        RefusedError: it does not fit into 16 bits.
    """
    scaled = round(value * 10**decimals) if abs(value) < 1e9 else 1 << 20
    if not -0x8000 <= scaled <= 0x7FFF:
        raise RefusedError(f"{value:g} {unit} with {decimals} decimals does not fit into a register of 16 bits")
    return scaled & 0xFFFF
