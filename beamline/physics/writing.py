"""Writing: what one setting leaves in the glass. Temperature -> doses on the radial grid -> crystals -> the state."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from beamline.physics.conduction import Field, field, ripple, temperature_K
from beamline.physics.constants import BOLTZMANN_eV_K
from beamline.physics.exchange import birth_iodide_fraction, red_iodide_fraction, red_share, residual_iodide_fraction
from beamline.physics.jit import compiled
from beamline.physics.laser import absorb
from beamline.physics.nucleation import Nose, nose, nucleation_rate_1_s
from beamline.physics.radial import ABEL, N_NODES
from beamline.physics.records import N_MODES, Record

__all__ = ["N_DOSES", "forget", "write_site"]

N_DOSES = 3
"""Rows of the work arrays: doses of nucleation, exchange and loss."""

_NUCLEATION, _EXCHANGE, _LOSS = range(N_DOSES)

_MOST_LOSS = math.exp(6.0)
"""Cap of the loss rate's Arrhenius factor: of no consequence but for numbers far above the damage temperature."""


@compiled
def forget(state: Record, iodide_fraction: float, p: Record) -> None:
    """Makes a state that of unwritten glass without history."""
    state.iodide_fraction = iodide_fraction
    state.crystal_amount = 0.0
    state.peak_share = 0.0
    state.red_share = 0.0
    state.red_iodide_fraction = birth_iodide_fraction(iodide_fraction, p)
    state.nucleation_dose = 0.0
    state.size_um = 0.0
    state.void_share = 0.0
    state.absorbed_power_W = 0.0
    state.peak_temperature_K = 298.15
    state.valley_temperature_K = 298.15
    state.mean_temperature_K = 298.15
    state.exchange_time = 0.0
    state.coarsening_time = 0.0
    state.devitrification_dose = 0.0


@compiled
def _add_doses(
    setting: Record,
    p: Record,
    curve: Nose,
    around: Field,
    spacing_um: float,
    count: float,
    rates: NDArray[np.float64],
    doses: NDArray[np.float64],
) -> None:
    """Adds the doses of `count` equal passes at every node: rate times time, or the rate along the path over the speed."""
    nose_K = p.nose_K
    exchange_K = p.exchange_excess_barrier_eV / BOLTZMANN_eV_K
    loss_K = p.loss_barrier_eV / BOLTZMANN_eV_K
    per_nucleation = p.exchange_per_nucleation
    loss_rate = p.loss_rate_1_s
    for j in range(N_NODES):
        T_K = temperature_K(around, (j + 0.5) * spacing_um)
        inverse = 1.0 / T_K - 1.0 / nose_K
        rate = nucleation_rate_1_s(curve, T_K)
        rates[_NUCLEATION, j] = rate
        # the same transport carries iodide; the excess barrier favours it where it is hotter
        rates[_EXCHANGE, j] = per_nucleation * rate * math.exp(-exchange_K * inverse) if rate > 0.0 else 0.0
        rates[_LOSS, j] = loss_rate * min(math.exp(-loss_K * inverse), _MOST_LOSS)
    if setting.is_line:
        time_s = count * p.line_equivalence * spacing_um * N_NODES / (setting.speed_mm_s * 1e3)
        for dose in range(N_DOSES):
            for i in range(N_NODES):
                path = 0.0
                for j in range(i, N_NODES):
                    path += ABEL[i, j] * rates[dose, j]
                doses[dose, i] += time_s * path
    else:
        time_s = count * setting.exposure_s
        for dose in range(N_DOSES):
            for j in range(N_NODES):
                doses[dose, j] += time_s * rates[dose, j]


class Crystals(NamedTuple):
    """Integrals of the crystallised share over a feature, before voids."""

    amount: float
    dose: float
    red: float
    red_iodide: float
    peak: float
    radius_um: float


@compiled
def _integrate(setting: Record, p: Record, spacing_um: float, doses: NDArray[np.float64]) -> Crystals:
    """Crystals from the doses: amount (width of a line, area of a dot), how red, and the visible radius."""
    y = setting.iodide_fraction
    birth = birth_iodide_fraction(y, p)
    residual = residual_iodide_fraction(y, p)
    exponent = p.avrami_exponent
    visible = p.visible_share
    amount = 0.0
    dose_sum = 0.0
    red_sum = 0.0
    red_iodide_sum = 0.0
    peak = 0.0
    radius = 0.0
    before = 0.0
    for j in range(N_NODES):
        r_um = (j + 0.5) * spacing_um
        ring = 2.0 * spacing_um if setting.is_line else 2.0 * math.pi * r_um * spacing_um
        dose = doses[_NUCLEATION, j]
        power = dose**exponent if dose > 1e-6 else 0.0
        share = -math.expm1(-power) * math.exp(-doses[_LOSS, j])
        if share > 1e-12:
            exchanged = doses[_EXCHANGE, j] * power / (power + exponent + 1.0)  # only while droplets exist
            red = red_share(y, exchanged, p)
            amount += ring * share
            dose_sum += ring * share * dose
            red_sum += ring * share * red
            red_iodide_sum += ring * share * red * red_iodide_fraction(birth, residual, exchanged)
        peak = max(peak, share)
        if before >= visible > share:
            radius = r_um - spacing_um * (visible - share) / (before - share)
        before = share
    if before >= visible:
        radius = N_NODES * spacing_um
    return Crystals(amount, dose_sum, red_sum, red_iodide_sum, peak, radius)


@compiled
def write_site(
    setting: Record, p: Record, state: Record, rates: NDArray[np.float64], doses: NDArray[np.float64]
) -> None:
    """Writes one setting into untouched glass; `state` is overwritten.

    Args:
        setting: of `setting_dtype`.
        p: of `parameter_dtype`.
        state: of `state_dtype`.
        rates: work array (N_DOSES, N_NODES).
        doses: work array (N_DOSES, N_NODES).
    """
    y = setting.iodide_fraction
    forget(state, y, p)
    first = absorb(setting, p, 1.0)
    if first.power_W > 0.0:
        curve = nose(p)
        first_field = field(setting, p, first)
        hottest = ripple(setting, p, first, first_field)
        further = setting.n_passes - 1.0
        extent = first_field.extent_um
        same = further * (p.rewrite_absorption_gain == 1.0)
        doses[:] = 0.0
        if further > same:
            again = absorb(setting, p, p.rewrite_absorption_gain)
            again_field = field(setting, p, again)
            extent = max(extent, again_field.extent_um)
            _add_doses(setting, p, curve, again_field, extent / N_NODES, further, rates, doses)
            if again.power_W > first.power_W:
                hottest = ripple(setting, p, again, again_field)
        _add_doses(setting, p, curve, first_field, extent / N_NODES, 1.0 + same, rates, doses)
        crystals = _integrate(setting, p, extent / N_NODES, doses)

        sound = 1.0 / (1.0 + (hottest.peak_K / p.damage_temperature_K) ** p.damage_steepness)
        state.crystal_amount = crystals.amount * sound
        state.peak_share = crystals.peak
        if crystals.amount > 0.0:
            state.nucleation_dose = crystals.dose / crystals.amount
            state.red_share = crystals.red / crystals.amount
        if crystals.red > 0.0:
            state.red_iodide_fraction = crystals.red_iodide / crystals.red
        state.size_um = 2.0 * crystals.radius_um
        state.void_share = 1.0 - sound
        state.absorbed_power_W = first.power_W
        state.peak_temperature_K = hottest.peak_K
        state.valley_temperature_K = hottest.valley_K
        state.mean_temperature_K = hottest.mean_K

    x = state.red_iodide_fraction
    growth = max(state.nucleation_dose, 1e-3) ** p.size_exponent
    state.green_diameter_nm = p.green_diameter_nm * growth
    rich = max(0.0, 2.0 * y - 1.0)
    state.red_diameter_nm = (p.red_diameter_nm + (p.iodide_diameter_nm - p.red_diameter_nm) * rich) * growth

    healed = p.balance_healing * (1.0 - 1.0 / setting.n_passes)
    green = p.balance_Br + healed
    red = p.balance_Br + (p.balance_I - p.balance_Br) * x - p.balance_mixing * 4.0 * x * (1.0 - x) + healed
    for mode in range(N_MODES):
        state.green_balance[mode] = green
        state.red_balance[mode] = red
        state.green_supplied[mode] = 0.0
        state.red_supplied[mode] = 0.0
