"""The twin's image sensor: from light to counts of a 12-bit converter, with its noise and the unevenness of its pixels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .effects import Effects
from .microscope import SHAPE

__all__ = ["FULL_COUNTS", "FULL_ELECTRONS", "TwinSensor"]

Floats = NDArray[np.float64]

FULL_COUNTS = 4095.0
"""Of a converter of 12 bits."""
OFFSET_COUNTS = 64.0
FULL_ELECTRONS = 20_000.0
"""What a pixel holds of each colour, binned: such sensors hold 10,000 to 30,000 (assumed)."""
COUNTS_E = (FULL_COUNTS - OFFSET_COUNTS) / FULL_ELECTRONS
"""Counts an electron at gain 1."""


class TwinSensor:
    """Pixels that are a little unlike, behind a lens that is darker towards the corners.

    Args:
        rng: of the pattern and of every picture.
        effects: its noise and errors.
    """

    def __init__(self, rng: np.random.Generator, effects: Effects) -> None:
        self._rng = rng
        self._effects = effects
        rows, columns = (np.linspace(-1.0, 1.0, n) for n in SHAPE)
        corner = 0.5 * (rows[:, np.newaxis] ** 2 + columns**2)
        lens = 1.0 - effects.camera_vignetting * corner
        pattern = 1.0 + effects.camera_pixel_gain_sd * rng.standard_normal((*SHAPE, 3))
        self._response: Floats = lens[:, :, np.newaxis] * pattern

    def expose(self, electrons_s: Floats, exposure_s: float, gain: float) -> tuple[NDArray[np.uint16], int]:
        """Counts, shape [rows, columns, 3], and how many pixels were full in at least one colour.

        Args:
            electrons_s: light, electrons per s in a pixel in the middle of the lens, shape [rows, columns, 3].
            exposure_s: of the picture.
            gain: factor on the counts.
        """
        glare = self._effects.camera_veiling_glare
        light = (1.0 - glare) * electrons_s + glare * electrons_s.mean(axis=(0, 1))
        expected = np.minimum(light * self._response * exposure_s, 10.0 * FULL_ELECTRONS)
        electrons = expected
        if self._effects.shot_noise:
            # above some hundred electrons a normal draw is as good as a Poisson one, and seven times as fast
            noisy = expected + np.sqrt(expected) * self._rng.standard_normal(expected.shape)
            few = expected < 200.0
            noisy[few] = self._rng.poisson(expected[few])
            electrons = noisy
        if self._effects.camera_read_noise_electrons > 0.0:
            electrons = electrons + self._effects.camera_read_noise_electrons * self._rng.standard_normal(
                expected.shape
            )
        held = np.minimum(electrons, FULL_ELECTRONS)
        counts = np.clip(np.rint(OFFSET_COUNTS + gain * COUNTS_E * held), 0.0, FULL_COUNTS)
        return counts.astype(np.uint16), int(np.count_nonzero((counts >= FULL_COUNTS).any(axis=2)))
