"""Wavelength and photon energy, and the Jacobian between densities on the two axes.

A spectrum is a density: counts per nm are not counts per eV. Going over, f_E(E) = f_lambda(lambda) |d lambda / d E|
with |d lambda / d E| = lambda^2 / hc, which moves maxima: a band of 0.1 eV at 620 nm peaks about 2 nm apart on the two
axes (Mooney and Kambhampati, J. Phys. Chem. Lett. 4, 3316, 2013). In this project a peak is the maximum in energy.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from beamline.recipe import hc_eV_nm

__all__ = ["axis_error_nm", "energy_eV", "jacobian_nm_per_eV", "per_eV", "per_nm", "wavelength_nm"]

Floats = NDArray[np.float64]
MIDDLE_nm, HALF_nm = 630.0, 200.0
"""Of the axis, in whose powers its error is stated: from -1 to 1 over 430 to 830 nm."""


def _positive(values: ArrayLike, what: str) -> Floats:
    array: NDArray[Any] = np.asarray(values, dtype=float)
    if not np.all(array > 0):
        raise ValueError(f"{what} must be positive everywhere; the smallest value given is {np.min(array):g}")
    return array


def energy_eV(wavelength_nm: ArrayLike) -> Floats:
    """Photon energy of a wavelength, both of the same shape.

    Raises:
        ValueError: a wavelength is not positive.
    """
    return hc_eV_nm / _positive(wavelength_nm, "wavelength_nm (nm)")


def wavelength_nm(energy_eV: ArrayLike) -> Floats:
    """Wavelength of a photon energy, both of the same shape.

    Raises:
        ValueError: an energy is not positive.
    """
    return hc_eV_nm / _positive(energy_eV, "energy_eV (eV)")


def jacobian_nm_per_eV(wavelength_nm: ArrayLike) -> Floats:
    """|d lambda / d E| = lambda^2 / hc at a wavelength: the width in nm of a step of 1 eV.

    Raises:
        ValueError: a wavelength is not positive.
    """
    return _positive(wavelength_nm, "wavelength_nm (nm)") ** 2 / hc_eV_nm


def per_eV(density_per_nm: ArrayLike, wavelength_nm: ArrayLike) -> Floats:
    """A density per nm as a density per eV at the same points; last axis of the density is the wavelength.

    Raises:
        ValueError: a wavelength is not positive.
    """
    return np.asarray(density_per_nm, dtype=float) * jacobian_nm_per_eV(wavelength_nm)


def per_nm(density_per_eV: ArrayLike, wavelength_nm: ArrayLike) -> Floats:
    """Inverse of `per_eV`.

    Raises:
        ValueError: a wavelength is not positive.
    """
    return np.asarray(density_per_eV, dtype=float) / jacobian_nm_per_eV(wavelength_nm)


def in_powers(stated_nm: ArrayLike) -> Floats:
    """What the error of an axis is stated in powers of: (stated - 630 nm) / 200 nm."""
    return np.asarray((np.asarray(stated_nm, dtype=float) - MIDDLE_nm) / HALF_nm)


def axis_error_nm(stated_nm: ArrayLike, coefficients_nm: ArrayLike) -> Floats:
    """Stated minus true wavelength, nm, shape as `stated_nm`.

    Args:
        stated_nm: places on the axis.
        coefficients_nm: of the powers 0, 1, 2, ... of `in_powers`, shape (k,).
    """
    return np.asarray(np.polynomial.polynomial.polyval(in_powers(stated_nm), np.asarray(coefficients_nm, dtype=float)))
