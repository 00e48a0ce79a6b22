"""The twin's detector: from photons to the mean of some exposures of a 16-bit converter, with what it does to them."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from .effects import Effects

__all__ = ["DARK_COUNTS", "FULL_COUNTS", "N_PIXELS", "GAIN_counts_e", "TwinDetector"]

N_PIXELS = 2048
FIRST_nm, LAST_nm = 430.0, 830.0
FULL_COUNTS = 65535.0
"""Full scale of the converter, counts."""
DARK_COUNTS = 980.0
"""Electronic offset, counts: carries no shot noise."""
DARK_CURRENT_COUNTS_S = 100.0
GAIN_counts_e = 0.3
"""Counts per electron."""

Floats = NDArray[np.float64]


class TwinDetector:
    """Pixels with their own gain and dark level, behind a wavelength axis that is a little wrong.

    Args:
        rng: of the pattern and of every exposure.
        effects: its noise and errors.
        wavelength_error_nm: stated minus true wavelength, in the middle of the axis, nm.
        wavelength_bend_nm: how much more that is at both ends.
    """

    def __init__(
        self,
        rng: np.random.Generator,
        effects: Effects,
        wavelength_error_nm: float,
        wavelength_bend_nm: float = 0.0,
    ) -> None:
        self._rng = rng
        self._effects = effects
        self.stated_nm: Floats = np.linspace(FIRST_nm, LAST_nm, N_PIXELS)
        self.stated_nm.flags.writeable = False
        self.true_nm: Floats = self.stated_nm - wavelength_error_nm
        if wavelength_bend_nm != 0.0:
            self.true_nm = self.true_nm - wavelength_bend_nm * np.linspace(-1.0, 1.0, N_PIXELS) ** 2
        self._width_nm = (LAST_nm - FIRST_nm) / (N_PIXELS - 1)
        self._gain = 1.0 + effects.pixel_gain_sd * rng.standard_normal(N_PIXELS)
        self._offset = DARK_COUNTS + effects.dark_pattern_sd_counts * rng.standard_normal(N_PIXELS)

    def expose(self, counts_s_nm: Floats, integration_s: float, n_averages: int) -> tuple[Floats, int]:
        """Mean of `n_averages` exposures, and the number of pixels that were full in at least one.

        The sum of the exposures is drawn at once: Poisson in electrons, normal in read noise and rounding. A full pixel
        is told by the largest of its exposures.

        Args:
            counts_s_nm: light, counts per s and nm before the pixels' own gain, shape [n_pixels].
            integration_s: of one exposure.
            n_averages: how many.
        """
        light = counts_s_nm * (self._width_nm * integration_s) * self._gain
        light *= 1.0 - self._effects.nonlinearity * np.clip(light / FULL_COUNTS, 0.0, 1.0)
        expected = light + DARK_CURRENT_COUNTS_S * integration_s
        variance: Floats = np.full(N_PIXELS, self._effects.read_noise_counts**2)
        mean: Floats = expected
        if self._effects.shot_noise:
            variance += GAIN_counts_e * expected + 1.0 / 12.0
            electrons = self._rng.poisson(np.minimum(expected, 1e9) * (n_averages / GAIN_counts_e))
            mean = np.asarray(electrons * (GAIN_counts_e / n_averages), dtype=np.float64)
            rest_sd = math.sqrt((self._effects.read_noise_counts**2 + 1.0 / 12.0) / n_averages)
            mean += rest_sd * self._rng.standard_normal(N_PIXELS)
        level = self._offset + expected
        is_near_full = level + 6.0 * np.sqrt(variance) >= FULL_COUNTS
        n_saturated = 0
        if is_near_full.any():
            score = ndtri(self._rng.random(N_PIXELS) ** (1.0 / n_averages))  # largest of n normal scores
            n_saturated = int(np.count_nonzero(is_near_full & (level + score * np.sqrt(variance) >= FULL_COUNTS)))
        return np.clip(self._offset + mean, 0.0, FULL_COUNTS), n_saturated
