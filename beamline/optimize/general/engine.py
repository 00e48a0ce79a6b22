"""A general optimiser: ask and tell, over any space, without a model of the world.

For data that are not a bench: a function, or a table of designs. What it shares with the agent is the idea; the agent knows
physics, coupons and several observables, and this knows numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from beamline.optimize.general.box import Box, Constraint, Point
from beamline.optimize.general.process import GaussianProcess, fit
from beamline.optimize.general.search import Acquisition, Score, climb, farthest

__all__ = ["Believed", "GeneralOptimizer"]

Floats = npt.NDArray[np.float64]

_SPREAD, _FIT, _SEARCH = range(3)
"""Purposes of random numbers."""


@dataclass(frozen=True)
class Believed:
    """What is believed of a point.

    Attributes:
        point: in the space.
        mean: expected value without noise, in the unit of the values.
        sd: its uncertainty.
    """

    point: Point
    mean: float
    sd: float


class GeneralOptimizer:
    """Bayesian optimisation with a Gaussian process.

    The same seed and the same data give the same answer, in whatever order the data were told and however often it is asked.

    Args:
        dimensions: a `skopt.space.Space` or what one is made from (real, integer, categorical, log-uniform).
        maximise: whether large values are good.
        seed: of all random numbers.
        constraint: whether a point may be tried; None: all may.
        n_initial: points spread over the space before the process is asked; by default 4, and one more for every two columns.
        acquisition: "improvement" or "bound" (`search.Score`).
        width: of the bound, in standard deviations.

    Raises:
        ValueError: the space is empty or contradictory, or a number is out of range.
    """

    def __init__(
        self,
        dimensions: Any,
        *,
        maximise: bool,
        seed: int,
        constraint: Constraint | None = None,
        n_initial: int | None = None,
        acquisition: Acquisition = "bound",
        width: float = 1.0,
    ) -> None:
        if seed < 0:
            raise ValueError(f"{seed=}: a seed is a whole number of at least 0")
        if acquisition not in {"improvement", "bound"}:
            raise ValueError(f'{acquisition=}: it is "improvement" or "bound"')
        if not 0 <= width < np.inf:
            raise ValueError(f"{width=}: the width of the bound is a number of at least 0")
        if n_initial is not None and n_initial < 1:
            raise ValueError(f"{n_initial=}: at least one point is needed before a process can be asked")
        self.box = Box(dimensions, constraint)
        self.sign = 1.0 if maximise else -1.0
        self.seed, self.acquisition, self.width = seed, acquisition, width
        self.n_initial = 4 + self.box.width // 2 if n_initial is None else n_initial
        self._rows = np.zeros((0, self.box.width))
        self._values = np.zeros(0)
        self._models: tuple[GaussianProcess, GaussianProcess | None] | None = None

    @property
    def n_told(self) -> int:
        """Outcomes told, failures included."""
        return len(self._values)

    def tell(self, points: Sequence[Sequence[Any]], values: Sequence[float]) -> None:
        """Takes in what came of some points; all of it or, where something is wrong, nothing.

        Args:
            points: in the space; also such as were never asked for, and again.
            values: of the objective; NaN says that the point failed, and that is learnt from too.

        Raises:
            ValueError: their numbers differ, a point lies outside the space, or a value is infinite.
        """
        if len(points) != len(values):
            raise ValueError(
                f"{len(points)} points and {len(values)} values: give one value for each point, NaN for a failure"
            )
        told = np.array([float(value) for value in values])
        if np.isinf(told).any():
            raise ValueError(f"value {told[np.isinf(told)][0]} is infinite: give a number, or NaN for a failure")
        rows = np.vstack([self._rows, self.box.encode(points)])
        all_values = np.concatenate([self._values, self.sign * told])
        # Rounding errors of a fit depend on the order of its rows: one order, whatever came first.
        order = np.lexsort([all_values, *rows.T])
        self._rows, self._values, self._models = rows[order], all_values[order], None

    def ask(self, n: int = 1) -> list[Point]:
        """Points to try next, which differ by what the ones before will have taught.

        Raises:
            ValueError: n is below 1, or the constraint allows nothing.
        """
        self._checked(n)
        rows: list[Floats] = []
        if self.n_told < self.n_initial:
            spread = self.box.spread(max(self.n_initial, self.n_told + n), self._rng(_SPREAD, 0))
            rows = list(spread[self.n_told : self.n_told + n])
        if len(rows) < n and not np.isfinite(self._values).any():
            while len(rows) < n:  # nothing has succeeded: away from all that was tried
                among = self.box.spread(256, self._rng(_SEARCH, len(rows)))
                rows.append(among[farthest(among, np.vstack([self._rows, *[row[None] for row in rows]]))])
        if len(rows) < n:
            score = self._score()
            for row in rows:
                score = _believing(score, row)
            while len(rows) < n:
                rows.append(climb(score, self.box, self._rng(_SEARCH, len(rows))))
                score = _believing(score, rows[-1])
        return self.box.decode(np.array(rows))

    def choose(self, among: Sequence[Sequence[Any]], n: int = 1) -> list[int]:
        """Which of some given points to try next: indices, in order of preference.

        Without any outcome that can be learnt from, those that are farthest from the ones tried and from each other.

        Raises:
            ValueError: n is below 1, fewer than n of the points are allowed, or one lies outside the space.
        """
        self._checked(n)
        rows = self.box.encode(among)
        free = self.box.allowed(rows)
        if free.sum() < n:
            raise ValueError(f"{n} asked for, and {int(free.sum())} of the {len(rows)} points given are allowed")
        chosen: list[int] = []
        score = self._score() if np.isfinite(self._values).any() else None
        while len(chosen) < n:
            left = np.flatnonzero(free)
            if score is None:
                known = np.vstack([self._rows, rows[chosen]])
                index = (
                    int(left[farthest(rows[left], known)]) if len(known) else int(self._rng(_SEARCH, 0).choice(left))
                )
            else:
                index = int(left[np.argmax(score(rows[left]))])
                score = _believing(score, rows[index])
            free[index] = False
            chosen.append(index)
        return chosen

    def predict(self, points: Sequence[Sequence[Any]]) -> list[Believed]:
        """What is believed of some points.

        Raises:
            ValueError: nothing has succeeded yet, or a point lies outside the space.
        """
        if not np.isfinite(self._values).any():
            raise ValueError("nothing is believed before a value was told")
        mean, sd = self._fitted()[0].predict(self.box.encode(points))
        return [Believed(list(p), self.sign * float(m), float(s)) for p, m, s in zip(points, mean, sd, strict=True)]

    def best(self) -> Believed | None:
        """The tried point that is believed to be the best, and not the luckiest reading; None before one succeeded."""
        succeeded = np.isfinite(self._values)
        if not succeeded.any():
            return None
        rows = self._rows[succeeded]
        mean, sd = self._fitted()[0].predict(rows)
        index = int(np.argmax(mean))
        return Believed(self.box.decode(rows[index : index + 1])[0], self.sign * float(mean[index]), float(sd[index]))

    def _checked(self, n: int) -> None:
        if n < 1:
            raise ValueError(f"{n=}: ask for at least one point")

    def _rng(self, purpose: int, k: int) -> np.random.Generator:
        return np.random.default_rng([self.seed, 0 if purpose == _SPREAD else self.n_told, purpose, k])

    def _fitted(self) -> tuple[GaussianProcess, GaussianProcess | None]:
        if self._models is None:
            succeeded = np.isfinite(self._values)
            process = fit(self._rows[succeeded], self._values[succeeded], rng=self._rng(_FIT, 0))
            success = None if succeeded.all() else fit(self._rows, succeeded.astype(float), rng=self._rng(_FIT, 1))
            self._models = process, success
        return self._models

    def _score(self) -> Score:
        process, success = self._fitted()
        return Score(process, self.acquisition, self.width, float(process.predict(process.x)[0].max()), success)


def _believing(score: Score, row: Floats) -> Score:
    """The score after a point was promised: as if it had come out as expected."""
    process = score.process.believing(row[None])
    incumbent = max(score.incumbent, float(process.predict(row[None])[0][0]))
    return Score(process, score.acquisition, score.width, incumbent, score.success)
