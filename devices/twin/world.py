"""The world that the drivers of a twin share: where each coupon is, what the light and the heat do to it.

It holds the hidden truth and gives none of it away: drivers hand in what their instrument does, and get back what an
instrument would show.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from beamline.physics import SETTING_RANGES
from beamline.recipe import Coupon
from devices.geometry import Geometry
from devices.protocols import Clock, Station

from .counter import TwinCounter
from .coupon import GlassCoupon
from .detector import N_PIXELS, TwinDetector
from .effects import Effects
from .features import Pass
from .lamp import line_lamp, standard_lamp
from .microscope import WAVELENGTH_nm, places_mm
from .optics import at_the_detector, fluorescence
from .oven import Oven
from .scene import Coupon as Piece
from .scene import View, by_daylight, under_ultraviolet
from .seat import AS_MEANT, Seating
from .sensor import TwinSensor
from .truth import Truth

__all__ = ["NUMERICAL_APERTURE", "Leg", "PULSE_DURATION_fs", "World"]

NUMERICAL_APERTURE = 0.4
"""Of the objective (assumed: the paper names none)."""
PULSE_DURATION_fs = 300.0
"""P1."""
SPOT_RADIUS_mm = 0.1
"""1/e^2 radius of the Gaussian spot that the spectrometer sees."""
COLLECTION_counts_s = 5.5e3
"""Counts per s and per photon of the physics' relative intensity (docs/explanation/twin.md)."""
BESIDE_mm = 0.2
"""What is written so near to a picture may reach into it."""


@dataclass(frozen=True, slots=True)
class Leg:
    """A piece of the stage's way with the output open, at rest or along a line; stage coordinates."""

    end_s: float
    duration_s: float
    start_mm: tuple[float, float, float]
    stop_mm: tuple[float, float, float]


class World:
    """Coupons, furnace body and detector around one hidden truth.

    Args:
        seed: of the truth and of all noise.
        coupons: at hand; all of them begin in the rack.
        clock: of the night.
        geometry: of the bench.
        effects: sizes of what the prior does not know.
    """

    def __init__(
        self, seed: int, coupons: Sequence[Coupon], clock: Clock, geometry: Geometry, effects: Effects
    ) -> None:
        serials = [coupon.serial for coupon in coupons]
        if len(set(serials)) != len(serials):
            raise ValueError(f"{serials=}: every coupon needs a serial of its own")
        truth_rng, laser_rng, furnace_rng, detector_rng, counter_rng, sensor_rng, self._seat_rng = (
            np.random.default_rng(child) for child in np.random.SeedSequence(seed).spawn(7)
        )
        self.clock = clock
        self.geometry = geometry
        self.__truth = truth = Truth.draw(truth_rng, effects, coupons)
        self._effects = effects
        self._laser_rng = laser_rng
        self._energy_drift = 0.0
        self._drift_s = 0.0
        self._coupons = {
            coupon.serial: GlassCoupon(coupon, truth, effects, NUMERICAL_APERTURE, PULSE_DURATION_fs)
            for coupon in coupons
        }
        self._stations: dict[str, Station] = dict.fromkeys(serials, "rack")
        self._seating = AS_MEANT
        self.oven = Oven(
            furnace_rng,
            noise_sd_C=effects.furnace_noise_sd_C,
            overshoot=effects.furnace_overshoot,
            offset_C=truth.furnace_offset_C,
            lag_s=truth.coupon_lag_s,
        )
        self.detector = TwinDetector(detector_rng, effects, truth.wavelength_error_nm, truth.wavelength_bend_nm)
        self.counter = TwinCounter(counter_rng, is_noisy=effects.shot_noise)
        self._sensor = TwinSensor(sensor_rng, effects)

    # ------------------------------------------------------------------------------------------------------- coupons
    @property
    def serials(self) -> tuple[str, ...]:
        """Every coupon."""
        return tuple(self._stations)

    def station_of(self, serial: str) -> Station:
        """Where a coupon is."""
        return self._stations[serial]

    def coupon_at(self, station: Station) -> GlassCoupon | None:
        """What is at the stage or in the furnace."""
        return next((self._coupons[s] for s, where in self._stations.items() if where == station), None)

    def carry(self, serial: str, station: Station) -> None:
        """Put a coupon at a station."""
        if self._stations[serial] == "furnace":
            self.oven.take_out(self.clock.now_s)
        self._stations[serial] = station
        if station == "stage":
            effects = self._effects
            self._seating = Seating.draw(self._seat_rng, effects.seat_shift_sd_mm, effects.seat_turn_sd_deg)
        if station == "furnace":
            self.oven.put_in(self.clock.now_s, self._coupons[serial].history)

    # --------------------------------------------------------------------------------------------------------- stage
    @property
    def backlash_mm(self) -> float:
        """Between the two places at which an axis rests for one reading, mm."""
        return self._effects.stage_backlash_mm

    # --------------------------------------------------------------------------------------------------------- laser
    def gate_error_s(self) -> float:
        """By how much a timed exposure is too long."""
        return self._effects.gate_jitter_sd_s * float(self._laser_rng.standard_normal())

    def fire(self, pulse_energy_uJ: float, repetition_rate_kHz: float, legs: Iterable[Leg]) -> float:
        """Light on the stage for one opening of the output; returns the mean power measured at the sample, W."""
        truth, effects = self.__truth, self._effects
        noise = 1.0 + effects.energy_noise_sd * float(self._laser_rng.standard_normal())
        energy_uJ = pulse_energy_uJ * noise * math.exp(self._drift())
        power_W = float(truth.parameters["optical_transmission"][0]) * energy_uJ * repetition_rate_kHz * 1e-3
        target = self.coupon_at("stage")
        for leg in legs:
            x0, y0, depth_mm = self.geometry.place_at_laser(*leg.start_mm)
            x1, y1, _ = self.geometry.place_at_laser(*leg.stop_mm)
            length_mm = math.hypot(x1 - x0, y1 - y0)
            exposure = (
                {"speed_mm_s": _speed(length_mm, leg.duration_s)} if length_mm > 0 else {"exposure_s": leg.duration_s}
            )
            if target is not None:
                shot = Pass(power_W, pulse_energy_uJ, repetition_rate_kHz, depth_mm, **exposure)
                target.write(self._seating.on_coupon(x0, y0), self._seating.on_coupon(x1, y1), leg.end_s, shot)
        return power_W * truth.power_meter_gain

    def _drift(self) -> float:
        """Logarithm of the slow drift of the energy: an Ornstein-Uhlenbeck walk, stepped exactly to now."""
        effects = self._effects
        hours = (self.clock.now_s - self._drift_s) / 3600.0
        self._drift_s = self.clock.now_s
        keep = math.exp(-hours / effects.energy_return_h)
        sd = effects.energy_drift_sd_h * math.sqrt(0.5 * effects.energy_return_h * (1.0 - keep**2))
        self._energy_drift = keep * self._energy_drift + sd * float(self._laser_rng.standard_normal())
        return self._energy_drift

    # -------------------------------------------------------------------------------------------------- spectrometer
    def acquire(
        self,
        stage_x_mm: float,
        stage_y_mm: float,
        *,
        lamp_on: bool,
        integration_s: float,
        n_averages: int,
        line_lamp_on: bool = False,
        is_standard_lamp_held: bool = False,
    ) -> tuple[NDArray[np.float64], int]:
        """Raw mean counts under the head, shape [n_pixels], and the number of full pixels."""
        light = np.zeros(N_PIXELS)
        target = self.coupon_at("stage")
        if lamp_on and target is not None:
            x_mm, y_mm = self._seating.on_coupon(*self.geometry.place_at_head(stage_x_mm, stage_y_mm))
            photons = target.light(
                x_mm,
                y_mm,
                radius_mm=SPOT_RADIUS_mm,
                lamp_s=integration_s * n_averages,
                now_s=self.clock.now_s,
                wavelength_nm=self.detector.true_nm,
            )
            light = at_the_detector(
                COLLECTION_counts_s * photons,
                self.detector.true_nm,
                self._effects,
                is_on_glass=target.holds(x_mm, y_mm),
            )
        if is_standard_lamp_held:
            lamp = standard_lamp(self.detector.true_nm)
            light = light + at_the_detector(lamp, self.detector.true_nm, self._effects, is_on_glass=False)
        if line_lamp_on:
            light = light + line_lamp(self.detector.true_nm)
        return self.detector.expose(light, integration_s, n_averages)

    # ------------------------------------------------------------------------------------------------------ lifetime
    def glow(
        self, stage_x_mm: float, stage_y_mm: float, *, passband_nm: tuple[float, float], time_ns: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Photons per ns of one pulse under the head, through a filter, in the units of the physics, shape [t]."""
        target = self.coupon_at("stage")
        if target is None:
            return np.zeros(time_ns.size)
        x_mm, y_mm = self._seating.on_coupon(*self.geometry.place_at_head(stage_x_mm, stage_y_mm))
        return target.glow(x_mm, y_mm, radius_mm=SPOT_RADIUS_mm, passband_nm=passband_nm, time_ns=time_ns)

    # -------------------------------------------------------------------------------------------------------- camera
    def photograph(
        self,
        stage_mm: tuple[float, float, float],
        *,
        illumination: str,
        through: str,
        exposure_s: float,
        gain: float,
    ) -> tuple[NDArray[np.uint16], int]:
        """Raw counts of a picture, shape [rows, columns, 3], and the number of full pixels.

        Args:
            stage_mm: x, y and z of the stage.
            illumination: "off", "white" or "uv_365nm".
            through: name of the filter.
            exposure_s: of the picture.
            gain: factor on the counts.
        """
        x, y, focus_mm = self.geometry.place_at_camera(*stage_mm)
        x_mm, y_mm = places_mm(x, y)
        light = np.zeros((y_mm.size, x_mm.size, 3))
        if illumination != "off":
            target, piece, tracks = self.coupon_at("stage"), None, []
            is_ultraviolet = illumination == "uv_365nm"
            if target is not None:
                spot_um2 = (
                    0.5e6 * math.pi * SPOT_RADIUS_mm**2
                )  # of the spectrometer, which the fluorescence is stated for
                own = fluorescence(WAVELENGTH_nm, self._effects) / (COLLECTION_counts_s * spot_um2)
                focus_mm += target.depth_error_mm(*self._seating.on_coupon(x, y))
                defocus_mm = focus_mm / self.geometry.refractive_index  # of the surface, seen through air
                width_mm, height_mm = target.coupon.width_mm, target.coupon.height_mm
                piece = Piece(width_mm, height_mm, own, defocus_mm, self._seating)
                corners = [self._seating.on_coupon(a, b) for a in (x_mm[0], x_mm[-1]) for b in (y_mm[0], y_mm[-1])]
                xs, ys = zip(*corners, strict=True)
                tracks = target.tracks(
                    (float(min(xs)) - BESIDE_mm, float(max(xs)) + BESIDE_mm),
                    (float(min(ys)) - BESIDE_mm, float(max(ys)) + BESIDE_mm),
                    lamp_s=exposure_s if is_ultraviolet else 0.0,
                    now_s=self.clock.now_s,
                    wavelength_nm=WAVELENGTH_nm,
                )
                tracks = [replace(track, feature=self._seating.seen(track.feature)) for track in tracks]
            see = under_ultraviolet if is_ultraviolet else by_daylight
            light = see(View(x_mm, y_mm, focus_mm, through), piece, tracks)
        return self._sensor.expose(light, exposure_s, gain)


def _speed(length_mm: float, duration_s: float) -> float:
    """Speed of a line, mm/s. One at an end of the model's range must not lie outside by the rounding of place and time."""
    speed_mm_s = length_mm / duration_s
    for end_mm_s in (SETTING_RANGES["speed_mm_s"].low, SETTING_RANGES["speed_mm_s"].high):
        if math.isclose(speed_mm_s, end_mm_s, rel_tol=1e-6):
            return end_mm_s
    return speed_mm_s
