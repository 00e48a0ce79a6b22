"""The radial grid: rings and Abel matrix against quadrature."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from scipy.integrate import quad

from beamline.physics.radial import ABEL, N_NODES, NODES, RINGS, abel_matrix

Array = npt.NDArray[Any]


def ring(r: float | Array, centre: float = 0.55, width: float = 0.08) -> Any:
    """Like the nucleation rate of a hot track: a ring."""
    return np.exp(-(((r - centre) / width) ** 2))


def test_nodes_fill_the_extent() -> None:
    assert NODES.shape == RINGS.shape == (N_NODES,)
    assert (np.diff(NODES) > 0).all()
    assert RINGS.sum() == pytest.approx(1.0)


def test_rings_integrate() -> None:
    assert (RINGS * ring(NODES)).sum() == pytest.approx(quad(ring, 0, 1, epsabs=1e-12)[0], rel=1e-4)
    assert (RINGS * NODES * ring(NODES)).sum() == pytest.approx(quad(lambda r: r * ring(r), 0, 1)[0], rel=1e-4)


def test_abel_matrix_integrates_along_lines() -> None:
    for i in range(0, 24, 3):
        half = np.sqrt(1 - NODES[i] ** 2)
        direct = 2 * quad(lambda x, y=NODES[i]: ring(np.hypot(x, y)), 0, half, limit=300)[0]
        assert ABEL[i] @ ring(NODES) == pytest.approx(direct, abs=2e-4)


def test_abel_matrix_looks_outward_only() -> None:
    assert (np.tril(ABEL, -2) == 0.0).all()


def test_abel_matrix_converges() -> None:
    coarse, fine = (np.abs(_error(n)).max() for n in (16, 48))
    assert fine < coarse / 20


def _error(n: int) -> Array:
    from beamline.physics.radial import nodes_and_rings

    nodes, _ = nodes_and_rings(n)
    abscissae, weights = np.polynomial.legendre.leggauss(200)
    half = np.sqrt(1 - nodes**2)[:, np.newaxis]
    direct = (half * weights * ring(np.hypot(0.5 * (abscissae + 1) * half, nodes[:, np.newaxis]))).sum(axis=1)
    return abel_matrix(n, 240) @ ring(nodes) - direct
