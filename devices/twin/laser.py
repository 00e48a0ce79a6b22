"""The twin's laser driver: an attenuator, a pulse picker and an output, of which the world gets the light."""

from __future__ import annotations

from devices.capabilities import Capability
from devices.errors import RefusedError
from devices.protocols import ScheduledCall

from .stage import TwinStage
from .world import NUMERICAL_APERTURE, PULSE_DURATION_fs, World

__all__ = ["TwinLaser"]

ATTENUATOR_S = 0.5
"""Time of a move of the attenuator, s; the pulse picker takes the same."""
MOST_POWER_W = 20.0
"""Mean power of the laser, W."""
GATE_SD_S = 0.002
"""What the driver states as the uncertainty of a timed exposure, s."""


class TwinLaser:
    """A `devices.protocols.LaserDriver`.

    Args:
        world: where the light goes.
        stage: whose way the light is written along.
    """

    wavelength_nm = 1030.0
    pulse_duration_fs = PULSE_DURATION_fs
    numerical_aperture = NUMERICAL_APERTURE

    capabilities: frozenset[Capability] = frozenset({"measured power"})

    def __init__(self, world: World, stage: TwinStage) -> None:
        self._world = world
        self._stage = stage
        self._pulse_energy_uJ = 200.0
        self._repetition_rate_kHz = 10.0
        self._settled_s = 0.0
        self._opened_s: float | None = None
        self._closing: ScheduledCall | None = None
        self._power_at_sample_W = 0.0
        self._pulses = 0.0
        self._pulses_sd = 0.0

    @property
    def pulse_energy_uJ(self) -> float:
        """Pulse energy as set, uJ."""
        return self._pulse_energy_uJ

    @property
    def repetition_rate_kHz(self) -> float:
        """Repetition rate, kHz."""
        return self._repetition_rate_kHz

    @property
    def power_at_sample_W(self) -> float:
        """Mean power measured over the last opening, W."""
        return self._power_at_sample_W

    @property
    def pulses_delivered(self) -> float:
        """Pulses of the last opening."""
        return self._pulses

    @property
    def pulses_delivered_sd(self) -> float:
        """One sigma of `pulses_delivered`."""
        return self._pulses_sd

    @property
    def is_output_open(self) -> bool:
        """Whether light leaves the laser."""
        return self._opened_s is not None

    @property
    def is_busy(self) -> bool:
        """Whether a setting moves or a timed exposure runs."""
        return self._world.clock.now_s < self._settled_s or self._closing is not None

    def start_pulse_energy(self, pulse_energy_uJ: float) -> float:
        """Move the attenuator; returns the time it takes, s."""
        expected_s = self._move()  # first: a setting that is refused does not change
        self._pulse_energy_uJ = pulse_energy_uJ
        return expected_s

    def start_repetition_rate(self, repetition_rate_kHz: float) -> float:
        """Move the pulse picker; returns the time it takes, s."""
        expected_s = self._move()
        self._repetition_rate_kHz = repetition_rate_kHz
        return expected_s

    def start_exposure(self, exposure_s: float) -> float:
        """Open for a time; the gate is a little wrong about it. Returns the time, s."""
        self.open_output()
        length_s = max(exposure_s + self._world.gate_error_s(), 1e-4)
        self._closing = self._world.clock.call_later(length_s, self.close_output)
        return length_s

    def open_output(self) -> None:
        """Open the output until it is closed."""
        clock = self._world.clock
        if self._opened_s is not None:
            raise RefusedError("the laser's output is open already; close it first")
        if clock.now_s < self._settled_s:
            raise RefusedError(
                f"the laser's attenuator or pulse picker still moves, for {self._settled_s - clock.now_s:.2f} s; wait"
            )
        power_W = self._pulse_energy_uJ * self._repetition_rate_kHz * 1e-3
        if power_W > MOST_POWER_W:
            raise RefusedError(
                f"{self._pulse_energy_uJ:g} uJ x {self._repetition_rate_kHz:g} kHz is {power_W:g} W, and the laser "
                f"gives {MOST_POWER_W:g} W at most; lower the energy or the rate"
            )
        self._opened_s = clock.now_s
        self._stage.remember_from(clock.now_s)

    def close_output(self) -> None:
        """Close the output; what it wrote is in the world now."""
        if self._closing is not None:
            self._closing.cancel()
            self._closing = None
        if self._opened_s is None:
            return
        opened_s, self._opened_s = self._opened_s, None
        now_s = self._world.clock.now_s
        self._pulses = round((now_s - opened_s) * self._repetition_rate_kHz * 1e3)
        self._pulses_sd = GATE_SD_S * self._repetition_rate_kHz * 1e3
        legs = self._stage.legs_between(opened_s, now_s)
        self._power_at_sample_W = self._world.fire(self._pulse_energy_uJ, self._repetition_rate_kHz, legs)

    def _move(self) -> float:
        if self._opened_s is not None:
            raise RefusedError("the laser's output is open; close it before its settings move")
        self._settled_s = self._world.clock.now_s + ATTENUATOR_S
        return ATTENUATOR_S
