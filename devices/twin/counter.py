"""The twin's photon counter: from a decay to a histogram, with what time-correlated counting does to it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import erf

from devices.histogram import StoppedBy

__all__ = [
    "MOST_COUNTS",
    "N_BINS",
    "BIN_WIDTHS_ns",
    "Count",
    "PULSE_RATES_kHz",
    "TwinCounter",
    "pile_up",
]

N_BINS = 4096
BIN_WIDTHS_ns = tuple(0.032 * 2.0**k for k in range(9))
"""0.032 to 8.192 ns: windows of 0.13 to 34 us."""
PULSE_RATES_kHz = (20.0, 50.0, 100.0, 200.0, 500.0, 1000.0, 2500.0, 5000.0, 10_000.0, 20_000.0)
MOST_COUNTS = 65535.0
"""16 bits for a bin; the counter stops when one is full."""
EFFICIENCY = 2e-5
"""Photons counted per pulse of full power and per photon of the physics' relative intensity."""
DARK_RATE_Hz = 150.0
"""Of a hybrid photomultiplier at room temperature (assumed)."""
PULSE_ns = 2.0
"""From the sync to the middle of the pulse."""
RESPONSE_SIGMA_ns = 0.12
"""Of diode, detector and electronics together: 0.28 ns FWHM (assumed)."""
RESPONSE_TAIL_ns, RESPONSE_TAIL_SHARE = 0.6, 0.08
"""A diode's pulse and a photomultiplier's diffusion have a tail (assumed)."""
RESPONSE_PHOTONS = 1e6
"""With which the response was measured."""
SUBSTEPS = 4
MOST_PERIODS = 200
LONGEST_NS = 6e4
"""After so long no decay of the model is left: fifteen times the slowest one, 4 us."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Count:
    """A drawn acquisition.

    Attributes:
        counts: photons, shape [n_bins].
        duration_s: how long it takes.
        stopped_by: what ends it.
    """

    counts: Floats
    duration_s: float
    stopped_by: StoppedBy


def pile_up(photons: Floats) -> Floats:
    """Chance of each bin to hold the one photon that is counted of a pulse: the first, shape as `photons`.

    Args:
        photons: expected of one pulse in each bin, shape [n_bins].
    """
    earlier = np.cumsum(photons) - photons
    return np.asarray(np.exp(-earlier) * -np.expm1(-photons))


def _response(bin_width_ns: float) -> Floats:
    """Share of an instantaneous light in each bin, shape [n_bins]: a Gaussian, and a part with an exponential tail."""
    edges = np.arange(N_BINS + 1) * bin_width_ns - PULSE_ns
    narrow = 0.5 * (1.0 + erf(edges / (math.sqrt(2.0) * RESPONSE_SIGMA_ns)))
    # a Gaussian convolved with an exponential (exponentially modified), as its distribution function
    late = edges / RESPONSE_TAIL_ns - 0.5 * (RESPONSE_SIGMA_ns / RESPONSE_TAIL_ns) ** 2
    shifted = edges - RESPONSE_SIGMA_ns**2 / RESPONSE_TAIL_ns
    tail = narrow - 0.5 * np.exp(-np.minimum(np.maximum(late, -700.0), 700.0)) * (
        1.0 + erf(shifted / (math.sqrt(2.0) * RESPONSE_SIGMA_ns))
    )
    return np.asarray(np.diff((1.0 - RESPONSE_TAIL_SHARE) * narrow + RESPONSE_TAIL_SHARE * tail))


class TwinCounter:
    """Counts at most one photon of a pulse, in bins that hold 16 bits.

    Args:
        rng: of every count.
        is_noisy: whether photons are counted one by one.
    """

    def __init__(self, rng: np.random.Generator, *, is_noisy: bool) -> None:
        self._rng = rng
        self._is_noisy = is_noisy
        self._true = {width: _response(width) for width in BIN_WIDTHS_ns}
        self._n_response = {
            width: int(np.searchsorted(np.cumsum(true), true.sum() - 1e-9)) + 1 for width, true in self._true.items()
        }
        self._measured = {width: self._measure(true) for width, true in self._true.items()}

    def response(self, bin_width_ns: float) -> Floats:
        """As it was measured, shape [n_bins], sum 1."""
        return self._measured[bin_width_ns]

    def times_ns(self, bin_width_ns: float, rate_kHz: float) -> Floats:
        """When, after the middle of a pulse, the light must be known; shape [n_periods, m].

        The bins in use, divided into steps, with as many before them as the response is long: there the tails of earlier
        pulses are. Row k is k periods later.
        """
        period_ns = 1e6 / rate_kHz
        n_periods = min(1 + math.ceil(LONGEST_NS / period_ns), MOST_PERIODS)
        n_bins = self._n_used(bin_width_ns, period_ns) + self._n_response[bin_width_ns]
        first_ns = -self._n_response[bin_width_ns] * bin_width_ns
        within = first_ns + (np.arange(n_bins * SUBSTEPS) + 0.5) * (bin_width_ns / SUBSTEPS)
        return np.asarray(within[np.newaxis] + np.arange(n_periods)[:, np.newaxis] * period_ns)

    def expect(self, glow_per_ns: Floats, bin_width_ns: float, rate_kHz: float, power: float) -> Floats:
        """Photons and dark counts of one pulse in each bin, shape [n_bins], before pile-up.

        Args:
            glow_per_ns: light of one pulse at the times of `times_ns`, of the same shape.
            bin_width_ns: of a bin.
            rate_kHz: of the pulses.
            power: of the pulses, 0 to 1.
        """
        period_ns = 1e6 / rate_kHz
        n_used, n_response = self._n_used(bin_width_ns, period_ns), self._n_response[bin_width_ns]
        fine = glow_per_ns.sum(axis=0) * (bin_width_ns / SUBSTEPS)
        light = EFFICIENCY * power * fine.reshape(n_used + n_response, SUBSTEPS).sum(axis=1)
        seen = np.convolve(light, self._true[bin_width_ns][:n_response])[n_response : n_response + n_used]
        dark = DARK_RATE_Hz * 1e-9 * bin_width_ns
        # what lies after the next pulse is that pulse's, and in no bin of this one
        share = np.clip(period_ns / bin_width_ns - np.arange(n_used), 0.0, 1.0)
        expected: Floats = np.zeros(N_BINS)
        expected[:n_used] = (seen + dark) * share
        return expected

    @staticmethod
    def _n_used(bin_width_ns: float, period_ns: float) -> int:
        """Bins before the next pulse."""
        return min(N_BINS, math.ceil(period_ns / bin_width_ns))

    def count(self, expected: Floats, rate_kHz: float, duration_s: float, stop_at_counts: float) -> Count:
        """Draw an acquisition.

        The bin of which most is expected decides when the counter stops before its time: that waits for its n-th photon.

        Args:
            expected: of one pulse in each bin, shape [n_bins].
            rate_kHz: of the pulses.
            duration_s: the longest.
            stop_at_counts: of the highest bin; 0: only when it is full.
        """
        chance = pile_up(expected)
        goal = min(stop_at_counts or MOST_COUNTS, MOST_COUNTS)
        peak = int(chance.argmax())
        rate_Hz = rate_kHz * 1e3 * float(chance[peak])
        counts: Floats = np.zeros(N_BINS)
        if rate_Hz <= 0.0:
            return Count(counts, duration_s, "time")
        arrival_s = (float(self._rng.gamma(goal)) if self._is_noisy else goal) / rate_Hz
        is_early = arrival_s < duration_s
        elapsed_s = arrival_s if is_early else duration_s
        mean = chance * (rate_kHz * 1e3 * elapsed_s)
        counts = self._rng.poisson(mean).astype(np.float64) if self._is_noisy else np.floor(mean)
        counts = np.minimum(counts, goal - (0.0 if is_early else 1.0))
        if is_early:
            counts[peak] = goal
        stopped_by: StoppedBy = "time"
        if is_early:
            stopped_by = "peak" if stop_at_counts and goal < MOST_COUNTS else "full"
        return Count(counts, elapsed_s, stopped_by)

    def _measure(self, true: Floats) -> Floats:
        counts = self._rng.poisson(RESPONSE_PHOTONS * true) if self._is_noisy else RESPONSE_PHOTONS * true
        measured: Floats = np.asarray(counts / counts.sum())
        measured.flags.writeable = False
        return measured
