"""A twin's furnace behind the registers of a Eurotherm controller."""

from __future__ import annotations

from devices.drivers.eurotherm_registers import MODELS, decode, encode
from devices.errors import DeviceError
from devices.protocols import FurnaceDriver

from .shared import Shared

__all__ = ["FurnaceFace"]

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

    @property
    def addresses(self) -> tuple[int, ...]:
        """Every register's, rising."""
        return self.model.addresses

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
