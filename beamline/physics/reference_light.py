"""The plain model: what the furnace does, and the light and all else that can be measured. See `reference`."""

from __future__ import annotations

import numpy as np
from scipy.special import gammainc

from beamline.physics.constants import (
    CU_K_ALPHA_A,
    ZERO_CELSIUS_K,
    COULOMB_eV_nm,
    HBAR2_OVER_2M0_eV_nm2,
    RYDBERG_eV,
)
from beamline.physics.records import observable_dtype
from beamline.physics.reference_crystals import residual_of
from beamline.physics.reference_heat import Array, Columns, k, nucleation_rate
from beamline.physics.relaxation import MODE_RATES, MODE_STRETCHES, MODE_WEIGHTS

__all__ = ["heated", "observed"]


def heated(glass: Columns, history: Array, p: np.void) -> None:
    """Adds what each step does, one after the other, to the reduced times and to the modes of the balances."""
    m = len(glass["y"])
    for clock in ("exchange", "coarsening", "devitrification"):
        glass[clock] = np.zeros(m)
    supplied = {phase: np.zeros((m, len(MODE_RATES))) for phase in ("green", "red")}
    compositions = {"green": np.zeros(m), "red": glass["x"]}
    for step in range(history.shape[1]):
        T, t = history[:, step, 0] + ZERO_CELSIUS_K, history[:, step, 1]
        hot = (1.0 / T - 1.0 / 823.15) / k
        glass["exchange"] += t * p["furnace_exchange_rate_1_s"] * np.exp(-p["furnace_exchange_barrier_eV"] * hot)
        glass["coarsening"] += t / 7200.0 * np.exp(-p["coarsening_barrier_eV"] * hot)
        glass["devitrification"] += t * nucleation_rate(T, p) / p["laser_activation"]
        for phase, x in compositions.items():
            rich = x ** p["iodide_power"]
            rate = np.exp(_between(np.log(p["balance_rate_Br_1_s"]), np.log(p["balance_rate_I_1_s"]), rich))
            barrier = _between(p["balance_barrier_Br_eV"], p["balance_barrier_I_eV"], rich)
            T_star = _between(p["balance_crossover_Br_K"], p["balance_crossover_I_K"], rich)
            bias = np.clip(p["balance_enthalpy_eV"] / k * (1.0 / T_star - 1.0 / T), -40.0, 40.0)
            supply = (1.0 / (1.0 + np.exp(-bias)))[:, np.newaxis]
            reduced = t * rate * np.exp(-barrier / k * (1.0 / T - 1.0 / 473.15))
            relaxed = -np.expm1(-reduced[:, np.newaxis] * MODE_RATES)
            reached = np.maximum(supply, supplied[phase])
            goal = p["balance_low"] + (p["balance_high"] - p["balance_low"]) * reached
            glass[f"{phase}_theta"] += (goal - glass[f"{phase}_theta"]) * relaxed
            supplied[phase] += (reached - supplied[phase]) * relaxed


def _between(at_Br: float, at_I: float, part: Array) -> Array:
    return np.asarray(at_Br + (at_I - at_Br) * part)


def observed(glass: Columns, p: np.void) -> Columns:
    """All observables, by name."""
    y = glass["y"]
    exchanged = -np.expm1(-(glass["exchange"] ** p["furnace_exchange_stretch"]))
    x = glass["x"] + np.maximum(residual_of(y, p) - glass["x"], 0.0) * exchanged
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


def _phase(glass: Columns, phase: str, x: Array, p: np.void) -> Columns:
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


def _emission(x: Array, vacancies: Array, p: np.void) -> Columns:
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
