"""Lifetimes: a sum of exponentials, folded with the instrument's response, fitted to counted photons by Poisson likelihood.

Photons expected in bin i of one period, of components with n_k photons and lifetimes t_k behind a response R:

    m_i = b + sum_k n_k [(R * e_k)_i + what earlier pulses leave],   e_k,j = (1 - q) q^j,  q = exp(-w / t_k)

with bins of width w. Where the number of pulses is known, the counter's dead time is in the model too: it counts the first
photon of a pulse only, P_i = exp(-sum_{j<i} m_j) (1 - exp(-m_i)) (Coates, J. Phys. E 1, 878, 1968). Counts are Poisson
variables, most of them small, so the likelihood is theirs: least squares on counts or on their logarithm is biased
(Maus et al., Anal. Chem. 73, 2078, 2001; Laurence and Chromy, Nature Methods 7, 338, 2010). The maximum is found by Fisher
scoring with damping; uncertainties are from the Fisher information in the logarithms of numbers and lifetimes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.signal import lfilter

__all__ = ["Average", "DecayError", "DecayFit", "fit_decay"]

Floats = NDArray[np.float64]
Average = Literal["intensity", "amplitude"]

WORTH_A_COMPONENT = 14.0
"""Fall of the deviance that a further component (two numbers) must bring: noise does so once in a thousand times (chi^2)."""
FEWEST_PHOTONS = 100.0
MAX_STEPS = 120
LONGEST_OF_WINDOW = 2.0
SMALL = 1e-12
SPREADS: dict[int, tuple[tuple[float, ...], ...]] = {
    1: ((1.0,),),
    2: ((0.25, 1.3), (0.8, 4.0)),
    3: ((0.12, 0.7, 2.5), (0.3, 1.0, 6.0), (0.05, 0.4, 1.2)),
}
"""Lifetimes to start from, in units of the mean time of a photon after the peak, by the number of components."""
STEP_IN_LOG = 1e-4


class DecayError(ValueError):
    """A histogram of which no lifetime can be had, and why."""


@dataclass(frozen=True, eq=False)
class DecayFit:
    """A fitted decay; components from short to long, k of them.

    Attributes:
        lifetimes_ns: shape (k,).
        photons: of each component in the light of all pulses, shape (k,).
        background_counts: per bin.
        shift_ns: of the response against the decay.
        time_ns: middle of each bin that was fitted, from the sync, shape (n,).
        counts: shape (n,).
        expected: fitted counts, shape (n,).
        deviance: twice the logarithm of the likelihood ratio to a perfect fit.
        widening: factor on the uncertainties, above 1 where the scatter is more than that of counting.
        covariance: of ln photons and ln lifetimes, widened, shape (2k, 2k).
    """

    lifetimes_ns: Floats
    photons: Floats
    background_counts: float
    shift_ns: float
    time_ns: Floats
    counts: Floats
    expected: Floats
    deviance: float
    widening: float
    covariance: Floats = field(repr=False)

    @property
    def lifetime_sds_ns(self) -> Floats:
        """One sigma of each lifetime, shape (k,)."""
        k = len(self.lifetimes_ns)
        return np.asarray(self.lifetimes_ns * np.sqrt(np.diag(self.covariance)[k:]))

    @property
    def photon_sds(self) -> Floats:
        """One sigma of each component's photons, shape (k,)."""
        return np.asarray(self.photons * np.sqrt(np.diag(self.covariance)[: len(self.photons)]))

    @property
    def amplitude_shares(self) -> Floats:
        """Share of each component in the light just after the pulse, shape (k,), sum 1."""
        amplitudes = self.photons / self.lifetimes_ns
        return np.asarray(amplitudes / amplitudes.sum())

    def average_ns(self, kind: Average) -> float:
        """The average lifetime; always say which one is quoted.

        Args:
            kind: "intensity": sum a t^2 / sum a t, the mean time of a photon (what the paper quotes, P16, as far as its text
                tells); "amplitude": sum a t / sum a, the lifetime of one exponential with the same light and height.
        """
        if kind == "intensity":
            return float(self.photons @ self.lifetimes_ns / self.photons.sum())
        return float(self.photons.sum() / (self.photons / self.lifetimes_ns).sum())

    def average_sd_ns(self, kind: Average) -> float:
        """One sigma of `average_ns`, first order in the logarithms."""
        shares = self.photons / self.photons.sum()
        if kind == "intensity":
            weights = self.photons * self.lifetimes_ns
            by_lifetime = weights / weights.sum()
            gradient = np.concatenate((by_lifetime - shares, by_lifetime))
        else:
            by_lifetime = self.amplitude_shares
            gradient = np.concatenate((shares - by_lifetime, by_lifetime))
        return self.average_ns(kind) * math.sqrt(max(float(gradient @ self.covariance @ gradient), 0.0))

    @cached_property
    def residual(self) -> Floats:
        """Signed square root of each bin's part of the deviance, shape (n,); about standard normal where counts are many."""
        return np.asarray(np.sign(self.counts - self.expected) * np.sqrt(_deviances(self.counts, self.expected)))


def fit_decay(
    counts: ArrayLike,
    response: ArrayLike,
    bin_width_ns: float,
    *,
    excitation_rate_kHz: float,
    acquisition_s: float | None = None,
    n_components: int | None = None,
) -> DecayFit:
    """Fit up to three exponentials to a histogram.

    Args:
        counts: photons by time after the sync, shape (n,).
        response: histogram of the bare pulse on the same bins, shape (n,); its scale does not matter.
        bin_width_ns: width of a bin.
        excitation_rate_kHz: pulse rate: what earlier pulses leave is part of the model.
        acquisition_s: how long it was counted; with it, the model holds the counter's dead time. None: no pile-up.
        n_components: 1 to 3; None for as many, up to three, as the data ask for.

    Raises:
        DecayError: fewer than 100 photons, no response, shapes that do not fit, or a fit without an answer.
    """
    data = _Data.of(counts, response, bin_width_ns, excitation_rate_kHz, acquisition_s)
    if n_components is not None and n_components not in (1, 2, 3):
        raise DecayError(f"{n_components=}: 1, 2 or 3 exponentials")
    best: _Point | None = None
    for k in (1, 2, 3) if n_components is None else (n_components,):
        tried = [_climb(data, start) for start in _starts(data, k, best)]
        found = min(tried, key=lambda point: point.deviance)
        if best is not None and found.deviance > best.deviance - WORTH_A_COMPONENT:
            break
        best = found
    assert best is not None  # at least one was tried
    if not (math.isfinite(best.deviance) and np.all(np.isfinite(best.values))):
        raise DecayError("the fit of the decay found no answer: look at the histogram")
    return _finished(data, best)


@dataclass(frozen=True, eq=False)
class _Data:
    counts: Floats
    response: Floats
    width_ns: float
    period_ns: float
    n_pulses: float | None

    @classmethod
    def of(
        cls, counts: ArrayLike, response: ArrayLike, width_ns: float, rate_kHz: float, acquisition_s: float | None
    ) -> _Data:
        photons, bare = np.asarray(counts, dtype=float), np.asarray(response, dtype=float)
        if photons.ndim != 1 or photons.shape != bare.shape:
            raise DecayError(f"counts and response must be of one shape (n,); got {photons.shape} and {bare.shape}")
        if not (np.isfinite(photons).all() and (photons >= 0).all() and np.isfinite(bare).all() and (bare >= 0).all()):
            raise DecayError("counts and response must be finite and not negative")
        if not (width_ns > 0 and rate_kHz > 0 and (acquisition_s is None or acquisition_s > 0)):
            raise DecayError(f"{width_ns=} ns, {rate_kHz=} kHz and {acquisition_s=} s must be above 0")
        period_ns = 1e6 / rate_kHz
        # the bin in which the next pulse falls is cut short by it
        n = min(photons.size, math.floor(period_ns / width_ns + 1e-9))
        photons, bare = photons[:n], bare[:n]
        if bare.sum() <= 0:
            raise DecayError("no response of the instrument was measured: measure it on a scatterer first")
        if photons.sum() < FEWEST_PHOTONS:
            raise DecayError(f"{photons.sum():g} photons in the histogram; at least {FEWEST_PHOTONS:g} are needed")
        n_pulses = None if acquisition_s is None else rate_kHz * 1e3 * acquisition_s
        return cls(photons, bare / bare.sum(), width_ns, period_ns, n_pulses)


@dataclass(frozen=True, eq=False)
class _Point:
    """`values`: ln photons (k), ln lifetimes (k), ln background, shift in bins."""

    values: Floats
    deviance: float
    expected: Floats
    information: Floats


def _deviances(counts: Floats, expected: Floats) -> Floats:
    some = counts > 0
    logs = np.zeros_like(counts)
    logs[some] = counts[some] * np.log(counts[some] / expected[some])
    return np.asarray(2.0 * np.maximum(expected - counts + logs, 0.0))


def _cubic(f: float) -> tuple[Floats, Floats]:
    """Weights of four neighbours for a shift by a part of a bin, and their derivative (Keys, IEEE ASSP 29, 1153, 1981)."""
    weights = 0.5 * np.array([-f + 2 * f**2 - f**3, 2 - 5 * f**2 + 3 * f**3, f + 4 * f**2 - 3 * f**3, -(f**2) + f**3])
    slopes = 0.5 * np.array([-1 + 4 * f - 3 * f**2, -10 * f + 9 * f**2, 1 + 8 * f - 9 * f**2, -2 * f + 3 * f**2])
    return weights, slopes


def _shifted(response: Floats, shift: float) -> tuple[Floats, Floats]:
    """The response later by `shift` bins, and its derivative by it."""
    whole = math.floor(shift)
    weights, slopes = _cubic(shift - whole)
    padded = np.concatenate((np.zeros(8), response, np.zeros(8)))
    n = response.size
    parts = np.stack([padded[8 - whole - j : 8 - whole - j + n] for j in (-1, 0, 1, 2)])
    return weights @ parts, slopes @ parts


def _folded(response: Floats, lifetime_ns: float, data: _Data) -> Floats:
    """The response folded with one exponential of one photon, with what earlier pulses leave; shape (n,)."""
    q = math.exp(-data.width_ns / lifetime_ns)
    once: Floats = lfilter([1.0 - q], [1.0, -q], response)
    left = data.period_ns / lifetime_ns
    if left > 60.0:
        return once
    n = once.size
    # the response is over well before the end, so that from there on the decay is a pure exponential
    later = np.exp(-(left - (n - 1) * data.width_ns / lifetime_ns) - np.arange(n) * data.width_ns / lifetime_ns)
    return np.asarray(once + float(once[-1]) * later / -math.expm1(-left))


def _model(values: Floats, data: _Data) -> tuple[Floats, Floats]:
    """Expected counts, shape (n,), and derivatives by the values, shape (2k + 2, n)."""
    k = (values.size - 2) // 2
    photons, lifetimes = np.exp(values[:k]), np.exp(values[k : 2 * k])
    background = math.exp(values[-2])
    response, slope = _shifted(data.response, float(values[-1]))
    rows = np.empty((values.size, data.counts.size))
    by_shift = np.zeros_like(data.counts)
    for i in range(k):
        curve = photons[i] * _folded(response, lifetimes[i], data)
        rows[i] = curve
        up, down = (_folded(response, lifetimes[i] * math.exp(s), data) for s in (STEP_IN_LOG, -STEP_IN_LOG))
        rows[k + i] = photons[i] * (up - down) / (2.0 * STEP_IN_LOG)
        by_shift += photons[i] * _folded(slope, lifetimes[i], data)
    rows[2 * k] = background
    rows[2 * k + 1] = by_shift
    expected = np.maximum(rows[:k].sum(axis=0) + background, SMALL)
    if data.n_pulses is None:
        return expected, rows
    of_pulse, by_pulse = expected / data.n_pulses, rows / data.n_pulses
    earlier = np.cumsum(of_pulse) - of_pulse
    none_yet = np.exp(-earlier)
    first = none_yet * -np.expm1(-of_pulse)
    earlier_rows = np.cumsum(by_pulse, axis=1) - by_pulse
    piled = data.n_pulses * (none_yet * np.exp(-of_pulse) * by_pulse - first * earlier_rows)
    return np.maximum(data.n_pulses * first, SMALL), piled


def _starts(data: _Data, k: int, simpler: _Point | None) -> Sequence[Floats]:
    """Where to begin: lifetimes spread around the mean time of a photon after the pulse."""
    time_ns = (np.arange(data.counts.size) + 0.5) * data.width_ns
    peak = int(data.counts.argmax())
    background = max(float(np.percentile(data.counts, 2.0)), 0.02)
    net = np.maximum(data.counts - background, 0.0)
    mean_ns = max(float(net[peak:] @ (time_ns[peak:] - time_ns[peak]) / max(net[peak:].sum(), 1.0)), data.width_ns)
    total = max(float(net.sum()), 1.0)
    spreads = SPREADS[k]
    starts = [
        np.concatenate((np.log(np.full(k, total / k)), np.log(mean_ns * np.array(s)), [math.log(background), 0.0]))
        for s in spreads
    ]
    if simpler is not None:  # one more component beside those that were found, shorter and longer
        j = (simpler.values.size - 2) // 2
        photons, lifetimes, rest = simpler.values[:j], simpler.values[j : 2 * j], simpler.values[2 * j :]
        for factor, place in ((0.2, lifetimes.min()), (4.0, lifetimes.max())):
            extra = place + math.log(factor)
            starts.append(np.concatenate((photons, [math.log(0.1 * total)], lifetimes, [extra], rest)))
    return starts


def _climb(data: _Data, start: Floats) -> _Point:
    """Fisher scoring with Levenberg's damping from one start."""
    values, damping = start.copy(), 1e-2
    k = (values.size - 2) // 2
    low = np.concatenate((np.full(k, math.log(0.1)), np.full(k, math.log(0.02 * data.width_ns)), [-14.0, -3.0]))
    # what decays over much more than what is seen of it is a background, to which the data cannot put a lifetime
    longest_ns = LONGEST_OF_WINDOW * data.counts.size * data.width_ns
    high = np.concatenate((np.full(k, 30.0), np.full(k, math.log(longest_ns)), [20.0, 3.0]))
    expected, rows = _model(values, data)
    deviance = float(_deviances(data.counts, expected).sum())
    for _ in range(MAX_STEPS):
        gradient = rows @ (1.0 - data.counts / expected)
        information = (rows / expected) @ rows.T
        size = np.maximum(np.diag(information), 1e-9)
        step = -np.linalg.solve(information + damping * np.diag(size) + 1e-9 * np.eye(size.size), gradient)
        step *= min(1.0, 1.0 / max(float(np.abs(step).max()), SMALL))
        trial = np.clip(values + step, low, high)
        trial_expected, trial_rows = _model(trial, data)
        trial_deviance = float(_deviances(data.counts, trial_expected).sum())
        if trial_deviance <= deviance:
            gained = deviance - trial_deviance
            values, expected, rows, deviance = trial, trial_expected, trial_rows, trial_deviance
            damping = max(damping * 0.2, 1e-9)
            if gained < 1e-5:
                break
        else:
            damping *= 5.0
            if damping > 1e8:
                break
    return _Point(values, deviance, expected, (rows / expected) @ rows.T)


def _finished(data: _Data, point: _Point) -> DecayFit:
    k = (point.values.size - 2) // 2
    information = point.information
    size = np.sqrt(np.maximum(np.diag(information), 1e-12))
    inverse = np.linalg.pinv(information / np.outer(size, size), rcond=1e-10, hermitian=True) / np.outer(size, size)
    pearson = float(((data.counts - point.expected) ** 2 / point.expected).sum())
    n_free = data.counts.size - point.values.size
    scatter = math.sqrt(float((2.0 + 1.0 / point.expected).sum()))
    widening = math.sqrt(pearson / n_free) if pearson > n_free + 4.0 * scatter else 1.0
    order = np.argsort(point.values[k : 2 * k])
    index = np.concatenate((order, k + order))
    return DecayFit(
        lifetimes_ns=np.exp(point.values[k : 2 * k][order]),
        photons=np.exp(point.values[:k][order]),
        background_counts=math.exp(point.values[2 * k]),
        shift_ns=float(point.values[2 * k + 1]) * data.width_ns,
        time_ns=np.asarray((np.arange(data.counts.size) + 0.5) * data.width_ns, dtype=np.float64),
        counts=data.counts,
        expected=point.expected,
        deviance=point.deviance,
        widening=widening,
        covariance=inverse[np.ix_(index, index)] * widening**2,
    )
