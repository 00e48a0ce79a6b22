"""The model of a counted decay, and the climb to the most likely one; `beamline.analysis.decays` says what it is.

A point may be held near a value of some function of its numbers (`Held`): for profiles of the likelihood.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["Data", "DecayError", "Held", "Point", "climb", "deviances", "model"]

Floats = NDArray[np.float64]

FEWEST_PHOTONS = 100.0
MAX_STEPS = 120
LONGEST_OF_WINDOW = 2.0
SMALL = 1e-12
STEP_IN_LOG = 1e-4


class DecayError(ValueError):
    """A histogram of which no lifetime can be had, and why.

    To do: count longer, or with less background.
    """


@dataclass(frozen=True, eq=False)
class Data:
    """A histogram that can be fitted; `n_pulses` where the dead time of the counter is to be in the model."""

    counts: Floats
    response: Floats
    width_ns: float
    period_ns: float
    n_pulses: float | None

    @classmethod
    def of(
        cls, counts: ArrayLike, response: ArrayLike, width_ns: float, rate_kHz: float, acquisition_s: float | None
    ) -> Data:
        """Checked; see `fit_decay`.

        Raises:
            DecayError: see there.
        """
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
class Point:
    """`values`: ln photons (k), ln lifetimes (k), ln background, shift in bins."""

    values: Floats
    deviance: float
    expected: Floats
    information: Floats


@dataclass(frozen=True, eq=False)
class Held:
    """A pull of some function of the values towards a target: `weight` (f - target)^2 is added to the deviance.

    Where the climb then ends is the most likely point of all with its own f, wherever that is: a point of the profile.
    """

    function: Callable[[Floats], tuple[float, Floats]]
    target: float
    weight: float


def deviances(counts: Floats, expected: Floats) -> Floats:
    """Each bin's part of the deviance, shape (n,)."""
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


def _folded(response: Floats, lifetime_ns: float, data: Data) -> Floats:
    """The response folded with one exponential of one photon, with what earlier pulses leave; shape (n,)."""
    from scipy.signal import lfilter  # noqa: PLC0415  # longer to load than the rest of the analysis; only decays need it

    q = math.exp(-data.width_ns / lifetime_ns)
    once: Floats = lfilter([1.0 - q], [1.0, -q], response)
    left = data.period_ns / lifetime_ns
    if left > 60.0:
        return once
    n = once.size
    # the response is over well before the end, so that from there on the decay is a pure exponential
    later = np.exp(-(left - (n - 1) * data.width_ns / lifetime_ns) - np.arange(n) * data.width_ns / lifetime_ns)
    return np.asarray(once + float(once[-1]) * later / -math.expm1(-left))


def model(values: Floats, data: Data) -> tuple[Floats, Floats]:
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


def climb(data: Data, start: Floats, held: Held | None = None) -> Point:
    """Fisher scoring with Levenberg's damping from one start."""
    values, damping = start.copy(), 1e-2
    k = (values.size - 2) // 2
    low = np.concatenate((np.full(k, math.log(0.1)), np.full(k, math.log(0.02 * data.width_ns)), [-14.0, -3.0]))
    # what decays over much more than what is seen of it is a background, to which the data cannot put a lifetime
    longest_ns = LONGEST_OF_WINDOW * data.counts.size * data.width_ns
    high = np.concatenate((np.full(k, 30.0), np.full(k, math.log(longest_ns)), [20.0, 3.0]))

    def pull(at: Floats) -> tuple[float, float, Floats]:
        if held is None:
            return 0.0, 0.0, np.zeros_like(at)
        found, slope = held.function(at)
        away = found - held.target
        return held.weight * away * away, away, slope

    expected, rows = model(values, data)
    deviance = float(deviances(data.counts, expected).sum())
    extra, away, slope = pull(values)
    weight = held.weight if held else 0.0
    for _ in range(MAX_STEPS):
        gradient = rows @ (1.0 - data.counts / expected) + weight * away * slope
        information = (rows / expected) @ rows.T + weight * np.outer(slope, slope)
        size = np.maximum(np.diag(information), 1e-9)
        step = -np.linalg.solve(information + damping * np.diag(size) + 1e-9 * np.eye(size.size), gradient)
        step *= min(1.0, 1.0 / max(float(np.abs(step).max()), SMALL))
        trial = np.clip(values + step, low, high)
        trial_expected, trial_rows = model(trial, data)
        trial_deviance = float(deviances(data.counts, trial_expected).sum())
        trial_extra, trial_away, trial_slope = pull(trial)
        if trial_deviance + trial_extra <= deviance + extra:
            gained = deviance + extra - trial_deviance - trial_extra
            values, expected, rows, deviance = trial, trial_expected, trial_rows, trial_deviance
            extra, away, slope = trial_extra, trial_away, trial_slope
            damping = max(damping * 0.2, 1e-9)
            if gained < 1e-5:
                break
        else:
            damping *= 5.0
            if damping > 1e8:
                break
    return Point(values, deviance, expected, (rows / expected) @ rows.T)
