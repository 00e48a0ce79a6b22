"""The femtosecond laser as a Bluesky device: energy, repetition rate, timed exposures for dots, an output for lines."""

from __future__ import annotations

from typing import Any

from ophyd import Component, Kind
from ophyd.status import StatusBase

from .protocols import LaserDriver
from .role import Role
from .signals import Choice, Reading, Setting, SoftSetting

__all__ = ["Laser"]


def _output(driver: LaserDriver) -> str:
    return "open" if driver.is_output_open else "closed"


def _switch_output(laser: Laser, state: str) -> float:
    if state == "open":
        laser.driver.open_output()
    else:
        laser.driver.close_output()
    return 0.0


class Laser(Role):
    """Set energy and rate; for a dot set `exposure_s` and trigger; for a line open `output`, move the stage, close it.

    Set energy, repetition rate and measured power at the sample are three things, and the measured power is the one to
    believe (P3).
    """

    driver: LaserDriver

    pulse_energy_uJ = Component(
        Setting,
        attr="pulse_energy_uJ",
        command="start_pulse_energy",
        limit="pulse_energy_uJ",
        unit="uJ",
        tolerance=0.5,
        kind=Kind.hinted,
    )
    repetition_rate_kHz = Component(
        Setting,
        attr="repetition_rate_kHz",
        command="start_repetition_rate",
        limit="repetition_rate_kHz",
        unit="kHz",
        tolerance=0.01,
    )
    power_at_sample_W = Component(Reading, attr="power_at_sample_W", unit="W", kind=Kind.hinted)
    pulses_delivered = Component(Reading, attr="pulses_delivered", unit="pulses")
    pulses_delivered_sd = Component(Reading, attr="pulses_delivered_sd", unit="pulses", kind=Kind.omitted)
    exposure_s = Component(SoftSetting, value=1.0, limit="exposure_s", unit="s", kind=Kind.omitted)
    output = Component(Choice, choices=("closed", "open"), read=_output, command=_switch_output, kind=Kind.omitted)
    pulse_duration_fs = Component(Reading, attr="pulse_duration_fs", unit="fs", kind=Kind.config)
    wavelength_nm = Component(Reading, attr="wavelength_nm", unit="nm", kind=Kind.config)
    numerical_aperture = Component(Reading, attr="numerical_aperture", unit="1", kind=Kind.config)

    def __init__(self, *, labels: set[str] | None = None, **kwargs: Any) -> None:
        super().__init__(labels=labels or {"lasers"}, **kwargs)

    def trigger(self) -> StatusBase:
        """One timed exposure of `exposure_s`; done when the output has closed by itself.

        Raises:
            RefusedError: the output is open, or a setting still moves.
        """
        exposure_s = self.exposure_s.position
        expected_s = self.driver.start_exposure(exposure_s)
        return self.begin(
            f"{self.name}: exposure of {exposure_s:g} s", lambda: not self.driver.is_busy, expected_s=expected_s
        )

    def stop(self, *, success: bool = False) -> None:
        """Close the output, always and first: a shutter that closes is free safety, and nothing is read before it."""
        self.driver.close_output()
        super().stop(success=success)

    def stage(self) -> list[object]:
        """Close the output."""
        self.driver.close_output()
        staged: list[object] = super().stage()
        return staged

    def unstage(self) -> list[object]:
        """Close the output."""
        self.driver.close_output()
        unstaged: list[object] = super().unstage()
        return unstaged

    def _bring_to_rest(self) -> None:
        self.driver.close_output()
