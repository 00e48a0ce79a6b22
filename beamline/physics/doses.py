"""Doses: lays the grid of a site, and sums what all passes over it did at its nodes.

The dose of nucleation is rate times time. Transport is the motion of halide, on the clock of nucleation with an excess barrier:
ions move by the same viscous flow, and faster where it is hotter. It drives both the exchange and the loss.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from beamline.physics.conduction import Field, fill_temperatures, isotherm_um
from beamline.physics.constants import BOLTZMANN_eV_K
from beamline.physics.exponential import exp
from beamline.physics.jit import compiled
from beamline.physics.nucleation import Nose, Window, log_rate, nucleates, window_K
from beamline.physics.passes import is_of_line, recall, seconds_of
from beamline.physics.radial import ABEL_COLUMNS, DOT_PLACES, DOT_WEIGHTS, LINE, MOST_NODES, N_DOT, N_LINE
from beamline.physics.records import MOST_PASSES, Record

__all__ = ["NUCLEATION", "TRANSPORT", "Laid", "Work", "add_up", "new_work"]

NUCLEATION, TRANSPORT = range(2)

_LINE_NODES, _LINE_RINGS = LINE.nodes, LINE.rings

_SOURCE = 1.5
"""Grids reach at least so many radii of the source."""

_SINES = np.sin((np.arange(8) + 0.5) * math.pi / 16.0)
"""Of directions round a dot, against a line under it."""


class Work(NamedTuple):
    """Memory for one site: arrays over the nodes, and over both kinds of dose."""

    radii_um: NDArray[np.float64]
    temperatures_K: NDArray[np.float64]
    weights: NDArray[np.float64]
    """um across a line, um2 around a dot."""
    doses: NDArray[np.float64]
    rates: NDArray[np.float64]
    below: NDArray[np.float64]
    """Doses of a line under a dot."""
    shares: NDArray[np.float64]
    powers: NDArray[np.float64]
    """Of the dose of nucleation, with the exponent of Avrami."""


class Laid(NamedTuple):
    """The grid that was laid."""

    n: int
    end_um: float
    is_line: bool


@compiled
def new_work() -> Work:
    """Memory for `add_up`."""
    n = MOST_NODES
    return Work(
        np.empty(n),
        np.empty(n),
        np.empty(n),
        np.empty((2, n)),
        np.empty((2, n)),
        np.empty((2, n)),
        np.empty(n),
        np.empty(n),
    )


class _Reach(NamedTuple):
    """Where a dot begins and ends, as sqrt(r^2 + pi a^2 / 4)."""

    inner_um: float
    outer_um: float
    core2_um2: float
    """pi a^2 / 4 of the smallest source."""


@compiled
def _effective_s(row: NDArray[np.float64], curve: Nose) -> float:
    """Time at temperature: of a line about that over the radius of the nose."""
    seconds = seconds_of(row)
    return seconds * isotherm_um(recall(row), curve.nose_K) if is_of_line(row) else seconds


@compiled
def _total_s(state: Record, curve: Nose) -> float:
    total = 0.0
    for k in range(MOST_PASSES):
        if seconds_of(state.passes[k]) <= 0.0:
            break
        total += _effective_s(state.passes[k], curve)
    return total


@compiled
def _line_end_um(around: Field, cold_K: float) -> float:
    return max(isotherm_um(around, cold_K), _SOURCE * around.radius_um)


@compiled
def _reach_of_line(state: Record, window: Window) -> float:
    """Where a line ends, with the dots under it."""
    outer = 0.0
    for k in range(MOST_PASSES):
        row = state.passes[k]
        if seconds_of(row) <= 0.0:
            break
        outer = max(outer, _line_end_um(recall(row), window.cold_K))
    return outer


@compiled
def _reach_of_dot(state: Record, window: Window) -> _Reach:
    """Where a dot begins and ends; with a line under it, it begins at the axis, but does not end with the line."""
    inner = math.inf
    outer = 0.0
    core2 = math.inf
    has_line = False
    for k in range(MOST_PASSES):
        row = state.passes[k]
        if seconds_of(row) <= 0.0:
            break
        around = recall(row)
        if is_of_line(row):
            has_line = True
        else:
            core = 0.25 * math.pi * around.radius_um * around.radius_um
            end = _SOURCE * around.radius_um
            core2 = min(core2, core)
            inner = min(inner, isotherm_um(around, window.hot_K))
            outer = max(outer, isotherm_um(around, window.cold_K), math.sqrt(core + end * end))
    if has_line:  # there may be something everywhere: nodes nearly of equal areas
        end2 = outer * outer - core2
        return _Reach(math.sqrt(end2), math.sqrt(2.0 * end2), end2)
    return _Reach(max(inner, math.sqrt(core2)), outer, core2)


@compiled
def _lay_line(end_um: float, work: Work) -> None:
    for j in range(N_LINE):
        work.radii_um[j] = end_um * _LINE_NODES[j]
        work.weights[j] = 2.0 * end_um * _LINE_RINGS[j]


@compiled
def _lay_dot(reach: _Reach, work: Work) -> None:
    start = 1.0 / reach.inner_um
    fall = start - 1.0 / reach.outer_um
    for j in range(N_DOT):
        rho = 1.0 / (start - fall * DOT_PLACES[j])  # r dr = rho d rho = -rho^3 d(1 / rho)
        work.radii_um[j] = math.sqrt(rho * rho - reach.core2_um2)
        work.weights[j] = 2.0 * math.pi * rho * rho * rho * fall * DOT_WEIGHTS[j]


@compiled
def _rate_at(around: Field, p: Record, curve: Nose, work: Work, n: int) -> None:
    """Rates of a pass at the nodes."""
    nose_1_K = 1.0 / p.nose_K
    excess_K = p.transport_excess_barrier_eV / BOLTZMANN_eV_K
    fill_temperatures(around, work.radii_um, n, work.temperatures_K)
    for j in range(n):
        T_K = work.temperatures_K[j]
        rate = exp(log_rate(curve, T_K)) if nucleates(curve, T_K) else 0.0
        work.rates[NUCLEATION, j] = rate
        work.rates[TRANSPORT, j] = rate * exp(-excess_K * (1.0 / T_K - nose_1_K))


@compiled
def _add_along(rates: NDArray[np.float64], factor: float, doses: NDArray[np.float64]) -> None:
    """Adds the rates along the chords through the nodes of a line."""
    for j in range(N_LINE):
        nucleation = factor * rates[NUCLEATION, j]
        if nucleation > 0.0:
            transport = factor * rates[TRANSPORT, j]
            for i in range(N_LINE):
                doses[NUCLEATION, i] += ABEL_COLUMNS[j, i] * nucleation
                doses[TRANSPORT, i] += ABEL_COLUMNS[j, i] * transport


@compiled
def _at_distance(doses: NDArray[np.float64], y: float) -> float:
    """Linear between the nodes of a line of extent 1, level at the axis, nothing beyond the last."""
    last = N_LINE - 1
    if y > _LINE_NODES[last]:
        return 0.0
    if y <= _LINE_NODES[0]:
        return max(doses[0], 0.0)  # type: ignore[no-any-return]  # of a float64 array
    j = np.searchsorted(_LINE_NODES, y)
    before, after = max(doses[j - 1], 0.0), max(doses[j], 0.0)
    return before + (y - _LINE_NODES[j - 1]) / (_LINE_NODES[j] - _LINE_NODES[j - 1]) * (after - before)  # type: ignore[no-any-return]  # as above


@compiled
def _add_below(end_um: float, work: Work) -> None:
    """Adds the doses of a line, in `work.below`, to those of a dot on it: the mean round each node."""
    for j in range(N_DOT):
        for kind in range(2):
            total = 0.0
            for sine in _SINES:
                total += _at_distance(work.below[kind], work.radii_um[j] * sine / end_um)
            work.doses[kind, j] += total / _SINES.size


@compiled
def _add_across(state: Record, p: Record, curve: Nose, work: Work) -> Laid:
    window = window_K(curve, _total_s(state, curve))
    end_um = _reach_of_line(state, window)
    _lay_line(end_um, work)
    for k in range(MOST_PASSES):
        row = state.passes[k]
        seconds = seconds_of(row)
        if seconds <= 0.0:
            break
        around = recall(row)
        _rate_at(around, p, curve, work, N_LINE)
        stretch_um = 1.0 if is_of_line(row) else 2.0 * _line_end_um(around, window.cold_K)
        _add_along(work.rates, seconds * end_um / stretch_um, work.doses)
    return Laid(N_LINE, end_um, True)  # noqa: FBT003  # a field of a record


@compiled
def _add_around(state: Record, p: Record, curve: Nose, work: Work) -> Laid:
    window = window_K(curve, _total_s(state, curve))
    reach = _reach_of_dot(state, window)
    for k in range(MOST_PASSES):
        row = state.passes[k]
        seconds = seconds_of(row)
        if seconds <= 0.0:
            break
        around = recall(row)
        if is_of_line(row):
            end_um = _line_end_um(around, window.cold_K)
            _lay_line(end_um, work)
            _rate_at(around, p, curve, work, N_LINE)
            work.below[:] = 0.0
            _add_along(work.rates, seconds * end_um, work.below)
            _lay_dot(reach, work)
            _add_below(end_um, work)
        else:
            _lay_dot(reach, work)
            _rate_at(around, p, curve, work, N_DOT)
            for j in range(N_DOT):
                work.doses[NUCLEATION, j] += seconds * work.rates[NUCLEATION, j]
                work.doses[TRANSPORT, j] += seconds * work.rates[TRANSPORT, j]
    return Laid(N_DOT, math.sqrt(reach.outer_um * reach.outer_um - reach.core2_um2), False)  # noqa: FBT003  # as above


@compiled
def add_up(setting: Record, p: Record, curve: Nose, state: Record, work: Work) -> Laid:
    """Lays the grid of a site and sums the doses of all its passes there.

    Where lines and dots meet, the site is that of what was written last. A dot on a line sees the mean of the line's dose round
    each of its radii; a line over a dot, the mean of the dot's along as much of the path as the dot is wide.

    Args:
        setting: of the last pass.
        p: of `parameter_dtype`.
        curve: nucleation curve of `p`.
        state: its passes, the last among them.
        work: radii, weights and doses are filled.
    """
    work.doses[:] = 0.0
    laid = _add_across(state, p, curve, work) if setting.is_line else _add_around(state, p, curve, work)
    for j in range(laid.n):
        work.doses[NUCLEATION, j] = max(work.doses[NUCLEATION, j], 0.0)
        work.doses[TRANSPORT, j] = max(work.doses[TRANSPORT, j], 0.0)
    return laid
