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

import numpy as np
from numpy.typing import ArrayLike, NDArray

from beamline.analysis.decay_model import Data, DecayError, Point, climb, deviances
from beamline.analysis.decay_profile import Average, profile_interval_ns

__all__ = ["Average", "DecayError", "DecayFit", "fit_decay"]

Floats = NDArray[np.float64]

WORTH_A_COMPONENT = 9.2
"""Fall of the deviance that a further component (two numbers) must bring: noise does so once in a hundred times (chi^2)."""
SPREADS: dict[int, tuple[tuple[float, ...], ...]] = {
    1: ((1.0,),),
    2: ((0.25, 1.3), (0.8, 4.0)),
    3: ((0.12, 0.7, 2.5), (0.3, 1.0, 6.0), (0.05, 0.4, 1.2)),
}
"""Lifetimes to start from, in units of the mean time of a photon after the peak, by the number of components."""


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
        data: the histogram.
        richest: the most likely point with one more component, up to three, than `lifetimes_ns` has, or with as many as were
            asked for: the intervals are of this model.
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
    data: Data = field(repr=False)
    richest: Point = field(repr=False)
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

    def average_interval_ns(self, kind: Average, level: float = 0.683) -> tuple[float, float]:
        """Profile-likelihood interval of `average_ns`, ns, in the richest model: the number of components is not known."""
        return profile_interval_ns(self.data, self.richest, kind, level, self.widening)

    @cached_property
    def residual(self) -> Floats:
        """Signed square root of each bin's part of the deviance, shape (n,); about standard normal where counts are many."""
        return np.asarray(np.sign(self.counts - self.expected) * np.sqrt(deviances(self.counts, self.expected)))


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
    data = Data.of(counts, response, bin_width_ns, excitation_rate_kHz, acquisition_s)
    if n_components is not None and n_components not in (1, 2, 3):
        raise DecayError(f"{n_components=}: 1, 2 or 3 exponentials")
    best: Point | None = None
    richest: Point | None = None
    for k in (1, 2, 3) if n_components is None else (n_components,):
        tried = [climb(data, start) for start in _starts(data, k, best)]
        richest = min(tried, key=lambda point: point.deviance)
        if best is not None and richest.deviance > best.deviance - WORTH_A_COMPONENT:
            break
        best = richest
    assert best is not None and richest is not None  # noqa: PT018  # at least one was tried
    if not (math.isfinite(best.deviance) and np.all(np.isfinite(best.values))):
        raise DecayError("the fit of the decay found no answer: look at the histogram")
    return _finished(data, best, richest)


def _starts(data: Data, k: int, simpler: Point | None) -> Sequence[Floats]:
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


def _finished(data: Data, point: Point, richest: Point) -> DecayFit:
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
        data=data,
        richest=richest,
        covariance=inverse[np.ix_(index, index)] * widening**2,
    )
