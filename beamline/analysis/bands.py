"""The shape of an emission band: two half-Gaussians of photon energy, with derivatives.

    f(E) = 2 sqrt(ln 2 / pi) A / F exp{ -ln 2 [(E - E0) / h]^2 },   h = F / (1 + a) above E0 and F a / (1 + a) below

Parameters: area A (all the light of the band), place E0 of the maximum, full width F at half maximum, and the
asymmetry a = low-energy over high-energy half width, as its logarithm (0: the Gaussian; above 0: a tail to low
energies, as Urbach tails and phonon replicas make it). It is the band of `beamline.physics.spectrum`; its maximum *is*
a parameter, so that the fit's uncertainty of E0 is that of the peak.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

__all__ = ["MAX_LOG_ASYMMETRY", "band", "band_with_gradient"]

Floats = NDArray[np.float64]

LN2 = math.log(2.0)

MAX_LOG_ASYMMETRY = 0.7
"""Largest |ln a| used: half widths in the ratio of 2."""


def band(
    energy_eV: Floats,
    area: float | Floats,
    peak_eV: float | Floats,
    fwhm_eV: float | Floats,
    log_asymmetry: float = 0.0,
) -> Floats:
    """Density of a band per eV.

    Args:
        energy_eV: shape (..., n), or whatever broadcasts with the parameters.
        area: the band's integral over energy, in any unit.
        peak_eV: energy of the maximum.
        fwhm_eV: full width at half maximum, > 0.
        log_asymmetry: ln a of the formula.

    Returns:
        The density, in units of `area` per eV.
    """
    x = (energy_eV - peak_eV) / fwhm_eV
    a = math.exp(log_asymmetry)
    half = np.where(x < 0.0, a / (1.0 + a), 1.0 / (1.0 + a))
    density: Floats = 2.0 * math.sqrt(LN2 / math.pi) * area / fwhm_eV * np.exp(-LN2 * (x / half) ** 2)
    return density


def band_with_gradient(
    energy_eV: Floats, area: float, peak_eV: float, fwhm_eV: float, log_asymmetry: float
) -> tuple[Floats, Floats]:
    """A band and its derivatives by area, place, width and logarithm of the asymmetry.

    Args:
        energy_eV: shape (n,).
        area: as in `band`.
        peak_eV: as in `band`.
        fwhm_eV: as in `band`.
        log_asymmetry: as in `band`.

    Returns:
        The density, shape (n,), and the derivatives, shape (4, n).
    """
    x = (energy_eV - peak_eV) / fwhm_eV
    a = math.exp(log_asymmetry)
    below = x < 0.0
    half = np.where(below, a / (1.0 + a), 1.0 / (1.0 + a))
    shape = 2.0 * math.sqrt(LN2 / math.pi) / fwhm_eV * np.exp(-LN2 * (x / half) ** 2)
    density = area * shape
    slope = density * (2.0 * LN2) * x / half**2
    gradient = np.stack(
        (
            shape,
            slope / fwhm_eV,
            (slope * x - density) / fwhm_eV,
            slope * x * np.where(below, 1.0 / (1.0 + a), -a / (1.0 + a)),
        )
    )
    return density, gradient
