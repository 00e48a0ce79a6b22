"""What a spectrum says: luminescence with its bands, no luminescence, saturated, or failed; never a made-up peak.

The steps: full pixels first; then a matched filter, whose best signal-to-noise ratio must exceed what noise reaches
with the probability `FALSE_POSITIVE`; then a fit with one band and one with two; the second band stays where it lowers
chi^2 by more than noise would with the same probability.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from beamline.analysis.axis import jacobian_nm_per_eV
from beamline.analysis.bands import band
from beamline.analysis.detector import Detector
from beamline.analysis.fit import BandFit, Fit
from beamline.analysis.prepare import Binned, WINDOW_nm, binned, check, known_range
from beamline.analysis.search import Phase, Search, phase_of, threshold
from beamline.analysis.select import best_fit
from beamline.recipe import Band, Failed, Luminescence, NoLuminescence, Outcome, Saturated

__all__ = ["FALSE_POSITIVE", "Curves", "FittedSpectrum", "analyse_spectrum", "fit_spectrum"]

Floats = NDArray[np.float64]

FALSE_POSITIVE = 1e-3
"""Largest probability that a spectrum without light is called luminescent, and that one phase is called two."""

UPPER_LIMIT_SD = 1.645
"""One-sided 95 %."""

SHAPE_SD = 0.025
"""What the choice of the band's shape does, one sigma: to the place of the maximum in units of the width, to width and
area as a share. Two half-Gaussians, log-normal bands and bands with exponential or Lorentzian wings that fit one
spectrum differ by about this much (tests/unit/analysis/test_shapes.py), and no spectrum tells which one nature uses."""


def analyse_spectrum(
    wavelength_nm: ArrayLike,
    counts: ArrayLike,
    dark_counts: ArrayLike,
    *,
    integration_s: float,
    n_averages: int,
    detector: Detector | None = None,
    response: ArrayLike | None = None,
) -> Outcome:
    """The outcome of one spectrum: `fit_spectrum` without its curves.

    Args:
        wavelength_nm: the detector's axis, shape (pixels,), rising, covering at least 490-700 nm.
        counts: mean raw counts of `n_averages` exposures with the excitation on, shape (pixels,), not dark-corrected.
        dark_counts: the same with the excitation off, same settings.
        integration_s: time of one exposure.
        n_averages: exposures in each mean.
        detector: noise and range of the detector; None for the defaults of `Detector`.
        response: of the spectrometer, by which counts are divided, shape (pixels,), 1 where it is largest; what lies where it
            is NaN is left out. None: bands are as the detector counted them.

    Returns:
        `Luminescence` with one or two bands; `NoLuminescence` with the 95 % upper limit; `Saturated` if pixels of the
        analysed range are full; `Failed` if counts are not numbers or the fit has no answer. One-sigma uncertainties
        are the noise's, widened by sqrt(reduced chi^2), and what the choice of the band's shape leaves open; they do
        not hold the error of the wavelength calibration.

    Raises:
        ValueError: shapes, axis or settings that make no sense: a mistake of the caller, not of the instrument.
    """
    return fit_spectrum(
        wavelength_nm,
        counts,
        dark_counts,
        integration_s=integration_s,
        n_averages=n_averages,
        detector=detector,
        response=response,
    ).outcome


@dataclass(frozen=True, slots=True)
class Curves:
    """What was fitted and the fit, in counts per second and nm, for drawing; b bands, n bins.

    Attributes:
        wavelength_nm: middle of each bin, shape (n,).
        rate: the dark-corrected spectrum, shape (n,).
        sd: one sigma of it, shape (n,).
        bands: the fitted bands in the order of the outcome's, shape (b, n).
        background: the fitted constant background.
    """

    wavelength_nm: Floats
    rate: Floats
    sd: Floats
    bands: Floats
    background: float

    @property
    def model(self) -> Floats:
        """All that was fitted, shape (n,)."""
        total: Floats = self.bands.sum(axis=0) + self.background
        return total


@dataclass(frozen=True, slots=True)
class FittedSpectrum:
    """An outcome with its curves; no curves where nothing could be fitted (saturated, failed)."""

    outcome: Outcome
    curves: Curves | None = None


def fit_spectrum(
    wavelength_nm: ArrayLike,
    counts: ArrayLike,
    dark_counts: ArrayLike,
    *,
    integration_s: float,
    n_averages: int,
    detector: Detector | None = None,
    response: ArrayLike | None = None,
) -> FittedSpectrum:
    """The outcome of one spectrum with the fitted curves; arguments and errors as of `analyse_spectrum`."""
    axis, light, dark = check(wavelength_nm, counts, dark_counts)
    relative: Floats | None = None
    if response is not None:
        known, relative = known_range(response, axis.size)
        axis, light, dark = check(axis[known], light[known], dark[known])
    if not (np.isfinite(integration_s) and integration_s > 0):
        raise ValueError(f"integration_s={integration_s!r} s; it must be a finite time above 0 s")
    if int(n_averages) != n_averages or n_averages < 1:
        raise ValueError(f"n_averages={n_averages!r}; it must be a whole number of exposures, at least 1")
    detector = detector or Detector()
    bad = ~(np.isfinite(light) & np.isfinite(dark))
    if bad.any():
        reason = (
            f"{np.count_nonzero(bad)} of {len(axis)} pixels are not numbers (first at {axis[bad][0]:.1f} nm): "
            "the spectrometer delivered no valid spectrum"
        )
        return FittedSpectrum(Failed(reason=reason))
    full = _saturated(axis, light, dark, integration_s, detector)
    if full is not None:
        return FittedSpectrum(full)
    data = binned(axis, light, dark, int(n_averages), detector, response=relative)
    search = Search(data)
    scale = max(1.0, search.reduced_chi2()) ** 0.5
    _, z = search.best_single()
    if z <= scale * threshold(search.arc(), FALSE_POSITIVE):
        everywhere = np.ones(search.z.shape, dtype=bool)
        nothing = np.empty((0, len(data.net_counts)))
        limit = search.upper_limit(everywhere, data.net_counts / data.sd_counts, nothing, scale, UPPER_LIMIT_SD)
        return FittedSpectrum(
            NoLuminescence(rate_limit_counts_s=limit / integration_s), _curves(data, None, integration_s)
        )
    best = best_fit(data, search, FALSE_POSITIVE)
    if not best.converged or min(b.area_counts for b in best.bands) <= 0:
        reason = (
            f"there is light (signal-to-noise ratio {z:.1f}) but the fit of {len(best.bands)} band(s) found no "
            f"answer (reduced chi^2 {best.reduced_chi2:.1f}): look at the spectrum"
        )
        return FittedSpectrum(Failed(reason=reason), _curves(data, best, integration_s))
    return FittedSpectrum(_luminescence(best, search, integration_s), _curves(data, best, integration_s))


def _saturated(axis: Floats, light: Floats, dark: Floats, integration_s: float, detector: Detector) -> Saturated | None:
    """Saturated, or None; a pixel that is full in the dark too is hot, and the lamp is not looked at."""
    inside = (axis >= WINDOW_nm[0]) & (axis <= WINDOW_nm[1])
    n_full = int(np.count_nonzero(detector.is_full(light) & ~detector.is_full(dark) & inside))
    if n_full == 0:
        return None
    floor = float(np.sum((light - dark)[inside])) / integration_s
    return Saturated(n_saturated_pixels=n_full, rate_floor_counts_s=max(floor, 0.0))


def _luminescence(best: Fit, search: Search, integration_s: float) -> Luminescence:
    """The outcome of a fit, strongest limits included."""
    seen = {phase_of(b.peak_eV) for b in best.bands}
    phases: tuple[Phase, ...] = ("green", "red")
    missing = [phase for phase in phases if phase not in seen]
    among = np.zeros(search.z.shape, dtype=bool)
    for phase in missing or phases:
        among |= search.in_phase(phase)
    for fitted in best.bands:
        among &= search.apart_from(fitted.peak_eV, fitted.fwhm_eV)
    limit = search.upper_limit(among, best.residual, best.tangent, best.scale, UPPER_LIMIT_SD)
    bands = tuple(_band(b, integration_s) for b in sorted(best.results, key=lambda b: -b.peak_eV))
    return Luminescence(bands=bands, rate_limit_counts_s=limit / integration_s, reduced_chi2=best.reduced_chi2)


def _band(fitted: BandFit, integration_s: float) -> Band:
    """A fitted band in the words of the project: per second, and with what the choice of its shape leaves open."""
    return Band(
        phase=phase_of(fitted.peak_eV),
        peak_eV=fitted.peak_eV,
        peak_sd_eV=math.hypot(fitted.sd_peak_eV, SHAPE_SD * fitted.fwhm_eV),
        fwhm_eV=fitted.fwhm_eV,
        fwhm_sd_eV=math.hypot(fitted.sd_fwhm_eV, SHAPE_SD * fitted.fwhm_eV),
        rate_counts_s=fitted.area_counts / integration_s,
        rate_sd_counts_s=math.hypot(fitted.sd_area_counts, SHAPE_SD * fitted.area_counts) / integration_s,
    )


def _curves(data: Binned, best: Fit | None, integration_s: float) -> Curves:
    nm_per_bin = data.eV_per_bin * jacobian_nm_per_eV(data.wavelength_nm)
    per_rate = 1.0 / (nm_per_bin * integration_s)
    fitted = sorted(best.bands, key=lambda b: -b.peak_eV) if best else []
    rows = [
        band(data.energy_eV, b.area_counts, b.peak_eV, b.fwhm_eV, log_asymmetry=b.log_asymmetry, tail=b.tail)
        * data.eV_per_bin
        * per_rate
        for b in fitted
    ]
    return Curves(
        wavelength_nm=data.wavelength_nm,
        rate=data.net_counts * per_rate,
        sd=data.sd_counts * per_rate,
        bands=np.array(rows).reshape(len(rows), len(data.wavelength_nm)),
        background=(best.background_counts if best else 0.0) * float(np.mean(per_rate)),
    )
