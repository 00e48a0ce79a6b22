"""Furnace: an isothermal step acts on the state that the previous one left. Splitting a step changes nothing."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from beamline.physics.constants import ZERO_CELSIUS_K, BOLTZMANN_eV_K
from beamline.physics.jit import compiled
from beamline.physics.nucleation import Nose, nucleation_rate_1_s
from beamline.physics.records import Record
from beamline.physics.relaxation import Equilibrium, approach

__all__ = ["heat_site", "prepare_step"]

_REFERENCE_K = 823.15
"""550 degC, at which furnace rates of exchange and coarsening are stated."""

_COLD_REFERENCE_K = 473.15
"""200 degC, at which relaxation rates of the halide balance are stated."""

_COARSENING_HOLD_s = 7200.0
"""Hold at 550 degC after which d^3 has grown by the coarsening parameters."""


@compiled
def prepare_step(temperature_C: float, duration_s: float, p: Record, curve: Nose, step: Record) -> None:
    """Fills a step record: the reduced times, which do not depend on the state.

    Args:
        temperature_C: of the step.
        duration_s: of the step; 0 does nothing.
        p: of `parameter_dtype`.
        curve: nucleation curve of `p`.
        step: of `step_dtype`, overwritten.
    """
    T_K = temperature_C + ZERO_CELSIUS_K
    against_hot = (1.0 / T_K - 1.0 / _REFERENCE_K) / BOLTZMANN_eV_K
    exchange_rate = p.furnace_exchange_rate_1_s * math.exp(-p.furnace_exchange_barrier_eV * against_hot)
    step.inverse_temperature_1_K = 1.0 / T_K
    step.duration_s = duration_s
    step.exchange_time = duration_s * exchange_rate
    step.coarsening_time = duration_s / _COARSENING_HOLD_s * math.exp(-p.coarsening_barrier_eV * against_hot)
    step.devitrification_dose = duration_s * nucleation_rate_1_s(curve, T_K) / p.laser_activation


class _Balance(NamedTuple):
    """How the halide balance of one phase relaxes."""

    cold_rate_1_s: float
    barrier_K: float
    crossover_1_K: float
    enthalpy_K: float


@compiled
def _balance(p: Record, x: float) -> _Balance:
    """Rates between bromide and iodide on a logarithmic scale, with weight x^p_x; x as written."""
    rich = x**p.iodide_power
    ratio = p.balance_rate_I_1_s / p.balance_rate_Br_1_s
    barrier_eV = p.balance_barrier_Br_eV + (p.balance_barrier_I_eV - p.balance_barrier_Br_eV) * rich
    crossover_K = p.balance_crossover_Br_K + (p.balance_crossover_I_K - p.balance_crossover_Br_K) * rich
    return _Balance(
        p.balance_rate_Br_1_s * ratio**rich,
        barrier_eV / BOLTZMANN_eV_K,
        1.0 / crossover_K,
        p.balance_enthalpy_eV / BOLTZMANN_eV_K,
    )


@compiled
def _relax(
    values: NDArray[np.float64], supplied: NDArray[np.float64], step: Record, p: Record, balance: _Balance
) -> None:
    """Halide supply 1 / (1 + exp[-(dH/k)(1/T* - 1/T)]), towards which the balance relaxes."""
    cold = step.inverse_temperature_1_K - 1.0 / _COLD_REFERENCE_K
    reduced_time = step.duration_s * balance.cold_rate_1_s * math.exp(-balance.barrier_K * cold)
    bias = balance.enthalpy_K * (balance.crossover_1_K - step.inverse_temperature_1_K)
    supply = 1.0 / (1.0 + math.exp(-min(max(bias, -40.0), 40.0)))
    approach(values, supplied, reduced_time, Equilibrium(p.balance_low, p.balance_high, supply))


@compiled
def heat_site(state: Record, steps: NDArray[np.void], p: Record) -> None:
    """Runs prepared steps over one state, in place.

    The composition that sets the relaxation is that of the red phase as written: exchange in the furnace is slower than
    the relaxation of the balance wherever iodide makes a difference.

    Args:
        state: of `state_dtype`.
        steps: (k,) of `step_dtype`.
        p: of `parameter_dtype`.
    """
    green = _balance(p, 0.0)
    red = _balance(p, state.red_iodide_fraction)
    for k in range(steps.size):
        step = steps[k]
        if step.duration_s > 0.0:
            state.exchange_time += step.exchange_time
            state.coarsening_time += step.coarsening_time
            state.devitrification_dose += step.devitrification_dose
            _relax(state.green_balance, state.green_supplied, step, p, green)
            _relax(state.red_balance, state.red_supplied, step, p, red)
