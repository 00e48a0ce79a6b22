"""Between the factors of a search, in their own units, and the unit cube in which points are spread.

scikit-optimize's dimensions do the transforms (linear, logarithmic, integer); fixed factors stay out of the cube. Values
that come back are rounded to a grain that a person would type, and stay within their interval.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from beamline.optimize.space import SearchSpace
from beamline.recipe import Dot, Line

__all__ = ["Cube", "Factor", "factors_of", "furnace_factors", "laser_cube", "laser_factors", "spread"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Factor:
    """One factor of a search; `grain` is the step to which its values are rounded."""

    name: str
    low: float
    high: float
    grain: float
    is_log: bool = False
    is_integer: bool = False

    @property
    def is_free(self) -> bool:
        """False where both ends of the interval agree."""
        return self.high > self.low

    def round(self, values: Floats) -> Floats:
        """Values on the grain and within the interval; a narrow interval gets a finer grain."""
        grain = self.grain
        while not self.is_integer and self.is_free and (self.high - self.low) < 20 * grain:
            grain /= 10
        steps = np.round(values / grain) * grain
        return np.clip(np.round(steps, 9), self.low, self.high)


def laser_factors(space: SearchSpace) -> tuple[Factor, Factor, Factor]:
    """Pulse energy, speed (lines) or exposure (dots), passes."""
    energy = Factor("pulse_energy_uJ", *space.pulse_energy_uJ, grain=1.0)
    if space.mode == "line":
        time = Factor("speed_mm_s", *space.speed_mm_s, grain=0.01, is_log=True)
    else:
        time = Factor("exposure_s", *space.exposure_s, grain=0.1, is_log=True)
    low, high = space.n_passes
    return energy, time, Factor("n_passes", float(low), float(high), grain=1.0, is_integer=True)


def furnace_factors(space: SearchSpace) -> tuple[Factor, Factor]:
    """Hold temperature and hold time."""
    hold_low, hold_high = space.hold_s
    return (
        Factor("temperature_C", *space.temperature_C, grain=1.0),
        Factor("hold_s", hold_low, hold_high, grain=60.0, is_log=hold_low > 0),
    )


class Cube:
    """The unit cube over the free ones of some factors.

    Args:
        factors: fixed ones too.
        allowed: moves values (n, n_factors) that break a constraint among several factors to allowed ones near them.
    """

    def __init__(self, factors: tuple[Factor, ...], allowed: Callable[[Floats], Floats] | None = None) -> None:
        self.factors = factors
        self.allowed = allowed or (lambda values: values)
        self.free = tuple(i for i, factor in enumerate(factors) if factor.is_free)

    @property
    def n_free(self) -> int:
        """Number of dimensions of the cube."""
        return len(self.free)

    @property
    def low(self) -> tuple[float, ...]:
        """The lower end of every factor."""
        return tuple(factor.low for factor in self.factors)

    def inside(self, values: Floats) -> list[float | int]:
        """The free ones of some factor values (n_factors,), moved into their intervals, in plain Python numbers."""
        clipped = [(self.factors[i], min(max(values[i], self.factors[i].low), self.factors[i].high)) for i in self.free]
        return [round(value) if factor.is_integer else float(value) for factor, value in clipped]

    @cached_property
    def dimensions(self) -> list[Any]:
        """The free factors as scikit-optimize dimensions, normalised to [0, 1]."""
        from skopt.space import Integer, Real  # noqa: PLC0415  # seconds to import; the CLI's help must not pay

        made: list[Any] = []
        for i in self.free:
            factor = self.factors[i]
            if factor.is_integer:
                made.append(Integer(int(factor.low), int(factor.high), transform="normalize", name=factor.name))
            else:
                prior = "log-uniform" if factor.is_log else "uniform"
                made.append(Real(factor.low, factor.high, prior=prior, transform="normalize", name=factor.name))
        return made

    def values(self, points: Floats) -> Floats:
        """Factor values, rounded, of points in the cube: (n, n_free) -> (n, n_factors)."""
        out = np.empty((len(points), len(self.factors)))
        for i, factor in enumerate(self.factors):
            out[:, i] = factor.low
        for column, (i, dimension) in enumerate(zip(self.free, self.dimensions, strict=True)):
            back = dimension.inverse_transform(np.clip(points[:, column], 0.0, 1.0))
            out[:, i] = self.factors[i].round(np.asarray(back, dtype=float))
        return self.allowed(out)

    def points(self, values: Floats) -> Floats:
        """Inverse of `values` up to rounding; values beyond an interval are moved to its end: (n, n_factors) -> (n, n_free)."""
        out = np.empty((len(values), self.n_free))
        for column, (i, dimension) in enumerate(zip(self.free, self.dimensions, strict=True)):
            inside = np.clip(values[:, i], self.factors[i].low, self.factors[i].high)
            out[:, column] = dimension.transform(np.round(inside).astype(int) if self.factors[i].is_integer else inside)
        return out


def laser_cube(space: SearchSpace) -> Cube:
    """The writings of a space; all values that come out of it keep to the allowed doses."""
    factors = laser_factors(space)
    return Cube(factors, None if space.dose is None else lambda values: _within_dose(space, factors, values))


def _within_dose(space: SearchSpace, factors: tuple[Factor, ...], values: Floats) -> Floats:
    """Writings (n, 3) with the nearest possible number of passes, then another time, then another energy."""
    assert space.dose is not None  # only then is this asked
    low, high = space.dose
    passes = np.array(space.possible_passes(), dtype=float)
    out = values.copy()
    for row in out:
        row[2] = passes[np.argmin(np.abs(passes - row[2]))]
        # On the grain where that can be, and where the interval is too narrow for it, off it.
        for i, on_grain in ((1, True), (0, True), (1, False), (0, False)):
            dose = space.dose_of(*row)
            wanted = float(np.clip(dose, low, high))
            if wanted == dose:
                break
            rises = wanted > dose
            if i == 1 and space.mode == "line":  # slower is more
                exact, rises = row[1] * dose / wanted, not rises
            else:
                exact = row[i] * wanted / dose
            grain = factors[i].grain if on_grain else 1e-9
            steps = np.ceil(exact / grain - 1e-6) if rises else np.floor(exact / grain + 1e-6)
            row[i] = np.clip(np.round(steps * grain, 9), factors[i].low, factors[i].high)
    return out


def factors_of(writing: Dot | Line) -> tuple[float, float, float]:
    """A writing as the laser factors of a space: energy, speed or exposure, passes."""
    time = writing.exposure_s if isinstance(writing, Dot) else writing.speed_mm_s
    return writing.pulse_energy_uJ, time, float(writing.n_passes)


def spread(n: int, n_dimensions: int, rng: np.random.Generator) -> Floats:
    """Evenly spread points in the unit cube, shifted at random: (n, n_dimensions).

    Additive recurrence with the generalised golden ratio (M. Roberts, "The unreasonable effectiveness of quasirandom
    sequences", 2018): any number of points, and the same on every version of every library.
    """
    golden = 1.5
    for _ in range(60):
        golden = (1.0 + golden) ** (1.0 / (n_dimensions + 1))
    steps = golden ** -np.arange(1.0, n_dimensions + 1)
    shifted: Floats = (rng.random(n_dimensions) + np.arange(1, n + 1)[:, None] * steps) % 1.0
    return shifted
