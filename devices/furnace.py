"""The furnace as a Bluesky device: set to a temperature, it ramps there, and is there when it has settled in a band."""

from __future__ import annotations

from typing import Any

from ophyd import Component, Kind
from ophyd.status import StatusBase

from .checks import flag, within
from .errors import DriftError, SensorError, StuckError
from .protocols import FurnaceDriver
from .role import Role
from .signals import Reading
from .soft_signals import Choice, SoftSetting

__all__ = ["Furnace"]

PLAUSIBLE_C = (-50.0, 1500.0)
"""What a thermocouple in a furnace can read, degC."""


def _heater(driver: FurnaceDriver) -> str:
    return "on" if flag("furnace_heater", driver.is_on) else "standby"


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
    advice = "put the furnace in standby, look at heater, fuse and thermocouple, and let it cool before it is opened"
    following_C = 40.0
    """How far the temperature may be from the working setpoint on the way up, or below it on the way down, degC."""
    answer_s = 10.0
    """Time after a command in which what the controller says of itself may still be from before it, s."""
    diverged_C = 10.0
    """How far the temperature may be from the target while it is held, degC."""

    late_by = ("answer_s",)

    temperature_C = Component(
        Reading,
        attr="temperature_C",
        unit="degC",
        plausible=PLAUSIBLE_C,
        kind=Kind.hinted,
        doc="measured; `furnace` itself is set, and done when it has settled",
    )
    setpoint_C = Component(
        Reading,
        attr="setpoint_C",
        unit="degC",
        plausible=PLAUSIBLE_C,
        doc="the working setpoint, which moves along the ramp",
    )
    target_C = Component(
        Reading, attr="target_C", unit="degC", plausible=PLAUSIBLE_C, kind=Kind.omitted, doc="the end of the ramp"
    )
    ramp_C_min = Component(
        SoftSetting,
        value=10.0,
        limit="furnace_ramp_C_min",
        unit="degC/min",
        kind=Kind.config,
        doc="rate of the next ramp",
    )
    heater = Component(
        Choice,
        choices=("standby", "on"),
        read=_heater,
        command=_switch_heater,
        margin_s=30.0,
        kind=Kind.omitted,
        doc="standby switches it off and ends a ramp",
    )

    def __init__(
        self, *, band_C: float = 2.0, settle_s: float = 60.0, labels: set[str] | None = None, **kwargs: Any
    ) -> None:
        super().__init__(labels=labels or {"furnaces"}, **kwargs)
        self.band_C = band_C
        self.settle_s = settle_s
        self._held_C: float | None = None
        self._is_lost = False

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
        return float(self.temperature_C.get())

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
        begin_C = self.position
        ramp_s = abs(target_C - begin_C) / ramp_C_min * 60.0
        self._end_in_flight()
        self._held_C, self._is_lost = None, False
        self.driver.start_ramp(target_C, ramp_C_min)
        what = f"{self.name}: ramp to {target_C:g} degC at {ramp_C_min:g} degC/min"
        begin_s = self.clock.now_s
        in_band_since_s: float | None = None

        def has_settled() -> bool:
            nonlocal in_band_since_s
            try:
                self._check_sensor()
                temperature_C = self.position
                if self.clock.now_s - begin_s > self.answer_s:
                    self._check_following(what, temperature_C, is_heating=target_C > begin_C)
            except Exception:
                self._is_lost = True  # by what is known there is nothing to hold by
                raise
            if abs(temperature_C - target_C) > self.band_C:
                in_band_since_s = None
                return False
            now_s = self.clock.now_s
            if in_band_since_s is None:
                in_band_since_s = now_s
            if now_s - in_band_since_s < self.settle_s:
                return False
            self._held_C = target_C
            return True

        return self.begin(
            what,
            has_settled,
            expected_s=0.0,
            deadline_s=1.5 * ramp_s + self.margin_s + self.settle_s,
        )

    def standby(self) -> None:
        """Heater off, at once and without a plan, and an end to a ramp; in a plan `bps.mv(furnace.heater, "standby")`."""
        self._held_C = None
        try:
            self.driver.standby()
        finally:
            self._end_in_flight()

    def read(self) -> dict[str, dict[str, Any]]:
        """The readings, of a furnace that holds what it is to hold.

        Raises:
            SensorError: a temperature that cannot be.
            DriftError: it holds no longer: it was not asked to stop, and is off or away from its target.
        """
        reading: dict[str, dict[str, Any]] = super().read()
        self._check_holding(reading[self.temperature_C.name]["value"])
        return reading

    def forget(self) -> None:
        """It may hold or not."""
        super().forget()
        self._held_C = None

    def _check_holding(self, temperature_C: float) -> None:
        if self.is_in_flight:
            return
        is_on = self.heater.get() == "on"
        if self._held_C is None:
            # After a pause, or in a plan that found it hot: what it holds now is what it is to hold.
            target_C = self.target_C.get()
            if is_on and abs(temperature_C - target_C) <= self.band_C:
                self._held_C = target_C
            return
        if not is_on or abs(temperature_C - self._held_C) > self.diverged_C:
            raise DriftError(
                f"{self.name}: hold of {self._held_C:g} degC: the heater is {'on' if is_on else 'off'} and it is at "
                f"{temperature_C:.1f} degC (allowed: {self.diverged_C:g} degC from it); it diverges, or the controller has "
                f"restarted; {self.advice}"
            )

    def _check_following(self, what: str, temperature_C: float, *, is_heating: bool) -> None:
        setpoint_C = self.setpoint_C.get()
        behind_C = setpoint_C - temperature_C
        if not flag(self.name, self.driver.is_on):
            raise DriftError(
                f"{what}: the heater is off, and nobody switched it off; it may have restarted; {self.advice}"
            )
        if behind_C > self.following_C or (is_heating and -behind_C > self.following_C):
            raise StuckError(
                f"{what}: it is at {temperature_C:.1f} degC, the working setpoint at {setpoint_C:.1f} degC (allowed: "
                f"{self.following_C:g} degC apart); it does not follow; {self.advice}"
            )

    def _check_sensor(self) -> None:
        if not flag(self.name, self.driver.is_sensor_ok):
            raise SensorError(f"{self.name}: sensor break; put the furnace in standby and look at the thermocouple")

    def _end_in_flight(self) -> None:
        """What replaces a ramp ends its status as stopped."""
        for waiting in self._in_flight:
            waiting.end(success=False)
        self._in_flight.clear()

    def _bring_to_rest(self) -> None:
        # A stopped ramp holds: whether the furnace is to go cold is for the plan's safe state to say. A broken sensor
        # leaves nothing to hold by, and what was switched off meanwhile stays off.
        try:
            may_hold = not self._is_lost and self.driver.is_sensor_ok is True and self.driver.is_on is True
        except Exception:  # noqa: BLE001  # a bus that is dead, whatever it raises: nothing to hold by
            may_hold = False
        if may_hold:
            self.driver.hold()
        else:
            self.driver.standby()
