"""The grids of dots and lines: rules and Abel matrix against quadrature."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from scipy.integrate import quad

from beamline.physics.radial import ABEL_COLUMNS, DOT_PLACES, DOT_WEIGHTS, LINE, N_DOT, N_LINE, dot_rule, line_grid

Array = npt.NDArray[Any]


def ring(r: float | Array, centre: float = 0.6, width: float = 0.1) -> Any:
    """Like the nucleation rate of a hot track: a ring."""
    return np.exp(-(((r - centre) / width) ** 2))


def test_nodes_of_a_line_fill_the_extent() -> None:
    assert LINE.nodes.shape == LINE.rings.shape == (N_LINE,)
    assert (np.diff(LINE.nodes) > 0).all()
    assert (LINE.rings > 0).all()
    assert LINE.rings.sum() == pytest.approx(1.0)
    assert (ABEL_COLUMNS == LINE.abel.T).all()


def test_rings_integrate_across_a_line() -> None:
    assert (LINE.rings * ring(LINE.nodes)).sum() == pytest.approx(quad(ring, 0, 1, epsabs=1e-12)[0], rel=2e-5)


def test_abel_matrix_integrates_along_chords() -> None:
    for i in range(0, N_LINE, 3):
        half = np.sqrt(1 - LINE.nodes[i] ** 2)
        direct = 2 * quad(lambda x, y=LINE.nodes[i]: ring(np.hypot(x, y)), 0, half, limit=300)[0]
        assert LINE.abel[i] @ ring(LINE.nodes) == pytest.approx(direct, abs=1e-4)


def test_abel_matrix_converges_faster_than_any_power() -> None:
    errors = []
    for n in (16, 24, 32):
        grid = line_grid(n)
        abscissae, weights = np.polynomial.legendre.leggauss(200)
        half = np.sqrt(1 - grid.nodes**2)[:, np.newaxis]
        distances = np.hypot(0.5 * (abscissae + 1) * half, grid.nodes[:, np.newaxis])
        direct = (half * weights * ring(distances, 0.5)).sum(axis=1)
        errors.append(float(np.abs(grid.abel @ ring(grid.nodes, 0.5) - direct).max()))
    assert errors[1] < errors[0] / 20
    assert errors[2] < errors[1] / 20


@pytest.mark.parametrize("power", range(6))
def test_the_rule_of_dots_is_exact_for_polynomials(power: int) -> None:
    assert DOT_PLACES.shape == DOT_WEIGHTS.shape == (N_DOT,)
    assert DOT_WEIGHTS @ DOT_PLACES**power == pytest.approx(1.0 / (power + 1), rel=1e-13)


def test_the_rule_of_dots_integrates_what_ends_abruptly() -> None:
    """As does a dot whose centre crystallises."""
    errors = [abs(float(weights @ np.exp(-3 * x)) - -np.expm1(-3) / 3) for x, weights in map(dot_rule, (12, 24))]
    assert errors[1] < 1e-7
    assert errors[1] < errors[0] / 30
