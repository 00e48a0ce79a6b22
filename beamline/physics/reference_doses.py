"""The plain model: nodes of a site, and the doses of all passes there. See `reference`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from beamline.physics.radial import LineGrid
from beamline.physics.reference_heat import (
    Array,
    Columns,
    as_column,
    curve_of,
    isotherm_at,
    k,
    nucleation_rate,
    temperature_at,
)

__all__ = ["Doses", "Exposure", "Grid", "Mask", "across", "around"]

Mask: TypeAlias = NDArray[np.bool_]


class Grid(NamedTuple):
    """Nodes of lines; places and weights of those of dots."""

    line: LineGrid
    dot_places: Array
    dot_weights: Array
    equal_rings: bool = False
    """Dots with rings equally wide from the axis to the end, in place of equally spaced temperatures."""


class Exposure(NamedTuple):
    """Equal passes: their field, and the seconds of dots or the seconds per um of lines; none where nothing is absorbed."""

    field: Columns
    seconds: Array

    def of(self, part: NDArray[np.intp]) -> Exposure:
        """Some of the settings."""
        return Exposure({name: column[part] for name, column in self.field.items()}, self.seconds[part])

    @property
    def is_line(self) -> Mask:
        """Of each setting."""
        return self.field["line"] > 0

    def effective(self, p: np.void) -> Array:
        """Time at temperature."""
        return self.seconds * np.where(self.field["line"], isotherm_at(self.field, curve_of(p).T_nose), 1.0)


class Doses(NamedTuple):
    """Radii and weights of the nodes (m, J), where they end (m,), and doses u = int k_N dt and tau at them."""

    r: Array
    weight: Array
    end: Array
    u: Array
    tau: Array


def _rates(field: Columns, r: Array, p: np.void) -> Array:
    """k_N and k_N exp[-(E_x / k)(1/T - 1/T_nose)], (2, m, J)."""
    T = temperature_at(field, r)
    k_N = nucleation_rate(T, p)
    return np.stack([k_N, k_N * np.exp(-p["transport_excess_barrier_eV"] / k * (1.0 / T - 1.0 / p["nose_K"]))])


def _line_end(field: Columns, cold: Array) -> Array:
    return np.asarray(np.maximum(isotherm_at(field, cold), 1.5 * field["a"]))


def across(exposures: Sequence[Exposure], cold: Array, p: np.void, grid: Grid) -> Doses:
    """Doses across lines; of a dot under one, the mean along as much of the path as the dot is wide."""
    R = np.max([np.where(e.seconds > 0.0, _line_end(e.field, cold), 0.0) for e in exposures], axis=0)
    r = as_column(R) * grid.line.nodes
    doses = np.zeros((2, *r.shape))
    for e in exposures:
        stretch = np.where(e.field["line"], 1.0, 2.0 * _line_end(e.field, cold))
        doses += as_column(e.seconds * R / stretch) * (_rates(e.field, r, p) @ grid.line.abel.T)
    u, tau = np.maximum(doses, 0.0)
    return Doses(r, 2.0 * as_column(R) * grid.line.rings, R, u, tau)


def around(exposures: Sequence[Exposure], cold: Array, hot: Array, *, p: np.void, grid: Grid) -> Doses:
    """Doses around dots; of a line under one, the mean round every radius."""
    core2, inner, outer = np.full_like(cold, np.inf), np.full_like(cold, np.inf), np.zeros_like(cold)
    has_line = np.zeros(cold.shape, dtype=bool)
    for e in exposures:
        dot, line = ((e.seconds > 0.0) & kind for kind in (~e.is_line, e.is_line))
        core = np.pi / 4.0 * e.field["a"] ** 2
        core2 = np.where(dot, np.minimum(core2, core), core2)
        has_line |= line
        inner = np.where(dot, np.minimum(inner, isotherm_at(e.field, hot)), inner)
        end = np.maximum(isotherm_at(e.field, cold), np.sqrt(core + (1.5 * e.field["a"]) ** 2))
        outer = np.where(dot, np.maximum(outer, end), outer)
    R = np.sqrt(outer**2 - core2)
    core2, outer = np.where(has_line, R**2, core2), np.where(has_line, np.sqrt(2.0) * R, outer)
    start = 1.0 / np.where(has_line, R, np.maximum(inner, np.sqrt(core2)))
    if grid.equal_rings:
        r = as_column(R) * grid.dot_places
        weight = 2.0 * np.pi * r * as_column(R) * grid.dot_weights
    else:
        rho = 1.0 / (as_column(start) + as_column(1.0 / outer - start) * grid.dot_places)
        r = np.sqrt(rho**2 - as_column(core2))
        weight = 2.0 * np.pi * rho**3 * as_column(start - 1.0 / outer) * grid.dot_weights
    doses = np.zeros((2, *r.shape))
    for e in exposures:
        on_spot = np.where(e.field["line"], 0.0, e.seconds)
        doses += as_column(on_spot) * _rates(e.field, r, p)
        for i in np.flatnonzero(e.is_line & (e.seconds > 0.0)):
            below = across([e.of(np.array([i]))], cold[i : i + 1], p, grid)
            ways = r[i][:, np.newaxis] * np.sin((np.arange(8) + 0.5) * np.pi / 16.0)
            for kind, dose in enumerate((below.u[0], below.tau[0])):
                doses[kind, i] += np.interp(ways, below.r[0], dose, right=0.0).mean(axis=1)
    return Doses(r, weight, R, doses[0], doses[1])
