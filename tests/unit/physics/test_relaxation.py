"""Stretched relaxation by modes."""

import numpy as np
import pytest
from scipy.optimize import nnls

from beamline.physics.records import N_MODES
from beamline.physics.relaxation import (
    MODE_RATES,
    MODE_STRETCHES,
    MODE_WEIGHTS,
    Equilibrium,
    approach,
    mode_weight,
)

TIMES = np.logspace(-7, 2.5, 600)
DECAYS = np.exp(-np.outer(TIMES, MODE_RATES))


@pytest.mark.parametrize("row", range(len(MODE_STRETCHES)))
def test_weights_are_the_least_squares_fit(row: int) -> None:
    target = np.exp(-(TIMES ** MODE_STRETCHES[row]))
    weights, _ = nnls(np.vstack([DECAYS, 100 * np.ones(N_MODES)]), np.append(target, 100))
    assert MODE_WEIGHTS[row] == pytest.approx(weights / weights.sum(), abs=2e-4)


@pytest.mark.parametrize(("stretch", "error"), [(0.25, 0.03), (0.4, 0.008), (0.425, 0.01), (0.6, 0.035)])
def test_modes_follow_the_stretched_exponential(stretch: float, error: float) -> None:
    weights = np.array([mode_weight(stretch, mode) for mode in range(N_MODES)])
    assert weights.sum() == pytest.approx(1.0)
    assert np.abs(DECAYS @ weights - np.exp(-(TIMES**stretch))).max() < error


def test_weights_stay_put_beyond_the_table() -> None:
    assert [mode_weight(0.1, m) for m in range(N_MODES)] == [mode_weight(0.25, m) for m in range(N_MODES)]
    assert [mode_weight(0.9, m) for m in range(N_MODES)] == [mode_weight(0.6, m) for m in range(N_MODES)]


def test_every_mode_decays_at_its_rate() -> None:
    values, supplied = np.ones(N_MODES), np.zeros(N_MODES)
    approach(values, supplied, 0.3, Equilibrium(0.0, 1.0, 0.0))
    assert values == pytest.approx(np.exp(-0.3 * MODE_RATES), rel=1e-12, abs=1e-15)


def test_what_was_supplied_stays_when_the_supply_ends() -> None:
    values, supplied = np.zeros(N_MODES), np.zeros(N_MODES)
    approach(values, supplied, 1e4, Equilibrium(-1.0, 1.0, 1.0))
    approach(values, supplied, 1e4, Equilibrium(-1.0, 1.0, 0.0))
    assert values == pytest.approx(np.ones(N_MODES))


def test_without_supply_the_balance_falls() -> None:
    values, supplied = np.zeros(N_MODES), np.zeros(N_MODES)
    approach(values, supplied, 1e4, Equilibrium(-1.0, 1.0, 0.0))
    assert values == pytest.approx(-np.ones(N_MODES))
