"""The model once more, in plain numpy: to be read beside the equations of docs/explanation/physics.md, and to check against.

Every formula is written as it stands on the page, in order, with arrays over m settings and J radial nodes; nothing is shared
with the fast model but parameters, settings, the nodes with their Abel matrix, and the weights of the relaxation modes. Tests
hold the two together to 1e-9. One parameter set at a time. Some ten to a hundred times slower; nobody's work needs it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import erf, erfc, gammainc

from beamline.physics.constants import (
    CU_K_ALPHA_A,
    ROOM_TEMPERATURE_K,
    ZERO_CELSIUS_K,
    BOLTZMANN_eV_K,
    COULOMB_eV_nm,
    HBAR2_OVER_2M0_eV_nm2,
    LASER_WAVELENGTH_um,
    RYDBERG_eV,
)
from beamline.physics.radial import DOT_PLACES, DOT_WEIGHTS, LINE, LineGrid
from beamline.physics.records import observable_dtype
from beamline.physics.relaxation import MODE_RATES, MODE_STRETCHES, MODE_WEIGHTS
from beamline.physics.setting_table import check_settings
from beamline.physics.steps import check_steps

__all__ = ["GRID", "Grid", "reference_predict"]

Array: TypeAlias = NDArray[np.float64]
_Columns: TypeAlias = dict[str, Array]
_Mask: TypeAlias = NDArray[np.bool_]

_k: Final = BOLTZMANN_eV_K


class Grid(NamedTuple):
    """Nodes of lines; places and weights of those of dots."""

    line: LineGrid
    dot_places: Array
    dot_weights: Array
    equal_rings: bool = False
    """Dots with rings equally wide from the axis to the end, in place of equally spaced temperatures."""


GRID: Final = Grid(LINE, DOT_PLACES, DOT_WEIGHTS)
"""That of the fast model."""


def reference_predict(
    settings: NDArray[np.void],
    steps: ArrayLike,
    parameters: NDArray[np.void],
    grid: Grid = GRID,
    earlier: Sequence[NDArray[np.void]] = (),
) -> NDArray[np.void]:
    """The observables of every setting under one parameter set.

    Args:
        settings: (m,) of `setting_dtype`, the last to be written.
        steps: (k, 2) or (m, k, 2) of [temperature_C, duration_s].
        parameters: (1,) of `parameter_dtype`.
        grid: another one shows what the fast model's costs in accuracy.
        earlier: what was written at the same places before, each (m,), first things first, without an anneal in between.

    Returns:
        (1, m) of `observable_dtype`.

    Raises:
        SettingError: a setting outside the model's validity.
        ValueError: steps outside it, or not one parameter set.
    """
    check_settings(settings)
    history = np.broadcast_to(check_steps(steps, settings.size), (settings.size, np.shape(steps)[-2], 2))
    if parameters.shape != (1,):
        raise ValueError(f"the reference takes one parameter set, got shape {parameters.shape}; expected (1,)")
    p = parameters[0]
    glass = _written([*earlier, settings], p, grid)
    _heated(glass, history, p)
    seen = _observed(glass, p)
    observables = np.empty((1, settings.size), observable_dtype)
    for name in observable_dtype.names or ():
        observables[name] = seen[name]
    return observables


# --------------------------------------------------------------------------------------------------------------- laser
def _source(s: _Columns, p: np.void, gain: float) -> _Columns:
    """Absorbed energy per pulse (uJ), mean power (W), radius (um)."""
    f = 1e3 * s["repetition_rate_kHz"]
    E = np.where(
        s["power_at_sample_W"] > 0.0, s["power_at_sample_W"] / f * 1e6, p["optical_transmission"] * s["pulse_energy_uJ"]
    )
    w0 = p["beam_quality"] * LASER_WAVELENGTH_um / (np.pi * s["numerical_aperture"])
    E_th = p["threshold_fluence_J_cm2"] * 1e-2 * np.pi * w0**2 / 2.0 * (s["pulse_duration_fs"] / 300.0) ** 0.3
    E_safe = np.maximum(E, E_th)  # below the threshold nothing is absorbed
    A = np.minimum(gain * p["absorptivity_limit"] * (1.0 - (E_th / E_safe) ** p["absorptivity_exponent"]), 1.0)
    aberration = np.maximum(1.0 + p["source_growth_1_mm"] * (s["depth_mm"] - 0.2), 0.1)
    a = np.sqrt(w0**2 + p["source_radius_um"] ** 2 * (E / 50.0) ** (2.0 / 3.0)) * aberration
    return {"energy_uJ": A * E, "power_W": A * E * f * 1e-6, "radius_um": a}


# ---------------------------------------------------------------------------------------------------------------- heat
def _diffusivity(p: np.void) -> float:
    return float(p["conductivity_W_mK"] / p["heat_capacity_J_cm3K"] * 1e6)  # um2/s


def _column(values: Array) -> Array:
    return np.asarray(values[:, np.newaxis])


def _field(s: _Columns, source: _Columns, p: np.void) -> _Columns:
    """The numbers of `_temperature`; of a dot on average over its exposure t.

    The mean of 1 / sqrt(a^2 + 4 D t) over t is 2 / (a + sqrt(a^2 + 4 D t)); the mean of erfc(eta), eta = d / sqrt(4 D t), is
    (1 + 2 eta^2) erfc(eta) - 2 eta exp(-eta^2) / sqrt(pi).
    """
    D, a, d = _diffusivity(p), source["radius_um"], 2e3 * s["depth_mm"]
    line = s["is_line"] > 0
    decay = np.where(line, 1e3 * s["speed_mm_s"] / (2.0 * D), 0.0)
    last = np.sqrt(a**2 + 4.0 * D * s["exposure_s"])
    eta = d / last
    arrived = (1.0 + 2.0 * eta**2) * erfc(eta) - 2.0 * eta * np.exp(-(eta**2)) / np.sqrt(np.pi)
    return {
        "line": line,
        "q": source["power_W"] / (4.0 * np.pi * p["conductivity_W_mK"] * 1e-6),  # P / (4 pi K), K um
        "a": a,
        "s": 0.5 * (a + last),
        "decay": decay,
        "d": d,
        "image": np.where(line, np.exp(-decay * d), np.maximum(arrived, 0.0)),
    }


def _temperature(field: _Columns, r: Array) -> Array:
    """T at radii r (m, J)."""
    a, spread, decay, d = (_column(field[name]) for name in ("a", "s", "decay", "d"))
    dot = erf(r / a) - erf(r / spread)
    line = erf(r / a) - 1.0 + np.exp(-decay * r)
    inside = np.where(_column(field["line"]), line, dot)
    image = _column(field["image"]) / np.sqrt(r**2 + d**2)
    return np.asarray(ROOM_TEMPERATURE_K + _column(field["q"]) * (inside / r + image))


def _pulse_sum(a2: Array, step: Array, N: Array) -> Array:
    """Sum over n < N of (a^2 + step n)^(-3/2): six terms and the Euler-Maclaurin tail."""
    n = np.arange(6.0)
    weights = np.clip(N[:, np.newaxis] - n, 0.0, 1.0)
    explicit = (weights * (a2[:, np.newaxis] + step[:, np.newaxis] * n) ** -1.5).sum(axis=1)
    first, last = a2 + 6.0 * step, a2 + step * np.maximum(N, 6.0)
    tail = 2.0 / step * (first**-0.5 - last**-0.5)
    tail += 0.5 * (first**-1.5 - last**-1.5)
    tail += step / 8.0 * (first**-2.5 - last**-2.5)
    return np.asarray(explicit + np.where(N > 6.0, tail, 0.0))


def _centre(s: _Columns, source: _Columns, p: np.void) -> tuple[Array, Array, Array]:
    """Temperature at the centre just after a pulse, just before it, and on average."""
    D, a, f = _diffusivity(p), source["radius_um"], 1e3 * s["repetition_rate_kHz"]
    line = s["is_line"] > 0
    speed = np.where(line, s["speed_mm_s"], 1.0)
    N = np.maximum(np.where(line, f * 2.0 * a / (1e3 * speed), f * s["exposure_s"]), 1.0)
    single = 1e6 * source["energy_uJ"] / (p["heat_capacity_J_cm3K"] * np.pi**1.5 * a**3)
    rise = single * a**3 * _pulse_sum(a**2, 4.0 * D / f, N)
    field = _field(s, source, p)
    last = np.sqrt(a**2 + 4.0 * D * np.where(line, 0.5, s["exposure_s"]))
    arrived = np.where(line, field["image"], erfc(field["d"] / last))
    base = ROOM_TEMPERATURE_K + field["q"] * arrived / field["d"]
    mean = field["q"] * 2.0 / np.sqrt(np.pi) * (1.0 / a - 1.0 / last)
    return base + rise, base + rise - single, base + mean


# ---------------------------------------------------------------------------------------------------------- nucleation
class _Curve(NamedTuple):
    """k_N = exp(-B / T - W / [T (T_L - T)^2] - c), 1 / tau_N at the nose."""

    T_L: float
    T_nose: float
    B: float
    W: float
    c: float


def _curve(p: np.void) -> _Curve:
    T_L = p["liquidus_K"]
    d = max(T_L - p["nose_K"], 0.05 * T_L)
    T_nose = T_L - d
    B = p["nucleation_barrier_eV"] / _k
    W = B * d**3 / (2.0 * T_nose - d)
    return _Curve(T_L, T_nose, B, W, -B / T_nose - W / (T_nose * d**2) + np.log(p["nose_time_s"]))


def _nucleation_rate(T: Array, p: np.void) -> Array:
    """k_N; zero above the liquidus and below 500 K."""
    T_L, T_nose, B, W, c = _curve(p)
    happens = (T_L - T > 1.0) & (T > 500.0)
    T_safe = np.where(happens, T, T_nose)
    return np.where(happens, np.exp(-B / T_safe - W / (T_safe * (T_L - T_safe) ** 2) - c), 0.0)


def _window(seconds: Array, p: np.void) -> tuple[Array, Array]:
    """Isotherms where the dose has fallen to 1e-3, on the cold side and on the hot; at least e^-4 below the nose. Four rounds."""
    T_L, T_nose, B, W, c = _curve(p)
    L = np.minimum(np.log(1e-3 / seconds), -np.log(p["nose_time_s"]) - 4.0) + c
    cold, hot = np.full_like(L, 0.8 * T_nose), np.full_like(L, T_nose + 0.6 * (T_L - T_nose))
    for _ in range(4):
        cold = B / -(L + W / (cold * (T_L - cold) ** 2))
        cold = np.where(cold > 0.0, np.clip(cold, 500.0, 0.97 * T_nose), 0.97 * T_nose)
        hot = np.maximum(T_L - np.sqrt(W / (hot * np.maximum(-L - B / hot, 1.0))), T_nose + 0.1 * (T_L - T_nose))
    return cold, hot


def _isotherm(field: _Columns, T: Array | float) -> Array:
    """About sqrt(r^2 + pi a^2 / 4) where the field has temperature T."""
    bare = field["q"] / (T - ROOM_TEMPERATURE_K)
    R = bare * (1.0 + field["image"] * bare / np.sqrt(bare**2 + field["d"] ** 2))
    dot = bare * (1.0 + field["image"] * R / np.sqrt(R**2 + field["d"] ** 2))
    for _ in range(2):
        R = bare * (np.exp(-field["decay"] * R) + field["image"] * R / np.sqrt(R**2 + field["d"] ** 2))
    return np.where(field["line"], R, dot)


class _Exposure(NamedTuple):
    """Equal passes: their field, and the seconds of dots or the seconds per um of lines; none where nothing is absorbed."""

    field: _Columns
    seconds: Array

    def of(self, part: NDArray[np.intp]) -> _Exposure:
        """Some of the settings."""
        return _Exposure({name: column[part] for name, column in self.field.items()}, self.seconds[part])

    @property
    def is_line(self) -> _Mask:
        """Of each setting."""
        return self.field["line"] > 0

    def effective(self, p: np.void) -> Array:
        """Time at temperature."""
        return self.seconds * np.where(self.field["line"], _isotherm(self.field, _curve(p).T_nose), 1.0)


class _Doses(NamedTuple):
    """Radii and weights of the nodes (m, J), where they end (m,), and doses u = int k_N dt and tau at them."""

    r: Array
    weight: Array
    end: Array
    u: Array
    tau: Array


def _rates(field: _Columns, r: Array, p: np.void) -> Array:
    """k_N and k_N exp[-(E_x / k)(1/T - 1/T_nose)], (2, m, J)."""
    T = _temperature(field, r)
    k_N = _nucleation_rate(T, p)
    return np.stack([k_N, k_N * np.exp(-p["transport_excess_barrier_eV"] / _k * (1.0 / T - 1.0 / p["nose_K"]))])


def _line_end(field: _Columns, cold: Array) -> Array:
    return np.asarray(np.maximum(_isotherm(field, cold), 1.5 * field["a"]))


def _across(exposures: Sequence[_Exposure], cold: Array, p: np.void, grid: Grid) -> _Doses:
    """Doses across lines; of a dot under one, the mean along as much of the path as the dot is wide."""
    R = np.max([np.where(e.seconds > 0.0, _line_end(e.field, cold), 0.0) for e in exposures], axis=0)
    r = _column(R) * grid.line.nodes
    doses = np.zeros((2, *r.shape))
    for e in exposures:
        stretch = np.where(e.field["line"], 1.0, 2.0 * _line_end(e.field, cold))
        doses += _column(e.seconds * R / stretch) * (_rates(e.field, r, p) @ grid.line.abel.T)
    u, tau = np.maximum(doses, 0.0)
    return _Doses(r, 2.0 * _column(R) * grid.line.rings, R, u, tau)


def _around(exposures: Sequence[_Exposure], cold: Array, hot: Array, *, p: np.void, grid: Grid) -> _Doses:
    """Doses around dots; of a line under one, the mean round every radius."""
    core2, inner, outer = np.full_like(cold, np.inf), np.full_like(cold, np.inf), np.zeros_like(cold)
    has_line = np.zeros(cold.shape, dtype=bool)
    for e in exposures:
        dot, line = ((e.seconds > 0.0) & kind for kind in (~e.is_line, e.is_line))
        core = np.pi / 4.0 * e.field["a"] ** 2
        core2 = np.where(dot, np.minimum(core2, core), core2)
        has_line |= line
        inner = np.where(dot, np.minimum(inner, _isotherm(e.field, hot)), inner)
        end = np.maximum(_isotherm(e.field, cold), np.sqrt(core + (1.5 * e.field["a"]) ** 2))
        outer = np.where(dot, np.maximum(outer, end), outer)
    R = np.sqrt(outer**2 - core2)
    core2, outer = np.where(has_line, R**2, core2), np.where(has_line, np.sqrt(2.0) * R, outer)
    start = 1.0 / np.where(has_line, R, np.maximum(inner, np.sqrt(core2)))
    if grid.equal_rings:
        r = _column(R) * grid.dot_places
        weight = 2.0 * np.pi * r * _column(R) * grid.dot_weights
    else:
        rho = 1.0 / (_column(start) + _column(1.0 / outer - start) * grid.dot_places)
        r = np.sqrt(rho**2 - _column(core2))
        weight = 2.0 * np.pi * rho**3 * _column(start - 1.0 / outer) * grid.dot_weights
    doses = np.zeros((2, *r.shape))
    for e in exposures:
        on_spot = np.where(e.field["line"], 0.0, e.seconds)
        doses += _column(on_spot) * _rates(e.field, r, p)
        for i in np.flatnonzero(e.is_line & (e.seconds > 0.0)):
            below = _across([e.of(np.array([i]))], cold[i : i + 1], p, grid)
            ways = r[i][:, np.newaxis] * np.sin((np.arange(8) + 0.5) * np.pi / 16.0)
            for kind, dose in enumerate((below.u[0], below.tau[0])):
                doses[kind, i] += np.interp(ways, below.r[0], dose, right=0.0).mean(axis=1)
    return _Doses(r, weight, R, doses[0], doses[1])


def _red_share(y: Array, xi: Array, p: np.void) -> Array:
    g = -np.expm1(-((p["conversion_steepness"] * xi) ** 2))
    red, green = y * g, (1.0 - y) * (1.0 - g)
    some = red + green > 0.0
    return np.where(some, red / np.where(some, red + green, 1.0), y >= 1.0)


def _contour(X: Array, r: Array, end: Array, f: float) -> Array:
    """Where the share last falls through f: cubic through ln(X / f) at four nodes, by five steps of Newton's method."""
    radius = np.where(X[:, -1] >= f, end, 0.0)
    for i in np.flatnonzero((X[:, -1] < f) & (f <= X).any(axis=1)):
        j = int(np.flatnonzero(X[i] >= f)[-1])
        around = [k for k in range(j - 1, j + 3) if 0 <= k < X.shape[1] and (X[i, k] > 0.0 or k == j + 1)]
        h = np.log(np.maximum(X[i, around] / f, 1e-9 if X[i, j + 1] < 1e-9 * f else 0.0))
        at = np.array(around) - j
        through_h = np.polyfit(at, h, len(at) - 1)
        slope = np.polyder(through_h)
        here = around.index(j)
        t = h[here] / (h[here] - h[here + 1])
        for _ in range(5):
            if np.polyval(slope, t) >= 0.0:
                break
            t = min(max(t - np.polyval(through_h, t) / np.polyval(slope, t), 0.0), 1.0)
        radius[i] = np.polyval(np.polyfit(at, r[i, around], len(at) - 1), t)
    return radius


def _highest(X: Array, *, is_line: bool) -> Array:
    """Top of the parabola through the largest node and its neighbours; a line is even at its axis."""
    m, J = X.shape
    rows, top = np.arange(m), X.argmax(axis=1)
    middle, before, after = X[rows, top], X[rows, np.maximum(top - 1, 0)], X[rows, np.minimum(top + 1, J - 1)]
    bend = 2.0 * middle - before - after
    has_top = (bend > 0.0) & (top < J - 1) & ((top > 0) | is_line)
    return np.where(  # type: ignore[no-any-return]
        has_top, np.minimum(middle + (after - before) ** 2 / (8.0 * np.where(has_top, bend, 1.0)), 1.0), middle
    )


# ------------------------------------------------------------------------------------------------------------- writing
def _written(sequence: Sequence[NDArray[np.void]], p: np.void, grid: Grid) -> _Columns:
    """What the laser leaves: all passes of all settings, one after the other."""
    m = sequence[-1].size
    exposures: list[_Exposure] = []
    n_passes, power = np.zeros(m), np.zeros(m)
    peak, valley, mean = (np.full(m, ROOM_TEMPERATURE_K) for _ in range(3))
    last = np.zeros(m, dtype=bool)
    for settings in sequence:
        s = {name: settings[name].astype(np.float64) for name in settings.dtype.names or ()}
        line = s["is_line"] > 0
        first = _source(s, p, 1.0)
        lit = first["power_W"] > 0.0
        power = np.where(n_passes > 0.0, power, first["power_W"])
        last = np.where(lit, line, last)
        seconds = np.where(line, p["line_equivalence"] / (1e3 * np.where(line, s["speed_mm_s"], 1.0)), s["exposure_s"])
        new = np.where(n_passes > 0.0, 0.0, 1.0) * lit
        for source, n in ((first, new), (_source(s, p, p["rewrite_absorption_gain"]), s["n_passes"] * lit - new)):
            exposures.append(_Exposure(_field(s, source, p), n * seconds))
            centre = _centre(s, source, p)
            hotter = (n > 0.0) & ((centre[0] > peak) | (n_passes == 0.0))
            peak, valley, mean = (
                np.where(hotter, new_K, old_K) for new_K, old_K in zip(centre, (peak, valley, mean), strict=True)
            )
            n_passes = n_passes + n

    y = sequence[-1]["iodide_fraction"]
    dark = {"whole": 0.0, "dose": 0.0, "f_R": 0.0, "x": y ** p["birth_exponent"], "peak": 0.0, "size": 0.0}
    crystals = {name: np.broadcast_to(value, (m,)).astype(np.float64) for name, value in dark.items()}
    for is_line in (False, True):
        part = np.flatnonzero((n_passes > 0.0) & (last == is_line))
        if part.size:
            there = [e.of(part) for e in exposures]
            cold, hot = _window(np.sum([e.effective(p) for e in there], axis=0), p)
            doses = _across(there, cold, p, grid) if is_line else _around(there, cold, hot, p=p, grid=grid)
            for name, values in _crystals(doses, y[part], p, is_line=is_line).items():
                crystals[name][part] = values

    lit = n_passes > 0.0
    sound = 1.0 / (1.0 + (peak / p["damage_temperature_K"]) ** p["damage_steepness"])
    growth = np.maximum(crystals["dose"], 1e-3) ** p["size_exponent"]
    rich = np.maximum(2.0 * y - 1.0, 0.0)
    healed = p["balance_healing"] * (1.0 - 1.0 / np.maximum(n_passes, 1.0))
    x_red = crystals["x"]
    mixed = p["balance_mixing"] * 4.0 * x_red * (1.0 - x_red)
    green_balance = p["balance_Br"] + healed
    red_balance = p["balance_Br"] + (p["balance_I"] - p["balance_Br"]) * x_red - mixed + healed
    modes = np.ones(len(MODE_RATES))
    return {
        "y": y,
        "crystal_amount": crystals["whole"] * sound,
        "peak_share": crystals["peak"],
        "nucleation_dose": crystals["dose"],
        "red_share": crystals["f_R"],
        "x": x_red,
        "size_um": crystals["size"],
        "void_share": np.where(lit, 1.0 - sound, 0.0),
        "absorbed_power_W": power,
        "peak_temperature_K": peak,
        "valley_temperature_K": valley,
        "mean_temperature_K": mean,
        "green_diameter_nm": p["green_diameter_nm"] * growth,
        "red_diameter_nm": (p["red_diameter_nm"] + (p["iodide_diameter_nm"] - p["red_diameter_nm"]) * rich) * growth,
        "green_theta": green_balance[:, np.newaxis] * modes,
        "red_theta": red_balance[:, np.newaxis] * modes,
    }


def _crystals(doses: _Doses, y: Array, p: np.void, *, is_line: bool) -> _Columns:
    """Shares, exchange, and their integrals over the feature."""
    r, area, end, u, tau = doses
    n = p["avrami_exponent"]
    lost = p["loss_per_transport"] * tau
    some = (u > 1e-4) & (lost < 400.0)  # what is beyond neither adds up to anything nor can be seen
    u_n = np.where(u > 1e-4, u, 0.0) ** n
    X = np.where(some, -np.expm1(-u_n) * np.exp(-lost), 0.0)
    xi = p["exchange_per_transport"] * tau * u_n / (u_n + n + 1.0)
    x_0, x_res = y ** p["birth_exponent"], _residual(y, p)
    x = x_0[:, np.newaxis] - (x_res - x_0)[:, np.newaxis] * np.expm1(-xi)
    red = _red_share(y[:, np.newaxis], xi, p)

    whole = (area * X).sum(axis=1)
    whole_red = (area * X * red).sum(axis=1)
    whole_green = (area * X * (1.0 - red)).sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        dose = np.where(whole > 0.0, (area * X * u).sum(axis=1) / whole, 0.0)
        f_R = np.where(whole > 0.0, whole_red / (whole_red + whole_green), 0.0)
        x_red = np.where(whole_red > 0.0, (area * X * red * x).sum(axis=1) / whole_red, x_0)

    return {
        "whole": whole,
        "dose": dose,
        "f_R": f_R,
        "x": x_red,
        "peak": _highest(X, is_line=is_line),
        "size": 2.0 * _contour(X, r, end, p["visible_share"]),
    }


def _residual(y: Array, p: np.void) -> Array:
    return np.asarray(1.0 - (1.0 - y) ** p["residual_enrichment"])


# ------------------------------------------------------------------------------------------------------------- furnace
def _heated(glass: _Columns, history: Array, p: np.void) -> None:
    """Adds what each step does, one after the other, to the reduced times and to the modes of the balances."""
    m = len(glass["y"])
    for clock in ("exchange", "coarsening", "devitrification"):
        glass[clock] = np.zeros(m)
    supplied = {phase: np.zeros((m, len(MODE_RATES))) for phase in ("green", "red")}
    compositions = {"green": np.zeros(m), "red": glass["x"]}
    for step in range(history.shape[1]):
        T, t = history[:, step, 0] + ZERO_CELSIUS_K, history[:, step, 1]
        hot = (1.0 / T - 1.0 / 823.15) / _k
        glass["exchange"] += t * p["furnace_exchange_rate_1_s"] * np.exp(-p["furnace_exchange_barrier_eV"] * hot)
        glass["coarsening"] += t / 7200.0 * np.exp(-p["coarsening_barrier_eV"] * hot)
        glass["devitrification"] += t * _nucleation_rate(T, p) / p["laser_activation"]
        for phase, x in compositions.items():
            rich = x ** p["iodide_power"]
            rate = np.exp(_between(np.log(p["balance_rate_Br_1_s"]), np.log(p["balance_rate_I_1_s"]), rich))
            barrier = _between(p["balance_barrier_Br_eV"], p["balance_barrier_I_eV"], rich)
            T_star = _between(p["balance_crossover_Br_K"], p["balance_crossover_I_K"], rich)
            bias = np.clip(p["balance_enthalpy_eV"] / _k * (1.0 / T_star - 1.0 / T), -40.0, 40.0)
            supply = (1.0 / (1.0 + np.exp(-bias)))[:, np.newaxis]
            reduced = t * rate * np.exp(-barrier / _k * (1.0 / T - 1.0 / 473.15))
            relaxed = -np.expm1(-reduced[:, np.newaxis] * MODE_RATES)
            reached = np.maximum(supply, supplied[phase])
            goal = p["balance_low"] + (p["balance_high"] - p["balance_low"]) * reached
            glass[f"{phase}_theta"] += (goal - glass[f"{phase}_theta"]) * relaxed
            supplied[phase] += (reached - supplied[phase]) * relaxed


def _between(at_Br: float, at_I: float, part: Array) -> Array:
    return np.asarray(at_Br + (at_I - at_Br) * part)


# --------------------------------------------------------------------------------------------------------------- light
def _observed(glass: _Columns, p: np.void) -> _Columns:
    y = glass["y"]
    exchanged = -np.expm1(-(glass["exchange"] ** p["furnace_exchange_stretch"]))
    x = glass["x"] + np.maximum(_residual(y, p) - glass["x"], 0.0) * exchanged
    converted = -np.expm1(-p["furnace_conversion"] * exchanged * 4.0 * y * (1.0 - y))
    red_share = glass["red_share"] + (1.0 - glass["red_share"]) * converted
    amount = glass["crystal_amount"] * (1.0 - p["furnace_growth"] * np.expm1(-3.0 * glass["coarsening"] ** 0.3))
    dose = glass["devitrification"]
    seen = {
        **{name: glass[name] for name in observable_dtype.names or () if name in glass},
        "red_share": red_share,
        "crystal_amount": amount,
        "devitrified_share": np.where(dose > 1e-6, -np.expm1(-(dose ** p["avrami_exponent"])), 0.0),
        "red_raman_low_1_cm": 96.0 - 4.0 * (1.0 - x),
        "red_raman_high_1_cm": 122.0 + 2.0 * x,
    }
    seen |= {f"green_{name}": value for name, value in _phase(glass, "green", np.zeros_like(x), p).items()}
    seen |= {f"red_{name}": value for name, value in _phase(glass, "red", x, p).items()}
    seen["green_intensity"] = amount * (1.0 - red_share) * seen["green_quantum_yield"]
    seen["red_intensity"] = amount * red_share * seen["red_quantum_yield"] * p["red_absorption"]
    return seen


def _phase(glass: _Columns, phase: str, x: Array, p: np.void) -> _Columns:
    """One phase of iodide fraction x: gap, confinement, yield, decay, lattice."""
    weights = np.array([np.interp(p["balance_stretch"], MODE_STRETCHES, column) for column in MODE_WEIGHTS.T])
    theta = glass[f"{phase}_theta"] @ weights
    d = (glass[f"{phase}_diameter_nm"] ** 3 + p[f"{phase}_coarsening_nm3"] * glass["coarsening"]) ** (1.0 / 3.0)
    R = 0.5 * d
    vacancies = p["vacancy_width"] * np.logaddexp(0.0, (p["vacancy_knee"] - theta) / p["vacancy_width"])

    gap = p["gap_Br_eV"] * (1.0 - x) + p["gap_I_eV"] * x - p["gap_bowing_eV"] * x * (1.0 - x)
    mu = _between(p["reduced_mass_Br"], p["reduced_mass_I"], x)
    eps = _between(p["permittivity_Br"], p["permittivity_I"], x)
    confinement = HBAR2_OVER_2M0_eV_nm2 * np.pi**2 / (mu * R**2)
    coulomb = 1.786 * COULOMB_eV_nm / (eps * R)
    rydberg = RYDBERG_eV * mu / eps**2
    bleach = gap + confinement - coulomb - 0.248 * rydberg

    per_sigma = 2.0 * np.sqrt(2.0 * np.log(2.0))
    by_size = 0.5 * per_sigma * p["size_dispersion"] * (2.0 * confinement - coulomb)
    by_iodide = per_sigma * p["iodide_dispersion"] * 4.0 * x * (1.0 - x)
    by_iodide = by_iodide * (p["gap_Br_eV"] - p["gap_I_eV"] + p["gap_bowing_eV"] * (1.0 - 2.0 * x))

    lattice = _between(p["lattice_Br_A"], p["lattice_I_A"], x)
    angles = {
        f"xrd_{hkl}_deg": 2.0 * np.degrees(np.arcsin(np.minimum(CU_K_ALPHA_A * np.sqrt(square) / (2.0 * lattice), 1.0)))
        for hkl, square in (("110", 2.0), ("200", 4.0))
    }
    return {
        "bleach_eV": bleach,
        "peak_eV": bleach - _between(p["stokes_Br_eV"], p["stokes_I_eV"], x),
        "fwhm_eV": np.sqrt(p["homogeneous_fwhm_eV"] ** 2 + by_size**2 + by_iodide**2),
        "asymmetry": np.full_like(x, p["band_asymmetry"]),
        "exciton_binding_meV": 1e3 * rydberg * (1.0 + 0.3 / R) * np.exp(-vacancies / p["screening_vacancies"]),
        "iodide_fraction": x,
        "halide_per_lead": 3.0 + theta,
        "xps_shift_eV": -2.0 * theta,
        "diameter_nm": d,
        "TEM_diameter_nm": d / p["TEM_ratio"],
        "lattice_A": lattice,
        **angles,
        **_emission(x, vacancies, p),
    }


def _emission(x: Array, vacancies: Array, p: np.void) -> _Columns:
    """Yield and the three components of the decay; vacancies per dot are Poisson of mean lambda.

    The regularised incomplete gamma function P(3, lambda) is the probability of three or more.
    """
    lam = _between(p["quenching_Br"], p["quenching_I"], x) * vacancies
    bright = np.minimum(_between(p["yield_Br"], p["yield_I"], x), 1.0) * np.exp(-lam)
    late = p["delayed_yield"] * gammainc(3, lam) * x ** p["iodide_power"]
    through = np.polyfit([0.0, 0.52, 1.0], [p["lifetime_Br_ns"], p["lifetime_mixed_ns"], p["lifetime_I_ns"]], 2)
    prompt = np.polyval(through, x) / (1.0 + p["lifetime_quenching"] * lam)
    tau_d = np.full_like(x, p["delayed_lifetime_ns"])
    dark = bright + late <= 0.0
    bright_or_one = np.where(dark, 1.0, bright)

    r = 0.15
    tau_m = prompt * (1.0 + r * lam) / (1.0 + r**2 * lam)
    main = bright_or_one / ((1.0 + r * lam) * tau_m)
    fast, delayed = main * lam, late / tau_d
    total = main + fast + delayed
    return {
        "quantum_yield": bright + late,
        "lifetime_ns": (bright_or_one * prompt + late * tau_d) / (bright_or_one + late),
        "fast_amplitude": fast / total,
        "fast_lifetime_ns": r * tau_m,
        "main_amplitude": main / total,
        "main_lifetime_ns": tau_m,
        "late_amplitude": delayed / total,
        "late_lifetime_ns": tau_d,
    }
