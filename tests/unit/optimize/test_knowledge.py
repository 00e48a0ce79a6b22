"""What is known: by itself, only together with others, or not at all."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from beamline.optimize.knowledge import Knowledge
from beamline.optimize.prior import Latent

NAMES = ("dose", "rate", "gap", "width")


def told(*rows: tuple[list[float], float]) -> Knowledge:
    """Four numbers with unit priors after measurements of some combinations (rows) with some sigma."""
    precision: npt.NDArray[np.float64] = np.eye(4)
    for row, sd in rows:
        precision += np.outer(row, row) / sd**2
    latents = tuple(Latent(name, name, "1", 1.0, 0.1, "lognormal") for name in NAMES)
    return Knowledge(latents, np.zeros(4), np.linalg.inv(precision))


def test_a_product_that_was_measured_hides_its_factors() -> None:
    knowledge = told(([1.0, 1.0, 0.0, 0.0], 0.05), ([0.0, 0.0, 1.0, 0.0], 0.1))
    assert [knowledge.standing(i) for i in range(4)] == ["confounded", "confounded", "known", "unseen"]
    (one,) = knowledge.confounded()
    assert set(one.members) == {0, 1}
    assert one.move[0] == pytest.approx(-one.move[1], rel=1e-6)  # one up, the other down: the product stays
    assert np.abs(one.move[0]) == pytest.approx(np.sqrt(0.5), abs=0.01)
    assert one.contrast_sd == pytest.approx(0.05 / np.sqrt(2), rel=0.01)  # of the sum's unit vector
    assert not one.move[2:].any()


def test_what_was_measured_by_itself_is_not_confounded() -> None:
    knowledge = told(*((row, 0.1) for row in np.eye(4).tolist()))
    assert [knowledge.standing(i) for i in range(4)] == ["known"] * 4
    assert knowledge.confounded() == ()


def test_nothing_measured_is_nothing_confounded() -> None:
    assert told().confounded() == ()


def test_the_worst_comes_first_and_no_more_than_asked_for() -> None:
    knowledge = told(([1.0, 1.0, 0.0, 0.0], 0.1), ([0.0, 0.0, 1.0, -1.0], 0.02))
    first, second = knowledge.confounded()
    assert set(first.members) == {2, 3}
    assert first.move[2] == pytest.approx(first.move[3])  # a ratio was measured: both go together
    assert set(second.members) == {0, 1}
    assert first.inflation > second.inflation
    (only,) = knowledge.confounded(most=1)
    assert only.members == first.members
