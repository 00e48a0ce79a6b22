"""Defects: halide vacancies quench, and trapped excitons return late. Yield, lifetimes and screening from the balance."""

from __future__ import annotations

import math
from typing import NamedTuple

from beamline.physics.jit import compiled
from beamline.physics.records import Record

__all__ = ["Decay", "Yield", "luminescence_yield", "three_or_more", "xps_shift_eV"]

_MID_IODIDE = 0.52
"""Iodide fraction of the mixed phase of the paper, where its lifetime parameter is stated."""


_ONE_VACANCY = 0.15
"""Lifetime, and so yield, of a dot with one vacancy over that of a dot without (assumed: the paper gives averages only)."""

_XPS_SHIFT_eV = -2.0
"""Shift of the core levels per unit of halide balance (assumed, as is its sign: vacancies dope with electrons, which lifts
the Fermi level and with it the binding energies that are measured from it). The paper's text gives no shift."""


class Decay(NamedTuple):
    """A tri-exponential decay: amplitudes at time zero, which add up to 1, and times."""

    fast_amplitude: float
    fast_ns: float
    main_amplitude: float
    main_ns: float
    late_amplitude: float
    late_ns: float


class Yield(NamedTuple):
    """How one phase emits."""

    quantum_yield: float
    lifetime_ns: float
    vacancies: float
    decay: Decay


@compiled
def _radiative_lifetime_ns(x: float, p: Record) -> float:
    """Lifetime of dots without vacancy: the parabola through the values at x = 0, 0.52 and 1."""
    mid = _MID_IODIDE
    pure_Br = (x - mid) * (x - 1.0) / mid
    mixed = x * (x - 1.0) / (mid * (mid - 1.0))
    pure_I = x * (x - mid) / (1.0 - mid)
    return p.lifetime_Br_ns * pure_Br + p.lifetime_mixed_ns * mixed + p.lifetime_I_ns * pure_I  # type: ignore[no-any-return]


@compiled
def _decay(bright: float, late: float, mean: float, prompt_ns: float, late_ns: float) -> Decay:
    """Splits the prompt light between dots without a vacancy and dots with one, whose lifetime and yield are r of theirs.

    Amplitudes of the two are as their Poisson numbers, 1 to lambda, so the photons are as 1 to r lambda. The times are
    such that the mean over the photons, which is the intensity average sum A t^2 / sum A t, is still the prompt lifetime.
    """
    ratio = _ONE_VACANCY
    main_ns = prompt_ns * (1.0 + ratio * mean) / (1.0 + ratio * ratio * mean)
    photons = bright if bright + late > 0.0 else 1.0  # quenched altogether: the shape of what there was
    main = photons / ((1.0 + ratio * mean) * main_ns)
    fast = main * mean
    delayed = late / late_ns
    total = main + fast + delayed
    return Decay(fast / total, ratio * main_ns, main / total, main_ns, delayed / total, late_ns)


@compiled
def xps_shift_eV(balance: float) -> float:
    """Shift of the core levels in binding energy against the stoichiometric crystal, proportional to the halide balance."""
    return _XPS_SHIFT_eV * balance


@compiled
def three_or_more(mean: float) -> float:
    """Probability of three or more of a Poisson number, to rounding for any mean.

    1 - exp(-m) (1 + m + m^2/2) loses all its digits, and its sign, for a small mean; below 1 the tail is summed instead.
    """
    if mean > 1.0:
        return 1.0 - math.exp(-mean) * (1.0 + mean + 0.5 * mean * mean)
    term = mean * mean * mean / 6.0
    total = 0.0
    for k in range(4, 20):  # the term of 19 is below 1e-16 of the sum
        total += term
        term *= mean / k
    return math.exp(-mean) * total


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
    late = p.delayed_yield * three_or_more(mean) * x**p.iodide_power
    prompt_ns = _radiative_lifetime_ns(x, p) / (1.0 + p.lifetime_quenching * mean)
    total = bright + late
    lifetime = (bright * prompt_ns + late * p.delayed_lifetime_ns) / total if total > 0.0 else prompt_ns
    decay = _decay(bright, late, mean, prompt_ns, p.delayed_lifetime_ns)
    return Yield(total, lifetime, vacancies, decay)
