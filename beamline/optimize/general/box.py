"""Between the points of a `skopt.space.Space` and the unit cube in which the process lives.

Real and whole numbers take one column each (linear or logarithmic, as the space says), a category one column for every
choice, 0 or 1. Whole numbers and categories stay what they are: a point of the cube is moved to the nearest one that exists.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import qmc

__all__ = ["Box", "Constraint", "Point"]

Floats = npt.NDArray[np.float64]
Point = list[Any]
Constraint = Callable[[Point], bool]
"""Whether a point may be tried."""

MAX_TRIES = 2**14
"""Points looked at for one that is allowed, before it is said that there is none."""


class Box:
    """The unit cube of a space.

    Args:
        dimensions: a `skopt.space.Space`, or what one is made from: `skopt.space` dimensions, `(low, high)`,
            `(low, high, "log-uniform")`, a list of choices.
        constraint: whether a point may be tried; None: all may.

    Raises:
        ValueError: there are no dimensions, or their bounds contradict each other.
    """

    def __init__(self, dimensions: Any, constraint: Constraint | None = None) -> None:
        from skopt.space import Categorical, Integer, Space  # noqa: PLC0415  # seconds to import

        space = dimensions if isinstance(dimensions, Space) else Space(list(dimensions))
        if not space.dimensions:
            raise ValueError("a space needs at least one dimension")
        # A copy, since the transform is set here.
        self.dimensions: list[Any] = deepcopy(space.dimensions)
        self.constraint = constraint
        self._choices: list[tuple[Any, ...] | None] = []
        self._is_whole: list[bool] = []
        self._columns: list[slice] = []
        width = 0
        for dimension in self.dimensions:
            choices = tuple(dimension.categories) if isinstance(dimension, Categorical) else None
            if choices is None:
                dimension.set_transformer("normalize")
            n = 1 if choices is None else len(choices)
            self._columns.append(slice(width, width + n))
            self._choices.append(choices)
            self._is_whole.append(isinstance(dimension, Integer))
            width += n
        self.width = width

    @property
    def smooth(self) -> npt.NDArray[np.bool_]:
        """Columns along which a gradient leads somewhere: those of real numbers, (width,)."""
        out = np.zeros(self.width, dtype=np.bool_)
        for columns, choices, is_whole in zip(self._columns, self._choices, self._is_whole, strict=True):
            out[columns] = choices is None and not is_whole
        return out

    def encode(self, points: Sequence[Sequence[Any]]) -> Floats:
        """Points as rows of the cube, (n, width).

        Raises:
            ValueError: a point has another number of coordinates, or one of them lies outside the space.
        """
        out = np.zeros((len(points), self.width))
        for point in points:
            if len(point) != len(self.dimensions):
                raise ValueError(
                    f"point {list(point)!r} has {len(point)} coordinates; the space has {len(self.dimensions)}"
                )
            for dimension, value in zip(self.dimensions, point, strict=True):
                if value not in dimension:
                    raise ValueError(f"point {list(point)!r}: {value!r} lies outside {dimension}")
        for i, (columns, choices) in enumerate(zip(self._columns, self._choices, strict=True)):
            values = [point[i] for point in points]
            if choices is None:
                out[:, columns.start] = self.dimensions[i].transform(np.array(values, dtype=float)) if values else 0.0
            else:
                for row, value in enumerate(values):
                    out[row, columns.start + choices.index(value)] = 1.0
        return np.clip(out, 0.0, 1.0)

    def decode(self, rows: Floats) -> list[Point]:
        """Points of rows of the cube, in plain Python numbers and the categories as they were given."""
        columns: list[list[Any]] = []
        for dimension, where, choices, is_whole in zip(
            self.dimensions, self._columns, self._choices, self._is_whole, strict=True
        ):
            if choices is not None:
                columns.append([choices[int(k)] for k in np.argmax(rows[:, where], axis=1)])
                continue
            values = np.asarray(dimension.inverse_transform(np.clip(rows[:, where.start], 0.0, 1.0)), dtype=float)
            inside = np.clip(values, dimension.low, dimension.high)
            columns.append([round(value) if is_whole else float(value) for value in inside])
        return [list(point) for point in zip(*columns, strict=True)]

    def snapped(self, rows: Floats) -> Floats:
        """The rows that exist nearest to some rows: whole numbers rounded, one category chosen."""
        return self.encode(self.decode(rows)) if len(rows) else rows

    def allowed(self, rows: Floats) -> npt.NDArray[np.bool_]:
        """Which rows the constraint allows, (n,)."""
        if self.constraint is None:
            return np.ones(len(rows), dtype=np.bool_)
        return np.array([bool(self.constraint(point)) for point in self.decode(rows)], dtype=np.bool_)

    def spread(self, n: int, rng: np.random.Generator) -> Floats:
        """Allowed rows spread over the cube by a scrambled Sobol' sequence, (n, width); fewer than n where few are allowed.

        Raises:
            ValueError: none is allowed.
        """
        sequence = qmc.Sobol(len(self.dimensions), rng=rng)
        found: list[Floats] = []
        n_found, tried, block = 0, 0, 1 << max(n - 1, 1).bit_length()
        while n_found < n and tried < MAX_TRIES:
            rows = self._placed(sequence.random(block))
            rows = rows[self.allowed(rows)]
            found.append(rows)
            n_found, tried = n_found + len(rows), tried + block
        if n_found == 0:
            raise ValueError(
                f"the constraint allows none of {tried} points spread over the space: loosen it, or the bounds"
            )
        return np.vstack(found)[:n]

    def around(self, rows: Floats, reach: Floats, rng: np.random.Generator) -> Floats:
        """Allowed rows near some rows: real numbers moved by `reach`, whole ones by a step, sometimes another category."""
        moved = rows + reach[:, None] * rng.standard_normal(rows.shape)
        for dimension, columns, choices, is_whole in zip(
            self.dimensions, self._columns, self._choices, self._is_whole, strict=True
        ):
            if is_whole:
                step = rng.integers(-1, 2, len(rows)) / max(dimension.high - dimension.low, 1)
                moved[:, columns.start] = np.where(
                    rng.random(len(rows)) < 0.5, rows[:, columns.start] + step, moved[:, columns.start]
                )
            elif choices is not None:
                keep = rng.random(len(rows)) > 1.0 / len(self.dimensions)
                drawn = np.eye(len(choices))[rng.integers(len(choices), size=len(rows))]
                moved[:, columns] = np.where(keep[:, None], rows[:, columns], drawn)
        moved = self.snapped(np.clip(moved, 0.0, 1.0))
        return moved[self.allowed(moved)]

    def _placed(self, unit: Floats) -> Floats:
        """Rows of numbers uniform in [0, 1), one for each dimension: (n, n_dimensions) -> (n, width)."""
        rows = np.zeros((len(unit), self.width))
        for i, (columns, choices) in enumerate(zip(self._columns, self._choices, strict=True)):
            if choices is None:
                rows[:, columns.start] = unit[:, i]
            else:
                chosen = np.minimum((unit[:, i] * len(choices)).astype(int), len(choices) - 1)
                rows[np.arange(len(unit)), columns.start + chosen] = 1.0
        return self.snapped(rows)
