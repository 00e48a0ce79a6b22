"""Covariances of blocks and features are the matrices that they stand for."""

from __future__ import annotations

import numpy as np
import pytest

from beamline.optimize.algebra import Covariance
from beamline.optimize.discrepancy import correlation
from beamline.optimize.inducing import inducing


@pytest.fixture
def covariance() -> Covariance:
    rng = np.random.default_rng(0)
    blocks = tuple(root @ root.T for root in (rng.standard_normal((n, n)) for n in (4, 1, 7)))
    return Covariance(blocks, rng.standard_normal((12, 5)))


def test_every_answer_is_that_of_the_dense_matrix(covariance: Covariance) -> None:
    rng = np.random.default_rng(1)
    variance, more, rows = rng.uniform(0.5, 2.0, 12), rng.standard_normal((12, 3)), rng.standard_normal((12, 2))
    for extra in (None, more):
        factor = covariance.factor(variance, more=extra)
        dense = covariance.dense() + np.diag(variance) + (0.0 if extra is None else extra @ extra.T)
        inverse = np.linalg.inv(dense)
        assert factor.solve(rows) == pytest.approx(inverse @ rows)
        assert factor.solve(rows[:, 0]) == pytest.approx(inverse @ rows[:, 0])
        assert factor.gram(more) == pytest.approx(more.T @ inverse @ more)
        assert factor.squares(rows) == pytest.approx(np.diag(rows.T @ inverse @ rows))
        assert float(factor.squares(rows[:, 1])) == pytest.approx(rows[:, 1] @ inverse @ rows[:, 1])
        assert factor.inverse_diagonal() == pytest.approx(np.diag(inverse))


def test_as_many_conditions_as_there_are_leave_nothing() -> None:
    where = np.random.default_rng(0).uniform(-1.0, 1.0, (20, 7))
    all_of_them = inducing(where, 40)
    assert len(all_of_them.picked) == 20
    assert all_of_them.features @ all_of_them.features.T == pytest.approx(correlation(where, where), abs=1e-5)
    assert all_of_them.features_at(where) == pytest.approx(all_of_them.features, abs=1e-6)


def test_a_repeated_condition_is_picked_once() -> None:
    where = np.repeat(np.random.default_rng(0).uniform(-1.0, 1.0, (3, 7)), 4, axis=0)
    found = inducing(where, 40)
    assert len(found.picked) == 3
    assert found.left == pytest.approx(np.zeros(12), abs=1e-6)


def test_few_conditions_say_most_of_a_smooth_function_and_own_up_to_the_rest() -> None:
    rng = np.random.default_rng(0)
    where = np.pad(rng.uniform(-1.0, 1.0, (300, 4)), ((0, 0), (0, 3)))
    found = inducing(where, 80)
    exact = correlation(where, where)
    kept = found.features @ found.features.T
    assert np.diag(kept) + found.left == pytest.approx(np.ones(300))
    assert found.left.max() < 0.05
    assert np.abs(kept - exact).max() < 0.05


def test_without_conditions_there_are_no_features() -> None:
    nothing = inducing(np.zeros((0, 7)), 80)
    assert nothing.features_at(np.zeros((3, 7))).shape == (3, 0)
