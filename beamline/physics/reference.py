"""The model once more, in plain numpy: to be read beside the equations of docs/explanation/physics.md, and to check against.

Every formula is written as it stands on the page, in order, with arrays over m settings and J radial nodes; nothing is shared
with the fast model but parameters, settings, the nodes with their Abel matrix, and the weights of the relaxation modes. Tests
hold the two together to 1e-9. One parameter set at a time. Some hundred times slower for one setting; nobody's work needs it.
"""

from __future__ import annotations

from typing import Final, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import erf, gammainc

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
from beamline.physics.radial import ABEL, NODES, RINGS
from beamline.physics.records import observable_dtype
from beamline.physics.relaxation import MODE_RATES, MODE_STRETCHES, MODE_WEIGHTS
from beamline.physics.setting_table import check_settings
from beamline.physics.steps import check_steps

__all__ = ["GRID", "Grid", "reference_predict"]

Array: TypeAlias = NDArray[np.float64]
_Columns: TypeAlias = dict[str, Array]

_k: Final = BOLTZMANN_eV_K


class Grid(NamedTuple):
    """Radial nodes in units of the extent, widths of their rings, and the matrix that integrates along a line."""

    nodes: Array
    rings: Array
    abel: Array


GRID: Final = Grid(NODES, RINGS, ABEL)
"""That of the fast model."""


def reference_predict(
    settings: NDArray[np.void], steps: ArrayLike, parameters: NDArray[np.void], grid: Grid = GRID
) -> NDArray[np.void]:
    """The observables of every setting under one parameter set.

    Args:
        settings: (m,) of `setting_dtype`.
        steps: (k, 2) or (m, k, 2) of [temperature_C, duration_s].
        parameters: (1,) of `parameter_dtype`.
        grid: another one shows what the fast model's costs in accuracy.

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
    s = {name: settings[name].astype(np.float64) for name in settings.dtype.names or ()}
    p = parameters[0]
    glass = _written(s, p, grid)
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


def _strength(source: _Columns, p: np.void) -> Array:
    return np.asarray(source["power_W"] / (4.0 * np.pi * p["conductivity_W_mK"] * 1e-6))  # P / (4 pi K), K um


def _extent(s: _Columns, source: _Columns, p: np.void) -> Array:
    """Radius R at which the Arrhenius factor of nucleation has fallen by e^-17 from the nose."""
    T_cut = 1.0 / (1.0 / p["nose_K"] + 17.0 * _k / p["nucleation_barrier_eV"])
    bare = _strength(source, p) / (T_cut - ROOM_TEMPERATURE_K)
    image = bare / np.sqrt(bare**2 + (2e3 * s["depth_mm"]) ** 2)
    return np.asarray(np.maximum(bare * (1.0 + image), 1.5 * source["radius_um"]))


def _image(s: _Columns, p: np.void) -> Array:
    """1 / distance to the image source times how much of a moving one's heat gets there."""
    d = 2e3 * s["depth_mm"]
    behind = np.exp(-1e3 * s["speed_mm_s"] * d / (2.0 * _diffusivity(p)))
    return np.where(s["is_line"] > 0, behind, 1.0)


def _temperature(s: _Columns, source: _Columns, r: Array, p: np.void) -> Array:
    """T at radii r (m, J)."""
    D = _diffusivity(p)
    a, t, v, d = (
        column[:, np.newaxis]
        for column in (source["radius_um"], s["exposure_s"], 1e3 * s["speed_mm_s"], 2e3 * s["depth_mm"])
    )
    dot = erf(r / a) - erf(r / np.sqrt(a**2 + 4.0 * D * t))
    line = erf(r / a) - 1.0 + np.exp(-v * r / (2.0 * D))
    inside = np.where(s["is_line"][:, np.newaxis] > 0, line, dot)
    image = _image(s, p)[:, np.newaxis] / np.sqrt(r**2 + d**2)
    return np.asarray(ROOM_TEMPERATURE_K + _strength(source, p)[:, np.newaxis] * (inside / r + image))


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
    base = ROOM_TEMPERATURE_K + _strength(source, p) * _image(s, p) / (2e3 * s["depth_mm"])
    t = np.where(line, 0.5, s["exposure_s"])
    mean = _strength(source, p) * 2.0 / np.sqrt(np.pi) * (1.0 / a - 1.0 / np.sqrt(a**2 + 4.0 * D * t))
    return base + rise, base + rise - single, base + mean


# ---------------------------------------------------------------------------------------------------------- nucleation
def _nucleation_rate(T: Array, p: np.void) -> Array:
    """k_N = exp(-B / T - W / [T (T_L - T)^2] - c), 1 / tau_N at the nose; zero above the liquidus and below 500 K."""
    T_L = p["liquidus_K"]
    d = max(T_L - p["nose_K"], 0.05 * T_L)
    T_nose = T_L - d
    B = p["nucleation_barrier_eV"] / _k
    W = B * d**3 / (2.0 * T_nose - d)
    c = -B / T_nose - W / (T_nose * d**2) + np.log(p["nose_time_s"])
    happens = (T_L - T > 1.0) & (T > 500.0)
    T_safe = np.where(happens, T, T_nose)
    return np.where(happens, np.exp(-B / T_safe - W / (T_safe * (T_L - T_safe) ** 2) - c), 0.0)


def _doses(s: _Columns, source: _Columns, R: Array, passes: Array, *, p: np.void, grid: Grid) -> tuple[Array, Array]:
    """Nucleation dose u = int k_N dt and transport tau = int k_N exp[-(E_x / k)(1/T - 1/T_nose)] dt at the nodes."""
    T = _temperature(s, source, R[:, np.newaxis] * grid.nodes, p)
    nucleation = _nucleation_rate(T, p)
    transport = nucleation * np.exp(-p["transport_excess_barrier_eV"] / _k * (1.0 / T - 1.0 / p["nose_K"]))
    line = s["is_line"] > 0
    speed = np.where(line, 1e3 * s["speed_mm_s"], 1.0)
    seconds = (passes * np.where(line, p["line_equivalence"] * R / speed, s["exposure_s"]))[:, np.newaxis]
    nucleation, transport = (
        np.where(line[:, np.newaxis], np.maximum(rate @ grid.abel.T, 0.0), rate) for rate in (nucleation, transport)
    )
    return seconds * nucleation, seconds * transport


def _red_share(y: Array, xi: Array, p: np.void) -> Array:
    g = -np.expm1(-((p["conversion_steepness"] * xi) ** 2))
    red, green = y * g, (1.0 - y) * (1.0 - g)
    some = red + green > 0.0
    return np.where(some, red / np.where(some, red + green, 1.0), y >= 1.0)


def _contour(X: Array, R: Array, p: np.void, nodes: Array) -> Array:
    """Radius of the outermost node pair between which the share falls through f_det, log-linear between them."""
    f = p["visible_share"]
    radius = np.zeros_like(R)
    for j in range(1, len(nodes)):
        inner, outer = X[:, j - 1], X[:, j]
        crosses = (inner >= f) & (outer < f)
        high = np.where(crosses, inner, 2.0 * f)
        part = np.log(high / f) / np.log(high / np.maximum(outer, 1e-9 * f))
        radius = np.where(crosses, R * (nodes[j - 1] + part * (nodes[j] - nodes[j - 1])), radius)
    return np.where(X[:, -1] >= f, R, radius)


# ------------------------------------------------------------------------------------------------------------- writing
def _written(s: _Columns, p: np.void, grid: Grid) -> _Columns:
    """What the laser leaves."""
    first, again = _source(s, p, 1.0), _source(s, p, p["rewrite_absorption_gain"])
    lit = first["power_W"] > 0.0
    further = s["n_passes"] - 1.0
    R = _extent(s, first, p)
    R = np.where(further > 0.0, np.maximum(R, _extent(s, again, p)), R)
    u, tau = _doses(s, first, R, np.ones_like(R), p=p, grid=grid)
    u_again, tau_again = _doses(s, again, R, further, p=p, grid=grid)
    u, tau = u + u_again, tau + tau_again

    n = p["avrami_exponent"]
    some = (u > 1e-4) & lit[:, np.newaxis]
    u_n = np.where(some, u, 0.0) ** n
    X = np.where(some, -np.expm1(-u_n) * np.exp(-p["loss_per_transport"] * tau), 0.0)
    xi = p["exchange_per_transport"] * tau * u_n / (u_n + n + 1.0)
    y = s["iodide_fraction"]
    x_0, x_res = y ** p["birth_exponent"], _residual(y, p)
    x = x_0[:, np.newaxis] - (x_res - x_0)[:, np.newaxis] * np.expm1(-xi)
    red = _red_share(y[:, np.newaxis], xi, p)

    r = R[:, np.newaxis] * grid.nodes
    area = R[:, np.newaxis] * grid.rings * np.where(s["is_line"][:, np.newaxis] > 0, 2.0, 2.0 * np.pi * r)
    whole = (area * X).sum(axis=1)
    whole_red = (area * X * red).sum(axis=1)
    whole_green = (area * X * (1.0 - red)).sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        dose = np.where(whole > 0.0, (area * X * u).sum(axis=1) / whole, 0.0)
        f_R = np.where(whole > 0.0, whole_red / (whole_red + whole_green), 0.0)
        x_red = np.where(whole_red > 0.0, (area * X * red * x).sum(axis=1) / whole_red, x_0)

    hotter = (further > 0.0) & (again["power_W"] > first["power_W"])
    peak, valley, mean = (
        np.where(lit, np.where(hotter, second, one), ROOM_TEMPERATURE_K)
        for one, second in zip(_centre(s, first, p), _centre(s, again, p), strict=True)
    )
    sound = 1.0 / (1.0 + (peak / p["damage_temperature_K"]) ** p["damage_steepness"])

    growth = np.maximum(dose, 1e-3) ** p["size_exponent"]
    rich = np.maximum(2.0 * y - 1.0, 0.0)
    healed = p["balance_healing"] * (1.0 - 1.0 / s["n_passes"])
    mixed = p["balance_mixing"] * 4.0 * x_red * (1.0 - x_red)
    green_balance = p["balance_Br"] + healed
    red_balance = p["balance_Br"] + (p["balance_I"] - p["balance_Br"]) * x_red - mixed + healed
    modes = np.ones(len(MODE_RATES))
    return {
        "y": y,
        "crystal_amount": whole * sound,
        "peak_share": X.max(axis=1),
        "nucleation_dose": dose,
        "red_share": f_R,
        "x": x_red,
        "size_um": 2.0 * _contour(X, R, p, grid.nodes),
        "void_share": np.where(lit, 1.0 - sound, 0.0),
        "absorbed_power_W": np.where(lit, first["power_W"], 0.0),
        "peak_temperature_K": peak,
        "valley_temperature_K": valley,
        "mean_temperature_K": mean,
        "green_diameter_nm": p["green_diameter_nm"] * growth,
        "red_diameter_nm": (p["red_diameter_nm"] + (p["iodide_diameter_nm"] - p["red_diameter_nm"]) * rich) * growth,
        "green_theta": green_balance[:, np.newaxis] * modes,
        "red_theta": red_balance[:, np.newaxis] * modes,
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
