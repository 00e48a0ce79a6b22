"""What an eye, or a camera, makes of a spectrum: CIE 1931 chromaticity and sRGB.

The colour-matching functions are those of the CIE 1931 2 degree standard observer at 5 nm (ISO/CIE 11664-1:2019; the same
numbers as in colour-science 0.4.7, of which this table is the only part that is needed: docs/decisions/022). Between 5 nm
they are interpolated linearly, which moves x and y of a band of 15 nm by less than 0.0005. sRGB: IEC 61966-2-1:1999.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["Chromaticity", "chromaticity", "encoded", "linear_srgb", "srgb", "srgb_of_light", "tristimulus"]

Floats = NDArray[np.float64]


class Chromaticity(NamedTuple):
    """CIE 1931 x and y."""

    x: float
    y: float


_XYZ_TO_RGB: Final = np.array([[3.2406, -1.5372, -0.4986], [-0.9689, 1.8758, 0.0415], [0.0557, -0.2040, 1.0570]])
"""IEC 61966-2-1:1999, 5.3."""


def tristimulus(wavelength_nm: ArrayLike, photons: ArrayLike) -> Floats:
    """X, Y, Z of light, up to a common factor.

    Args:
        wavelength_nm: shape (w,), rising.
        photons: photon rate per nm, shape (..., w): a spectrometer counts photons, an eye takes power, so each is weighted by
            its energy.

    Returns:
        Shape (..., 3).

    Raises:
        ValueError: shapes that do not fit, or an axis that does not rise.
    """
    axis, rate = np.asarray(wavelength_nm, dtype=float), np.asarray(photons, dtype=float)
    if axis.ndim != 1 or rate.shape[-1:] != axis.shape or not np.all(np.diff(axis) > 0):
        raise ValueError(
            f"wavelength_nm {axis.shape} must rise and be as long as the last axis of photons {rate.shape}"
        )
    weights = np.stack([np.interp(axis, _TABLE[:, 0], _TABLE[:, i], left=0.0, right=0.0) for i in (1, 2, 3)], axis=1)
    widths = np.gradient(axis)[:, np.newaxis]
    return np.asarray(rate @ (weights * widths / axis[:, np.newaxis]))


def chromaticity(wavelength_nm: ArrayLike, photons: ArrayLike) -> Chromaticity | None:
    """Place of one spectrum in the diagram, shape (w,); None where it holds no visible light."""
    xyz = tristimulus(wavelength_nm, photons)
    if xyz.shape != (3,):
        raise ValueError(f"one spectrum, shape (w,); got {np.shape(photons)}")
    total = float(xyz.sum())
    return Chromaticity(float(xyz[0]) / total, float(xyz[1]) / total) if total > 0 else None


def srgb(xyz: ArrayLike, *, white: float = 1.0) -> Floats:
    """sRGB, 0 to 1, of X, Y, Z, shape (..., 3).

    A colour outside the gamut is drawn towards grey of its own luminance until it fits, one that is too bright is dimmed:
    both keep its hue.

    Args:
        xyz: of the light.
        white: Y that is shown as full brightness.

    Raises:
        ValueError: `white` is not above 0.
    """
    if not white > 0:
        raise ValueError(f"{white=}: the Y of full brightness must be above 0")
    return encoded(linear_srgb(np.asarray(xyz, dtype=float) / white))


def linear_srgb(xyz: ArrayLike) -> Floats:
    """Red, green and blue of linear sRGB of X, Y, Z, shape (..., 3): 0 and above, and of any brightness.

    A colour outside the gamut is drawn towards grey of its own luminance until it fits, which keeps its hue.
    """
    light = np.asarray(xyz, dtype=float)
    linear = light @ _XYZ_TO_RGB.T
    grey = np.maximum(light[..., 1:2], 0.0)
    below = linear < 0
    room = np.where(below, grey / np.where(below, grey - linear, 1.0), 1.0).min(axis=-1, keepdims=True)
    return np.asarray(np.maximum(grey + room * (linear - grey), 0.0))


def encoded(linear: ArrayLike) -> Floats:
    """sRGB, 0 to 1, of linear sRGB, shape (..., 3); what is too bright is dimmed to its own hue, what is below 0 becomes 0."""
    light = np.maximum(np.asarray(linear, dtype=float), 0.0)
    inside = light / np.maximum(light.max(axis=-1, keepdims=True), 1.0)
    return np.asarray(np.where(inside <= 0.0031308, 12.92 * inside, 1.055 * inside ** (1 / 2.4) - 0.055))


def srgb_of_light(wavelength_nm: ArrayLike, photons: ArrayLike, *, white: float | None = None) -> Floats:
    """sRGB, 0 to 1, of spectra, shape (..., 3); the brightest one has its largest channel at 1 where `white` is None."""
    xyz = tristimulus(wavelength_nm, photons)
    if white is None:
        white = float(np.max(xyz, initial=0.0)) or 1.0
    return srgb(xyz, white=white)


_TABLE: Final = np.array(
    [
        (380, 0.001368, 0.000039, 0.006450),
        (385, 0.002236, 0.000064, 0.010550),
        (390, 0.004243, 0.000120, 0.020050),
        (395, 0.007650, 0.000217, 0.036210),
        (400, 0.014310, 0.000396, 0.067850),
        (405, 0.023190, 0.000640, 0.110200),
        (410, 0.043510, 0.001210, 0.207400),
        (415, 0.077630, 0.002180, 0.371300),
        (420, 0.134380, 0.004000, 0.645600),
        (425, 0.214770, 0.007300, 1.039050),
        (430, 0.283900, 0.011600, 1.385600),
        (435, 0.328500, 0.016840, 1.622960),
        (440, 0.348280, 0.023000, 1.747060),
        (445, 0.348060, 0.029800, 1.782600),
        (450, 0.336200, 0.038000, 1.772110),
        (455, 0.318700, 0.048000, 1.744100),
        (460, 0.290800, 0.060000, 1.669200),
        (465, 0.251100, 0.073900, 1.528100),
        (470, 0.195360, 0.090980, 1.287640),
        (475, 0.142100, 0.112600, 1.041900),
        (480, 0.095640, 0.139020, 0.812950),
        (485, 0.057950, 0.169300, 0.616200),
        (490, 0.032010, 0.208020, 0.465180),
        (495, 0.014700, 0.258600, 0.353300),
        (500, 0.004900, 0.323000, 0.272000),
        (505, 0.002400, 0.407300, 0.212300),
        (510, 0.009300, 0.503000, 0.158200),
        (515, 0.029100, 0.608200, 0.111700),
        (520, 0.063270, 0.710000, 0.078250),
        (525, 0.109600, 0.793200, 0.057250),
        (530, 0.165500, 0.862000, 0.042160),
        (535, 0.225750, 0.914850, 0.029840),
        (540, 0.290400, 0.954000, 0.020300),
        (545, 0.359700, 0.980300, 0.013400),
        (550, 0.433450, 0.994950, 0.008750),
        (555, 0.512050, 1.000000, 0.005750),
        (560, 0.594500, 0.995000, 0.003900),
        (565, 0.678400, 0.978600, 0.002750),
        (570, 0.762100, 0.952000, 0.002100),
        (575, 0.842500, 0.915400, 0.001800),
        (580, 0.916300, 0.870000, 0.001650),
        (585, 0.978600, 0.816300, 0.001400),
        (590, 1.026300, 0.757000, 0.001100),
        (595, 1.056700, 0.694900, 0.001000),
        (600, 1.062200, 0.631000, 0.000800),
        (605, 1.045600, 0.566800, 0.000600),
        (610, 1.002600, 0.503000, 0.000340),
        (615, 0.938400, 0.441200, 0.000240),
        (620, 0.854450, 0.381000, 0.000190),
        (625, 0.751400, 0.321000, 0.000100),
        (630, 0.642400, 0.265000, 0.000050),
        (635, 0.541900, 0.217000, 0.000030),
        (640, 0.447900, 0.175000, 0.000020),
        (645, 0.360800, 0.138200, 0.000010),
        (650, 0.283500, 0.107000, 0.000000),
        (655, 0.218700, 0.081600, 0.000000),
        (660, 0.164900, 0.061000, 0.000000),
        (665, 0.121200, 0.044580, 0.000000),
        (670, 0.087400, 0.032000, 0.000000),
        (675, 0.063600, 0.023200, 0.000000),
        (680, 0.046770, 0.017000, 0.000000),
        (685, 0.032900, 0.011920, 0.000000),
        (690, 0.022700, 0.008210, 0.000000),
        (695, 0.015840, 0.005723, 0.000000),
        (700, 0.011359, 0.004102, 0.000000),
        (705, 0.008111, 0.002929, 0.000000),
        (710, 0.005790, 0.002091, 0.000000),
        (715, 0.004109, 0.001484, 0.000000),
        (720, 0.002899, 0.001047, 0.000000),
        (725, 0.002049, 0.000740, 0.000000),
        (730, 0.001440, 0.000520, 0.000000),
        (735, 0.001000, 0.000361, 0.000000),
        (740, 0.000690, 0.000249, 0.000000),
        (745, 0.000476, 0.000172, 0.000000),
        (750, 0.000332, 0.000120, 0.000000),
        (755, 0.000235, 0.000085, 0.000000),
        (760, 0.000166, 0.000060, 0.000000),
        (765, 0.000117, 0.000042, 0.000000),
        (770, 0.000083, 0.000030, 0.000000),
        (775, 0.000059, 0.000021, 0.000000),
        (780, 0.000042, 0.000015, 0.000000),
    ]
)
"""Wavelength (nm), and the three functions."""
