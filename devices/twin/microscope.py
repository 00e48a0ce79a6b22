"""The optics of the twin's camera: its lights and filters as the sensor sees them, how sharp a picture is, what a pixel covers.

The sensor's colours are those of linear sRGB: a camera whose colours were corrected, as `beamline.analysis.colour` has them.
"""

from __future__ import annotations

import functools
import math

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "FILTERS",
    "NUMERICAL_APERTURE",
    "SHAPE",
    "PIXEL_um",
    "WAVELENGTH_nm",
    "blur_mm",
    "glass_transmission",
    "linear_colour",
    "places_mm",
    "white_through",
]

Floats = NDArray[np.float64]

SHAPE = (192, 256)
"""Rows and columns of a picture, binned: 0.3 MB, so that an overview of a coupon stays below 30 MB."""
PIXEL_um = 12.5
"""Side of a binned pixel on the coupon: a picture is 3.2 x 2.4 mm (assumed: the paper gives no microscope)."""
NUMERICAL_APERTURE = 0.1
"""Of a low-power objective with such a field (assumed)."""
FOCUS_nm = 550.0
FILTERS: dict[str, tuple[float, float]] = {"none": (0.0, 0.0), "long_pass_645": (645.0, 4.0)}
"""Edge, and over how much it rises from 12 to 88 %, nm: P34's filter, taken for a long-pass as `LONG_PASS_645` is."""
WAVELENGTH_nm: Floats = np.arange(400.0, 781.0, 2.0)
"""A filter before the camera takes what is below: the ultraviolet lamp itself is in no picture (assumed)."""
WHITE_BANDS = ((450.0, 10.0, 0.6), (560.0, 55.0, 1.0))
"""Middle, sd (nm) and height of the two bands of a white light-emitting diode: its chip, and its phosphor (assumed)."""
REFLECTED = 0.04
"""Of each face of the glass: ((n - 1) / (n + 1))^2 with n = 1.5."""


def blur_mm(defocus_mm: float) -> float:
    """One sigma of the blur on the coupon, the pixel's own included, mm.

    Diffraction: the Gaussian nearest to an Airy pattern, sqrt(2) wavelength / (2 pi NA) (Zhang, Zerubia and Olivo-Marin,
    Applied Optics 46, 1819 (2007)). Defocus: a disc of the radius defocus x NA, and the sd of a disc is half its radius. A
    pixel: the sd of a square is its side over the root of 12.
    """
    diffraction_mm = math.sqrt(2.0) * FOCUS_nm * 1e-6 / (2.0 * math.pi * NUMERICAL_APERTURE)
    return math.hypot(diffraction_mm, 0.5 * NUMERICAL_APERTURE * defocus_mm, PIXEL_um * 1e-3 / math.sqrt(12.0))


def places_mm(x_mm: float, y_mm: float) -> tuple[Floats, Floats]:
    """X of every column and y of every row on the coupon, shapes [columns] and [rows], for a picture around a place."""
    rows, columns = SHAPE
    side_mm = 1e-3 * PIXEL_um
    x = x_mm + side_mm * (np.arange(columns) - 0.5 * (columns - 1))
    y = y_mm - side_mm * (np.arange(rows) - 0.5 * (rows - 1))
    return np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)


def passed(name: str) -> Floats:
    """What a filter passes at `WAVELENGTH_nm`, 0 to 1."""
    edge_nm, width_nm = FILTERS[name]
    if edge_nm == 0.0:
        return np.ones(WAVELENGTH_nm.size)
    return np.asarray(1.0 / (1.0 + np.exp(np.clip(-4.0 * (WAVELENGTH_nm - edge_nm) / width_nm, -700.0, 700.0))))


def linear_colour(photons: Floats, name: str) -> Floats:
    """Red, green, blue of linear sRGB of light behind a filter, shape (..., 3), for photons per nm, shape (..., w)."""
    from beamline.analysis.colour import linear_srgb, tristimulus  # noqa: PLC0415  # a session without pictures needs none

    return linear_srgb(tristimulus(WAVELENGTH_nm, photons * passed(name)))


@functools.cache
def white_through(name: str) -> tuple[float, float, float]:
    """Share of the white light that each colour keeps behind a filter, after the white balance."""
    chip, phosphor = (
        height * np.exp(-0.5 * ((WAVELENGTH_nm - middle) / sd) ** 2) for middle, sd, height in WHITE_BANDS
    )
    whole, behind = (linear_colour(chip + phosphor, one) for one in ("none", name))
    red, green, blue = (behind / whole).tolist()
    return red, green, blue


def glass_transmission() -> float:
    """Of both faces of a coupon."""
    return (1.0 - REFLECTED) ** 2
