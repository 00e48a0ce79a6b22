"""Observing: from a state to everything that can be measured of it."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from beamline.physics.defects import Yield, luminescence_yield, xps_shift_eV
from beamline.physics.exchange import residual_iodide_fraction
from beamline.physics.jit import compiled
from beamline.physics.nucleation import crystallised
from beamline.physics.optics import Band, band, lattice_A, two_theta_deg
from beamline.physics.records import N_MODES, Record
from beamline.physics.relaxation import mode_weight

__all__ = ["observe_site"]


@compiled
def _mean_balance(modes: NDArray[np.float64], p: Record) -> float:
    total = 0.0
    for mode in range(N_MODES):
        total += mode_weight(p.balance_stretch, mode) * modes[mode]
    return total


class _Phase(NamedTuple):
    """What is emitted and diffracted by one phase."""

    balance: float
    emission: Yield
    band: Band
    lattice_A: float


@compiled
def _phase(x: float, diameter_nm: float, modes: NDArray[np.float64], p: Record) -> _Phase:
    balance = _mean_balance(modes, p)
    emission = luminescence_yield(x, balance, p)
    return _Phase(balance, emission, band(x, diameter_nm, emission.vacancies, p), lattice_A(x, p))


@compiled
def _coarsened_nm(written_nm: float, growth_nm3: float, time: float) -> float:
    """d^3 grows linearly in reduced time."""
    volume_nm3: float = written_nm**3 + growth_nm3 * time
    return math.pow(volume_nm3, 1.0 / 3.0)


@compiled
def _observe_green(state: Record, p: Record, amount: float, seen: Record) -> None:
    diameter_nm = _coarsened_nm(state.green_diameter_nm, p.green_coarsening_nm3, state.coarsening_time)
    phase = _phase(0.0, diameter_nm, state.green_balance, p)
    seen.green_peak_eV = phase.band.peak_eV
    seen.green_fwhm_eV = phase.band.fwhm_eV
    seen.green_intensity = amount * phase.emission.quantum_yield
    seen.green_lifetime_ns = phase.emission.lifetime_ns
    seen.green_fast_amplitude = phase.emission.decay.fast_amplitude
    seen.green_fast_lifetime_ns = phase.emission.decay.fast_ns
    seen.green_main_amplitude = phase.emission.decay.main_amplitude
    seen.green_main_lifetime_ns = phase.emission.decay.main_ns
    seen.green_late_amplitude = phase.emission.decay.late_amplitude
    seen.green_late_lifetime_ns = phase.emission.decay.late_ns
    seen.green_iodide_fraction = 0.0
    seen.green_quantum_yield = phase.emission.quantum_yield
    seen.green_asymmetry = p.band_asymmetry
    seen.green_bleach_eV = phase.band.bleach_eV
    seen.green_exciton_binding_meV = 1e3 * phase.band.exciton_binding_eV
    seen.green_halide_per_lead = 3.0 + phase.balance
    seen.green_xps_shift_eV = xps_shift_eV(phase.balance)
    seen.green_diameter_nm = diameter_nm
    seen.green_TEM_diameter_nm = diameter_nm / p.TEM_ratio
    seen.green_lattice_A = phase.lattice_A
    seen.green_xrd_110_deg = two_theta_deg(phase.lattice_A, 2.0)
    seen.green_xrd_200_deg = two_theta_deg(phase.lattice_A, 4.0)


@compiled
def _observe_red(state: Record, p: Record, amount: float, x: float, seen: Record) -> None:
    diameter_nm = _coarsened_nm(state.red_diameter_nm, p.red_coarsening_nm3, state.coarsening_time)
    phase = _phase(x, diameter_nm, state.red_balance, p)
    seen.red_peak_eV = phase.band.peak_eV
    seen.red_fwhm_eV = phase.band.fwhm_eV
    seen.red_intensity = amount * phase.emission.quantum_yield * p.red_absorption
    seen.red_lifetime_ns = phase.emission.lifetime_ns
    seen.red_fast_amplitude = phase.emission.decay.fast_amplitude
    seen.red_fast_lifetime_ns = phase.emission.decay.fast_ns
    seen.red_main_amplitude = phase.emission.decay.main_amplitude
    seen.red_main_lifetime_ns = phase.emission.decay.main_ns
    seen.red_late_amplitude = phase.emission.decay.late_amplitude
    seen.red_late_lifetime_ns = phase.emission.decay.late_ns
    seen.red_iodide_fraction = x
    seen.red_quantum_yield = phase.emission.quantum_yield
    seen.red_asymmetry = p.band_asymmetry
    seen.red_bleach_eV = phase.band.bleach_eV
    seen.red_exciton_binding_meV = 1e3 * phase.band.exciton_binding_eV
    seen.red_halide_per_lead = 3.0 + phase.balance
    seen.red_xps_shift_eV = xps_shift_eV(phase.balance)
    seen.red_diameter_nm = diameter_nm
    seen.red_TEM_diameter_nm = diameter_nm / p.TEM_ratio
    seen.red_lattice_A = phase.lattice_A
    seen.red_xrd_200_deg = two_theta_deg(phase.lattice_A, 4.0)
    seen.red_raman_low_1_cm = 96.0 - 4.0 * (1.0 - x)  # through P22 at x = 1 and 0.52
    seen.red_raman_high_1_cm = 122.0 + 2.0 * x  # through P22 at x = 0 and 0.52


@compiled
def observe_site(state: Record, p: Record, seen: Record) -> None:
    """Fills one record of observables.

    What the furnace did is read off its reduced times: iodide is on its way to that of the residual glass and part of
    the green crystals has turned red, crystals have coarsened, and there are more of them.

    Args:
        state: of `state_dtype`.
        p: of `parameter_dtype`.
        seen: of `observable_dtype`, overwritten.
    """
    y = state.iodide_fraction
    exchanged = 0.0
    if state.exchange_time > 0.0:
        exchanged = -math.expm1(-(state.exchange_time**p.furnace_exchange_stretch))
    x = state.red_iodide_fraction
    x += max(residual_iodide_fraction(y, p) - x, 0.0) * exchanged
    red_share = state.red_share
    red_share += (1.0 - red_share) * -math.expm1(-p.furnace_conversion * exchanged * 4.0 * y * (1.0 - y))
    amount = state.crystal_amount
    if state.coarsening_time > 0.0:
        amount *= 1.0 - p.furnace_growth * math.expm1(-3.0 * state.coarsening_time**0.3)

    _observe_green(state, p, amount * (1.0 - red_share), seen)
    _observe_red(state, p, amount * red_share, x, seen)
    seen.red_share = red_share
    seen.size_um = state.size_um
    seen.crystal_amount = amount
    seen.peak_share = state.peak_share
    seen.nucleation_dose = state.nucleation_dose
    seen.void_share = state.void_share
    seen.absorbed_power_W = state.absorbed_power_W
    seen.peak_temperature_K = state.peak_temperature_K
    seen.valley_temperature_K = state.valley_temperature_K
    seen.mean_temperature_K = state.mean_temperature_K
    seen.devitrified_share = crystallised(state.devitrification_dose, p.avrami_exponent)
