"""What a spectrum says: luminescence with its bands, no luminescence, saturated, or failed; never a made-up peak.

The steps: full pixels first; then a matched filter, whose best signal-to-noise ratio must exceed what noise reaches
with the probability `FALSE_POSITIVE`; then a fit with one band and one with two; the second band stays where it lowers
chi^2 by more than noise would with the same probability.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from beamline.analysis.axis import energy_eV, jacobian_nm_per_eV
from beamline.analysis.bands import band
from beamline.analysis.detector import Detector
from beamline.analysis.fit import BandFit, Fit, fit_bands
from beamline.analysis.prepare import Binned, WINDOW_nm, binned, check
from beamline.analysis.search import BOUNDARY_eV, Candidate, Phase, PHASES_eV, Search, phase_of, threshold
from beamline.recipe import Band, Failed, Luminescence, NoLuminescence, Outcome, Saturated

__all__ = ["FALSE_POSITIVE", "analyse_spectrum", "model_rate_per_nm"]

Floats = NDArray[np.float64]

FALSE_POSITIVE = 1e-3
"""Largest probability that a spectrum without light is called luminescent, and that one phase is called two."""

UPPER_LIMIT_SD = 1.645
"""One-sided 95 %."""

TAIL_SHARE = 0.06
TAIL_WIDTHS = 1.6
"""A second band with less than this share of the light of the first and nearer than this many widths cannot be told
from a tail of the first whose shape is not quite ours: it is not claimed, whatever chi^2 says."""

AT_BORDER_eV = 1e-4

WORTH_A_FIT_SD = 3.0
"""From this signal-to-noise ratio a second band is tried on what one band leaves; about 4 will be asked of it."""

CLEAR_SD = 20.0
"""Two bands apart, each this many sigma strong, are two without further ado."""

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
) -> Outcome:
    """The outcome of one spectrum.

    Args:
        wavelength_nm: the detector's axis, shape (pixels,), rising, covering at least 490-700 nm.
        counts: mean raw counts of `n_averages` exposures with the excitation on, shape (pixels,), not dark-corrected.
        dark_counts: the same with the excitation off, same settings.
        integration_s: time of one exposure.
        n_averages: exposures in each mean.
        detector: noise and range of the detector; None for the defaults of `Detector`.

    Returns:
        `Luminescence` with one or two bands; `NoLuminescence` with the 95 % upper limit; `Saturated` if pixels of the
        analysed range are full; `Failed` if counts are not numbers or the fit has no answer. One-sigma uncertainties
        are the noise's, widened by sqrt(reduced chi^2), and what the choice of the band's shape leaves open; they do
        not hold the error of the wavelength calibration.

    Raises:
        ValueError: shapes, axis or settings that make no sense: a mistake of the caller, not of the instrument.
    """
    axis, light, dark = check(wavelength_nm, counts, dark_counts)
    if not (np.isfinite(integration_s) and integration_s > 0):
        raise ValueError(f"integration_s={integration_s!r} s; it must be a finite time above 0 s")
    if int(n_averages) != n_averages or n_averages < 1:
        raise ValueError(f"n_averages={n_averages!r}; it must be a whole number of exposures, at least 1")
    detector = detector or Detector()
    bad = ~(np.isfinite(light) & np.isfinite(dark))
    if bad.any():
        return Failed(
            reason=f"{np.count_nonzero(bad)} of {len(axis)} pixels are not numbers (first at {axis[bad][0]:.1f} nm): "
            "the spectrometer delivered no valid spectrum"
        )
    full = _saturated(axis, light, dark, integration_s, detector)
    if full is not None:
        return full
    data = binned(axis, light, dark, int(n_averages), detector)
    search = Search(data)
    scale = max(1.0, search.reduced_chi2()) ** 0.5
    _, z = search.best_single()
    if z <= scale * threshold(search.arc(), FALSE_POSITIVE):
        everywhere = np.ones(search.z.shape, dtype=bool)
        nothing = np.empty((0, len(data.net_counts)))
        limit = search.upper_limit(everywhere, data.net_counts / data.sd_counts, nothing, scale, UPPER_LIMIT_SD)
        return NoLuminescence(rate_limit_counts_s=limit / integration_s)
    best = _fit(data, search)
    if not best.converged or min(b.area_counts for b in best.bands) <= 0:
        return Failed(
            reason=f"there is light (signal-to-noise ratio {z:.1f}) but the fit of {len(best.bands)} band(s) found no "
            f"answer (reduced chi^2 {best.reduced_chi2:.1f}): look at the spectrum"
        )
    return _luminescence(best, search, integration_s)


def _saturated(axis: Floats, light: Floats, dark: Floats, integration_s: float, detector: Detector) -> Saturated | None:
    """Saturated, or None; a pixel that is full in the dark too is hot, and the lamp is not looked at."""
    inside = (axis >= WINDOW_nm[0]) & (axis <= WINDOW_nm[1])
    n_full = int(np.count_nonzero(detector.is_full(light) & ~detector.is_full(dark) & inside))
    if n_full == 0:
        return None
    floor = float(np.sum((light - dark)[inside])) / integration_s
    return Saturated(n_saturated_pixels=n_full, rate_floor_counts_s=max(floor, 0.0))


def _fit(data: Binned, search: Search) -> Fit:
    """The fit with a green and a red band where the spectrum needs both, else the one with a single band."""
    together = search.best_pair()
    pairs = [] if together is None else [_fit_pair(data, together)]
    if pairs and _is_clear(pairs[0]):
        return pairs[0]
    single = fit_bands(data, [search.best_single()[0]], [(PHASES_eV["red"][0], PHASES_eV["green"][1])])
    further = _beside(single, search)
    if further is not None:
        pairs.append(_fit_pair(data, further))
    pairs = [pair for pair in pairs if pair.converged and _is_two_bands(pair)]
    if not pairs:
        return single
    pair = min(pairs, key=lambda fit: fit.chi2 + fit.penalty)
    if not single.converged:
        return pair
    weak = min(pair.bands, key=lambda b: b.area_counts)
    gain = (single.chi2 + single.penalty - pair.chi2 - pair.penalty) / pair.scale**2
    return pair if gain > threshold(search.arc(phase_of(weak.peak_eV)), FALSE_POSITIVE) ** 2 else single


def _fit_pair(data: Binned, starts: tuple[Candidate, Candidate]) -> Fit:
    return fit_bands(data, starts, [PHASES_eV["green"], PHASES_eV["red"]])


def _beside(single: Fit, search: Search) -> tuple[Candidate, Candidate] | None:
    """A band and the further one that stands out of what it leaves, green first.

    Two bands that overlap are found by the search of pairs. A weak one beside a strong one is not, for there a template
    that mends what the strong one's template lacks gains more.
    """
    first = single.bands[0]
    other: Phase = "red" if phase_of(first.peak_eV) == "green" else "green"
    among = search.in_phase(other) & search.apart_from(first.peak_eV, first.fwhm_eV)
    found = search.best_in_residual(among, single.residual, single.tangent)
    if found is None or found[1] < WORTH_A_FIT_SD:
        return None
    second, strong = found[0], Candidate(first.peak_eV, first.fwhm_eV, first.area_counts)
    return (second, strong) if other == "green" else (strong, second)


def _apart(pair: Fit) -> float:
    """Distance of two bands in units of the wider one's width."""
    one, other = pair.bands
    return abs(one.peak_eV - other.peak_eV) / max(one.fwhm_eV, other.fwhm_eV)


def _is_clear(pair: Fit) -> bool:
    """Whether two bands are so far apart and so strong that no single one needs to be tried."""
    is_strong = all(b.area_counts > CLEAR_SD * b.sd_area_counts for b in pair.bands)
    return pair.converged and _is_two_bands(pair) and is_strong and _apart(pair) > TAIL_WIDTHS


def _is_two_bands(pair: Fit) -> bool:
    """Whether the two bands of a fit can be what they are called."""
    strong, weak = sorted(pair.bands, key=lambda b: b.area_counts, reverse=True)
    is_tail = weak.area_counts < TAIL_SHARE * strong.area_counts and _apart(pair) < TAIL_WIDTHS
    # a band whose maximum was pushed against the border between the phases has no maximum of its own
    is_pushed = min(abs(b.peak_eV - BOUNDARY_eV) for b in pair.bands) < AT_BORDER_eV
    return weak.area_counts > 0 and not is_tail and not is_pushed


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
    bands = tuple(_band(b, integration_s) for b in sorted(best.bands, key=lambda b: -b.peak_eV))
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


def model_rate_per_nm(bands: tuple[Band, ...], wavelength_nm: ArrayLike) -> Floats:
    """Spectra of bands as an outcome keeps them (their asymmetry is not kept: symmetric in energy), for drawing.

    Args:
        bands: b bands.
        wavelength_nm: shape (w,).

    Returns:
        Counts per second and nm, shape (b, w).
    """
    axis = np.asarray(wavelength_nm, dtype=float)
    jacobian = jacobian_nm_per_eV(axis)
    rows = [band(energy_eV(axis), b.rate_counts_s, b.peak_eV, b.fwhm_eV) / jacobian for b in bands]
    return np.array(rows).reshape(len(bands), len(axis))
