"""Defects: halide vacancies quench, and trapped excitons return late. Yield, lifetime and screening from the balance."""

from __future__ import annotations

import math
from typing import NamedTuple

from beamline.physics.jit import compiled
from beamline.physics.records import Record

__all__ = ["Yield", "luminescence_yield"]

_MID_IODIDE = 0.52
"""Iodide fraction of the mixed phase of the paper, where its lifetime parameter is stated."""


class Yield(NamedTuple):
    """How one phase emits."""

    quantum_yield: float
    lifetime_ns: float
    vacancies: float


@compiled
def _radiative_lifetime_ns(x: float, p: Record) -> float:
    """Lifetime of dots without vacancy: the parabola through the values at x = 0, 0.52 and 1."""
    mid = _MID_IODIDE
    pure_Br = (x - mid) * (x - 1.0) / mid
    mixed = x * (x - 1.0) / (mid * (mid - 1.0))
    pure_I = x * (x - mid) / (1.0 - mid)
    return p.lifetime_Br_ns * pure_Br + p.lifetime_mixed_ns * mixed + p.lifetime_I_ns * pure_I  # type: ignore[no-any-return]


@compiled
def luminescence_yield(x: float, balance: float, p: Record) -> Yield:
    """Yield and lifetime at an iodide fraction x and halide balance X/Pb - 3.

    Vacancies n = softplus(theta_c - theta); their number per dot is Poisson of mean lambda = c(x) n. Dots without one
    emit with the full yield, those with three or more emit late: lifetime is the intensity average of the two, so long
    lifetime and quenching come together (P26, P27).
    """
    vacancies = p.vacancy_width * math.log1p(math.exp(min((p.vacancy_knee - balance) / p.vacancy_width, 300.0)))
    mean = (p.quenching_Br + (p.quenching_I - p.quenching_Br) * x) * vacancies
    none = math.exp(-mean)
    bright = min(p.yield_Br + (p.yield_I - p.yield_Br) * x, 1.0) * none
    three_or_more = 1.0 - none * (1.0 + mean + 0.5 * mean * mean)
    late = p.delayed_yield * three_or_more * x**p.iodide_power
    prompt_ns = _radiative_lifetime_ns(x, p) / (1.0 + p.lifetime_quenching * mean)
    total = bright + late
    lifetime = (bright * prompt_ns + late * p.delayed_lifetime_ns) / total if total > 0.0 else prompt_ns
    return Yield(total, lifetime, vacancies)
