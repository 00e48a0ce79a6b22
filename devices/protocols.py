"""What a driver of each role must offer, and what a clock is: plain Python, no ophyd, no Bluesky.

A role (laser, stage, furnace, spectrometer, lifetime counter, camera, coupon changer) has one Protocol here (those that look
at light in `detector_protocols`), one ophyd class that is built on it, and two drivers: the instrument's and the twin's.
Three rules hold for every driver:

- Nothing here blocks for more than 50 ms. A command starts something and returns at once; a slow bus is polled by the
  driver's own thread, and the properties serve its last value.
- A command that takes time returns how long it is expected to take, in seconds of the clock; `is_busy` (`is_moving`)
  says whether it still goes on. The ophyd class looks again when that time is over, and gives up at a deadline that
  follows from it.
- A refusal is raised as `devices.errors.RefusedError`, a failure as another `DeviceError`; nothing is swallowed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, Protocol, runtime_checkable

from .capabilities import Capability
from .detector_protocols import CameraDriver, LifetimeDriver, LineLampDriver, SpectrometerDriver

__all__ = [
    "AxisName",
    "CameraDriver",
    "ChangerDriver",
    "Clock",
    "Drivers",
    "FurnaceDriver",
    "HomingDriver",
    "LaserDriver",
    "LifetimeDriver",
    "LineLampDriver",
    "ScheduledCall",
    "SpectrometerDriver",
    "StageDriver",
    "Station",
]

AxisName = Literal["x", "y", "z"]
Station = Literal["rack", "stage", "furnace"]


class ScheduledCall(Protocol):
    """A call that a clock will make; what `Clock.call_later` returns."""

    def cancel(self) -> None:
        """Take the call back; does nothing if it was made or taken back already."""


@runtime_checkable
class Clock(Protocol):
    """The time that devices and plans live by: the wall's at the bench, a heap of events in a simulated night."""

    @property
    def now_s(self) -> float:
        """Seconds since the clock was made; never falls."""

    def call_later(self, delay_s: float, function: Callable[[], object]) -> ScheduledCall:
        """Call `function()` when `delay_s` seconds have passed; calls due together are made in the order of asking.

        Raises:
            ValueError: `delay_s` is negative or not finite.
        """

    def install(self, engine: Any) -> None:
        """Make a Bluesky RunEngine wait and sleep by this clock; a waiting hook that is there is kept and called."""


class LaserDriver(Protocol):
    """Femtosecond laser with attenuator, pulse picker, output and a calibrated pick-off for the power at the sample."""

    @property
    def capabilities(self) -> frozenset[Capability]:
        """What it has of `devices.capabilities.CAPABILITIES`."""

    @property
    def pulse_energy_uJ(self) -> float:
        """Pulse energy as set, before the optics, uJ."""

    @property
    def repetition_rate_kHz(self) -> float:
        """Pulse repetition rate, kHz."""

    @property
    def pulse_duration_fs(self) -> float:
        """Pulse duration, fs."""

    @property
    def wavelength_nm(self) -> float:
        """Centre wavelength, nm."""

    @property
    def numerical_aperture(self) -> float:
        """Numerical aperture of the objective."""

    @property
    def power_at_sample_W(self) -> float:
        """Mean power at the sample over the last opening, W; 0 if none was measured (P3: authoritative)."""

    @property
    def pulses_delivered(self) -> float:
        """Pulses delivered in the last opening of the output (a timed exposure is one opening)."""

    @property
    def pulses_delivered_sd(self) -> float:
        """One-sigma uncertainty of `pulses_delivered`: software times the gate, it cannot count at 10 kHz."""

    @property
    def is_output_open(self) -> bool:
        """Whether light may leave the laser now."""

    @property
    def is_busy(self) -> bool:
        """Whether a setting is still moving or a timed exposure still runs."""

    def start_pulse_energy(self, pulse_energy_uJ: float) -> float:
        """Begin to move the attenuator; returns the expected time, s."""

    def start_repetition_rate(self, repetition_rate_kHz: float) -> float:
        """Begin to move the pulse picker; returns the expected time, s."""

    def start_exposure(self, exposure_s: float) -> float:
        """Open the output for `exposure_s` seconds; it closes by itself. Returns the expected time, s.

        Raises:
            RefusedError: the output is open, or a setting still moves.
        """

    def open_output(self) -> None:
        """Open the output until `close_output`.

        Raises:
            RefusedError: the output is open, or a setting still moves.
        """

    def close_output(self) -> None:
        """Close the output, whatever state it is in; reads nothing first. Ends a timed exposure."""


class StageDriver(Protocol):
    """Three axes that carry the coupon, in stage coordinates, mm; `Geometry` relates them to the coupon."""

    @property
    def capabilities(self) -> frozenset[Capability]:
        """What it has of `devices.capabilities.CAPABILITIES`."""

    def position_mm(self, axis: AxisName) -> float:
        """Where an axis is, mm."""

    def is_moving(self, axis: AxisName) -> bool:
        """Whether an axis moves."""

    def start_move(self, axis: AxisName, target_mm: float) -> float:
        """Begin to move one axis at its travel speed; returns the expected time, s."""

    def start_line(self, x_mm: float, y_mm: float, speed_mm_s: float) -> float:
        """Begin a straight move at constant speed from here to (`x_mm`, `y_mm`); returns the expected time, s.

        The speed holds between the present position and the end. Getting up to it and down from it is the driver's
        business and lies outside the two points, with the laser's gate shut by the stage's position trigger (at 3 mm/s
        and 200 mm/s2 it takes 23 um). The gate is shut before and after.
        """

    @property
    def is_gate_open(self) -> bool:
        """Whether the laser's light gets through the stage's gate; without the capability "gate" it always does."""

    def switch_gate(self, is_open: bool) -> float:  # noqa: FBT001  # a gate has two positions
        """Open or shut the gate; returns the expected time, s.

        Raises:
            RefusedError: there is no gate, or an axis moves.
        """

    def stop(self) -> None:
        """Bring every axis to rest where it is; a gate shuts."""


class HomingDriver(Protocol):
    """What a stage's driver with the capability "home" has besides."""

    @property
    def is_homed(self) -> bool:
        """Whether every axis knows its reference."""

    def start_home(self) -> float:
        """Begin to drive every axis to its reference; returns the longest time that it should take, s.

        Raises:
            RefusedError: an axis moves.
        """


class FurnaceDriver(Protocol):
    """Furnace with a ramping controller."""

    @property
    def capabilities(self) -> frozenset[Capability]:
        """What it has of `devices.capabilities.CAPABILITIES`."""

    @property
    def temperature_C(self) -> float:
        """What the controller's sensor reads, degC."""

    @property
    def setpoint_C(self) -> float:
        """The working setpoint, which moves along the ramp, degC."""

    @property
    def target_C(self) -> float:
        """Where the ramp ends, degC."""

    @property
    def is_sensor_ok(self) -> bool:
        """False on a sensor break."""

    @property
    def is_on(self) -> bool:
        """Whether the heater is under control (False in standby)."""

    def start_ramp(self, target_C: float, ramp_C_min: float) -> None:
        """Switch the heater on and move the working setpoint to `target_C` at `ramp_C_min` degC/min."""

    def hold(self) -> None:
        """End the ramp: the working setpoint stays where it is."""

    def standby(self) -> None:
        """Heater off; reads nothing first."""


class ChangerDriver(Protocol):
    """Moves coupons between the rack, the stage and the furnace; stage and furnace hold one coupon each."""

    @property
    def capabilities(self) -> frozenset[Capability]:
        """What it has of `devices.capabilities.CAPABILITIES`."""

    @property
    def serials(self) -> tuple[str, ...]:
        """Every coupon that the changer knows."""

    def station_of(self, serial: str) -> Station:
        """Where a coupon is; while it is carried, where it came from.

        Raises:
            KeyError: no such coupon.
        """

    @property
    def is_busy(self) -> bool:
        """Whether a coupon is being carried."""

    def start_transfer(self, serial: str, station: Station) -> float:
        """Begin to carry a coupon to a station; returns the expected time, s.

        Raises:
            RefusedError: unknown coupon, the station is occupied, a transfer runs, or the furnace is too hot to open.
        """

    def finish_transfer(self) -> None:
        """Put down what is being carried, at its target, without waiting: a gripper never lets go half-way."""


@dataclass(frozen=True)
class Drivers:
    """The drivers of an instrument; not every one has a lifetime counter or a camera."""

    laser: LaserDriver
    stage: StageDriver
    furnace: FurnaceDriver
    spectrometer: SpectrometerDriver
    changer: ChangerDriver
    lifetime: LifetimeDriver | None = None
    camera: CameraDriver | None = None
