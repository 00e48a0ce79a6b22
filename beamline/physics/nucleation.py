"""Nucleation and growth: the rate against temperature, with its nose below the liquidus."""

from __future__ import annotations

import math
from typing import NamedTuple

from beamline.physics.constants import BOLTZMANN_eV_K
from beamline.physics.jit import compiled
from beamline.physics.records import Record

__all__ = ["Nose", "Window", "crystallised", "log_rate", "nose", "nucleates", "nucleation_rate_1_s", "window_K"]

_FROZEN_K = 500.0
"""Below it the laser-driven rate is taken as zero (it is some 1e-7 of the nose at the nominal barrier)."""

_LEAST_DOSE = 1e-3
"""Where the dose has fallen to this the grids end: a share of 3e-8."""

_SHORTEST_FALL = 4.0
"""The window is at least as wide as the rate takes to fall by e^-4: of what is too short to leave anything."""

_ROUNDS = 4


class Nose(NamedTuple):
    """Constants of ln k = -B / T - W / [T (T_L - T)^2] - c, with B, W, c such that the fastest rate is 1 / tau_N."""

    liquidus_K: float
    barrier_K: float
    work_K3: float
    offset: float
    nose_K: float
    log_fastest: float


class Window(NamedTuple):
    """The isotherms between which a dose matters."""

    cold_K: float
    hot_K: float


@compiled
def nose(p: Record) -> Nose:
    """The nucleation curve of a parameter set: its maximum sits at `nose_K`.

    W = B dTn^3 / (2 T_nose - dTn) with dTn = T_L - T_nose makes the derivative vanish at the nose.
    """
    undercooling = max(p.liquidus_K - p.nose_K, 0.05 * p.liquidus_K)  # draws many sigma out may cross
    nose_K = p.liquidus_K - undercooling
    barrier = p.nucleation_barrier_eV / BOLTZMANN_eV_K
    work = barrier * undercooling**3 / (2.0 * nose_K - undercooling)
    fastest = -math.log(p.nose_time_s)
    offset = -barrier / nose_K - work / (nose_K * undercooling * undercooling) - fastest
    return Nose(p.liquidus_K, barrier, work, offset, nose_K, fastest)


@compiled
def nucleates(curve: Nose, T_K: float) -> bool:
    """Neither above the liquidus nor where everything is frozen."""
    return curve.liquidus_K - T_K > 1.0 and T_K > _FROZEN_K


@compiled
def log_rate(curve: Nose, T_K: float) -> float:
    """Logarithm of the rate under the laser in 1/s, where there is nucleation."""
    undercooling = curve.liquidus_K - T_K
    return (-curve.barrier_K - curve.work_K3 / (undercooling * undercooling)) / T_K - curve.offset


@compiled
def nucleation_rate_1_s(curve: Nose, T_K: float) -> float:
    """Rate under the laser; zero above the liquidus, and where everything is frozen."""
    return math.exp(log_rate(curve, T_K)) if nucleates(curve, T_K) else 0.0


@compiled
def window_K(curve: Nose, seconds: float) -> Window:
    """Where a dose of so many seconds falls to next to nothing, on both sides of the nose.

    Solved by fixed-point iteration, to a kelvin or so: it says where the nodes go, not what is there.

    Args:
        curve: of the parameter set.
        seconds: time at temperature, above 0.
    """
    rate = min(math.log(_LEAST_DOSE / seconds), curve.log_fastest - _SHORTEST_FALL) + curve.offset
    undercooling = curve.liquidus_K - curve.nose_K
    cold = 0.8 * curve.nose_K
    hot = curve.nose_K + 0.6 * undercooling
    for _ in range(_ROUNDS):
        away = curve.liquidus_K - cold
        cold = curve.barrier_K / -(rate + curve.work_K3 / (cold * away * away))
        cold = min(max(cold, _FROZEN_K), 0.97 * curve.nose_K) if cold > 0.0 else 0.97 * curve.nose_K
        rest = max(-rate - curve.barrier_K / hot, 1.0)
        hot = max(curve.liquidus_K - math.sqrt(curve.work_K3 / (hot * rest)), curve.nose_K + 0.1 * undercooling)
    return Window(cold, hot)


@compiled
def crystallised(dose: float, exponent: float) -> float:
    """Crystallised share 1 - exp(-u^n) (Johnson-Mehl-Avrami-Kolmogorov) at dose u = k t."""
    if dose <= 1e-6:
        return 0.0
    return -math.expm1(-(dose**exponent))
