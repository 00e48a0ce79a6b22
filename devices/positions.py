"""Positions that somebody thinks in, over those that the instrument has: a place on the coupon; fluence and power from energy."""

from __future__ import annotations

import math
from typing import Any, Literal

from ophyd import Kind
from ophyd.status import StatusBase

from .checks import within
from .geometry import Geometry
from .laser import Laser
from .signals import Described, Setting
from .stage import Stage

__all__ = ["CouponAxis", "Fluence", "expected_power_W", "fluence_J_cm2", "spot_radius_um"]


def spot_radius_um(wavelength_nm: float, numerical_aperture: float) -> float:
    """1/e^2 radius of the focus of a Gaussian beam, um: lambda / (pi NA). The glass refracts, and leaves it as it is."""
    return wavelength_nm * 1e-3 / (math.pi * numerical_aperture)


def fluence_J_cm2(
    pulse_energy_uJ: float, transmission: float, wavelength_nm: float, numerical_aperture: float
) -> float:
    """Peak fluence in the focus of a Gaussian beam, J/cm2: 2 E / (pi w^2), of the energy that comes through the optics.

    Without aberration or absorption on the way: what the glass really sees is less.
    """
    radius_cm = spot_radius_um(wavelength_nm, numerical_aperture) * 1e-4
    return 2.0 * pulse_energy_uJ * 1e-6 * transmission / (math.pi * radius_cm**2)


def expected_power_W(pulse_energy_uJ: float, repetition_rate_kHz: float, transmission: float) -> float:
    """Mean power that should come to the sample, W; the one that is measured is the one to believe (P3)."""
    return pulse_energy_uJ * repetition_rate_kHz * 1e-3 * transmission


class Fluence(Described):
    """Peak fluence in the focus, J/cm2: set, it moves the laser's pulse energy; read, it is that of the energy as set.

    The transmission of the optics is what was measured in the last opening: power at the sample over energy times rate (P3).
    Before the first there is none, and a number that is given stands in.

    Args:
        laser: whose energy it is.
        transmission: of the optics, until one is measured.
    """

    def __init__(self, *, laser: Laser, transmission: float = 0.25, name: str = "fluence_J_cm2") -> None:
        super().__init__(name=name, unit="J/cm2", kind=Kind.hinted, labels={"motors"})
        if not 0.0 < transmission <= 1.0:
            raise ValueError(f"{transmission=}: a share above 0, up to 1")
        self._laser = laser
        self._assumed = transmission
        self._measured: float | None = None

    @property
    def source_name(self) -> str:
        """Where the value comes from."""
        return f"pseudo:{self._laser.name}.pulse_energy_uJ"

    @property
    def transmission(self) -> float:
        """Of the optics, from the power measured last; the assumed one before."""
        return self._measured if self._measured is not None else self._assumed

    def learn(self) -> float:
        """Take the transmission from the last opening, made at the energy and rate that are set now; returns it.

        Raises:
            ValueError: no power was measured.
        """
        power_W = self._laser.power_at_sample_W.get()
        sent_W = expected_power_W(self._laser.pulse_energy_uJ.get(), self._laser.repetition_rate_kHz.get(), 1.0)
        if not (power_W > 0 and sent_W > 0):
            raise ValueError(f"{self.name}: no power was measured at the sample; open the output once, then learn()")
        self._measured = power_W / sent_W
        return self._measured

    @property
    def _per_uJ(self) -> float:
        laser = self._laser
        return fluence_J_cm2(1.0, self.transmission, laser.wavelength_nm.get(), laser.numerical_aperture.get())

    @property
    def limits(self) -> tuple[float, float]:
        """Of the pulse energy, as fluence."""
        low, high = self._laser.pulse_energy_uJ.limits
        return low * self._per_uJ, high * self._per_uJ

    def get(self, **_: Any) -> float:
        """Of the energy that is set, J/cm2."""
        return float(self._laser.pulse_energy_uJ.get()) * self._per_uJ

    @property
    def position(self) -> float:
        """The same, under the name that Bluesky's magics look for."""
        return self.get()

    def check_value(self, value: Any) -> None:
        """Raise what `within` raises if the fluence cannot be set."""
        within(self.name, value, self.limits, self.egu)

    def set(self, value: Any, **_: Any) -> StatusBase:
        """Move the pulse energy.

        Raises:
            ophyd.utils.LimitError: outside the limits; nothing moved.
            RefusedError: the laser does not take it now.
        """
        fluence = within(self.name, value, self.limits, self.egu)
        low, high = self._laser.pulse_energy_uJ.limits
        return self._laser.pulse_energy_uJ.set(min(max(fluence / self._per_uJ, low), high))

    def stop(self, *, success: bool = False) -> None:
        """Stop the laser."""
        self._laser.stop(success=success)


class CouponAxis(Described):
    """x or y of a place on the coupon, mm from its lower left corner, over the axis of the stage that carries it.

    Coupon and stage are parallel, so each axis is one by itself and scans like a motor; ophyd's `PseudoPositioner` would want
    axes of its own that call back on every move, which ours, looked at by the clock, do not.

    Args:
        stage: that carries the coupon.
        geometry: of the bench.
        axis: "x" or "y".
        under: "laser" for places in its focus, "spectrometer" for places under its head.
    """

    def __init__(
        self, *, stage: Stage, geometry: Geometry, axis: Literal["x", "y"], under: Literal["laser", "spectrometer"]
    ) -> None:
        super().__init__(name=f"coupon_{axis}_mm", unit="mm", kind=Kind.hinted, labels={"motors"})
        corner = geometry.under_laser(0.0, 0.0, 0.0) if under == "laser" else geometry.under_spectrometer(0.0, 0.0)
        self._corner_mm = corner["xy".index(axis)]
        self._axis: Setting = stage.x_mm if axis == "x" else stage.y_mm

    @property
    def source_name(self) -> str:
        """Where the value comes from."""
        return f"pseudo:{self._axis.name}"

    @property
    def limits(self) -> tuple[float, float]:
        """Of the stage's axis, on the coupon."""
        low, high = self._axis.limits
        return low - self._corner_mm, high - self._corner_mm

    def get(self, **_: Any) -> float:
        """The place on the coupon, mm."""
        return float(self._axis.get()) - self._corner_mm

    @property
    def position(self) -> float:
        """The same, under the name that Bluesky's magics look for."""
        return self.get()

    def check_value(self, value: Any) -> None:
        """Raise what `within` raises if the stage cannot bring the place there."""
        within(self.name, value, self.limits, self.egu)

    def set(self, value: Any, **_: Any) -> StatusBase:
        """Move the stage's axis.

        Raises:
            ophyd.utils.LimitError: outside the limits; nothing moved.
            RefusedError: the axis moves.
        """
        return self._axis.set(within(self.name, value, self.limits, self.egu) + self._corner_mm)

    def stop(self, *, success: bool = False) -> None:
        """Stop the stage."""
        self._axis.stop(success=success)
