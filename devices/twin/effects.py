"""What the simulated instrument does that the physics prior does not know: each with a size, each with a switch."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Effects"]


@dataclass(frozen=True)
class Effects:
    """Sizes of the differences between the twin's hidden truth and the nominal model; 0 switches one off.

    A pair is the range of a uniform draw, with a random sign where the text says so; an `_sd` is one sigma of a normal
    draw. One draw per twin unless another is named. The sizes are assumptions of what such a bench shows
    (docs/explanation/twin.md), none is measured.
    """

    parameter_scale: float = 0.45
    """Parameters: drawn from the prior with its spreads times this; 0 gives the nominal set."""

    composition_sd: float = 0.02
    """Iodide fraction of each coupon of a mixed glass against the batch."""
    iodide_loss: tuple[float, float] = (0.05, 0.15)
    """Share of the iodide that the melt loses beyond what bromide it loses; mixed glasses only."""

    energy_noise_sd: float = 0.025
    """Pulse energy of each exposure, relative."""
    energy_drift_sd_h: float = 0.015
    """Slow drift of the energy: relative change in an hour, a walk that returns with `energy_return_h`."""
    energy_return_h: float = 3.0
    """Relaxation time of the drift, h."""
    power_meter_sd: float = 0.02
    """Calibration of the power measured at the sample, relative."""
    gate_jitter_sd_s: float = 0.002
    """Length of each timed exposure, s: software opens and closes."""
    focus_offset_sd_mm: float = 0.015
    """Depth of the focus on each coupon, mm."""
    focus_tilt_sd_mm_cm: float = 0.010
    """Tilt of each coupon, in x and in y, mm of depth per cm."""

    absorptivity_exponent_sd: float = 0.04
    """Absorbed power grows as the energy to this further power (1 at 200 uJ)."""
    second_pass_boost_sd: float = 0.15
    """Further passes absorb this much more than the first, relative."""
    neighbour_heating: float = 1.0
    """Heat that a writing leaves for the next one nearby: 1 as the heat equation has it, 0 none."""

    furnace_offset_C: tuple[float, float] = (5.0, 10.0)
    """Glass against sensor at high temperature, degC; random sign."""
    furnace_gradient_C_cm: tuple[float, float] = (2.0, 5.0)
    """Across the coupon, in a random direction, degC/cm at high temperature."""
    coupon_lag_s: tuple[float, float] = (60.0, 180.0)
    """Time constant with which the glass follows the furnace, s."""
    furnace_noise_sd_C: float = 0.1
    """Of each reading of the sensor, degC."""

    tail_share: float = 0.10
    """Share of each band that is emitted in a wider band 25 meV to the red of it."""
    self_absorption: float = 0.15
    """Share of the green light that the red phase takes, at equal brightness of the two."""
    photobrightening: tuple[float, float] = (0.05, 0.15)
    """Gain of brightness under the lamp, saturating."""
    photobrightening_time_s: float = 30.0
    """Time constant of it, s of lamp light."""
    ageing_h: float = 0.001
    """Brightness lost in an hour, relative."""

    wavelength_offset_nm: float = 0.3
    """Error of the wavelength axis, nm; random sign."""
    shot_noise: bool = True
    """Whether electrons are counted one by one."""
    read_noise_counts: float = 10.0
    """Of one exposure, counts."""
    pixel_gain_sd: float = 0.003
    """Pixel to pixel, relative."""
    dark_pattern_sd_counts: float = 5.0
    """Pixel to pixel, counts."""
    nonlinearity: float = 0.01
    """Share of the light that is missing just below saturation."""

    @classmethod
    def none(cls) -> Effects:
        """The nominal model behind a noiseless instrument: what is left is saturation, dark level and time."""
        return cls(
            parameter_scale=0.0,
            composition_sd=0.0,
            iodide_loss=(0.0, 0.0),
            energy_noise_sd=0.0,
            energy_drift_sd_h=0.0,
            power_meter_sd=0.0,
            gate_jitter_sd_s=0.0,
            focus_offset_sd_mm=0.0,
            focus_tilt_sd_mm_cm=0.0,
            absorptivity_exponent_sd=0.0,
            second_pass_boost_sd=0.0,
            neighbour_heating=0.0,
            furnace_offset_C=(0.0, 0.0),
            furnace_gradient_C_cm=(0.0, 0.0),
            coupon_lag_s=(0.0, 0.0),
            furnace_noise_sd_C=0.0,
            tail_share=0.0,
            self_absorption=0.0,
            photobrightening=(0.0, 0.0),
            ageing_h=0.0,
            wavelength_offset_nm=0.0,
            shot_noise=False,
            read_noise_counts=0.0,
            pixel_gain_sd=0.0,
            dark_pattern_sd_counts=0.0,
            nonlinearity=0.0,
        )
