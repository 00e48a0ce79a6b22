"""The furnace as a Bluesky device: set to a temperature, it ramps there, and is there when it has settled in a band."""

from __future__ import annotations

from typing import Any

from ophyd import Component, Kind
from ophyd.status import StatusBase

from .errors import SensorError
from .protocols import FurnaceDriver
from .role import Role
from .signals import Choice, Reading, SoftSetting, within

__all__ = ["Furnace"]


def _heater(driver: FurnaceDriver) -> str:
    return "on" if driver.is_on else "standby"


def _switch_heater(furnace: Furnace, state: str) -> float:
    if state == "on":
        furnace.driver.hold()
    else:
        furnace.standby()
    return 0.0


class Furnace(Role):
    """`bps.mv(furnace.ramp_C_min, 10); bps.abs_set(furnace, 450, group="ramp")`, sampled with `bps.sleep` on the way.

    The status is done when the temperature has been within `band_C` of the target for `settle_s`. It fails on a sensor
    break, and when ramp time times 1.5 and `margin_s` have passed.

    Args:
        band_C: half width of the band, degC.
        settle_s: how long it must stay in the band, s.
    """

    driver: FurnaceDriver
    poll_s = 5.0
    margin_s = 900.0

    temperature_C = Component(Reading, attr="temperature_C", unit="degC", kind=Kind.hinted)
    setpoint_C = Component(Reading, attr="setpoint_C", unit="degC")
    target_C = Component(Reading, attr="target_C", unit="degC", kind=Kind.omitted)
    ramp_C_min = Component(SoftSetting, value=10.0, limit="furnace_ramp_C_min", unit="degC/min", kind=Kind.config)
    heater = Component(Choice, choices=("standby", "on"), read=_heater, command=_switch_heater, kind=Kind.omitted)

    def __init__(
        self, *, band_C: float = 2.0, settle_s: float = 60.0, labels: set[str] | None = None, **kwargs: Any
    ) -> None:
        super().__init__(labels=labels or {"furnaces"}, **kwargs)
        self.band_C = band_C
        self.settle_s = settle_s

    @property
    def limits(self) -> tuple[float, float]:
        """Lowest and highest temperature, degC, both allowed."""
        return self.bounds.furnace_temperature_C

    @property
    def egu(self) -> str:
        """The unit of a position."""
        return "degC"

    @property
    def position(self) -> float:
        """The temperature, degC."""
        return float(self.driver.temperature_C)

    def check_value(self, value: Any) -> None:
        """Raise LimitError outside the limits, TypeError for what is no number."""
        within(self.name, value, self.limits, self.egu)

    def set(self, value: Any, **_: Any) -> StatusBase:
        """Ramp to a temperature at `ramp_C_min`.

        Raises:
            ophyd.utils.LimitError: outside the limits; nothing changed.
            SensorError: the sensor is broken; nothing changed.
        """
        target_C = within(self.name, value, self.limits, self.egu)
        self._check_sensor()
        ramp_C_min = self.ramp_C_min.position
        ramp_s = abs(target_C - self.driver.temperature_C) / ramp_C_min * 60.0
        self._end_in_flight()
        self.driver.start_ramp(target_C, ramp_C_min)
        in_band_since_s: float | None = None

        def has_settled() -> bool:
            nonlocal in_band_since_s
            self._check_sensor()
            if abs(self.driver.temperature_C - target_C) > self.band_C:
                in_band_since_s = None
                return False
            now_s = self.clock.now_s
            if in_band_since_s is None:
                in_band_since_s = now_s
            return now_s - in_band_since_s >= self.settle_s

        return self.begin(
            f"{self.name}: ramp to {target_C:g} degC at {ramp_C_min:g} degC/min",
            has_settled,
            expected_s=0.0,
            deadline_s=1.5 * ramp_s + self.margin_s + self.settle_s,
        )

    def standby(self) -> None:
        """Heater off, at once and without a plan, and an end to a ramp; in a plan `bps.mv(furnace.heater, "standby")`."""
        try:
            self.driver.standby()
        finally:
            self._end_in_flight()

    def _check_sensor(self) -> None:
        if not self.driver.is_sensor_ok:
            raise SensorError(f"{self.name}: sensor break; put the furnace in standby and look at the thermocouple")

    def _end_in_flight(self) -> None:
        """What replaces a ramp ends its status as stopped."""
        for waiting in self._in_flight:
            waiting.end(success=False)
        self._in_flight.clear()

    def _bring_to_rest(self) -> None:
        # A stopped ramp holds: whether the furnace is to go cold is for the plan's safe state to say. A broken sensor
        # leaves nothing to hold by, and what was switched off meanwhile stays off.
        if self.driver.is_sensor_ok and self.driver.is_on:
            self.driver.hold()
        else:
            self.driver.standby()
