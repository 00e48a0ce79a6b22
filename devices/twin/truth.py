"""The hidden truth of a twin: what its glass, laser, furnace and detector are really like. Read by the world only."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from beamline.physics import draw, nominal
from beamline.recipe import Coupon

from .effects import Effects

__all__ = ["CouponTruth", "Truth"]

ROOM_K = 298.15


@dataclass(frozen=True)
class CouponTruth:
    """What one coupon is really like.

    Attributes:
        iodide_fraction: I / (Br + I) in the glass.
        focus_error_mm: extra depth of the focus at the corner of the coupon, mm.
        tilt_x_mm_mm: how that grows along x, mm per mm; tilt_y_mm_mm along y.
        glass_transition_shift_K: of this coupon against the batch, K.
    """

    iodide_fraction: float
    focus_error_mm: float
    tilt_x_mm_mm: float
    tilt_y_mm_mm: float
    glass_transition_shift_K: float = 0.0


@dataclass(frozen=True)
class Truth:
    """One draw of everything that `Effects` gives a size to.

    Attributes:
        parameters: (1,) of `beamline.physics.parameter_dtype`.
        coupons: by serial.
        power_meter_gain: measured power over true power.
        absorptivity_exponent: absorbed power grows as (energy / 200 uJ) to this further power.
        furnace_offset_C: glass minus sensor when hot, degC.
        furnace_gradient_C_mm: of the glass temperature along x and y of the coupon when hot, degC/mm.
        coupon_lag_s: time constant of the glass in the furnace, s.
        photobrightening: gain under the lamp, saturated.
        wavelength_error_nm: stated minus true wavelength in the middle of the axis, nm.
        wavelength_bend_nm: how much more that is at the ends of the axis, nm.
        colour_gradient_eV: photon energy at the rim of a feature minus that at its centre, eV.
    """

    parameters: NDArray[np.void]
    coupons: Mapping[str, CouponTruth]
    power_meter_gain: float
    absorptivity_exponent: float
    furnace_offset_C: float
    furnace_gradient_C_mm: tuple[float, float]
    coupon_lag_s: float
    photobrightening: float
    wavelength_error_nm: float
    colour_gradient_eV: float = 0.0
    wavelength_bend_nm: float = 0.0

    @classmethod
    def draw(cls, rng: np.random.Generator, effects: Effects, coupons: Sequence[Coupon]) -> Truth:
        """Draw a truth; the same generator state gives the same truth, and the number of draws depends on no size."""

        def sign() -> float:
            return 1.0 if rng.random() < 0.5 else -1.0

        def within(low_high: tuple[float, float]) -> float:
            return float(rng.uniform(*low_high))

        # The parameters are drawn at full spread by a generator of their own, so that switching one effect off leaves
        # the draws of the others as they were.
        parameter_rng = np.random.default_rng(rng.integers(2**63))
        parameters = draw(parameter_rng, 1, effects.parameter_scale) if effects.parameter_scale > 0 else nominal()
        parameters["rewrite_absorption_gain"] *= max(1.0 + effects.second_pass_boost_sd * rng.standard_normal(), 0.1)
        angle = within((0.0, 2.0 * math.pi))
        gradient_C_mm = 0.1 * within(effects.furnace_gradient_C_cm)
        iodide_loss = within(effects.iodide_loss)
        truth = cls(
            parameters=parameters,
            power_meter_gain=1.0 + effects.power_meter_sd * float(rng.standard_normal()),
            absorptivity_exponent=effects.absorptivity_exponent_sd * float(rng.standard_normal()),
            furnace_offset_C=sign() * within(effects.furnace_offset_C),
            furnace_gradient_C_mm=(gradient_C_mm * math.cos(angle), gradient_C_mm * math.sin(angle)),
            coupon_lag_s=within(effects.coupon_lag_s),
            photobrightening=within(effects.photobrightening),
            wavelength_error_nm=sign() * effects.wavelength_offset_nm,
            coupons={coupon.serial: _draw_coupon(rng, effects, coupon, iodide_loss) for coupon in coupons},
        )
        _bend_heat(parameters, within(effects.conductivity_rise_1_K))
        shifts_K = effects.glass_transition_sd_K * rng.standard_normal(len(coupons))
        return replace(
            truth,
            colour_gradient_eV=within(effects.colour_gradient_eV),
            coupons={
                serial: replace(coupon, glass_transition_shift_K=float(shift_K))
                for (serial, coupon), shift_K in zip(truth.coupons.items(), shifts_K, strict=True)
            },
            wavelength_bend_nm=sign() * effects.wavelength_bend_nm,
        )


def _bend_heat(parameters: NDArray[np.void], rise_1_K: float) -> None:
    """Let the glass conduct better where it is hotter, in a model that conducts alike everywhere.

    With K = K0 (1 + b theta) the steady heat equation is linear in theta + b theta^2 / 2 (Kirchhoff; Carslaw and Jaeger 1959,
    1.6). A model that is right at the nose of nucleation then takes the temperature of damage for a higher one.
    """
    nose_K, damage_K = (parameters[name] - ROOM_K for name in ("nose_K", "damage_temperature_K"))
    parameters["damage_temperature_K"] = ROOM_K + damage_K * (
        (1.0 + 0.5 * rise_1_K * damage_K) / (1.0 + 0.5 * rise_1_K * nose_K)
    )


def _draw_coupon(rng: np.random.Generator, effects: Effects, coupon: Coupon, iodide_loss: float) -> CouponTruth:
    batch = coupon.glass.iodide_fraction
    deviation, offset, tilt_x, tilt_y = rng.standard_normal(4)
    left = batch * (1.0 - iodide_loss)
    melted = left / (left + 1.0 - batch)
    # A glass without one of the halides has none of it to lose or to gain.
    real = batch if batch in {0.0, 1.0} else min(max(melted + effects.composition_sd * deviation, 0.0), 1.0)
    return CouponTruth(
        iodide_fraction=float(real),
        focus_error_mm=float(effects.focus_offset_sd_mm * offset),
        tilt_x_mm_mm=float(0.1 * effects.focus_tilt_sd_mm_cm * tilt_x),
        tilt_y_mm_mm=float(0.1 * effects.focus_tilt_sd_mm_cm * tilt_y),
    )
