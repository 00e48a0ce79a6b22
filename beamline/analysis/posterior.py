"""Two bands that overlap: mean and spread over everything that explains the spectrum, in place of the best fit alone.

A width apart, places, widths and asymmetries of two bands can be exchanged for one another along bent valleys; the best fit
then lies to one side, and its covariance is that of the straight line through it. Here the posterior is sampled: the
likelihood of the noise times the weak priors of the fit, flat in areas, background and places. Areas and background enter
linearly and are integrated exactly, so eight numbers remain. Walkers begin around the valleys that the fits have found and move
along each other's differences (Goodman and Weare, Comm. App. Math. Comp. Sci. 5, 65, 2010; ter Braak, Stat. Comput. 16, 239,
2006), first on the flattened posterior, so that they reach the ends of the valleys, then on the posterior itself. The draws come
from a fixed seed: the same spectrum gives the same numbers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from beamline.analysis.bands import N_SHAPE
from beamline.analysis.fit import LOG_ASYMMETRY_PRIOR, TAIL_PRIOR, BandFit, Fit, FWHM_PRIOR_eV, nodes_of, shape_bounds
from beamline.analysis.prepare import Binned

__all__ = ["with_posterior"]

Floats = NDArray[np.float64]

N_WALKERS = 64
FLATTENED = ((4.0, 60), (2.0, 40))
"""Temperatures and steps before those that count; at 4 a walker sees twice as far."""
N_SETTLING, N_COUNTED, EVERY = 60, 240, 4
WIDENED = 2.0
"""Factor on the sigmas of the best fits, around which the walkers begin."""
LEAST_ACCEPTED = 0.03
"""Where fewer moves than this are taken, the walkers have not got anywhere: the best fit is kept."""
BINS_TOGETHER = 3
"""4 nm: with two places in each, bands of 15 nm and more are as good as in single bins, at a third of the time."""
N_NONLINEAR = N_SHAPE - 1
WORTH_NOTHING = 12.0
"""Valleys this much deeper in -2 ln (posterior) than the best hold less than a percent."""


@dataclass
class _Walkers:
    """Where the walkers are: the eight numbers, (w, 8), and what the linear ones are given them."""

    numbers: Floats
    log_posterior: Floats  # (w,)
    areas: Floats  # (w, 2): mean of each band's area
    area_variances: Floats  # (w, 2)

    def take(self, which: NDArray[np.intp], other: _Walkers, is_taken: NDArray[np.bool_]) -> None:
        """Some of the walkers go where they tried to go."""
        for name in ("numbers", "log_posterior", "areas", "area_variances"):
            getattr(self, name)[which[is_taken]] = getattr(other, name)[is_taken]


def with_posterior(data: Binned, best: Fit, valleys: Sequence[Fit], limits_eV: Sequence[tuple[float, float]]) -> Fit:
    """The best fit with the posterior's means and standard deviations in `reported`.

    Args:
        data: the spectrum.
        best: the best fit of two bands.
        valleys: other fits of two bands, converged or not.
        limits_eV: bounds of each band's maximum.

    Returns:
        `best` itself where the walkers did not get anywhere.
    """
    posterior = _Posterior(data, best.scale, limits_eV)
    rng = np.random.default_rng(0)
    walkers = _started(posterior, _different(best, valleys), rng)
    if walkers is None:
        return best
    for temperature, n_steps in FLATTENED:
        for i in range(n_steps):
            _step(walkers, posterior, temperature, i, rng)
    kept: list[_Walkers] = []
    n_accepted = 0
    for i in range(N_SETTLING + N_COUNTED):
        n_accepted += _step(walkers, posterior, 1.0, i, rng)
        if i >= N_SETTLING and i % EVERY == 0:
            kept.append(replace(walkers, **{f.name: getattr(walkers, f.name).copy() for f in fields(walkers)}))
    if n_accepted < LEAST_ACCEPTED * (N_SETTLING + N_COUNTED) * N_WALKERS:
        return best
    return replace(best, reported=_reported(best, kept))


def _started(posterior: _Posterior, fits: Sequence[Fit], rng: np.random.Generator) -> _Walkers | None:
    """The most probable of what is drawn around the fits; None where too few draws are allowed at all."""
    drawn = []
    for fit in fits:
        middle, covariance = _moments(fit)
        size = np.sqrt(np.diag(covariance))
        root = size[:, None] * np.linalg.cholesky(covariance / np.outer(size, size) + 1e-9 * np.eye(len(size)))
        for widened in (0.3, 1.0):
            normal = rng.standard_normal((4 * N_WALKERS // len(fits), len(middle)))
            drawn.append(middle + widened * normal @ root.T)
    found = posterior.at(np.concatenate(drawn))
    order = np.argsort(-found.log_posterior)[: 2 * N_WALKERS : 2]
    if len(order) < N_WALKERS or not np.isfinite(found.log_posterior[order]).all():
        return None
    return _Walkers(*(getattr(found, f.name)[order].copy() for f in fields(found)))


def _step(walkers: _Walkers, posterior: _Posterior, temperature: float, i: int, rng: np.random.Generator) -> int:
    """Each half of the walkers moves along what the other half is; returns how many did."""
    n_accepted = 0
    order = rng.permutation(N_WALKERS)
    for moving, others in (
        (order[: N_WALKERS // 2], order[N_WALKERS // 2 :]),
        (order[N_WALKERS // 2 :], order[: N_WALKERS // 2]),
    ):
        n, k = len(moving), walkers.numbers.shape[1]
        here = walkers.numbers[moving]
        one = walkers.numbers[others[rng.integers(len(others), size=n)]]
        if i % 2:
            stretch = (1.0 + rng.random(n)) ** 2 / 2.0
            trial, correction = one + stretch[:, None] * (here - one), (k - 1) * np.log(stretch)
        else:
            two = walkers.numbers[others[rng.integers(len(others), size=n)]]
            # 1.68 / sqrt(2 k) is ter Braak's; a full difference leads from one valley to another
            factor = 1.0 if i % 20 == 0 else 0.42 * (0.3 + 0.7 * rng.random((n, 1)))
            trial, correction = here + factor * (one - two), np.zeros(n)
        there = posterior.at(trial)
        gain = (there.log_posterior - walkers.log_posterior[moving]) / temperature + correction
        is_taken = np.log(rng.random(n)) < gain
        walkers.take(moving, there, is_taken)
        n_accepted += int(is_taken.sum())
    return n_accepted


def _different(best: Fit, valleys: Sequence[Fit]) -> list[Fit]:
    """The best fit, and those of other valleys that are not much worse."""
    found = [best]
    for fit in valleys:
        gap = (fit.chi2 + fit.penalty - best.chi2 - best.penalty) / best.scale**2
        if gap < WORTH_NOTHING and all(_is_elsewhere(fit, one) for one in found):
            found.append(fit)
    return found


def _is_elsewhere(fit: Fit, other: Fit) -> bool:
    return any(
        abs(a.area_counts - b.area_counts) > b.sd_area_counts or abs(a.peak_eV - b.peak_eV) > b.sd_peak_eV
        for a, b in zip(fit.bands, other.bands, strict=True)
    )


def _moments(fit: Fit) -> tuple[Floats, Floats]:
    """Middle and covariance of the eight numbers by a fit."""
    index = [1 + N_SHAPE * i + j for i in range(2) for j in range(1, N_SHAPE)]
    middle = np.array([[b.peak_eV, b.fwhm_eV, b.log_asymmetry, b.tail] for b in fit.bands]).ravel()
    return middle, WIDENED**2 * fit.covariance[np.ix_(index, index)]


class _Posterior:
    """The posterior of one spectrum."""

    def __init__(self, data: Binned, scale: float, limits_eV: Sequence[tuple[float, float]]) -> None:
        data = data.together(BINS_TOGETHER)
        self._energy, weight = nodes_of(data)
        sd = data.sd_counts * scale
        self._weight = weight / np.tile(sd, 2)
        self._data = data.net_counts / sd
        self._flat, self._chi2_of_nothing = 1.0 / sd, float(self._data @ self._data)
        bounds = [bound for limit in limits_eV for bound in (limit, *shape_bounds())]
        self._low, self._high = np.array(bounds).T
        means = (0.0, FWHM_PRIOR_eV[0], LOG_ASYMMETRY_PRIOR[0], TAIL_PRIOR[0])
        sds = (math.inf, FWHM_PRIOR_eV[1], LOG_ASYMMETRY_PRIOR[1], TAIL_PRIOR[1])
        self._mean, self._prior_sd = np.tile(means, 2), np.tile(sds, 2)

    def at(self, numbers: Floats) -> _Walkers:
        """What the posterior is at draws, (n, 8)."""
        from beamline.analysis.posterior_kernel import explained  # noqa: PLC0415  # numba; only where bands overlap

        n = len(numbers)
        inside = ((numbers > self._low) & (numbers < self._high)).all(axis=1)
        log_posterior = np.full(n, -np.inf)
        areas, variances = np.zeros((n, 2)), np.ones((n, 2))
        kept = numbers[inside]
        if len(kept):
            found = explained(kept, self._energy, self._weight, self._flat, self._data)
            chi2 = self._chi2_of_nothing - found[:, 4]
            penalty = np.sum(((kept - self._mean) / self._prior_sd) ** 2, axis=1)
            # light is not negative; what the integral over areas has beyond that is small where both bands are seen
            is_light = (found[:, :2] > 0).all(axis=1)
            log_posterior[inside] = np.where(is_light, -0.5 * (chi2 + penalty + found[:, 5]), -np.inf)
            areas[inside], variances[inside] = found[:, :2], found[:, 2:4]
        return _Walkers(numbers, log_posterior, areas, variances)


def _reported(best: Fit, kept: Sequence[_Walkers]) -> tuple[BandFit, ...]:
    """Means and standard deviations over where the walkers were."""
    numbers, areas, variances = (
        np.concatenate([getattr(one, name) for one in kept]) for name in ("numbers", "areas", "area_variances")
    )
    mean, sd = numbers.mean(axis=0), numbers.std(axis=0)
    area, area_sd = areas.mean(axis=0), np.sqrt(variances.mean(axis=0) + areas.var(axis=0))
    return tuple(
        replace(
            one,
            area_counts=float(area[i]),
            peak_eV=float(mean[k]),
            fwhm_eV=float(mean[k + 1]),
            log_asymmetry=float(mean[k + 2]),
            tail=float(mean[k + 3]),
            sd_area_counts=float(area_sd[i]),
            sd_peak_eV=float(sd[k]),
            sd_fwhm_eV=float(sd[k + 1]),
        )
        for i, (one, k) in enumerate(zip(best.bands, (0, N_NONLINEAR), strict=True))
    )
