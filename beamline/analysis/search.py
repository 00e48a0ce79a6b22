"""Finding bands before anything is fitted: a matched filter over all places and widths that a band may have.

Every candidate (one band, or a green and a red one together, each with a constant background) is solved exactly by
linear least squares, all at once as matrix products. The best of them starts the fit, so a fit begins in the right
valley and none is lost; and the largest signal-to-noise ratio over the candidates decides whether there is light at
all.

Looking in many places finds noise more often than looking in one. The threshold that keeps the false-positive
probability is Davies' bound for the maximum of a smooth Gaussian process (Biometrika 64, 247, 1977; 74, 33, 1987):

    P(max z > u) <= Phi(-u) + arc / (2 pi) exp(-u^2 / 2)

with `arc` the length of the path which the unit-norm templates draw as their place moves, summed over the widths.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from beamline.analysis.bands import band
from beamline.analysis.prepare import Binned
from beamline.recipe import hc_eV_nm

__all__ = ["BOUNDARY_eV", "Candidate", "PHASES_eV", "Phase", "Search", "phase_of", "threshold"]

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Phase = Literal["green", "red"]

BOUNDARY_eV = hc_eV_nm / 535.0
"""Border between the phases' bands."""

PHASES_eV: dict[Phase, tuple[float, float]] = {
    "green": (BOUNDARY_eV, hc_eV_nm / 480.0),
    "red": (hc_eV_nm / 750.0, BOUNDARY_eV),
}
"""Where a phase's band may peak: green CsPbBr3 480-535 nm (P14: 514), red CsPb(Br/I)3 535-750 nm (P14: 613, P32:
655)."""

WIDTHS_eV = (0.07, 0.11, 0.18)
"""Widths (FWHM) of the templates: a band in between keeps 97 % of its signal-to-noise ratio."""

STEP = 0.25
"""Distance of neighbouring templates in units of their width: the worst placed band keeps 98 % of its signal-to-noise
ratio."""


def phase_of(peak_eV: float) -> Phase:
    """The phase to which a band belongs by the place of its maximum."""
    return "green" if peak_eV >= BOUNDARY_eV else "red"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A band as the matched filter saw it; `area_counts` in counts of the mean exposure."""

    peak_eV: float
    fwhm_eV: float
    area_counts: float


@dataclass(frozen=True, slots=True)
class _Templates:
    peak_eV: Floats  # (templates,), each width from low to high energy, one width after another
    fwhm_eV: Floats
    light: Floats  # (templates, bins): counts per bin of a band of one count
    same_width: Bools  # (templates - 1,): whether a template and the next are neighbours of one width


@functools.lru_cache(maxsize=8)
def _templates(axis_bytes: bytes, widths_eV: bytes) -> _Templates:
    """Templates of an axis, made once; its wavelengths and energy widths come as bytes, which can be a key."""
    wavelength_nm, eV_per_bin = np.frombuffer(axis_bytes), np.frombuffer(widths_eV)
    energy = hc_eV_nm / wavelength_nm
    low, high = PHASES_eV["red"][0], PHASES_eV["green"][1]
    peaks, fwhms = [], []
    for width in WIDTHS_eV:
        n = math.ceil((high - low) / (STEP * width)) + 1
        peaks.append(np.linspace(low, high, n))
        fwhms.append(np.full(n, width))
    peak, fwhm = np.concatenate(peaks), np.concatenate(fwhms)
    on_axis = (peak > energy.min()) & (peak < energy.max())
    peak, fwhm = peak[on_axis], fwhm[on_axis]
    light = band(energy[None, :], 1.0, peak[:, None], fwhm[:, None]) * eV_per_bin
    return _Templates(peak, fwhm, light, fwhm[1:] == fwhm[:-1])


def threshold(arc: float, false_positive: float) -> float:
    """Signal-to-noise ratio that noise alone exceeds with at most the probability `false_positive` (Davies' bound)."""
    low, high = 0.0, 40.0
    while high - low > 1e-6:
        u = 0.5 * (low + high)
        if ndtr(-u) + arc / (2 * math.pi) * math.exp(-0.5 * u * u) > false_positive:
            low = u
        else:
            high = u
    return high


class Search:
    """The matched filter applied to one spectrum; templates are whitened by its noise and freed of the background."""

    def __init__(self, data: Binned) -> None:
        self._templates = _templates(data.wavelength_nm.tobytes(), data.eV_per_bin.tobytes())
        background = 1.0 / data.sd_counts
        self._background = (background / np.linalg.norm(background))[None, :]
        self._matrix = self._without(self._templates.light / data.sd_counts, self._background)
        self._data = self._without((data.net_counts / data.sd_counts)[None, :], self._background)[0]
        self._norm = np.linalg.norm(self._matrix, axis=1)
        self._overlap = self._matrix @ self._data

    @staticmethod
    def _without(rows: Floats, orthonormal: Floats) -> Floats:
        """The rows, shape (k, bins), without their part in the space of the orthonormal rows."""
        projected: Floats = rows - (rows @ orthonormal.T) @ orthonormal
        return projected

    @property
    def z(self) -> Floats:
        """Signal-to-noise ratio of each template, shape (templates,)."""
        ratio: Floats = self._overlap / self._norm
        return ratio

    def in_phase(self, phase: Phase) -> Bools:
        """Which templates peak where a phase may, shape (templates,)."""
        low, high = PHASES_eV[phase]
        peak = self._templates.peak_eV
        return (peak >= low) & (peak <= high)

    def arc(self, phase: Phase | None = None) -> float:
        """Length of the templates' path on the unit sphere, all of them or those of a phase."""
        unit = self._matrix / self._norm[:, None]
        cosine = np.clip(np.sum(unit[1:] * unit[:-1], axis=1), -1.0, 1.0)
        counted = self._templates.same_width.copy()
        if phase is not None:
            inside = self.in_phase(phase)
            counted &= inside[1:] & inside[:-1]
        return float(np.sum(np.arccos(cosine)[counted]))

    def _candidate(self, i: int, area_counts: float) -> Candidate:
        return Candidate(float(self._templates.peak_eV[i]), float(self._templates.fwhm_eV[i]), float(area_counts))

    def best_single(self) -> tuple[Candidate, float]:
        """The band that explains most on its own, with its signal-to-noise ratio."""
        i = int(np.argmax(self.z))
        return self._candidate(i, self._overlap[i] / self._norm[i] ** 2), float(self.z[i])

    def reduced_chi2(self) -> float:
        """Misfit of the best single template, per degree of freedom: how far to trust the noise."""
        chi2 = float(self._data @ self._data) - max(self.best_single()[1], 0.0) ** 2
        return chi2 / (len(self._data) - 4)

    def best_pair(self) -> tuple[Candidate, Candidate] | None:
        """The green and red bands of positive area that explain most together; None where no two do."""
        green, red = (np.flatnonzero(self.in_phase(phase)) for phase in ("green", "red"))
        a, b = self._overlap[green][:, None], self._overlap[red][None, :]
        aa, bb = self._norm[green][:, None] ** 2, self._norm[red][None, :] ** 2
        ab = self._matrix[green] @ self._matrix[red].T
        determinant = aa * bb - ab**2
        apart = determinant > 0.05 * aa * bb  # nearly equal templates have no meaning apart
        determinant = np.where(apart, determinant, 1.0)
        x, y = (a * bb - b * ab) / determinant, (b * aa - a * ab) / determinant
        gain = np.where(apart & (x > 0) & (y > 0), x * a + y * b, -np.inf)
        i, j = np.unravel_index(int(np.argmax(gain)), gain.shape)
        if not np.isfinite(gain[i, j]):
            return None
        return self._candidate(int(green[i]), x[i, j]), self._candidate(int(red[j]), y[i, j])

    def _left(self, among: Bools, residual: Floats, tangent: Floats) -> tuple[NDArray[np.intp], Floats, Floats]:
        """Templates that a fit cannot take up itself: their indices, areas in the residual, and squared norms."""
        basis = np.linalg.qr(np.concatenate((self._background, tangent)).T)[0].T
        index = np.flatnonzero(among)
        left = self._without(self._matrix[index], basis)
        norm2 = np.sum(left**2, axis=1)
        kept = norm2 > 0.05 * self._norm[index] ** 2
        return index[kept], (left[kept] @ residual) / norm2[kept], norm2[kept]

    def best_in_residual(self, among: Bools, residual: Floats, tangent: Floats) -> tuple[Candidate, float] | None:
        """The further band that explains most of what a fit leaves, with its signal-to-noise ratio; or None.

        Args:
            among: templates to consider, shape (templates,).
            residual: (data - fit) / sd, shape (bins,).
            tangent: derivatives of the fit by its free numbers, over sd, shape (k, bins): what the fit can take up.
        """
        index, area, norm2 = self._left(among, residual, tangent)
        if not len(index) or np.max(area) <= 0:
            return None
        z = area * np.sqrt(norm2)
        best = int(np.argmax(z))
        return self._candidate(int(index[best]), area[best]), float(z[best])

    def upper_limit(self, among: Bools, residual: Floats, tangent: Floats, scale: float, n_sd: float) -> float:
        """Largest area that a further band could have, over the places and widths in `among`.

        Args:
            among: templates to consider, shape (templates,).
            residual: (data - fit) / sd, shape (bins,).
            tangent: derivatives of the fit by its free numbers, over sd, shape (k, bins); (0, bins) without a fit.
            scale: factor on the noise.
            n_sd: one-sided sigmas of the limit.

        Returns:
            Counts of the mean exposure; 0 where nothing is to be considered.
        """
        index, area, norm2 = self._left(among, residual, tangent)
        if not len(index):
            return 0.0
        return float(np.max(np.maximum(area, 0.0) + n_sd * scale / np.sqrt(norm2)))

    def apart_from(self, peak_eV: float, distance_eV: float) -> Bools:
        """Templates whose maximum lies further than `distance_eV` from a place, shape (templates,)."""
        far: Bools = np.abs(self._templates.peak_eV - peak_eV) > distance_eV
        return far
