"""The two bands of a site as a spectrum, compiled: what `emission.spectrum` says, several points at a time."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from beamline.physics.constants import HC_eV_nm
from beamline.physics.exponential import exp
from beamline.physics.jit import compiled
from beamline.physics.records import Record

__all__ = ["Spectra", "fill_axis", "fill_spectrum"]

_SIGMA_PER_HALF_WIDTH = 1.0 / math.sqrt(2.0 * math.log(2.0))
_AREA = math.sqrt(math.pi / 2.0)


class Spectra(NamedTuple):
    """Where spectra are wanted, and where they go."""

    energy_eV: NDArray[np.float64]
    """(w,)"""
    per_nm: NDArray[np.float64]
    """(w,), eV per nm: takes a rate per eV to one per nm."""
    rate: NDArray[np.float64]
    """(n, m, w), photons per nm."""


class _Band(NamedTuple):
    """Two halves of a Gaussian of energy."""

    peak_eV: float
    below_1_eV: float
    above_1_eV: float
    height_1_eV: float


@compiled
def fill_axis(wavelength_nm: NDArray[np.float64], spectra: Spectra) -> None:
    """Energies of an axis (w,), and what takes a rate per eV to one per nm."""
    for i in range(wavelength_nm.size):
        energy_eV = HC_eV_nm / wavelength_nm[i]
        spectra.energy_eV[i] = energy_eV
        spectra.per_nm[i] = energy_eV / wavelength_nm[i]


@compiled
def _band(peak_eV: float, fwhm_eV: float, asymmetry: float, intensity: float) -> _Band:
    sigma_eV = fwhm_eV / (1.0 + asymmetry) * _SIGMA_PER_HALF_WIDTH
    height = intensity / (_AREA * sigma_eV * (1.0 + asymmetry))
    return _Band(peak_eV, 1.0 / (sigma_eV * asymmetry), 1.0 / sigma_eV, height)


@compiled
def _add_band(spectra: Spectra, band: _Band, rate: NDArray[np.float64]) -> None:
    for i in range(rate.size):
        away = spectra.energy_eV[i] - band.peak_eV
        score = away * (band.below_1_eV if away < 0.0 else band.above_1_eV)
        rate[i] += band.height_1_eV * exp(-0.5 * score * score) * spectra.per_nm[i]


@compiled
def fill_spectrum(seen: Record, spectra: Spectra, rate: NDArray[np.float64]) -> None:
    """Photon rate per nm of one site.

    Args:
        seen: of `observable_dtype`.
        spectra: for its axis.
        rate: (w,), overwritten.
    """
    rate[:] = 0.0
    if seen.green_intensity > 0.0:
        green = _band(seen.green_peak_eV, seen.green_fwhm_eV, seen.green_asymmetry, seen.green_intensity)
        _add_band(spectra, green, rate)
    if seen.red_intensity > 0.0:
        red = _band(seen.red_peak_eV, seen.red_fwhm_eV, seen.red_asymmetry, seen.red_intensity)
        _add_band(spectra, red, rate)
