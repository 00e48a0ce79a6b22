"""The shape of an emission band: the Fraser-Suzuki (log-normal) function of photon energy, with its derivatives.

    f(E) = H exp{ -(ln 2 / b^2) ln^2 [1 + 2 sinh(b) (E - E0) / F] }

Parameters: area A (all the light of the band), position E0 of the maximum, full width F at half maximum, skewness b (b
< 0: a tail to low energies; b -> 0: the Gaussian). Chosen because its maximum *is* a parameter, so that the fit's
uncertainty of E0 is that of the peak, and because it is smooth, unlike two half-Gaussians (Fraser and Suzuki, Anal.
Chem. 41, 37, 1969; log-normal bands of spectra: Siano and Metzler, J. Chem. Phys. 51, 1856, 1969).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

__all__ = ["MAX_SKEW", "band", "band_with_gradient"]

Floats = NDArray[np.float64]

LN2 = math.log(2.0)
SMALLEST_SKEW = 1e-4
"""Below this the skewed form loses digits and differs from the Gaussian by less than 1e-4."""

MAX_SKEW = 0.7
"""Largest |skewness| used: half widths in the ratio exp(0.7) = 2."""


def band(
    energy_eV: Floats, area: float | Floats, peak_eV: float | Floats, fwhm_eV: float | Floats, skew: float = 0.0
) -> Floats:
    """Density of a band per eV.

    Args:
        energy_eV: shape (..., n), or whatever broadcasts with the parameters.
        area: the band's integral over energy, in any unit.
        peak_eV: energy of the maximum.
        fwhm_eV: full width at half maximum, > 0.
        skew: b of the formula.

    Returns:
        The density, in units of `area` per eV.
    """
    b = math.copysign(max(abs(skew), SMALLEST_SKEW), skew)
    # beyond the end of the support the bracket is negative; at 1e-300 its logarithm is so large that the band is 0
    bracket = np.maximum(1.0 + 2.0 * math.sinh(b) / fwhm_eV * (energy_eV - peak_eV), 1e-300)
    log = np.log(bracket)
    height = area * 2.0 * math.sqrt(LN2 / math.pi) * math.sinh(b) / (fwhm_eV * b) * math.exp(-(b**2) / (4.0 * LN2))
    density: Floats = height * np.exp(-LN2 / b**2 * log**2)
    return density


def band_with_gradient(
    energy_eV: Floats, area: float, peak_eV: float, fwhm_eV: float, skew: float
) -> tuple[Floats, Floats]:
    """A band and its derivatives by area, peak, width and skewness.

    Args:
        energy_eV: shape (n,).
        area: as in `band`; not 0.
        peak_eV: as in `band`.
        fwhm_eV: as in `band`.
        skew: as in `band`.

    Returns:
        The density, shape (n,), and the derivatives, shape (4, n).
    """
    b = math.copysign(max(abs(skew), SMALLEST_SKEW), skew)
    coth = 1.0 / math.tanh(b)
    slope = 2.0 * math.sinh(b) / fwhm_eV
    q = np.maximum(1.0 + slope * (energy_eV - peak_eV), 1e-300)
    log = np.log(q)
    shape = band(energy_eV, 1.0, peak_eV, fwhm_eV, skew)
    density = area * shape
    steep = 2.0 * LN2 * log / b**2
    # ln-derivatives can be huge where the band is 0; the product is 0 there
    with np.errstate(over="ignore", invalid="ignore"):
        gradient = np.stack(
            (
                shape,
                density * steep * slope / q,
                density * (steep * (q - 1.0) / q - 1.0) / fwhm_eV,
                density * (coth - 1.0 / b - b / (2.0 * LN2) + steep * (log / b - coth * (q - 1.0) / q)),
            )
        )
    return density, np.nan_to_num(gradient, nan=0.0, posinf=0.0, neginf=0.0)
