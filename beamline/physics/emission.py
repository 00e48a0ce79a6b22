"""Spectrum: the photon rate per nanometre of the two bands. Decay: the photon rate per nanosecond after a pulse."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from beamline.physics.constants import HC_eV_nm

__all__ = ["check_axis", "decay", "shaped_axis", "spectrum"]


def shaped_axis(wavelength_nm: ArrayLike) -> NDArray[np.float64]:
    """A wavelength axis, (w,) contiguous, its values not looked at.

    Raises:
        ValueError: it is not one-dimensional.
    """
    axis_nm = np.asarray(wavelength_nm, dtype=np.float64)
    if axis_nm.ndim != 1:
        raise ValueError(
            f"wavelength_nm has shape {axis_nm.shape}; it must be one-dimensional, of finite numbers above 0 nm"
        )
    return np.ascontiguousarray(axis_nm)


def check_axis(wavelength_nm: ArrayLike) -> NDArray[np.float64]:
    """A wavelength axis, (w,) contiguous.

    Raises:
        ValueError: a wavelength is not a finite number above 0, or the axis is not one-dimensional.
    """
    axis_nm = shaped_axis(wavelength_nm)
    bad = ~((axis_nm > 0) & (axis_nm < np.inf))
    if bad.any():
        first = int(np.flatnonzero(bad)[0])
        raise ValueError(f"wavelength_nm={float(axis_nm[first])!r} at {first} is not a finite number above 0 nm")
    return axis_nm


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
    axis_nm = check_axis(wavelength_nm)
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


def decay(
    observables: NDArray[np.void], time_ns: ArrayLike, phase: Literal["green", "red", "both"] = "both"
) -> NDArray[np.float64]:
    """Photon rate per ns after a short pulse of excitation, in units of the intensities: tri-exponential for each phase.

    The integral over all times is the intensity. What the paper calls the average lifetime is the intensity average
    sum A t^2 / sum A t = int t I dt / int I dt, the observable `..._lifetime_ns`.

    Args:
        observables: (...) with the intensities, amplitudes and lifetimes, as of `observable_dtype`.
        time_ns: (t,) after the pulse; nothing is emitted before it.
        phase: through a filter that passes one phase, or all light.

    Returns:
        (..., t).

    Raises:
        ValueError: a time is not finite, or the axis is not one-dimensional.
    """
    axis_ns = np.asarray(time_ns, dtype=np.float64)
    if axis_ns.ndim != 1 or not np.isfinite(axis_ns).all():
        raise ValueError("time_ns must be one-dimensional, of finite numbers")
    rate = np.zeros((*observables.shape, axis_ns.size))
    for one in ("green", "red") if phase == "both" else (phase,):
        curve = np.zeros_like(rate)
        area_ns = np.zeros(observables.shape)
        for component in ("fast", "main", "late"):
            amplitude = observables[f"{one}_{component}_amplitude"]
            lifetime_ns = observables[f"{one}_{component}_lifetime_ns"]
            curve += amplitude[..., np.newaxis] * np.exp(-np.maximum(axis_ns, 0.0) / lifetime_ns[..., np.newaxis])
            area_ns += amplitude * lifetime_ns
        rate += (observables[f"{one}_intensity"] / area_ns)[..., np.newaxis] * curve
    return np.where(axis_ns < 0.0, 0.0, rate)
