"""The shape of an emission band: two half-Gaussians of photon energy with an exponential low-energy tail.

With x = (E - E0) / sigma, sigma = sigma_high above E0 and sigma_low = a sigma_high below:

    f = A / S exp(-x^2 / 2)          where x > -k
    f = A / S exp(k^2 / 2 + k x)     where x <= -k, below which the tail goes on with the slope that it has there
    S = sqrt(pi / 2) sigma_high + sigma_low [sqrt(pi / 2) erf(k / sqrt 2) + exp(-k^2 / 2) / k]

Parameters: area A (all the light of the band), place E0 of the maximum, full width F at half maximum (sigma_high +
sigma_low = F / sqrt(2 ln 2)), ln a (above 0: broader to low energies), and the tail 1 / k (towards 0 there is none). The
maximum *is* a parameter, so that the fit's uncertainty of E0 is that of the peak. Without the tail it is the band of
`beamline.physics.spectrum`; the tail is Urbach's, which the emission of semiconductor nanocrystals shows below about a
tenth of the maximum (form: the GaussExp function, Das, arXiv:1603.08591).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

__all__ = ["LARGEST_TAIL", "MAX_LOG_ASYMMETRY", "NO_TAIL", "N_SHAPE", "band", "band_with_gradient"]

Floats = NDArray[np.float64]

N_SHAPE = 5
"""Numbers of a band: area, place, width, logarithm of the asymmetry, tail."""

SIGMAS_PER_FWHM = math.sqrt(2.0 * math.log(2.0))
"""sigma_high + sigma_low in units of F, inverted: F / this."""

MAX_LOG_ASYMMETRY = 0.7
"""Largest |ln a| used: half widths in the ratio of 2."""

NO_TAIL = 0.2
"""1 / k at which the tail begins at 4e-6 of the maximum."""

LARGEST_TAIL = 0.84
"""1 / k at which it begins at half the maximum; beyond, F would not be the width any more."""


def band(
    energy_eV: Floats,
    area: float | Floats,
    peak_eV: float | Floats,
    fwhm_eV: float | Floats,
    *,
    log_asymmetry: float = 0.0,
    tail: float = NO_TAIL,
) -> Floats:
    """Density of a band per eV.

    Args:
        energy_eV: shape (..., n), or whatever broadcasts with the parameters.
        area: the band's integral over energy, in any unit.
        peak_eV: energy of the maximum.
        fwhm_eV: full width at half maximum, > 0.
        log_asymmetry: ln a of the formula.
        tail: 1 / k of the formula, `NO_TAIL` to `LARGEST_TAIL`.

    Returns:
        The density, in units of `area` per eV.
    """
    a, k = math.exp(log_asymmetry), 1.0 / tail
    distance = (energy_eV - peak_eV) / fwhm_eV * SIGMAS_PER_FWHM * (1.0 + a)
    x = np.where(distance < 0.0, distance / a, distance)
    exponent = np.where(x > -k, -0.5 * x * x, 0.5 * k * k + k * x)
    density: Floats = area / (fwhm_eV * _norm(a, k)) * np.exp(exponent)
    return density


def _norm(a: float, k: float) -> float:
    """S / F."""
    half = math.sqrt(math.pi / 2.0)
    low = half * math.erf(k / math.sqrt(2.0)) + math.exp(-0.5 * k * k) / k
    return (half + a * low) / (SIGMAS_PER_FWHM * (1.0 + a))


def band_with_gradient(energy_eV: Floats, numbers: Floats) -> tuple[Floats, Floats]:
    """A band and its derivatives by its numbers.

    Args:
        energy_eV: shape (n,).
        numbers: area, peak_eV, fwhm_eV, log_asymmetry and tail, as in `band`, shape (5,).

    Returns:
        The density, shape (n,), and the derivatives, shape (5, n).
    """
    area, peak_eV, fwhm_eV, log_asymmetry, tail = numbers.tolist()
    a, k = math.exp(log_asymmetry), 1.0 / tail
    sigma_high = fwhm_eV / (SIGMAS_PER_FWHM * (1.0 + a))
    below = energy_eV < peak_eV
    sigma = np.where(below, a * sigma_high, sigma_high)
    x = (energy_eV - peak_eV) / sigma
    core = x > -k
    norm = _norm(a, k)
    shape = np.exp(np.where(core, -0.5 * x * x, 0.5 * k * k + k * x)) / (fwhm_eV * norm)
    density = area * shape
    steep = np.where(core, -x, k)  # d ln f / d x
    stretch = -steep * x  # d ln f / d ln sigma
    # S / F = (half + a low) / (1 + a), up to a constant
    half = math.sqrt(math.pi / 2.0)
    low = norm * SIGMAS_PER_FWHM * (1.0 + a) - half
    by_asymmetry = low / (half + low) - a / (1.0 + a)
    by_tail = a * math.exp(-0.5 * k * k) / (half + low)
    gradient = np.stack(
        (
            shape,
            density * -steep / sigma,
            density * (stretch - 1.0) / fwhm_eV,
            density * (stretch * np.where(below, 1.0, -a) / (1.0 + a) - by_asymmetry),
            density * (np.where(core, 0.0, -(k + x) * k * k) - by_tail),
        )
    )
    return density, gradient
