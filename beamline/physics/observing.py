"""Observing: from a state to everything that can be measured of it."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from beamline.physics.defects import luminescence_yield
from beamline.physics.exchange import residual_iodide_fraction
from beamline.physics.jit import compiled
from beamline.physics.nucleation import crystallised
from beamline.physics.optics import band, lattice_A, two_theta_deg
from beamline.physics.records import N_MODES, Record
from beamline.physics.relaxation import mode_weight

__all__ = ["observe_site"]


@compiled
def _mean_balance(modes: NDArray[np.float64], p: Record) -> float:
    total = 0.0
    for mode in range(N_MODES):
        total += mode_weight(p.balance_stretch, mode) * modes[mode]
    return total


@compiled
def observe_site(state: Record, p: Record, seen: Record) -> None:
    """Fills one record of observables.

    Args:
        state: of `state_dtype`.
        p: of `parameter_dtype`.
        seen: of `observable_dtype`, overwritten.
    """
    y = state.iodide_fraction
    # the furnace: iodide on its way to the residual glass, green crystals converted, sizes coarsened, crystals grown
    exchanged = 0.0
    if state.exchange_time > 0.0:
        exchanged = -math.expm1(-(state.exchange_time**p.furnace_exchange_stretch))
    x = state.red_iodide_fraction
    x += max(residual_iodide_fraction(y, p) - x, 0.0) * exchanged
    red_share = state.red_share + (1.0 - state.red_share) * p.furnace_conversion * exchanged * 4.0 * y * (1.0 - y)
    coarsened = state.coarsening_time
    green_nm = (state.green_diameter_nm**3 + p.green_coarsening_nm3 * coarsened) ** (1.0 / 3.0)
    red_nm = (state.red_diameter_nm**3 + p.red_coarsening_nm3 * coarsened) ** (1.0 / 3.0)
    amount = state.crystal_amount
    if coarsened > 0.0:
        amount *= 1.0 - p.furnace_growth * math.expm1(-3.0 * coarsened**0.3)

    green_balance = _mean_balance(state.green_balance, p)
    green_yield = luminescence_yield(0.0, green_balance, p)
    green_band = band(0.0, green_nm, green_yield.vacancies, p)
    green_lattice = lattice_A(0.0, p)
    seen.green_peak_eV = green_band.peak_eV
    seen.green_fwhm_eV = green_band.fwhm_eV
    seen.green_intensity = amount * (1.0 - red_share) * green_yield.quantum_yield
    seen.green_lifetime_ns = green_yield.lifetime_ns
    seen.green_iodide_fraction = 0.0
    seen.green_quantum_yield = green_yield.quantum_yield
    seen.green_asymmetry = p.band_asymmetry
    seen.green_bleach_eV = green_band.bleach_eV
    seen.green_exciton_binding_meV = 1e3 * green_band.exciton_binding_eV
    seen.green_halide_per_lead = 3.0 + green_balance
    seen.green_diameter_nm = green_nm
    seen.green_TEM_diameter_nm = green_nm / p.TEM_ratio
    seen.green_lattice_A = green_lattice

    red_balance = _mean_balance(state.red_balance, p)
    red_yield = luminescence_yield(x, red_balance, p)
    red_band = band(x, red_nm, red_yield.vacancies, p)
    red_lattice = lattice_A(x, p)
    seen.red_peak_eV = red_band.peak_eV
    seen.red_fwhm_eV = red_band.fwhm_eV
    seen.red_intensity = amount * red_share * red_yield.quantum_yield * p.red_absorption
    seen.red_lifetime_ns = red_yield.lifetime_ns
    seen.red_iodide_fraction = x
    seen.red_quantum_yield = red_yield.quantum_yield
    seen.red_asymmetry = p.band_asymmetry
    seen.red_bleach_eV = red_band.bleach_eV
    seen.red_exciton_binding_meV = 1e3 * red_band.exciton_binding_eV
    seen.red_halide_per_lead = 3.0 + red_balance
    seen.red_diameter_nm = red_nm
    seen.red_TEM_diameter_nm = red_nm / p.TEM_ratio
    seen.red_lattice_A = red_lattice

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
    seen.green_xrd_110_deg = two_theta_deg(green_lattice, 2.0)
    seen.green_xrd_200_deg = two_theta_deg(green_lattice, 4.0)
    seen.red_xrd_200_deg = two_theta_deg(red_lattice, 4.0)
    seen.red_raman_low_1_cm = 96.0 - 4.0 * (1.0 - x)  # through P22 at x = 1 and 0.52
    seen.red_raman_high_1_cm = 122.0 + 2.0 * x  # through P22 at x = 0 and 0.52
