from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import binom

from beamline.analysis import DecayError, fit_decay

Floats = NDArray[np.float64]
WIDTH_NS, N_BINS = 0.25, 2048
RATE_kHz = 1000.0


def response(shift_ns: float = 0.0) -> Floats:
    time = (np.arange(N_BINS) + 0.5) * WIDTH_NS - 3.0 - shift_ns
    shape = np.exp(-0.5 * (time / 0.4) ** 2)
    return np.asarray(shape / shape.sum())


def histogram(lifetimes: list[float], photons: list[float], background: float = 0.5, shift_ns: float = 0.0) -> Floats:
    """By summing over finely divided delays and over earlier pulses: another way than that of the fit."""
    fine = 8
    early = 64  # bins before the sync, whose light the response brings into the first ones
    times = (np.arange(-early * fine, N_BINS * fine) + 0.5) * WIDTH_NS / fine
    period = 1e6 / RATE_kHz
    light = np.zeros_like(times)
    for tau, n in zip(lifetimes, photons, strict=True):
        for k in range(40):
            after = times + k * period
            light += np.where(after > 0, n / tau * np.exp(-np.maximum(after, 0) / tau), 0.0) * WIDTH_NS / fine
    binned = light.reshape(N_BINS + early, fine).sum(axis=1)
    return np.asarray(np.convolve(binned, response(shift_ns))[early : N_BINS + early] + background)


def test_a_histogram_without_noise_gives_its_lifetimes_back() -> None:
    truth = [2.0, 12.0, 60.0]
    fit = fit_decay(histogram(truth, [2e6, 5e6, 3e6]), response(), WIDTH_NS, excitation_rate_kHz=RATE_kHz)
    assert fit.lifetimes_ns == pytest.approx(truth, rel=0.02)
    assert fit.average_ns("intensity") == pytest.approx((2 * 2 + 12 * 5 + 60 * 3) / 10, rel=2e-3)
    assert fit.average_ns("amplitude") == pytest.approx(10 / (2 / 2 + 5 / 12 + 3 / 60), rel=0.01)
    assert fit.amplitude_shares.sum() == pytest.approx(1.0)


@pytest.mark.parametrize("shift_ns", [-0.4, 0.11, 0.3])
def test_a_response_measured_too_early_or_late_is_found_and_does_no_harm(shift_ns: float) -> None:
    counts = histogram([5.0, 40.0], [3e5, 7e5], shift_ns=shift_ns)
    fit = fit_decay(counts, response(), WIDTH_NS, excitation_rate_kHz=RATE_kHz, n_components=2)
    assert fit.shift_ns == pytest.approx(shift_ns, abs=0.01)
    assert fit.lifetimes_ns == pytest.approx([5.0, 40.0], rel=0.01)


def test_the_truth_lies_within_its_interval_as_often_as_it_should() -> None:
    rng = np.random.default_rng(5)
    mean = histogram([4.0, 30.0], [4e3, 8e3], background=0.3)
    n = 60
    inside = 0
    pulls = []
    for _ in range(n):
        fit = fit_decay(rng.poisson(mean), response(), WIDTH_NS, excitation_rate_kHz=RATE_kHz, n_components=2)
        pull = (fit.average_ns("intensity") - (4 * 4 + 30 * 8) / 12) / fit.average_sd_ns("intensity")
        pulls.append(pull)
        inside += abs(pull) < 1
    low, high = binom.interval(0.999, n, 0.683)
    assert low <= inside <= high
    assert abs(np.mean(pulls)) < 3.3 / np.sqrt(n)


def test_the_interval_of_an_average_is_skew_where_the_likelihood_is_and_holds_the_estimate() -> None:
    rng = np.random.default_rng(3)
    fit = fit_decay(
        rng.poisson(histogram([4.0, 12.0, 45.0], [1e3, 3e3, 2e3])), response(), WIDTH_NS, excitation_rate_kHz=RATE_kHz
    )
    for kind, truth in (("intensity", (4 + 36 + 90) / 6), ("amplitude", 6 / (1 / 4 + 3 / 12 + 2 / 45))):
        low, high = fit.average_interval_ns(kind)
        lowest, highest = fit.average_interval_ns(kind, 0.95)
        assert lowest < low < fit.average_ns(kind) < high < highest
        assert lowest < truth < highest
        assert highest - lowest < 6 * fit.average_sd_ns(kind)


def test_with_many_photons_the_interval_is_that_of_the_information() -> None:
    counts = np.random.default_rng(4).poisson(histogram([20.0], [4e5]))
    fit = fit_decay(counts, response(), WIDTH_NS, excitation_rate_kHz=RATE_kHz, n_components=1)
    low, high = fit.average_interval_ns("intensity")
    assert 0.5 * (high - low) == pytest.approx(fit.average_sd_ns("intensity"), rel=0.05)


def test_no_more_exponentials_than_the_data_ask_for() -> None:
    rng = np.random.default_rng(1)
    mean = histogram([20.0], [2e4])
    found = [
        len(fit_decay(rng.poisson(mean), response(), WIDTH_NS, excitation_rate_kHz=RATE_kHz).lifetimes_ns)
        for _ in range(12)
    ]
    assert found.count(1) >= 11


def test_the_dead_time_of_the_counter_is_taken_off() -> None:
    """At 0.3 photons a pulse the decay as counted is much too short."""
    seconds, rate = 2.0, 1000.0
    n_pulses = rate * 1e3 * seconds
    of_pulse = histogram([30.0], [0.3], background=1e-6)
    earlier = np.cumsum(of_pulse) - of_pulse
    counts = n_pulses * np.exp(-earlier) * -np.expm1(-of_pulse)
    blind = fit_decay(counts, response(), WIDTH_NS, excitation_rate_kHz=rate, n_components=1)
    seeing = fit_decay(counts, response(), WIDTH_NS, excitation_rate_kHz=rate, acquisition_s=seconds, n_components=1)
    assert blind.lifetimes_ns[0] < 28.5
    assert seeing.lifetimes_ns[0] == pytest.approx(30.0, rel=2e-3)
    assert seeing.photons[0] == pytest.approx(0.3 * n_pulses, rel=2e-3)


def test_light_that_outlasts_the_period() -> None:
    fit = fit_decay(histogram([900.0], [1e6]), response(), WIDTH_NS, excitation_rate_kHz=RATE_kHz, n_components=1)
    assert fit.lifetimes_ns[0] == pytest.approx(900.0, rel=0.01)


@pytest.mark.parametrize(
    ("counts", "bare", "words"),
    [
        (np.zeros(N_BINS), response(), "0 photons"),
        (np.ones(N_BINS), np.zeros(N_BINS), "no response"),
        (np.ones(10), response(), "one shape"),
        (-np.ones(N_BINS), response(), "not negative"),
    ],
)
def test_what_cannot_be_fitted_is_refused(counts: Floats, bare: Floats, words: str) -> None:
    with pytest.raises(DecayError, match=words):
        fit_decay(counts, bare, WIDTH_NS, excitation_rate_kHz=RATE_kHz)
