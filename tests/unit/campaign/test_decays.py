"""Lifetimes of a site: from counted photons to the words of an observation, and when there is none."""

from __future__ import annotations

import numpy as np
import pytest

from beamline.analysis import DecayFit, fit_decay
from beamline.campaign.decays import lifetime_of
from beamline.recipe import Lifetime, NoLifetime

WIDTH_ns, PERIOD_ns, PULSE_BIN, N_BINS = 4.0, 1000.0, 5, 250


def counted(parts: dict[float, float], *, background: float, seed: int) -> DecayFit:
    """A fit of photons (by lifetime, ns) of 250 bins, with a response of one bin."""
    after = np.arange(N_BINS) - PULSE_BIN
    expected = np.full(N_BINS, background)
    for tau_ns, n_photons in parts.items():
        shape = np.where(after >= 0, np.exp(-after * WIDTH_ns / tau_ns), 0.0)
        expected += n_photons * shape / shape.sum()
    response = np.zeros(N_BINS)
    response[PULSE_BIN] = 1.0
    return fit_decay(np.random.default_rng(seed).poisson(expected), response, WIDTH_ns, excitation_rate_kHz=1000.0)


def test_the_lifetime_is_found_within_its_own_uncertainty() -> None:
    z = []
    for seed in range(5):
        found = lifetime_of(counted({45.0: 5000.0}, background=10.0, seed=seed), "red", PERIOD_ns)
        assert isinstance(found, Lifetime)
        assert 0.5 < found.lifetime_sd_ns < 3.0
        assert found.n_photons == pytest.approx(5000.0, rel=0.1)
        z.append((found.lifetime_ns - 45.0) / found.lifetime_sd_ns)
    assert 0.5 < np.sqrt(np.mean(np.square(z))) < 1.6


def test_light_that_does_not_decay_between_pulses_is_left_out() -> None:
    fit = counted({40.0: 30000.0, 600.0: 40000.0}, background=10.0, seed=1)
    assert fit.average_ns("intensity") > 200.0
    found = lifetime_of(fit, "red", PERIOD_ns)
    assert isinstance(found, Lifetime)
    assert found.lifetime_ns == pytest.approx(40.0, abs=4 * found.lifetime_sd_ns)


def test_too_few_photons_are_no_lifetime_and_say_why() -> None:
    found = lifetime_of(counted({45.0: 60.0}, background=10.0, seed=2), "green", PERIOD_ns)
    assert isinstance(found, NoLifetime)
    assert found.phase == "green"
    assert "count for longer" in found.reason
