"""Nucleation and growth: the rate against temperature, with its nose below the liquidus."""

from __future__ import annotations

import math
from typing import NamedTuple

from beamline.physics.constants import BOLTZMANN_eV_K
from beamline.physics.jit import compiled
from beamline.physics.records import Record

__all__ = ["Nose", "crystallised", "nose", "nucleation_rate_1_s"]

_FROZEN_K = 500.0
"""Below it the laser-driven rate is taken as zero (it is some 1e-7 of the nose at the nominal barrier)."""


class Nose(NamedTuple):
    """Constants of ln k = -B / T - W / [T (T_L - T)^2] - c, with B, W, c such that the fastest rate is 1 / tau_N."""

    liquidus_K: float
    barrier_K: float
    work_K3: float
    offset: float


@compiled
def nose(p: Record) -> Nose:
    """The nucleation curve of a parameter set: its maximum sits at `nose_K`.

    W = B dTn^3 / (2 T_nose - dTn) with dTn = T_L - T_nose makes the derivative vanish at the nose.
    """
    undercooling = max(p.liquidus_K - p.nose_K, 0.05 * p.liquidus_K)  # draws many sigma out may cross
    nose_K = p.liquidus_K - undercooling
    barrier = p.nucleation_barrier_eV / BOLTZMANN_eV_K
    work = barrier * undercooling**3 / (2.0 * nose_K - undercooling)
    offset = -barrier / nose_K - work / (nose_K * undercooling * undercooling) + math.log(p.nose_time_s)
    return Nose(p.liquidus_K, barrier, work, offset)


@compiled
def nucleation_rate_1_s(curve: Nose, T_K: float) -> float:
    """Rate under the laser; zero above the liquidus, and where everything is frozen."""
    undercooling = curve.liquidus_K - T_K
    if undercooling <= 1.0 or T_K <= _FROZEN_K:
        return 0.0
    return math.exp(-curve.barrier_K / T_K - curve.work_K3 / (T_K * undercooling * undercooling) - curve.offset)


@compiled
def crystallised(dose: float, exponent: float) -> float:
    """Crystallised share 1 - exp(-u^n) (Johnson-Mehl-Avrami-Kolmogorov) at dose u = k t."""
    if dose <= 1e-6:
        return 0.0
    return -math.expm1(-(dose**exponent))
