"""The femtosecond laser as a Bluesky device: energy, repetition rate, timed exposures for dots, an output for lines."""

from __future__ import annotations

import math
from typing import Any

from ophyd import Component, Kind
from ophyd.status import StatusBase

from .checks import flag
from .errors import DriftError, StuckError
from .protocols import LaserDriver
from .role import Role
from .signals import Reading, Setting
from .soft_signals import Choice, SoftSetting

__all__ = ["Laser"]


def _output(driver: LaserDriver) -> str:
    return "open" if flag("laser_output", driver.is_output_open) else "closed"


def _switch_output(laser: Laser, state: str) -> float:
    if state == "open":
        laser.check_before_opening()
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
    advice = "close the output, look at the laser's panel (state, interlock, errors), then set it anew"
    power_band = 0.25
    """Share by which power at the sample over set power may differ from that of the first opening."""
    watched_exposure_s = 1.0
    """From this length on an exposure is looked at half-way: the output must be open."""

    late_by = ("watched_exposure_s",)

    pulse_energy_uJ = Component(
        Setting,
        attr="pulse_energy_uJ",
        command="start_pulse_energy",
        limit="pulse_energy_uJ",
        unit="uJ",
        tolerance=0.5,
        stands=2.5,
        plausible=(-1.0, 1e4),
        kind=Kind.hinted,
        doc="set energy of a pulse, before the optics",
    )
    repetition_rate_kHz = Component(
        Setting,
        attr="repetition_rate_kHz",
        command="start_repetition_rate",
        limit="repetition_rate_kHz",
        unit="kHz",
        tolerance=0.01,
        stands=0.05,
        plausible=(0.0, 1e5),
        doc="pulses a millisecond",
    )
    power_at_sample_W = Component(
        Reading,
        attr="power_at_sample_W",
        unit="W",
        plausible=(-1.0, 200.0),
        kind=Kind.hinted,
        doc="measured over the last opening; 0 before the first",
    )
    pulses_delivered = Component(
        Reading, attr="pulses_delivered", unit="pulses", plausible=(0.0, 1e11), doc="of the last opening"
    )
    pulses_delivered_sd = Component(
        Reading, attr="pulses_delivered_sd", unit="pulses", kind=Kind.omitted, doc="one sigma of them"
    )
    exposure_s = Component(
        SoftSetting,
        value=1.0,
        limit="exposure_s",
        unit="s",
        kind=Kind.omitted,
        doc="how long `trigger` opens the output",
    )
    output = Component(
        Choice,
        choices=("closed", "open"),
        read=_output,
        command=_switch_output,
        kind=Kind.omitted,
        doc="the shutter of the beam; a setting moves only while it is closed",
    )
    pulse_duration_fs = Component(
        Reading, attr="pulse_duration_fs", unit="fs", kind=Kind.config, doc="full width at half maximum"
    )
    wavelength_nm = Component(
        Reading, attr="wavelength_nm", unit="nm", kind=Kind.config, doc="of the light that writes"
    )
    numerical_aperture = Component(
        Reading, attr="numerical_aperture", unit="1", kind=Kind.config, doc="of the objective"
    )

    def __init__(self, *, labels: set[str] | None = None, **kwargs: Any) -> None:
        super().__init__(labels=labels or {"lasers"}, **kwargs)
        self._opened_W = 0.0
        self._transmission: float | None = None

    def trigger(self) -> StatusBase:
        """One timed exposure of `exposure_s`; done when the output has closed by itself.

        Raises:
            RefusedError: the output is open, or a setting still moves.
            DriftError: a setting, or the power of the last opening, is not what it should be; nothing was exposed.
        """
        exposure_s = self.exposure_s.position
        what = f"{self.name}: exposure of {exposure_s:g} s"
        self.check_before_opening()
        expected_s = self.driver.start_exposure(exposure_s)

        def is_open() -> None:
            if not flag(self.name, self.driver.is_output_open):
                raise StuckError(f"{what}: the output is closed half-way through it; the site got less; {self.advice}")

        return self.begin(
            what,
            lambda: not flag(self.name, self.driver.is_busy),
            expected_s=expected_s,
            watch=is_open,
            watch_every_s=expected_s * 0.5 if expected_s >= self.watched_exposure_s else math.inf,
        )

    def check_before_opening(self) -> None:
        """What must be so before light leaves the laser.

        Raises:
            DriftError: energy or rate do not stand where they were set, or the power at the sample over the set power was
                out of band at the last opening. `recalibrate()` takes the next opening as the new reference.
        """
        self.pulse_energy_uJ.check_stands()
        self.repetition_rate_kHz.check_stands()
        power_W = self.power_at_sample_W.get()
        if self._opened_W > 0 and power_W > 0:
            ratio = power_W / self._opened_W
            if self._transmission is None:
                self._transmission = ratio
            elif abs(ratio / self._transmission - 1.0) > self.power_band:
                raise DriftError(
                    f"{self.name}_power_at_sample_W: the last opening gave {power_W:.3g} W, "
                    f"{self._transmission * self._opened_W:.3g} W +- {100 * self.power_band:g} % were expected of "
                    f"{self._opened_W:.3g} W set; look at beam, attenuator and power meter; laser.recalibrate() accepts it"
                )
        self._opened_W = self.pulse_energy_uJ.get() * self.repetition_rate_kHz.get() * 1e-3

    def recalibrate(self) -> None:
        """The next opening is the reference that later ones are compared with."""
        self._opened_W, self._transmission = 0.0, None

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
