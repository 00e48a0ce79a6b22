"""The twin counts as a counter does: Poisson, one photon a pulse, with a response, dark counts and full bins."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beamline.physics import decay as decay_of
from beamline.physics import make_settings, nominal, predict
from devices.histogram import PILE_UP_LIMIT, Histogram
from devices.twin.counter import (
    EFFICIENCY,
    MOST_COUNTS,
    N_BINS,
    BIN_WIDTHS_ns,
    DARK_RATE_Hz,
    PULSE_ns,
    PULSE_RATES_kHz,
    TwinCounter,
    pile_up,
)

QUIET = TwinCounter(np.random.default_rng(1), is_noisy=False)
NOISY = TwinCounter(np.random.default_rng(1), is_noisy=True)


def exponential(tau_ns: float, light: float, times_ns: np.ndarray) -> np.ndarray:
    return np.where(times_ns < 0.0, 0.0, light / tau_ns * np.exp(-np.maximum(times_ns, 0.0) / tau_ns))


def expected(width_ns: float, rate_kHz: float, tau_ns: float, light: float, counter: TwinCounter = QUIET) -> np.ndarray:
    glow = exponential(tau_ns, light, counter.times_ns(width_ns, rate_kHz))
    return counter.expect(glow, width_ns, rate_kHz, 1.0)


@pytest.mark.parametrize("width_ns", BIN_WIDTHS_ns)
def test_the_response_is_a_distribution_about_the_pulse(width_ns: float) -> None:
    for counter, tolerance in ((QUIET, 1e-3), (NOISY, 5e-3)):
        response = counter.response(width_ns)
        assert response.sum() == pytest.approx(1.0)
        assert (response >= 0.0).all()
        mean_ns = (np.arange(N_BINS) + 0.5) @ response * width_ns
        assert mean_ns == pytest.approx(PULSE_ns + 0.08 * 0.6, abs=tolerance + 0.51 * width_ns * (width_ns > 0.5))


@pytest.mark.parametrize("rate_kHz", [rate for rate in PULSE_RATES_kHz if 1e6 / rate <= BIN_WIDTHS_ns[-1] * N_BINS])
@pytest.mark.parametrize("tau_ns", [5.0, 30.0, 400.0])
def test_no_photon_is_lost_or_made_when_the_window_holds_the_period(rate_kHz: float, tau_ns: float) -> None:
    period_ns = 1e6 / rate_kHz
    width_ns = next(w for w in BIN_WIDTHS_ns if w * N_BINS >= period_ns)
    photons = expected(width_ns, rate_kHz, tau_ns, 1000.0).sum()
    dark = DARK_RATE_Hz * 1e-9 * period_ns
    assert photons - dark == pytest.approx(EFFICIENCY * 1000.0, rel=0.01)


def test_a_decay_of_the_physics_keeps_its_average_lifetime() -> None:
    seen = predict(
        make_settings(iodide_fraction=1.0, pulse_energy_uJ=200.0, speed_mm_s=0.4), np.zeros((0, 2)), nominal()
    )
    width_ns, rate_kHz = (
        BIN_WIDTHS_ns[8],
        20.0,
    )  # a shorter window or period cuts the tail of 4 us off, or folds it back
    glow = decay_of(seen[0, 0], QUIET.times_ns(width_ns, rate_kHz).ravel(), "red")
    per_pulse = QUIET.expect(glow.reshape(QUIET.times_ns(width_ns, rate_kHz).shape), width_ns, rate_kHz, 1.0)
    period_bins = min(int(1e6 / rate_kHz / width_ns), N_BINS)
    light = (per_pulse - DARK_RATE_Hz * 1e-9 * width_ns)[:period_bins]
    bins = np.arange(period_bins) + 0.5 - np.arange(N_BINS) @ QUIET.response(width_ns)  # after the binned response
    mean_ns = bins @ light * width_ns / light.sum()
    assert mean_ns == pytest.approx(120.0, rel=0.01)  # P26: what the paper calls the average is this one


def test_counts_scatter_as_poisson_has_it() -> None:
    rates = expected(BIN_WIDTHS_ns[2], 1000.0, 30.0, 1000.0)
    runs = np.array([NOISY.count(rates, 1000.0, 1.0, 0.0).counts for _ in range(200)])
    mean = pile_up(rates) * 1e6
    assert runs.mean(axis=0).sum() == pytest.approx(mean.sum(), rel=0.002)
    bright = mean > 20.0
    assert bright.sum() > 50
    assert (runs.var(axis=0, ddof=1)[bright] / mean[bright]).mean() == pytest.approx(1.0, abs=0.05)


@given(st.lists(st.floats(0.0, 3.0), min_size=1, max_size=40))
def test_pile_up_counts_one_photon_a_pulse_the_first(photons: list[float]) -> None:
    mean = np.array(photons)
    chance = pile_up(mean)
    assert chance.sum() == pytest.approx(-np.expm1(-mean.sum()))
    for i, one in enumerate(photons):
        assert chance[i] == pytest.approx(np.exp(-mean[:i].sum()) * -np.expm1(-one), abs=1e-12)


def test_pile_up_makes_decays_short_and_is_warned_of() -> None:
    means = {}
    for light in (50.0, 50_000.0):
        count = QUIET.count(expected(BIN_WIDTHS_ns[2], 1000.0, 30.0, light), 1000.0, 1000.0 / light, 0.0)
        bins = np.arange(N_BINS) * BIN_WIDTHS_ns[2]
        means[light] = bins @ count.counts / count.counts.sum()
        histogram = Histogram(
            count.counts,
            QUIET.response(BIN_WIDTHS_ns[2]),
            BIN_WIDTHS_ns[2],
            1000.0,
            count.duration_s,
            "time",
            MOST_COUNTS,
        )
        assert histogram.warning == ("pile-up" if light > 100 else "")
        assert (histogram.photons_per_pulse > PILE_UP_LIMIT) is (light > 100)
    assert means[50_000.0] < 0.8 * means[50.0]


@pytest.mark.parametrize("counter", [QUIET, NOISY])
def test_it_stops_at_the_peak_or_when_a_bin_is_full(counter: TwinCounter) -> None:
    rates = expected(BIN_WIDTHS_ns[2], 1000.0, 30.0, 1000.0, counter)
    peak_Hz = pile_up(rates).max() * 1e6
    early = counter.count(rates, 1000.0, 1e4, 5000.0)
    assert (early.stopped_by, early.counts.max()) == ("peak", 5000.0)
    assert early.duration_s == pytest.approx(5000.0 / peak_Hz, rel=0.1)
    full = counter.count(rates, 1000.0, 1e6, 0.0)
    assert (full.stopped_by, full.counts.max()) == ("full", MOST_COUNTS)
    late = counter.count(rates, 1000.0, 1.0, 5000.0)
    assert (late.stopped_by, late.duration_s) == ("time", 1.0)
    assert late.counts.max() < 5000.0
