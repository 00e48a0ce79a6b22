"""From raw counts to what is fitted: checked, dark-corrected, freed of spikes, binned, with its measured noise.

The fit stays on the detector's own axis (counts per bin of equal width in nm), because there the noise is known pixel
by pixel and independent, and a constant background is a constant. The *model* is a band in energy, brought there by the
Jacobian.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import median_filter, uniform_filter1d

from beamline.analysis.axis import energy_eV, jacobian_nm_per_eV
from beamline.analysis.detector import Detector

__all__ = ["Binned", "WINDOW_nm", "binned", "check"]

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

WINDOW_nm = (450.0, 800.0)
"""What is analysed: the bands of both phases with room for the background, without the lamp (P6: 365 nm) and its second
order."""

BIN_nm = 1.3
"""Widest bin. Bands are at least 15 nm wide (FWHM): binning widens them by less than 0.3 %."""

FEWEST_BINS = 60
SMOOTHING_nm = 3.0
"""Over this the counts are averaged before the variance is taken from them: a variance from the noisy counts biases a
fit low."""

MEDIAN_OF_ABSOLUTE = 0.67449
"""Median of |z| of a standard normal z."""

SMALLEST_NOISE_FACTOR = 0.02
"""Below this the spectra are not measured ones (no noise at all)."""

SPIKE_SD = 8.0
"""A single pixel this far from the median of its neighbours is a cosmic ray, a hot or a dead pixel."""


@dataclass(frozen=True, slots=True)
class Binned:
    """A spectrum ready to be fitted; every array has shape (bins,).

    Attributes:
        wavelength_nm: middle of each bin.
        energy_eV: the same as photon energy, falling.
        eV_per_bin: energy covered by a bin: the Jacobian times its width; a density per eV times this is light per bin.
        net_counts: dark-corrected counts of the mean exposure, summed over the bin's pixels.
        sd_counts: one sigma of it.
        n_masked: pixels left out as spikes.
    """

    wavelength_nm: Floats
    energy_eV: Floats
    eV_per_bin: Floats
    net_counts: Floats
    sd_counts: Floats
    n_masked: int


def check(wavelength_nm: ArrayLike, counts: ArrayLike, dark_counts: ArrayLike) -> tuple[Floats, Floats, Floats]:
    """The three arrays as floats of one shape (pixels,).

    Raises:
        ValueError: shapes differ or are not (pixels,); the axis is not finite, not rising, or does not cover
        `WINDOW_nm` well.
    """
    axis, light, dark = (np.asarray(a, dtype=float) for a in (wavelength_nm, counts, dark_counts))
    if axis.ndim != 1 or light.shape != axis.shape or dark.shape != axis.shape:
        raise ValueError(
            "wavelength_nm, counts and dark_counts must be one spectrum each, of one shape (pixels,); "
            f"got {axis.shape}, {light.shape} and {dark.shape}"
        )
    if not np.all(np.isfinite(axis)) or not np.all(np.diff(axis) > 0):
        raise ValueError(
            "wavelength_nm must be finite and rise from pixel to pixel (nm): give the spectrometer's calibrated axis"
        )
    low, high = WINDOW_nm
    inside = int(np.count_nonzero((axis >= low) & (axis <= high)))
    if inside < FEWEST_BINS or axis[0] > 490.0 or axis[-1] < 700.0:
        raise ValueError(
            f"wavelength_nm covers {axis[0]:g}-{axis[-1]:g} nm with {inside} pixels in {low:g}-{high:g} nm; both bands "
            f"and their background need at least 490-700 nm and {FEWEST_BINS} pixels there"
        )
    return axis, light, dark


def _noise_factor(net: Floats, light: Floats, sd: Floats) -> float:
    """Measured over stated variance without light, from neighbouring pixels where there is least light.

    Second differences take out whatever is smooth; the median of their size is not moved by what is left of a band.
    Some 500 pixels give the noise to 5 %.
    """
    second = np.abs(net[:-2] - 2.0 * net[1:-1] + net[2:]) / sd[1:-1]
    quiet = light[1:-1] <= np.median(light[1:-1])
    ratio = float(np.median(second[quiet])) / (math.sqrt(6.0) * MEDIAN_OF_ABSOLUTE)
    return max(ratio**2, SMALLEST_NOISE_FACTOR)


def binned(axis: Floats, light: Floats, dark: Floats, n_averages: int, detector: Detector) -> Binned:
    """Dark-correct, mask spikes, measure the noise and bin; arguments as `check` returns them."""
    in_window = (axis >= WINDOW_nm[0]) & (axis <= WINDOW_nm[1])
    axis, net, dark = axis[in_window], (light - dark)[in_window], dark[in_window]
    pitch = np.gradient(axis)
    mean_pitch = float(np.mean(pitch))
    middle_of_seven = median_filter(net, size=7, mode="nearest")
    dark_variance = detector.dark_variance(uniform_filter1d(median_filter(dark, size=7), 9), n_averages)
    sd = np.sqrt(dark_variance + detector.light_variance(middle_of_seven, n_averages))
    spikes = np.abs(net - middle_of_seven) > SPIKE_SD * sd
    net = np.where(spikes, middle_of_seven, net)
    smooth = uniform_filter1d(net, max(3, round(SMOOTHING_nm / mean_pitch)))
    light_variance = detector.light_variance(smooth, n_averages)
    factor = _noise_factor(net, smooth, np.sqrt(dark_variance + light_variance))
    per_bin = max(1, int(BIN_nm / mean_pitch))
    n_bins = len(axis) // per_bin

    def total(values: Floats) -> Floats:
        summed: Floats = values[: n_bins * per_bin].reshape(n_bins, per_bin).sum(axis=1)
        return summed

    middle = total(axis) / per_bin
    return Binned(
        wavelength_nm=middle,
        energy_eV=energy_eV(middle),
        eV_per_bin=total(pitch) / jacobian_nm_per_eV(middle),
        net_counts=total(net),
        sd_counts=np.sqrt(total(factor * dark_variance + light_variance)),
        n_masked=int(np.count_nonzero(spikes)),
    )
