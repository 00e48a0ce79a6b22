"""What the detector does to light: its noise, and when it is full.

Variance of (mean of n exposures with light) - (mean of n without), per pixel, in counts^2:

    2 [read^2 + 1/12 + gain dark] / n  +  gain light / n  +  (nonuniformity x light)^2

read noise, rounding to whole counts and shot noise (Poisson in electrons, so gain x counts in counts^2), all of it in
both means, and what remains of the pixel-to-pixel pattern of the sensitivity, which no averaging takes away (Janesick,
Photon Transfer, SPIE 2007, ch. 3-5). The first part is only a start: an electronic offset carries no shot noise, so the
analysis measures that part in the spectra.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from math import isfinite, sqrt

import numpy as np
from numpy.typing import NDArray

__all__ = ["Detector"]

Floats = NDArray[np.float64]

FULL_MARGIN_SD = 4.0
"""A mean nearer to full than this many sigma of one exposure had exposures that were cut off at full."""


@dataclass(frozen=True, slots=True)
class Detector:
    """Noise and range of a spectrometer's detector; the defaults are those of a cooled 16-bit CCD spectrometer.

    Attributes:
        saturation_counts: counts at which a pixel is full.
        read_noise_counts: read noise of one exposure, one sigma, counts.
        gain_counts_per_electron: counts made by one electron; shot noise in counts^2 is this times the signal in
        counts.
        nonuniformity: one sigma of the uncorrected pixel-to-pixel sensitivity, as a fraction of the light.
    """

    saturation_counts: float = 65535.0
    read_noise_counts: float = 10.0
    gain_counts_per_electron: float = 0.3
    nonuniformity: float = 0.003

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            positive = field.name in {"saturation_counts", "read_noise_counts", "gain_counts_per_electron"}
            if not isfinite(value) or value < 0 or (positive and value == 0):
                allowed = "a finite number above 0" if positive else "a finite number of at least 0"
                raise ValueError(f"Detector: {field.name}={value!r}; it must be {allowed}")

    def dark_variance(self, dark: Floats, n_averages: int) -> Floats:
        """Variance of the difference of two means of `n_averages` dark exposures, counts^2.

        Args:
            dark: expected counts, shape (pixels,).
            n_averages: exposures in each of the two means.
        """
        shot = self.gain_counts_per_electron * np.maximum(dark, 0.0)
        return 2.0 * (self.read_noise_counts**2 + 1.0 / 12.0 + shot) / n_averages

    def light_variance(self, light: Floats, n_averages: int) -> Floats:
        """What light adds to that: its shot noise and the pattern of the sensitivity, counts^2.

        Args:
            light: expected counts above the dark, shape (pixels,).
            n_averages: exposures in the mean with light.
        """
        above = np.maximum(light, 0.0)
        return self.gain_counts_per_electron * above / n_averages + (self.nonuniformity * above) ** 2

    def is_full(self, counts: Floats) -> NDArray[np.bool_]:
        """Whether exposures behind a mean were cut off: within 4 sigma of one exposure of full."""
        sd = sqrt(self.read_noise_counts**2 + self.gain_counts_per_electron * self.saturation_counts)
        return counts >= self.saturation_counts - min(FULL_MARGIN_SD * sd, 0.1 * self.saturation_counts)
