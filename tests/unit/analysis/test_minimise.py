from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from beamline.analysis.minimise import least_squares

Floats = NDArray[np.float64]


def valley(values: Floats) -> tuple[Floats, Floats]:
    """Rosenbrock's: a bent valley, with its minimum of 0 at (1, 1)."""
    x, y = values
    return np.array([10.0 * (y - x * x), 1.0 - x]), np.array([[-20.0 * x, -1.0], [10.0, 0.0]])


@given(st.floats(-2.0, 2.0), st.floats(-2.0, 2.0))
def test_a_bent_valley_is_followed_to_its_end(x: float, y: float) -> None:
    free = np.full(2, np.inf)
    found = least_squares(valley, np.array([x, y]), -free, free, max_steps=200)
    assert found.converged
    assert found.cost < 1e-2
    assert found.values == pytest.approx([1.0, 1.0], abs=0.1)


def test_a_minimum_beyond_a_bound_ends_on_it() -> None:
    found = least_squares(valley, np.array([-1.0, 0.0]), np.full(2, -2.0), np.array([0.5, 2.0]), max_steps=200)
    assert found.converged
    assert found.values == pytest.approx([0.5, 0.25], abs=0.01)


def test_a_large_residual_that_bends_the_bottom_is_no_hindrance() -> None:
    """Gauss and Newton creep here: what they leave out is larger than what they keep."""

    def at(values: Floats) -> tuple[Floats, Floats]:
        x = values[0]
        return np.array([x + 1.0, -2.0 * x * x + x - 1.0]), np.array([[1.0, -4.0 * x + 1.0]])

    found = least_squares(at, np.array([1.0]), np.array([-np.inf]), np.array([np.inf]), max_steps=60)
    assert found.converged
    assert found.values[0] == pytest.approx(0.0, abs=0.02)


def test_too_few_steps_are_no_minimum() -> None:
    free = np.full(2, np.inf)
    assert not least_squares(valley, np.array([-1.5, 2.0]), -free, free, max_steps=2).converged
