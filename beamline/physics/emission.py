"""Spectrum: the photon rate per nanometre of the two bands."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from beamline.physics.constants import HC_eV_nm

__all__ = ["spectrum"]


def spectrum(observables: NDArray[np.void], wavelength_nm: ArrayLike) -> NDArray[np.float64]:
    """Photon rate per nm of wavelength, in units of the intensities.

    Each band is a Gaussian of energy with two half widths, of which the low-energy one is `asymmetry` times the other and
    the two add up to the FWHM; its area over energy is the intensity. dE/dlambda = hc / lambda^2 takes it to wavelength.

    Args:
        observables: (...) with the peak, FWHM, intensity and asymmetry of both phases, as of `observable_dtype`.
        wavelength_nm: (w,) above 0.

    Returns:
        (..., w).

    Raises:
        ValueError: a wavelength is not a finite number above 0, or the axis is not one-dimensional.
    """
    axis_nm = np.asarray(wavelength_nm, dtype=np.float64)
    if axis_nm.ndim != 1 or not (np.isfinite(axis_nm).all() and (axis_nm > 0).all()):
        raise ValueError("wavelength_nm must be one-dimensional, of finite numbers above 0 nm")
    energy_eV = HC_eV_nm / axis_nm
    rate = np.zeros((*observables.shape, axis_nm.size))
    for phase in ("green", "red"):
        asymmetry = observables[f"{phase}_asymmetry"][..., np.newaxis]
        half_eV = observables[f"{phase}_fwhm_eV"][..., np.newaxis] / (1.0 + asymmetry)
        sigma_eV = half_eV / math.sqrt(2.0 * math.log(2.0))
        height = observables[f"{phase}_intensity"][..., np.newaxis]
        height = height / (math.sqrt(math.pi / 2.0) * sigma_eV * (1.0 + asymmetry))
        away_eV = energy_eV - observables[f"{phase}_peak_eV"][..., np.newaxis]
        score = away_eV / np.where(away_eV < 0.0, sigma_eV * asymmetry, sigma_eV)
        rate += height * np.exp(-0.5 * score * score)
    return rate * (HC_eV_nm / axis_nm**2)
