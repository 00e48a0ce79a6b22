"""The body of the furnace: how its temperature follows the controller, and how a coupon inside follows it.

It is worked out in steps on a fixed grid of time, whenever somebody asks, so that asking more often changes nothing.
"""

from __future__ import annotations

import math

import numpy as np

from .history import HeatHistory

__all__ = ["Oven"]

GRID_S = 5.0
"""Step of the time grid, s."""
ROOM_C = 25.0
"""Of the laboratory, degC."""
CONTROL_TIME_S = 20.0
"""Time constant with which the controller brings the furnace to its working setpoint, s."""
INTEGRAL_TIME_S = 120.0
"""Time constant with which its integral makes good on what the furnace lags behind a ramp, s."""
COOLING_TIME_S = 600.0
"""Time constant of the fastest cooling, with the heater off and the fan on, s."""
HEATING_C_S = 25.0 / 60.0
"""Fastest heating, degC/s."""
NOISE_BLOCK = 1024


class Oven:
    """Temperature of the furnace and of the coupon in it, by the grid.

    Args:
        rng: of the sensor's noise.
        noise_sd_C: of each reading, degC.
        overshoot: share of its lag that the controller makes good on a ramp, and overshoots by after it.
        offset_C: of the glass against the sensor when hot, degC.
        lag_s: time constant of the glass, s; 0 follows at once.
    """

    def __init__(
        self, rng: np.random.Generator, *, noise_sd_C: float, overshoot: float, offset_C: float, lag_s: float
    ) -> None:
        self._rng = rng
        self._noise_sd_C = noise_sd_C
        self._overshoot = overshoot
        self._integral_C = 0.0
        self._offset_C = offset_C
        self._glass_share = 1.0 - math.exp(-GRID_S / lag_s) if lag_s > 0 else 1.0
        self._time_s = 0.0
        self._body_C = ROOM_C
        self._noise_C = 0.0
        self._noise_left: list[float] = []
        self._ramp_start_s = 0.0
        self._ramp_start_C = ROOM_C
        self._rate_C_s = 0.0
        self._glass_C = ROOM_C
        self._history: HeatHistory | None = None
        self.target_C = ROOM_C
        self.is_on = False

    @property
    def sensor_C(self) -> float:
        """What the sensor reads, degC."""
        return self._body_C + self._noise_C

    def setpoint_C(self, time_s: float) -> float:
        """The working setpoint, degC."""
        moved_C = self._rate_C_s * max(time_s - self._ramp_start_s, 0.0)
        left_C = self.target_C - self._ramp_start_C
        return self._ramp_start_C + math.copysign(min(moved_C, abs(left_C)), left_C)

    def start_ramp(self, time_s: float, target_C: float, rate_C_s: float) -> None:
        """Heater under control; the setpoint moves from where it is, or from the oven's temperature if it was off."""
        self.advance(time_s)
        self._ramp_start_C = self.setpoint_C(time_s) if self.is_on else self._body_C
        self._ramp_start_s = time_s
        self._rate_C_s = rate_C_s
        self.target_C = target_C
        self.is_on = True

    def hold(self, time_s: float) -> None:
        """Heater under control, setpoint at rest."""
        self.advance(time_s)
        here_C = self.setpoint_C(time_s) if self.is_on else self._body_C
        self.start_ramp(time_s, here_C, 0.0)
        self._ramp_start_C = here_C

    def switch_off(self, time_s: float) -> None:
        """Heater off; the furnace cools."""
        self.advance(time_s)
        self.is_on = False
        self._integral_C = 0.0
        self.start_from_cold()

    def start_from_cold(self) -> None:
        """Setpoint at room temperature."""
        self._ramp_start_C = self.target_C = ROOM_C
        self._rate_C_s = 0.0

    def put_in(self, time_s: float, history: HeatHistory) -> None:
        """A coupon at room temperature goes in; its heat is written to `history`."""
        self.advance(time_s)
        self._glass_C = ROOM_C
        self._history = history

    def take_out(self, time_s: float) -> None:
        """The coupon comes out."""
        self.advance(time_s)
        self._history = None

    def advance(self, time_s: float) -> None:
        """Work out every whole step of the grid up to a time."""
        while self._time_s + GRID_S <= time_s:
            self._time_s += GRID_S
            self._step()

    def _step(self) -> None:
        body_C = self._body_C
        coldest_C = ROOM_C + (body_C - ROOM_C) * math.exp(-GRID_S / COOLING_TIME_S)
        if self.is_on:
            setpoint_C = self.setpoint_C(self._time_s)
            rate_C_s = (setpoint_C - self.setpoint_C(self._time_s - GRID_S)) / GRID_S
            lag_C = self._overshoot * CONTROL_TIME_S * rate_C_s
            self._integral_C += (lag_C - self._integral_C) * (1.0 - math.exp(-GRID_S / INTEGRAL_TIME_S))
            aim_C = setpoint_C + self._integral_C
            wanted_C = body_C + (aim_C - body_C) * (1.0 - math.exp(-GRID_S / CONTROL_TIME_S))
            self._body_C = min(max(wanted_C, coldest_C), body_C + HEATING_C_S * GRID_S)
        else:
            self._body_C = coldest_C
        self._noise_C = self._next_noise_C()
        if self._history is not None:
            # The offset is of heat radiated past the sensor: full when hot, none at room temperature.
            offset_C = self._offset_C * min(max((self._body_C - ROOM_C) / 175.0, 0.0), 1.0)
            before_C = self._glass_C
            self._glass_C += (self._body_C + offset_C - before_C) * self._glass_share
            self._history.add(0.5 * (before_C + self._glass_C), GRID_S)

    def _next_noise_C(self) -> float:
        if not self._noise_left:
            self._noise_left = (self._noise_sd_C * self._rng.standard_normal(NOISE_BLOCK)).tolist()
        return self._noise_left.pop()
