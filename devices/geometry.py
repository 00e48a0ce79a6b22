"""Where things are on the bench, and how far they may go: relates a place on a coupon to the axes of the stage.

Coupon coordinates: mm from the coupon's lower left corner, as in `beamline.recipe.Site`. Stage coordinates: what the
axes read. The seat puts the coupon's corner at one place of the stage; the laser's focus, the head of the
spectrometer and the camera's microscope stand still above it, apart by fixed offsets.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

__all__ = ["Geometry", "Limits"]


@dataclass(frozen=True)
class Limits:
    """What each setting may be, as (lowest, highest), both allowed; the unit is in the name."""

    x_mm: tuple[float, float] = (0.0, 250.0)
    y_mm: tuple[float, float] = (0.0, 150.0)
    z_mm: tuple[float, float] = (0.0, 12.0)
    line_speed_mm_s: tuple[float, float] = (0.01, 3.0)
    """The upper end is where the quasi-static heat solution of a line ends to be good (1-2 % at 2 mm/s)."""
    pulse_energy_uJ: tuple[float, float] = (1.0, 400.0)
    repetition_rate_kHz: tuple[float, float] = (1.0, 1000.0)
    exposure_s: tuple[float, float] = (0.001, 60.0)
    furnace_temperature_C: tuple[float, float] = (20.0, 560.0)
    """550 degC is the highest heat treatment (P5); ten more for calibration."""
    furnace_ramp_C_min: tuple[float, float] = (0.1, 20.0)
    integration_s: tuple[float, float] = (0.001, 60.0)
    n_averages: tuple[float, float] = (1.0, 1000.0)
    lifetime_duration_s: tuple[float, float] = (0.1, 3600.0)
    lifetime_stop_counts: tuple[float, float] = (0.0, 1e6)
    """0: never."""
    lifetime_bin_width_ns: tuple[float, float] = (0.001, 1000.0)
    excitation_rate_kHz: tuple[float, float] = (1.0, 80_000.0)
    excitation_percent: tuple[float, float] = (0.0, 100.0)
    camera_exposure_s: tuple[float, float] = (0.0001, 30.0)
    camera_gain: tuple[float, float] = (1.0, 16.0)


@dataclass(frozen=True)
class Geometry:
    """The seat of the coupon, the focus of the laser, the head of the spectrometer, and the camera's microscope.

    Attributes:
        seat_x_mm: stage x at which the coupon's lower left corner is in the laser's focus.
        seat_y_mm: the same for y.
        surface_z_mm: stage z at which the coupon's surface is in focus; greater z is nearer the objective.
        head_dx_mm: what is added to x to bring a place from the laser's focus under the spectrometer's head.
        head_dy_mm: the same for y.
        camera_dx_mm: what is added to x to bring a place from the laser's focus into the middle of the camera's picture.
        camera_dy_mm: the same for y.
        camera_dz_mm: what is added to z to bring what is in the laser's focus into the camera's.
        turn_rad: of the coupon about its lower left corner, counterclockwise, against the axes of the stage.
        refractive_index: of the glass; to focus at depth d the stage moves by d / n (paraxial; borosilicate, 1.5).
        unload_C: furnace temperature at which its door may be opened and a coupon taken out or put in.
        limits: how far each setting may go.
    """

    seat_x_mm: float = 10.0
    seat_y_mm: float = 10.0
    surface_z_mm: float = 5.0
    head_dx_mm: float = 120.0
    head_dy_mm: float = 0.0
    camera_dx_mm: float = 60.0
    camera_dy_mm: float = 0.0
    camera_dz_mm: float = 0.0
    turn_rad: float = 0.0
    refractive_index: float = 1.5
    unload_C: float = 60.0
    limits: Limits = field(default_factory=Limits)

    def under_laser(self, x_mm: float, y_mm: float, depth_mm: float) -> tuple[float, float, float]:
        """Stage x, y, z in mm that focus the laser at a place of the coupon, `depth_mm` below its surface."""
        x_mm, y_mm = self.turned(x_mm, y_mm)
        return self.seat_x_mm + x_mm, self.seat_y_mm + y_mm, self.surface_z_mm + depth_mm / self.refractive_index

    def under_spectrometer(self, x_mm: float, y_mm: float) -> tuple[float, float, float]:
        """Stage x, y, z in mm that bring a place of the coupon under the spectrometer's head."""
        x_mm, y_mm = self.turned(x_mm, y_mm)
        return self.seat_x_mm + x_mm + self.head_dx_mm, self.seat_y_mm + y_mm + self.head_dy_mm, self.surface_z_mm

    def under_camera(self, x_mm: float, y_mm: float, depth_mm: float = 0.2) -> tuple[float, float, float]:
        """Stage x, y, z in mm that bring a place of the coupon into the middle of the picture, in focus at that depth (P1)."""
        x_mm, y_mm = self.turned(x_mm, y_mm)
        z_mm = self.surface_z_mm + depth_mm / self.refractive_index + self.camera_dz_mm
        return self.seat_x_mm + x_mm + self.camera_dx_mm, self.seat_y_mm + y_mm + self.camera_dy_mm, z_mm

    def place_at_laser(self, x_mm: float, y_mm: float, z_mm: float) -> tuple[float, float, float]:
        """Inverse of `under_laser`: x, y on the coupon and the depth of the focus, mm, from stage x, y, z."""
        x_mm, y_mm = self.turned(x_mm - self.seat_x_mm, y_mm - self.seat_y_mm, back=True)
        return x_mm, y_mm, (z_mm - self.surface_z_mm) * self.refractive_index

    def place_at_head(self, x_mm: float, y_mm: float) -> tuple[float, float]:
        """Inverse of `under_spectrometer`: x, y on the coupon, mm, from stage x and y."""
        x_mm, y_mm = x_mm - self.seat_x_mm - self.head_dx_mm, y_mm - self.seat_y_mm - self.head_dy_mm
        return self.turned(x_mm, y_mm, back=True)

    def place_at_camera(self, x_mm: float, y_mm: float, z_mm: float) -> tuple[float, float, float]:
        """Inverse of `under_camera`: x, y on the coupon and the depth that is in focus, mm, from stage x, y, z."""
        x_mm, y_mm = x_mm - self.seat_x_mm - self.camera_dx_mm, y_mm - self.seat_y_mm - self.camera_dy_mm
        x_mm, y_mm = self.turned(x_mm, y_mm, back=True)
        return x_mm, y_mm, (z_mm - self.surface_z_mm - self.camera_dz_mm) * self.refractive_index

    def turned(self, x_mm: float, y_mm: float, *, back: bool = False) -> tuple[float, float]:
        """A way on the coupon as a way of the stage's axes, or `back`, mm; to the last bit the same where nothing is turned."""
        if self.turn_rad == 0.0:
            return x_mm, y_mm
        c, s = math.cos(self.turn_rad), math.sin(-self.turn_rad if back else self.turn_rad)
        return c * x_mm - s * y_mm, s * x_mm + c * y_mm

    def registered(self, shift_x_mm: float, shift_y_mm: float, turn_rad: float) -> Geometry:
        """The same bench with a coupon that lies beside its place: its corner is off by the shift, and it is turned about it."""
        return replace(
            self,
            seat_x_mm=self.seat_x_mm + shift_x_mm,
            seat_y_mm=self.seat_y_mm + shift_y_mm,
            turn_rad=self.turn_rad + turn_rad,
        )
