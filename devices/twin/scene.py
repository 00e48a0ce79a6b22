"""What a camera sees of a coupon: where each track is, what it emits, and what it takes of light that goes through."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import erf, i0e

from .features import Feature
from .microscope import PIXEL_um, blur_mm, glass_transmission, linear_colour, white_through
from .seat import AS_MEANT, Seating

__all__ = ["Coupon", "LEAST_SIZE_um", "Track", "View", "by_daylight", "optical_depth", "under_ultraviolet"]

Floats = NDArray[np.float64]

LEAST_SIZE_um = 20.0
"""Of a feature with some crystals and none dense enough to have a rim: its light comes from about so much."""
DEPTH_OF_VOIDS = 0.08
"""Optical depth of a track, times the square of its share of voids: they scatter (assumed, from P33: the usual line, with a
share of 0.27, is at the threshold of the eye, 1 % in contrast, or below)."""
DEPTH_OF_CRYSTALS = 0.008
"""The same, times the mean share of crystals: what was changed in the glass around them scatters, all colours alike (assumed,
as above; an absorbance of 1 % is what some 1e-5 of the volume in crystals of 1e5 1/cm take over 50 um)."""
TINT = ((0.0, 0.0, 0.5), (0.0, 0.3, 0.5))
"""What the green and the red phase absorb beyond that, as a share of it, of red, green and blue light: below 508 and 607 nm
(P15). Almost the same for both."""
WHITE_e_s = 1.4e6
"""Electrons per s in a pixel under bare glass: 0.01 s fill 70 % of it (assumed)."""
ULTRAVIOLET_e_s = 6e5
"""Electrons per s and per photon of the physics' relative intensity in linear sRGB: so that the usual line fills half of a pixel
in 0.5 s (assumed)."""
RIM_mm, RIM_TRANSMISSION = 0.1, 0.35
"""Width of a coupon's bevelled edge, and what it lets through (assumed)."""
REACH = 4.0
"""Sigmas of the blur beyond which nothing is seen."""
NODES, WEIGHTS = np.polynomial.legendre.leggauss(48)


def optical_depth(void_share: float, crystal_share: float, red_share: float) -> Floats:
    """Of a track, for red, green and blue light, shape (3,)."""
    green, red = (np.array(tint) for tint in TINT)
    tint = (1.0 - red_share) * green + red_share * red
    return np.asarray(DEPTH_OF_VOIDS * void_share**2 + DEPTH_OF_CRYSTALS * crystal_share * (1.0 + tint))


@dataclass(frozen=True)
class Coupon:
    """The piece of glass itself, and what it emits.

    Attributes:
        width_mm: along x.
        height_mm: along y.
        photons_um2: its own fluorescence under the ultraviolet lamp, per nm and um2, shape (w,).
        defocus_mm: height of its surface, on which its edges are, above what is in focus.
        seating: how it lies.
    """

    width_mm: float
    height_mm: float
    photons_um2: Floats
    defocus_mm: float = 0.0
    seating: Seating = AS_MEANT

    def coverage(self, x_mm: Floats, y_mm: Floats, *, without_mm: float = 0.0) -> Floats:
        """Share of each pixel that is glass, shape [rows, columns], but for an edge of some width."""
        inside = []
        root = 1.0 / (np.sqrt(2.0) * blur_mm(self.defocus_mm))
        places = (x_mm, y_mm[:, np.newaxis])
        if self.seating != AS_MEANT:
            places = self.seating.grid_on_coupon(x_mm, y_mm)
        for at, size_mm in zip(places, (self.width_mm, self.height_mm), strict=True):
            inside.append(0.5 * (erf(root * (at - without_mm)) - erf(root * (at - size_mm + without_mm))))
        return np.asarray(inside[1] * inside[0])


@dataclass(frozen=True, eq=False)
class Track:
    """A feature as a camera sees it.

    Attributes:
        feature: where it is.
        size_mm: width of a line, diameter of a dot.
        depth_mm: of its focus.
        photons_um2: photons per nm and um2 of it under the ultraviolet lamp, shape (w,); empty where they were not asked for.
        optical_depth: for red, green and blue, shape (3,).
    """

    feature: Feature
    size_mm: float
    depth_mm: float
    photons_um2: Floats
    optical_depth: Floats

    def coverage(self, x_mm: Floats, y_mm: Floats, blur: float) -> tuple[slice, slice, Floats]:
        """Share of each pixel that it fills, as the optics blur it: rows, columns, and values of shape (rows, columns).

        A line is a stripe and a dot a disc, evenly filled, convolved with a Gaussian.

        Args:
            x_mm: of every column, rising.
            y_mm: of every row, falling.
            blur: one sigma, mm.
        """
        one, reach_mm = self.feature, 0.5 * self.size_mm + REACH * blur
        xs, ys = zip(*one.ends_mm, strict=True)
        columns = slice(*np.searchsorted(x_mm, (min(xs) - reach_mm, max(xs) + reach_mm)))
        rows = slice(*np.searchsorted(-y_mm, (-max(ys) - reach_mm, -min(ys) + reach_mm)))
        x, y = x_mm[np.newaxis, columns], y_mm[rows, np.newaxis]
        if x.size == 0 or y.size == 0:
            return rows, columns, np.zeros((y.size, x.size))
        return rows, columns, self._stripe(x, y, blur) if one.is_line else self._disc(x, y, blur)

    def _stripe(self, x: Floats, y: Floats, blur: float) -> Floats:
        one, root = self.feature, 1.0 / (np.sqrt(2.0) * blur)
        across = one.ux * y - one.uy * x - one.offset_mm
        along = one.ux * x + one.uy * y
        half_mm = 0.5 * self.size_mm
        width = erf(root * (across + half_mm)) - erf(root * (across - half_mm))
        length = erf(root * (along - one.begin_mm)) - erf(root * (along - one.end_mm))
        return np.asarray(0.25 * width * length)

    def _disc(self, x: Floats, y: Floats, blur: float) -> Floats:
        """Rings of the disc, each blurred: r' / s^2 exp(-(r^2 + r'^2) / 2 s^2) I0(r r' / s^2), integrated over r'."""
        radius_mm = 0.5 * self.size_mm
        away = np.hypot(x - self.feature.x_mm, y - self.feature.y_mm)
        ring = 0.5 * radius_mm * (NODES + 1.0)
        weight = 0.5 * radius_mm * WEIGHTS * ring / blur**2
        r = np.linspace(0.0, float(away.max()), 257)
        apart = r[:, np.newaxis] - ring
        profile = (np.exp(-0.5 * (apart / blur) ** 2) * i0e(r[:, np.newaxis] * ring / blur**2)) @ weight
        return np.asarray(np.interp(away, r, profile))


@dataclass(frozen=True, eq=False)
class View:
    """What a camera looks at, and through what.

    Attributes:
        x_mm: of every column on the coupon, rising.
        y_mm: of every row, falling.
        focus_mm: depth that is in focus.
        through: name of the filter.
    """

    x_mm: Floats
    y_mm: Floats
    focus_mm: float
    through: str


def by_daylight(view: View, coupon: Coupon | None, tracks: Sequence[Track]) -> Floats:
    """White light that goes through the coupon, electrons per s, shape [rows, columns, 3].

    Args:
        view: of the camera.
        coupon: None: there is none, and nothing is in the way.
        tracks: what is written.
    """
    passes = np.full((view.y_mm.size, view.x_mm.size, 3), 1.0 / glass_transmission())
    if coupon is not None:
        glass, sound = coupon.coverage(view.x_mm, view.y_mm), coupon.coverage(view.x_mm, view.y_mm, without_mm=RIM_mm)
        passes *= (1.0 - glass + RIM_TRANSMISSION * (glass - sound) + glass_transmission() * sound)[:, :, np.newaxis]
    for track in tracks:
        rows, columns, share = track.coverage(view.x_mm, view.y_mm, blur_mm(track.depth_mm - view.focus_mm))
        passes[rows, columns] *= 1.0 + share[:, :, np.newaxis] * np.expm1(-track.optical_depth)
    return np.asarray(WHITE_e_s * passes * white_through(view.through))


def under_ultraviolet(view: View, coupon: Coupon | None, tracks: Sequence[Track]) -> Floats:
    """Light that the coupon and its tracks emit; arguments, unit and shape as of `by_daylight`."""
    light = np.zeros((view.y_mm.size, view.x_mm.size, 3))
    per_pixel = ULTRAVIOLET_e_s * PIXEL_um**2
    if coupon is not None:
        glass = coupon.coverage(view.x_mm, view.y_mm)[:, :, np.newaxis]
        light += glass * linear_colour(coupon.photons_um2, view.through) * per_pixel
    for track in tracks:
        rows, columns, share = track.coverage(view.x_mm, view.y_mm, blur_mm(track.depth_mm - view.focus_mm))
        light[rows, columns] += share[:, :, np.newaxis] * linear_colour(track.photons_um2, view.through) * per_pixel
    return light
