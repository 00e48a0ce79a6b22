"""From raw counts to what is fitted: checked, dark-corrected, freed of spikes, binned, with its measured noise.

The fit stays on the detector's own axis (counts per bin of equal width in nm), because there the noise is known pixel
by pixel and independent, and a constant background is a constant. The *model* is a band in energy, brought there by the
Jacobian.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import median_filter, uniform_filter1d

from beamline.analysis.axis import energy_eV, jacobian_nm_per_eV
from beamline.analysis.detector import Detector

__all__ = ["Binned", "WINDOW_nm", "binned", "check", "known_range", "noise_factor"]

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

FEWEST_BRIGHT = 20
LARGEST_NONUNIFORMITY = 0.05
"""Neighbouring pixels of a sound detector do not differ by more."""

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

    def together(self, n: int) -> Binned:
        """The same in bins of `n` of these; a rest at the red end is left out."""
        size = len(self.net_counts) // n

        def total(values: Floats) -> Floats:
            summed: Floats = values[: size * n].reshape(size, n).sum(axis=1)
            return summed

        middle = total(self.wavelength_nm) / n
        nm_per_bin = total(self.eV_per_bin * jacobian_nm_per_eV(self.wavelength_nm))
        return replace(
            self,
            wavelength_nm=middle,
            energy_eV=energy_eV(middle),
            eV_per_bin=nm_per_bin / jacobian_nm_per_eV(middle),
            net_counts=total(self.net_counts),
            sd_counts=np.sqrt(total(self.sd_counts**2)),
        )


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


def _scatter(values: Floats, among: Bools) -> float:
    """One sigma of the scatter from pixel to pixel, measured where `among` says.

    Fourth differences take out whatever is smooth, bands included; the median of their size is not moved by the odd
    pixel. Some 500 pixels give the scatter to 4 %.
    """
    fourth = values[:-4] - 4.0 * values[1:-3] + 6.0 * values[2:-2] - 4.0 * values[3:-1] + values[4:]
    return float(np.median(np.abs(fourth[among[2:-2]]))) / (math.sqrt(70.0) * MEDIAN_OF_ABSOLUTE)


def noise_factor(net: Floats, light: Floats, sd: Floats) -> float:
    """Measured over stated variance without light, from the half of the pixels that has least light."""
    return max(_scatter(net / sd, light <= np.median(light)) ** 2, SMALLEST_NOISE_FACTOR)


def _nonuniformity(net: Floats, light: Floats, variance: Floats) -> float:
    """Measured scatter of the pixels' sensitivity, from the brightest pixels; 0 where other noise hides it."""
    bright = light > 0.5 * np.max(light)
    if np.max(light) <= 0 or np.count_nonzero(bright) < FEWEST_BRIGHT:
        return 0.0
    other = float(np.median(variance[bright] / light[bright] ** 2))
    measured = _scatter(net / np.where(bright, light, 1.0), bright) ** 2
    # the scatter of a median of so few pixels is no pattern
    return min(math.sqrt(max(measured - 1.5 * other, 0.0)), LARGEST_NONUNIFORMITY)


def known_range(response: ArrayLike, n_pixels: int) -> tuple[slice, Floats]:
    """The pixels whose response is known, without gaps, and it.

    Raises:
        ValueError: another number of pixels, no range, or a response that is not above 0.
    """
    values = np.asarray(response, dtype=float)
    known = np.flatnonzero(np.isfinite(values))
    if values.shape != (n_pixels,) or not known.size or known[-1] - known[0] + 1 != known.size:
        raise ValueError(
            f"a response of shape {values.shape} with {known.size} numbers, for {n_pixels} pixels: one range without gaps is "
            "asked for"
        )
    inside = slice(int(known[0]), int(known[-1]) + 1)
    if not (values[inside] > 0).all():
        raise ValueError(f"the response falls to {values[inside].min():g}; it must be above 0")
    return inside, values[inside]


def binned(
    axis: Floats, light: Floats, dark: Floats, n_averages: int, detector: Detector, *, response: Floats | None = None
) -> Binned:
    """Dark-correct, mask spikes, measure the noise, divide by the response and bin; arguments as `check` returns them."""
    in_window = (axis >= WINDOW_nm[0]) & (axis <= WINDOW_nm[1])
    axis, net, dark = axis[in_window], (light - dark)[in_window], dark[in_window]
    pitch = np.gradient(axis)
    mean_pitch = float(np.mean(pitch))
    clean = median_filter(net, size=7, mode="nearest")
    smooth = uniform_filter1d(clean, max(3, round(SMOOTHING_nm / mean_pitch)))
    dark_variance = detector.dark_variance(uniform_filter1d(median_filter(dark, size=7), 9), n_averages)
    stated = np.sqrt(dark_variance + detector.light_variance(smooth, n_averages))
    dark_variance = dark_variance * noise_factor(net, smooth, stated)
    shot = replace(detector, nonuniformity=0.0).light_variance(smooth, n_averages)
    pattern = max(detector.nonuniformity, _nonuniformity(net, smooth, dark_variance + shot))
    variance = dark_variance + shot + (pattern * np.maximum(smooth, 0.0)) ** 2
    spikes = np.abs(net - clean) > SPIKE_SD * np.sqrt(variance)
    net = np.where(spikes, clean, net)
    if response is not None:  # only now: noise is known in counts
        net, variance = net / response[in_window], variance / response[in_window] ** 2
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
        sd_counts=np.sqrt(total(variance)),
        n_masked=int(np.count_nonzero(spikes)),
    )
