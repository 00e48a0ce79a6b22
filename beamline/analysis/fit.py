"""The fit of one or two asymmetric bands and a background, by least squares with analytic derivatives.

Each band has an area, a place, a width, an asymmetry and a tail; the background is one number. The last three carry weak
priors (Gaussian, added as residuals), so a band of a few sigma is fitted as well as a strong one: its width then comes
from the prior, and its uncertainty says so. The uncertainties are the Gauss-Newton covariance, widened by the root of
the reduced chi^2 where the bands are not quite of our shape.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from beamline.analysis.axis import energy_eV, jacobian_nm_per_eV
from beamline.analysis.bands import LARGEST_TAIL, MAX_LOG_ASYMMETRY, N_SHAPE, NO_TAIL, band_with_gradient
from beamline.analysis.minimise import least_squares
from beamline.analysis.prepare import Binned
from beamline.analysis.search import Candidate

__all__ = [
    "LOG_ASYMMETRY_PRIOR",
    "TAIL_PRIOR",
    "BandFit",
    "FWHM_PRIOR_eV",
    "Fit",
    "fit_bands",
    "nodes_of",
    "shape_bounds",
]

Floats = NDArray[np.float64]

FWHM_eV = (0.03, 0.35)
"""Bounds of a band's width: 9 nm to 100 nm at 600 nm."""

FWHM_PRIOR_eV = (0.11, 0.05)
LOG_ASYMMETRY_PRIOR = (0.1, 0.2)
TAIL_PRIOR = (0.4, 0.2)
"""Mean and sigma of the weak priors: bands of 15-40 nm, rather broader to low energies than not, with a tail that begins
at a few percent of the maximum."""

MAX_EVALUATIONS = 200


@dataclass(frozen=True, slots=True)
class BandFit:
    """One fitted band; areas in counts of the mean exposure, `sd_*` one sigma."""

    area_counts: float
    peak_eV: float
    fwhm_eV: float
    log_asymmetry: float
    tail: float
    sd_area_counts: float
    sd_peak_eV: float
    sd_fwhm_eV: float


@dataclass(frozen=True, slots=True)
class Fit:
    """A fit: bands in the order of their starts, and how good it is.

    Attributes:
        bands: the fitted bands.
        background_counts: constant background, counts per bin.
        model_counts: fitted counts per bin, shape (bins,).
        chi2: sum of squares of residuals over sigma, data only.
        penalty: the same of the priors.
        n_free: degrees of freedom.
        residual: (data - model) / sigma, shape (bins,).
        tangent: derivatives of the model by its numbers, over sigma, shape (numbers, bins).
        covariance: of all numbers, the background first, widened by `scale`, shape (numbers, numbers).
        converged: whether the minimiser said that it was done.
        reported: the bands with their means and spreads over all that explains the data, where that is more than this
            fit; else empty.
    """

    bands: tuple[BandFit, ...]
    background_counts: float
    model_counts: Floats
    chi2: float
    penalty: float
    n_free: int
    residual: Floats
    tangent: Floats
    covariance: Floats
    converged: bool
    reported: tuple[BandFit, ...] = ()

    @property
    def results(self) -> tuple[BandFit, ...]:
        """What is to be said of the bands; `bands` is what is to be drawn."""
        return self.reported or self.bands

    @property
    def reduced_chi2(self) -> float:
        """chi^2 per degree of freedom; 1 where the noise explains what is left."""
        return self.chi2 / self.n_free

    @property
    def scale(self) -> float:
        """Factor on the noise for what the shape of the bands does not explain; never below 1."""
        return float(np.sqrt(max(1.0, self.reduced_chi2)))


def nodes_of(data: Binned) -> tuple[Floats, Floats]:
    """Two energies in each bin and what they weigh, eV, shape (2 bins,) each: Gauss's rule over the bin's wavelengths.

    The middle alone is wrong by the bend of the band over a bin, which at a signal-to-noise ratio of 1000 is an error of
    one sigma.
    """
    nm_per_bin = data.eV_per_bin * jacobian_nm_per_eV(data.wavelength_nm)
    apart = nm_per_bin / math.sqrt(12.0)
    wavelength = np.concatenate((data.wavelength_nm - apart, data.wavelength_nm + apart))
    return energy_eV(wavelength), np.tile(0.5 * nm_per_bin, 2) / jacobian_nm_per_eV(wavelength)


def shape_bounds() -> tuple[tuple[float, float], ...]:
    """Bounds of width (eV), logarithm of the asymmetry, and tail."""
    return FWHM_eV, (-MAX_LOG_ASYMMETRY, MAX_LOG_ASYMMETRY), (NO_TAIL, LARGEST_TAIL)


def _model(values: Floats, nodes: tuple[Floats, Floats]) -> tuple[Floats, Floats]:
    """Counts per bin, shape (bins,), and derivatives, (numbers, bins); `values`: background, then the bands."""
    energy, weight = nodes
    total = np.full(len(energy) // 2, values[0])
    gradients = [np.ones_like(total)[None, :]]
    for numbers in values[1:].reshape(-1, N_SHAPE):
        density, gradient = band_with_gradient(energy, numbers)
        total += (density * weight).reshape(2, -1).sum(axis=0)
        gradients.append((gradient * weight).reshape(N_SHAPE, 2, -1).sum(axis=1))
    return total, np.concatenate(gradients)


def _priors(n_bands: int) -> tuple[Floats, Floats, Floats]:
    """Index, mean and sigma of the numbers that carry a prior."""
    index = np.concatenate([[N_SHAPE * i + 3, N_SHAPE * i + 4, N_SHAPE * i + 5] for i in range(n_bands)])
    mean = np.tile([FWHM_PRIOR_eV[0], LOG_ASYMMETRY_PRIOR[0], TAIL_PRIOR[0]], n_bands)
    sd = np.tile([FWHM_PRIOR_eV[1], LOG_ASYMMETRY_PRIOR[1], TAIL_PRIOR[1]], n_bands)
    return index, mean, sd


def fit_bands(
    data: Binned,
    starts: Sequence[Candidate],
    limits_eV: Sequence[tuple[float, float]],
    log_asymmetries: Sequence[float] | None = None,
) -> Fit:
    """Fit one band per start.

    Args:
        data: the spectrum.
        starts: where to begin, one per band.
        limits_eV: bounds of each band's maximum.
        log_asymmetries: where to begin with each band's; None: all at the prior's mean.

    Returns:
        The fit; look at `converged`.
    """
    values, low, high = [0.0], [-np.inf], [np.inf]
    skews = log_asymmetries or (LOG_ASYMMETRY_PRIOR[0],) * len(starts)
    for start, (lowest, highest), skew in zip(starts, limits_eV, skews, strict=True):
        # a start on a bound would have no gradient there
        inside = 0.02 * (highest - lowest)
        peak_eV = min(max(start.peak_eV, lowest + inside), highest - inside)
        values += [start.area_counts, peak_eV, start.fwhm_eV, skew, TAIL_PRIOR[0]]
        low += [-np.inf, lowest, *(bound[0] for bound in shape_bounds())]
        high += [np.inf, highest, *(bound[1] for bound in shape_bounds())]
    index, mean, sd = _priors(len(starts))
    prior_rows = np.zeros((len(values), len(index)))
    prior_rows[index, np.arange(len(index))] = 1.0 / sd

    nodes = nodes_of(data)

    def at(numbers: Floats) -> tuple[Floats, Floats]:
        model, gradient = _model(numbers, nodes)
        residual = np.concatenate(((model - data.net_counts) / data.sd_counts, (numbers[index] - mean) / sd))
        return residual, np.concatenate((gradient / data.sd_counts, prior_rows), axis=1)

    found = least_squares(at, np.array(values), np.array(low), np.array(high), max_steps=MAX_EVALUATIONS)
    return _finished(found.values, data, converged=found.converged)


def _finished(best: Floats, data: Binned, *, converged: bool) -> Fit:
    """The fit at its best place, with its covariance."""
    n_bands = len(best) // N_SHAPE
    index, mean, sd = _priors(n_bands)
    model, gradient = _model(best, nodes_of(data))
    tangent = gradient / data.sd_counts
    left = (data.net_counts - model) / data.sd_counts
    information = tangent @ tangent.T
    information[index, index] += 1.0 / sd**2
    size = np.sqrt(np.diag(information))
    # areas and energies differ by many powers of ten: scaled to a unit diagonal before the inversion
    covariance = np.linalg.pinv(information / np.outer(size, size), rcond=1e-12, hermitian=True) / np.outer(size, size)
    chi2 = float(left @ left)
    n_free = len(left) - len(best) + len(index)
    covariance = covariance * max(1.0, chi2 / n_free)
    widened = np.sqrt(np.maximum(np.diag(covariance), 0.0))
    bands = tuple(
        BandFit(*best[k : k + N_SHAPE].tolist(), *widened[k : k + 3].tolist()) for k in range(1, len(best), N_SHAPE)
    )
    return Fit(
        bands=bands,
        background_counts=float(best[0]),
        model_counts=model,
        chi2=chi2,
        penalty=float(np.sum(((best[index] - mean) / sd) ** 2)),
        n_free=n_free,
        residual=left,
        tangent=tangent,
        covariance=covariance,
        converged=converged,
    )
