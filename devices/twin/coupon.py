"""A coupon of the twin: what is written in it, what heat it has seen, and the light that it gives.

The chemistry is `beamline.physics`, worked out when somebody looks: writing and heat are only noted.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from beamline.physics import decay, heat, observe, rewrite, setting_dtype, spectrum, write
from beamline.recipe import Coupon

from .effects import Effects
from .features import Feature, Pass, add_dot, add_line
from .history import HeatHistory
from .scene import LEAST_SIZE_um, Track, optical_depth
from .truth import CouponTruth, Truth

__all__ = ["GlassCoupon"]

MOST_PASSES = 10
"""Validity of the physics; further passes over a place add nothing."""
HOT_FROM_C, HOT_SPAN_C = 25.0, 175.0
"""The gradient over the coupon grows from nothing at the one to its full size by the other above it."""
CONDUCTIVITY_W_mm_K, DIFFUSIVITY_mm2_s = 1.05e-3, 0.51
"""Nominal heat conduction of the glass, for the heat that a writing leaves to the next."""
ABSORBED_SHARE = 0.45
TO_NOSE_K = 660.0
"""From room temperature to the nose of nucleation: so much the laser has to heat."""
TAIL_SHIFT_eV, TAIL_WIDENING = 0.025, 1.6
"""The tail of a band: a second band below it in energy, wider."""
NEIGHBOUR_MEMORY_S = 60.0
PHASES: tuple[Literal["green"], Literal["red"]] = ("green", "red")
PASSBAND_POINTS = 256
"""Of the spectrum behind a filter, which is a fraction of a nm to a few nm between two."""


class GlassCoupon:
    """One coupon: its features, its heat history, and the hidden truth about its glass.

    Args:
        coupon: as everybody knows it.
        truth: of the twin.
        effects: sizes that are no draws.
        aperture: numerical aperture of the objective.
        pulse_duration_fs: of the laser.
    """

    def __init__(
        self, coupon: Coupon, truth: Truth, effects: Effects, aperture: float, pulse_duration_fs: float
    ) -> None:
        self.coupon = coupon
        self.history = HeatHistory()
        self._truth = truth
        self._glass: CouponTruth = truth.coupons[coupon.serial]
        self._parameters = truth.parameters.copy()
        for name in ("nose_K", "liquidus_K"):
            self._parameters[name] += self._glass.glass_transition_shift_K
        self._effects = effects
        self._aperture = aperture
        self._pulse_duration_fs = pulse_duration_fs
        self._features: list[Feature] = []
        self._recent: list[tuple[float, float, float, float, float]] = []

    def holds(self, x_mm: float, y_mm: float) -> bool:
        """Whether a place is on the coupon."""
        return 0.0 <= x_mm <= self.coupon.width_mm and 0.0 <= y_mm <= self.coupon.height_mm

    def depth_error_mm(self, x_mm: float, y_mm: float) -> float:
        """How much deeper in this coupon a focus is than it would be in one that lies as it is meant to, mm."""
        glass = self._glass
        return glass.focus_error_mm + glass.tilt_x_mm_mm * x_mm + glass.tilt_y_mm_mm * y_mm

    # ------------------------------------------------------------------------------------------------------- writing
    def write(self, start_mm: tuple[float, float], stop_mm: tuple[float, float], end_s: float, new: Pass) -> None:
        """Note an exposure at rest (`start_mm` is `stop_mm`) or along a line; a focus outside the glass writes nothing.

        Args:
            start_mm: x, y on the coupon.
            stop_mm: x, y on the coupon.
            end_s: clock at its end.
            new: the exposure, with the depth that was asked for.
        """
        x_mm, y_mm = 0.5 * (start_mm[0] + stop_mm[0]), 0.5 * (start_mm[1] + stop_mm[1])
        depth_mm = new.depth_mm + self.depth_error_mm(x_mm, y_mm)
        if not (self.holds(*start_mm) and self.holds(*stop_mm)) or not 0.02 <= depth_mm <= 1.0:
            return
        duration_s = new.exposure_s or math.dist(start_mm, stop_mm) / new.speed_mm_s
        warmed = self._neighbour_gain(x_mm, y_mm, end_s - duration_s)
        bent = (new.pulse_energy_uJ / 200.0) ** self._truth.absorptivity_exponent
        real = replace(new, depth_mm=depth_mm, power_W=min(new.power_W * warmed * bent, 20.0))
        born = self.history.cut()
        if start_mm == stop_mm:
            self._features = add_dot(self._features, x_mm, y_mm, real, born=born, written_s=end_s)
        else:
            self._features = add_line(self._features, start_mm, stop_mm, real, born=born, written_s=end_s)
        self._recent = [entry for entry in self._recent if end_s - entry[2] < NEIGHBOUR_MEMORY_S]
        self._recent.append((x_mm, y_mm, end_s, duration_s, new.power_W))

    def _neighbour_gain(self, x_mm: float, y_mm: float, time_s: float) -> float:
        """Factor on the power, for the heat that earlier writings left here.

        Each is a point source that shone and went out, doubled by the surface (Carslaw and Jaeger 1959, ch. 10); its
        heat spares the laser a part of the way to the temperature of nucleation.
        """
        rise_K = 0.0
        for other_x, other_y, ended_s, lasted_s, power_W in self._recent:
            distance_mm = math.hypot(x_mm - other_x, y_mm - other_y)
            since_s = max(time_s - ended_s, 1e-3)
            if distance_mm < 0.05:
                continue  # the same feature: its further passes have their own boost
            reach = [distance_mm / math.sqrt(4.0 * DIFFUSIVITY_mm2_s * t) for t in (since_s, since_s + lasted_s)]
            source_K = ABSORBED_SHARE * power_W / (2.0 * math.pi * CONDUCTIVITY_W_mm_K * distance_mm)
            rise_K += source_K * (math.erf(reach[0]) - math.erf(reach[1]))
        rise_K = min(self._effects.neighbour_heating * rise_K, 100.0)
        return TO_NOSE_K / (TO_NOSE_K - rise_K)

    # --------------------------------------------------------------------------------------------------------- light
    def light(
        self,
        x_mm: float,
        y_mm: float,
        *,
        radius_mm: float,
        lamp_s: float,
        now_s: float,
        wavelength_nm: NDArray[np.float64],
    ) -> NDArray[np.float64]:
        """Photons per nm that a Gaussian spot collects, in the units of the physics' intensities, shape [w].

        Args:
            x_mm: middle of the spot on the coupon.
            y_mm: the same.
            radius_mm: 1/e^2 radius of the spot.
            lamp_s: how long the lamp shines for this.
            now_s: clock.
            wavelength_nm: true wavelength of every pixel, shape [w].
        """
        weights = [feature.weight(x_mm, y_mm, radius_mm) for feature in self._features]
        seen = [i for i, weight in enumerate(weights) if weight > 1e-6]
        rate = np.zeros(wavelength_nm.size)
        if not seen:
            return rate
        self._develop()
        for i in seen:
            feature = self._features[i]
            # on the mean of this exposure, half of its light has been seen before
            halfway = replace(feature, lamp_s=feature.lamp_s + 0.5 * lamp_s)
            rate += weights[i] * self._emission(halfway, now_s, wavelength_nm)
            self._features[i] = replace(feature, lamp_s=feature.lamp_s + lamp_s)
        return rate

    def glow(
        self,
        x_mm: float,
        y_mm: float,
        *,
        radius_mm: float,
        passband_nm: tuple[float, float],
        time_ns: NDArray[np.float64],
    ) -> NDArray[np.float64]:
        """Photons per ns after a short pulse that a Gaussian spot collects through a filter, shape [t].

        In the units of the physics' intensities, for one pulse: the integral over all times is the light that passes. Of
        what the truth has beyond the physics, only the coupon and its history are in it: brightness under a lamp is not.

        Args:
            x_mm: middle of the spot on the coupon.
            y_mm: the same.
            radius_mm: 1/e^2 radius of the spot.
            passband_nm: what the filter passes.
            time_ns: after the pulse, shape [t].
        """
        weights = [feature.weight(x_mm, y_mm, radius_mm) for feature in self._features]
        seen = [i for i, weight in enumerate(weights) if weight > 1e-6]
        rate = np.zeros(time_ns.size)
        if not seen:
            return rate
        self._develop()
        wavelength_nm = np.linspace(*passband_nm, PASSBAND_POINTS)
        for i in seen:
            state = self._features[i].state
            assert state is not None  # _develop made it
            for phase in PHASES:
                other = "red" if phase == "green" else "green"
                alone = observe(state, self._truth.parameters)[0]
                alone[f"{other}_intensity"] = 0.0
                if alone[f"{phase}_intensity"][0] > 0.0:
                    passed = float(np.trapezoid(spectrum(alone, wavelength_nm)[0], wavelength_nm))
                    alone[f"{phase}_intensity"] = passed
                    rate += weights[i] * decay(alone, time_ns, phase)[0]
        return rate

    def tracks(
        self,
        x_mm: tuple[float, float],
        y_mm: tuple[float, float],
        *,
        lamp_s: float,
        now_s: float,
        wavelength_nm: NDArray[np.float64],
    ) -> list[Track]:
        """What a camera sees of what is written here.

        Args:
            x_mm: from and to, on the coupon.
            y_mm: the same.
            lamp_s: how long the ultraviolet lamp shines for this; 0: what would be emitted is not worked out.
            now_s: clock.
            wavelength_nm: of the emission, shape [w].
        """
        seen = [i for i, feature in enumerate(self._features) if feature.is_within(x_mm, y_mm)]
        if not seen:
            return []
        self._develop()
        found = []
        for i in seen:
            feature = self._features[i]
            assert feature.state is not None  # _develop made it
            state = observe(feature.state, self._parameters)[0]
            size_um = max(float(state["size_um"][0]), LEAST_SIZE_um)
            extent = size_um if feature.is_line else 0.25 * math.pi * size_um**2
            photons = np.zeros(0)
            if lamp_s > 0.0:
                halfway = replace(feature, lamp_s=feature.lamp_s + 0.5 * lamp_s)
                photons = self._emission(halfway, now_s, wavelength_nm) / extent
                self._features[i] = replace(feature, lamp_s=feature.lamp_s + lamp_s)
            depth = optical_depth(
                float(state["void_share"][0]),
                min(float(state["crystal_amount"][0]) / extent, 1.0),
                float(state["red_share"][0]),
            )
            found.append(Track(feature, 1e-3 * size_um, feature.passes[-1].depth_mm, photons, depth))
        return found

    def _emission(self, feature: Feature, now_s: float, wavelength_nm: NDArray[np.float64]) -> NDArray[np.float64]:
        """Photons per nm of a dot, or of 1 um of a line, shape [w]."""
        effects = self._effects
        assert feature.state is not None  # _develop made it
        seen = observe(feature.state, self._parameters)[0]
        green, red = float(seen["green_intensity"][0]), float(seen["red_intensity"][0])
        if green + red <= 0.0:
            return np.zeros(wavelength_nm.size)
        taken = green * min(2.0 * effects.self_absorption * red / (green + red), 0.9)
        seen["green_intensity"] = green - taken
        seen["red_intensity"] = red + 0.5 * taken
        shares, parts = self._parts(seen)
        bands = shares @ spectrum(parts, wavelength_nm)
        brightened = 1.0 + self._truth.photobrightening * -math.expm1(-feature.lamp_s / effects.photobrightening_time_s)
        aged = math.exp(-effects.ageing_h * max(now_s - feature.written_s, 0.0) / 3600.0)
        return np.asarray(bands * (brightened * aged))

    def _parts(self, seen: NDArray[np.void]) -> tuple[NDArray[np.float64], NDArray[np.void]]:
        """A feature's light in parts that are each of one colour: shares, shape (k,), and observables, shape (k,)."""
        effects, gradient_eV = self._effects, self._truth.colour_gradient_eV
        places = [(1.0, 0.0)]
        if gradient_eV != 0.0 or effects.dark_core > 0.0:
            nose_K, damage_K = (float(self._parameters[name][0]) for name in ("nose_K", "damage_temperature_K"))
            heated = (float(seen["peak_temperature_K"][0]) - nose_K) / (damage_K - nose_K)
            core = 0.5 * (1.0 - effects.dark_core * min(max(heated, 0.0), 1.0))
            places = [(core, -0.5 * gradient_eV), (0.5, 0.5 * gradient_eV)]
        tail = effects.tail_share
        kinds = [(1.0 - tail, 0.0, 1.0), (tail, -TAIL_SHIFT_eV, TAIL_WIDENING)] if tail > 0.0 else [(1.0, 0.0, 1.0)]
        rows = [(a * b, at + by, wider) for a, at in places for b, by, wider in kinds]
        parts = np.repeat(seen, len(rows))
        for phase in ("green", "red"):
            parts[f"{phase}_peak_eV"] += [shift_eV for _, shift_eV, _ in rows]
            parts[f"{phase}_fwhm_eV"] *= [wider for _, _, wider in rows]
        return np.array([share for share, _, _ in rows]), parts

    def _develop(self) -> None:
        """Bring the state of every feature up to now."""
        parameters = self._parameters
        fresh = [i for i, feature in enumerate(self._features) if feature.state is None]
        if fresh:
            states = self._written([self._features[i] for i in fresh])
            for column, i in enumerate(fresh):
                feature = self._features[i]
                self._features[i] = replace(feature, state=states[:, column : column + 1], heated=feature.born)
        n_steps = self.history.cut()
        for start in sorted({feature.heated for feature in self._features if feature.heated < n_steps}):
            group = [i for i, feature in enumerate(self._features) if feature.heated == start]
            states = np.concatenate([self._features[i].state for i in group], axis=1)
            heated = heat(states, self._steps([self._features[i] for i in group], start), parameters)
            for column, i in enumerate(group):
                self._features[i] = replace(self._features[i], state=heated[:, column : column + 1], heated=n_steps)

    def _written(self, features: list[Feature]) -> NDArray[np.void]:
        """What the passes over each place leave there, one after the other, each as it was: states, shape (1, m)."""
        states = write(self._table([feature.passes[0] for feature in features]), self._parameters)
        for k in range(1, min(max(len(feature.passes) for feature in features), MOST_PASSES)):
            again = [i for i, feature in enumerate(features) if len(feature.passes) > k]
            table = self._table([features[i].passes[k] for i in again])
            states[:, again] = rewrite(states[:, again], table, self._parameters)
        return states

    def _table(self, passes: list[Pass]) -> NDArray[np.void]:
        """Settings of the physics, shape (m,): one pass over each of m places."""
        table = np.zeros(len(passes), dtype=setting_dtype)
        for row, one in zip(table, passes, strict=True):
            row["power_at_sample_W"] = one.power_W
            # The physics takes a power of 0 W for "not measured", and would fall back to the set energy.
            row["pulse_energy_uJ"] = one.pulse_energy_uJ if one.power_W > 0.0 else 0.0
            row["repetition_rate_kHz"] = one.repetition_rate_kHz
            row["depth_mm"] = one.depth_mm
            row["n_passes"] = 1
            row["is_line"] = one.speed_mm_s > 0.0
            row["speed_mm_s"] = one.speed_mm_s
            row["exposure_s"] = one.exposure_s
        table["iodide_fraction"] = self._glass.iodide_fraction
        table["pulse_duration_fs"] = self._pulse_duration_fs
        table["numerical_aperture"] = self._aperture
        return table

    def _steps(self, features: list[Feature], start: int) -> NDArray[np.float64]:
        """Heat steps at each feature, shape (m, k, 2): the coupon's, with the gradient over it."""
        common = self.history.since(start)
        steps = np.repeat(common[np.newaxis], len(features), axis=0)
        hot = np.clip((common[:, 0] - HOT_FROM_C) / HOT_SPAN_C, 0.0, 1.0)
        gradient_x, gradient_y = self._truth.furnace_gradient_C_mm
        for row, feature in zip(steps, features, strict=True):
            x_mm, y_mm = feature.centre_mm
            row[:, 0] += hot * (
                gradient_x * (x_mm - 0.5 * self.coupon.width_mm) + gradient_y * (y_mm - 0.5 * self.coupon.height_mm)
            )
        return steps
