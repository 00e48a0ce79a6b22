"""What the simulated instrument does that the physics prior does not know: each with a size, each with a switch."""

from __future__ import annotations

from dataclasses import dataclass, replace

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
    glass_transition_sd_K: float = 5.0
    """Glass transition of each coupon against the batch, K: nose of nucleation and liquidus move with it."""

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
    conductivity_rise_1_K: tuple[float, float] = (0.0, 1e-4)
    """Heat conductivity rises by so much of itself with each K: the hottest place is less hot than the model has it."""
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
    furnace_overshoot: float = 0.5
    """Share of its lag that the controller makes good on a ramp, and overshoots by when the ramp ends."""
    furnace_noise_sd_C: float = 0.1
    """Of each reading of the sensor, degC."""

    stage_backlash_mm: float = 0.002
    """Each axis rests so far apart when it comes from the one side and from the other, mm; the scale sees nothing of it."""
    seat_shift_sd_mm: float = 0.0
    """How far beside its place a coupon lies in its seat, along x and along y, mm; drawn each time that it is put on the stage.
    Off unless it is asked for, as a seat with pins: a campaign has no marks to find the coupon again by."""
    seat_turn_sd_deg: float = 0.0
    """By how much it is turned there, deg; drawn each time, and off, as the shift is."""

    colour_gradient_eV: tuple[float, float] = (0.002, 0.008)
    """Photon energy at the rim of a feature above that at its centre, eV: the centre was hotter, and is redder."""
    dark_core: float = 0.2
    """Share of the light of its inner half that a feature lacks whose peak was at the temperature of damage."""
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

    substrate_fluorescence_counts_s_nm: float = 10.0
    """Of the glass itself under the lamp, at 480 nm, counts per s and nm; the usual line has 250,000. With six times as
    much, or in five times the light, the analysis takes bare glass for a weak green band: it is given no spectrum of it."""
    lamp_second_order_counts_s_nm: float = 10.0
    """The lamp's 365 nm at 730 nm, counts per s and nm."""
    stray_light: float = 0.002
    """Share of all light that the spectrometer spreads evenly over its pixels."""
    order_sorting_step: float = 0.015
    """Share of the light that is missing above the edge of the order-sorting filter, at 590 nm."""

    response_fall: float = 0.0
    """Share of the light that is missing at both ends of the axis, growing as the square from its middle on. Off unless it is
    asked for, as the bend of the axis."""

    wavelength_offset_nm: float = 0.3
    """Error of the wavelength axis, nm; random sign."""
    wavelength_bend_nm: float = 0.0
    """Further error at both ends of that axis, nm, which grows as the square from its middle on; random sign. Off unless it is
    asked for: spectra of an offset alone are what every night before it had."""
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

    camera_read_noise_electrons: float = 3.0
    """Of one picture; industrial image sensors have 2 to 10 (their EMVA 1288 sheets)."""
    camera_pixel_gain_sd: float = 0.01
    """Pixel to pixel, relative; such sheets say 0.5 to 1 %."""
    camera_vignetting: float = 0.15
    """Share of the light that is missing in the corners of a picture."""
    camera_veiling_glare: float = 0.01
    """Share of the light that the lens spreads evenly over a picture."""

    @classmethod
    def none(cls) -> Effects:
        """The nominal model behind a noiseless instrument: what is left is saturation, dark level and time."""
        return cls(
            parameter_scale=0.0,
            composition_sd=0.0,
            iodide_loss=(0.0, 0.0),
            glass_transition_sd_K=0.0,
            energy_noise_sd=0.0,
            energy_drift_sd_h=0.0,
            power_meter_sd=0.0,
            gate_jitter_sd_s=0.0,
            focus_offset_sd_mm=0.0,
            focus_tilt_sd_mm_cm=0.0,
            absorptivity_exponent_sd=0.0,
            conductivity_rise_1_K=(0.0, 0.0),
            second_pass_boost_sd=0.0,
            neighbour_heating=0.0,
            furnace_offset_C=(0.0, 0.0),
            furnace_gradient_C_cm=(0.0, 0.0),
            coupon_lag_s=(0.0, 0.0),
            furnace_overshoot=0.0,
            furnace_noise_sd_C=0.0,
            stage_backlash_mm=0.0,
            seat_shift_sd_mm=0.0,
            seat_turn_sd_deg=0.0,
            colour_gradient_eV=(0.0, 0.0),
            dark_core=0.0,
            tail_share=0.0,
            self_absorption=0.0,
            photobrightening=(0.0, 0.0),
            ageing_h=0.0,
            substrate_fluorescence_counts_s_nm=0.0,
            lamp_second_order_counts_s_nm=0.0,
            stray_light=0.0,
            order_sorting_step=0.0,
            wavelength_offset_nm=0.0,
            wavelength_bend_nm=0.0,
            shot_noise=False,
            read_noise_counts=0.0,
            pixel_gain_sd=0.0,
            dark_pattern_sd_counts=0.0,
            nonlinearity=0.0,
            camera_read_noise_electrons=0.0,
            camera_pixel_gain_sd=0.0,
            camera_vignetting=0.0,
            camera_veiling_glare=0.0,
        )

    @classmethod
    def noise_only(cls) -> Effects:
        """The nominal model behind an instrument with its noise: laser, shot and read noise, pixels, clockwork of the gate."""
        usual = cls()
        return replace(
            cls.none(),
            energy_noise_sd=usual.energy_noise_sd,
            gate_jitter_sd_s=usual.gate_jitter_sd_s,
            furnace_noise_sd_C=usual.furnace_noise_sd_C,
            shot_noise=True,
            read_noise_counts=usual.read_noise_counts,
            pixel_gain_sd=usual.pixel_gain_sd,
            dark_pattern_sd_counts=usual.dark_pattern_sd_counts,
            camera_read_noise_electrons=usual.camera_read_noise_electrons,
            camera_pixel_gain_sd=usual.camera_pixel_gain_sd,
            camera_vignetting=usual.camera_vignetting,
            camera_veiling_glare=usual.camera_veiling_glare,
        )
