"""Writing: what one setting leaves in the glass. Temperature -> doses on the radial grid -> crystals -> the state."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from beamline.physics.conduction import Field, field, ripple, temperature_K
from beamline.physics.constants import ROOM_TEMPERATURE_K, BOLTZMANN_eV_K
from beamline.physics.exchange import birth_iodide_fraction, red_iodide_fraction, red_share, residual_iodide_fraction
from beamline.physics.jit import compiled
from beamline.physics.laser import absorb
from beamline.physics.nucleation import Nose, nucleation_rate_1_s
from beamline.physics.radial import ABEL, N_NODES, NODES, RINGS
from beamline.physics.records import N_MODES, Record

__all__ = ["N_DOSES", "Work", "write_site"]

N_DOSES = 2
"""Rows of the work arrays: doses of nucleation and of transport."""

_NUCLEATION, _TRANSPORT = range(N_DOSES)


_LEAST_DOSE = 1e-4
"""Dose below which nothing is there: its share, 1e-10, is far below any detection, and its power need not be computed."""


class Work(NamedTuple):
    """Memory for one site, (N_DOSES, N_NODES) each."""

    rates: NDArray[np.float64]
    doses: NDArray[np.float64]


class _Passes(NamedTuple):
    """Equal passes over one place."""

    around: Field
    extent_um: float
    n: float


@compiled
def _forget(state: Record, iodide_fraction: float, p: Record) -> None:
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
    state.peak_temperature_K = ROOM_TEMPERATURE_K
    state.valley_temperature_K = ROOM_TEMPERATURE_K
    state.mean_temperature_K = ROOM_TEMPERATURE_K
    state.exchange_time = 0.0
    state.coarsening_time = 0.0
    state.devitrification_dose = 0.0


@compiled
def _add_doses(setting: Record, p: Record, curve: Nose, passes: _Passes, work: Work) -> None:
    """Adds the doses of equal passes at every node: rate times time, or the rate along the path over the speed.

    Transport is the motion of halide, on the clock of nucleation with an excess barrier: ions move by the same viscous
    flow, and faster where it is hotter. It drives both the exchange and the loss.
    """
    rates = work.rates
    doses = work.doses
    nose_1_K = 1.0 / p.nose_K
    excess_K = p.transport_excess_barrier_eV / BOLTZMANN_eV_K
    for j in range(N_NODES):
        T_K = temperature_K(passes.around, NODES[j] * passes.extent_um)
        rate = nucleation_rate_1_s(curve, T_K)
        rates[_NUCLEATION, j] = rate
        rates[_TRANSPORT, j] = rate * math.exp(-excess_K * (1.0 / T_K - nose_1_K)) if rate > 0.0 else 0.0
    if setting.is_line:
        time_s = passes.n * p.line_equivalence * passes.extent_um / (setting.speed_mm_s * 1e3)
        for i in range(N_NODES):
            nucleation = 0.0
            transport = 0.0
            for j in range(max(i - 1, 0), N_NODES):
                nucleation += ABEL[i, j] * rates[_NUCLEATION, j]
                transport += ABEL[i, j] * rates[_TRANSPORT, j]
            doses[_NUCLEATION, i] += time_s * max(nucleation, 0.0)
            doses[_TRANSPORT, i] += time_s * max(transport, 0.0)
    else:
        time_s = passes.n * setting.exposure_s
        for j in range(N_NODES):
            doses[_NUCLEATION, j] += time_s * rates[_NUCLEATION, j]
            doses[_TRANSPORT, j] += time_s * rates[_TRANSPORT, j]


class _Crystals(NamedTuple):
    """Integrals of the crystallised share over a feature, before voids."""

    amount: float
    dose: float
    red: float
    green: float
    red_iodide: float
    peak: float
    radius_um: float


@compiled
def _integrate(setting: Record, p: Record, extent_um: float, doses: NDArray[np.float64]) -> _Crystals:
    """Crystals from the doses: amount (width of a line, area of a dot), how red, and the visible radius."""
    y = setting.iodide_fraction
    birth = birth_iodide_fraction(y, p)
    residual = residual_iodide_fraction(y, p)
    exponent = p.avrami_exponent
    visible = p.visible_share
    amount = 0.0
    dose_sum = 0.0
    red_sum = 0.0
    green_sum = 0.0
    red_iodide_sum = 0.0
    peak = 0.0
    radius_um = 0.0
    share_before = 0.0
    r_before_um = 0.0
    for j in range(N_NODES):
        r_um = NODES[j] * extent_um
        ring = RINGS[j] * extent_um * (2.0 if setting.is_line else 2.0 * math.pi * r_um)
        dose = doses[_NUCLEATION, j]
        share = 0.0
        if dose > _LEAST_DOSE:
            power = dose**exponent
            transport = doses[_TRANSPORT, j]
            share = -math.expm1(-power) * math.exp(-p.loss_per_transport * transport)
            # exchange acts only while droplets exist
            exchanged = p.exchange_per_transport * transport * power / (power + exponent + 1.0)
            red = red_share(y, exchanged, p)
            amount += ring * share
            dose_sum += ring * share * dose
            red_sum += ring * share * red
            green_sum += ring * share * (1.0 - red)
            red_iodide_sum += ring * share * red * red_iodide_fraction(birth, residual, exchanged)
        peak = max(peak, share)
        if share_before >= visible > share:  # the share falls nearly exponentially with radius
            floor = max(share, 1e-9 * visible)
            part = math.log(share_before / visible) / math.log(share_before / floor)
            radius_um = r_before_um + part * (r_um - r_before_um)
        share_before = share
        r_before_um = r_um
    if share_before >= visible:
        radius_um = extent_um
    return _Crystals(amount, dose_sum, red_sum, green_sum, red_iodide_sum, peak, radius_um)


@compiled
def write_site(setting: Record, p: Record, curve: Nose, state: Record, work: Work) -> None:
    """Writes one setting into untouched glass; `state` is overwritten.

    Args:
        setting: of `setting_dtype`.
        p: of `parameter_dtype`.
        curve: nucleation curve of `p`.
        state: of `state_dtype`.
        work: memory.
    """
    y = setting.iodide_fraction
    _forget(state, y, p)
    first = absorb(setting, p, 1.0)
    if first.power_W > 0.0:
        first_field = field(setting, p, first)
        hottest = ripple(setting, p, first, first_field)
        further = setting.n_passes - 1.0
        extent = first_field.extent_um
        same = further * (p.rewrite_absorption_gain == 1.0)
        work.doses[:] = 0.0
        if further > same:
            again = absorb(setting, p, p.rewrite_absorption_gain)
            again_field = field(setting, p, again)
            extent = max(extent, again_field.extent_um)
            _add_doses(setting, p, curve, _Passes(again_field, extent, further), work)
            if again.power_W > first.power_W:
                hottest = ripple(setting, p, again, again_field)
        _add_doses(setting, p, curve, _Passes(first_field, extent, 1.0 + same), work)
        crystals = _integrate(setting, p, extent, work.doses)

        sound = 1.0 / (1.0 + (hottest.peak_K / p.damage_temperature_K) ** p.damage_steepness)
        state.crystal_amount = crystals.amount * sound
        state.peak_share = crystals.peak
        if crystals.amount > 0.0:
            state.nucleation_dose = crystals.dose / crystals.amount
            state.red_share = crystals.red / (crystals.red + crystals.green)  # exactly 0 and 1 in the pure glasses
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
