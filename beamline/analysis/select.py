"""Which fit describes a spectrum that has light: one band or two, with the starts that find it."""

from __future__ import annotations

import math
from dataclasses import replace

from beamline.analysis.fit import Fit, fit_bands
from beamline.analysis.posterior import with_posterior
from beamline.analysis.prepare import Binned
from beamline.analysis.search import BOUNDARY_eV, Candidate, Phase, PHASES_eV, Search, phase_of, threshold

__all__ = ["best_fit"]

TAIL_SHARE = 0.06
TAIL_WIDTHS = 1.6
"""A second band with less than this share of the light of the first and nearer than this many widths cannot be told
from a tail of the first whose shape is not quite ours: it is not claimed, whatever chi^2 says."""

LIMITS_eV = (PHASES_eV["green"], PHASES_eV["red"])
AT_BORDER_eV = 1e-4

WORTH_A_FIT_SD = 3.0
"""From this signal-to-noise ratio a second band is tried on what one band leaves; about 4 will be asked of it."""

CLEAR_SD = 20.0
"""Two bands apart, each this many sigma strong, are two without further ado."""

OVERLAP_WIDTHS = 2.0
WORTH_A_VALLEY_SD = 3.0
OTHER_VALLEYS = ((0.5, 0.0), (-0.3, 0.5), (0.4, -0.4), (-0.3, -0.3))
"""Logarithms of the asymmetries, green and red, from which a fit of overlapping bands is begun again."""
OTHER_WIDTHS = ((0.6, 1.4), (1.4, 0.6))
CANNOT_BE_SD = 4.0
"""A misfit beyond this is no minimum to stay in: other widths are tried as well."""


def best_fit(data: Binned, search: Search, false_positive: float) -> Fit:
    """The fit with a green and a red band where the spectrum needs both, else the one with a single band.

    Args:
        data: the spectrum.
        search: the matched filter on it, which has found light.
        false_positive: probability at most with which noise alone brings in the second band.

    Returns:
        The fit; look at `converged`, and for the numbers at `results`.
    """
    together = search.best_pair()
    pairs = [] if together is None else _fit_pair(data, together)
    if pairs and _is_clear(pairs[0]):
        return pairs[0]
    single = fit_bands(data, [search.best_single()[0]], [(PHASES_eV["red"][0], PHASES_eV["green"][1])])
    further = _beside(single, search)
    if further is not None:
        pairs += _fit_pair(data, further)
    good = [pair for pair in pairs if pair.converged and _is_two_bands(pair)]
    if not good:
        return single
    pair = min(good, key=_cost)
    if single.converged:
        weak = min(pair.bands, key=lambda b: b.area_counts)
        gain = (_cost(single) - _cost(pair)) / pair.scale**2
        if gain <= threshold(search.arc(phase_of(weak.peak_eV)), false_positive) ** 2:
            return single
    return with_posterior(data, pair, pairs, LIMITS_eV) if _apart(pair) < OVERLAP_WIDTHS else pair


def _fit_pair(data: Binned, starts: tuple[Candidate, Candidate]) -> list[Fit]:
    """Fits of a green and a red band, the best one first: several where they overlap, else one.

    Light between two overlapping bands may be the green one's low side or the red one's high side: each has its own
    minimum, and the one that is nearest to the start need not be the deepest.
    """
    first = fit_bands(data, starts, LIMITS_eV)
    if (
        _apart(first) >= OVERLAP_WIDTHS
        or min(b.area_counts / b.sd_area_counts for b in first.bands) < WORTH_A_VALLEY_SD
    ):
        return [first]
    valleys = [first, *(fit_bands(data, starts, LIMITS_eV, skews) for skews in OTHER_VALLEYS)]
    for factors in OTHER_WIDTHS:
        best = min(valleys, key=_cost)
        if best.reduced_chi2 < 1.0 + CANNOT_BE_SD * math.sqrt(2.0 / best.n_free):
            break
        other = [replace(one, fwhm_eV=one.fwhm_eV * by) for one, by in zip(starts, factors, strict=True)]
        valleys += [fit_bands(data, other, LIMITS_eV, skews) for skews in ((0.1, 0.1), *OTHER_VALLEYS)]
    return sorted(valleys, key=_cost)


def _cost(fit: Fit) -> float:
    return fit.chi2 + fit.penalty


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
