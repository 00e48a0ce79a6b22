"""The twin's lamps for calibrations: known lines (low-pressure mercury in argon), and a standard of irradiance that glows.

The light of the first goes into the spectrometer beside the coupon's; the second is held where a coupon lies.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["GAS", "line_lamp", "standard_lamp"]

Floats = NDArray[np.float64]

GAS = "Hg-Ar"
LINES_nm: tuple[tuple[float, float], ...] = (
    *((435.8335, 1.0), (546.0750, 2.0), (576.9610, 0.35), (579.0670, 0.35)),
    *((696.5431, 0.6), (706.7218, 0.3), (714.7042, 0.03), (727.2936, 0.2), (738.3980, 0.5), (750.3869, 0.7)),
    *((751.4652, 0.6), (763.5106, 1.5), (772.3761, 0.5), (772.4207, 0.4), (794.8176, 0.6), (800.6157, 0.6)),
    *((801.4786, 0.6), (810.3693, 0.9), (811.5311, 1.6), (826.4522, 0.7)),
)
"""Wavelength in air, and share of light. Mercury: Sansonetti, Salit and Reader, Applied Optics 35, 74 (1996). Argon: Norlén,
Physica Scripta 8, 249 (1973). How bright each is depends on the lamp and is assumed."""
COUNTS_S = 3e5
"""Of a line whose share is 1, over all its pixels (assumed)."""
FWHM_nm = 1.0
"""Of a line, as the spectrometer's slit has it: five pixels (assumed)."""


def line_lamp(wavelength_nm: Floats) -> Floats:
    """Light of the lamp, counts per s and nm, shape [w], at the true wavelength of every pixel, shape [w]."""
    sd_nm = FWHM_nm / np.sqrt(8.0 * np.log(2.0))
    light = np.zeros(wavelength_nm.size)
    for at_nm, share in LINES_nm:
        light += share * np.exp(-0.5 * ((wavelength_nm - at_nm) / sd_nm) ** 2)
    return np.asarray(COUNTS_S / (sd_nm * np.sqrt(2.0 * np.pi)) * light)


STANDARD_K = 3000.0
"""Of a tungsten-halogen standard of irradiance, as a black body has it (distribution temperature of such lamps)."""
STANDARD_COUNTS_S_NM = 5e5
"""At 830 nm (assumed); in 0.1 s the brightest pixel is 0.2 full."""
C2_nm_K = 1.438777e7
"""Second radiation constant (CODATA 2018)."""


def standard_lamp(wavelength_nm: Floats) -> Floats:
    """Light of the standard lamp by Planck's law, counts per s and nm of a perfect spectrometer, shape [w]."""

    def planck(at_nm: Floats) -> Floats:
        return np.asarray(at_nm**-5.0 / np.expm1(C2_nm_K / (at_nm * STANDARD_K)))

    return np.asarray(STANDARD_COUNTS_S_NM * planck(wavelength_nm) / planck(np.array(830.0)))
