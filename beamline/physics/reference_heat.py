"""The plain model: absorption of the laser, temperatures, and the rate of nucleation against temperature. See `reference`."""

from __future__ import annotations

from typing import Final, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.special import erf, erfc

from beamline.physics.constants import ROOM_TEMPERATURE_K, BOLTZMANN_eV_K, LASER_WAVELENGTH_um

__all__ = [
    "Array",
    "Columns",
    "as_column",
    "centre_of",
    "curve_of",
    "field_of",
    "isotherm_at",
    "k",
    "nucleation_rate",
    "source_of",
    "temperature_at",
    "window_of",
]

Array: TypeAlias = NDArray[np.float64]
Columns: TypeAlias = dict[str, Array]

k: Final = BOLTZMANN_eV_K
"""Boltzmann's constant, eV/K."""


def source_of(s: Columns, p: np.void, gain: float) -> Columns:
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


def _diffusivity(p: np.void) -> float:
    return float(p["conductivity_W_mK"] / p["heat_capacity_J_cm3K"] * 1e6)  # um2/s


def as_column(values: Array) -> Array:
    """(m,) as (m, 1), against the nodes."""
    return np.asarray(values[:, np.newaxis])


def field_of(s: Columns, source: Columns, p: np.void) -> Columns:
    """The numbers of `temperature_at`; of a dot on average over its exposure t.

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


def temperature_at(field: Columns, r: Array) -> Array:
    """T at radii r (m, J)."""
    a, spread, decay, d = (as_column(field[name]) for name in ("a", "s", "decay", "d"))
    dot = erf(r / a) - erf(r / spread)
    line = erf(r / a) - 1.0 + np.exp(-decay * r)
    inside = np.where(as_column(field["line"]), line, dot)
    image = as_column(field["image"]) / np.sqrt(r**2 + d**2)
    return np.asarray(ROOM_TEMPERATURE_K + as_column(field["q"]) * (inside / r + image))


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


def centre_of(s: Columns, source: Columns, p: np.void) -> tuple[Array, Array, Array]:
    """Temperature at the centre just after a pulse, just before it, and on average."""
    D, a, f = _diffusivity(p), source["radius_um"], 1e3 * s["repetition_rate_kHz"]
    line = s["is_line"] > 0
    speed = np.where(line, s["speed_mm_s"], 1.0)
    N = np.maximum(np.where(line, f * 2.0 * a / (1e3 * speed), f * s["exposure_s"]), 1.0)
    single = 1e6 * source["energy_uJ"] / (p["heat_capacity_J_cm3K"] * np.pi**1.5 * a**3)
    rise = single * a**3 * _pulse_sum(a**2, 4.0 * D / f, N)
    field = field_of(s, source, p)
    last = np.sqrt(a**2 + 4.0 * D * np.where(line, 0.5, s["exposure_s"]))
    arrived = np.where(line, field["image"], erfc(field["d"] / last))
    base = ROOM_TEMPERATURE_K + field["q"] * arrived / field["d"]
    mean = field["q"] * 2.0 / np.sqrt(np.pi) * (1.0 / a - 1.0 / last)
    return base + rise, base + rise - single, base + mean


class _Curve(NamedTuple):
    """k_N = exp(-B / T - W / [T (T_L - T)^2] - c), 1 / tau_N at the nose."""

    T_L: float
    T_nose: float
    B: float
    W: float
    c: float


def curve_of(p: np.void) -> _Curve:
    """The curve whose maximum is at the nose."""
    T_L = p["liquidus_K"]
    d = max(T_L - p["nose_K"], 0.05 * T_L)
    T_nose = T_L - d
    B = p["nucleation_barrier_eV"] / k
    W = B * d**3 / (2.0 * T_nose - d)
    return _Curve(T_L, T_nose, B, W, -B / T_nose - W / (T_nose * d**2) + np.log(p["nose_time_s"]))


def nucleation_rate(T: Array, p: np.void) -> Array:
    """k_N; zero above the liquidus and below 500 K."""
    T_L, T_nose, B, W, c = curve_of(p)
    happens = (T_L - T > 1.0) & (T > 500.0)
    T_safe = np.where(happens, T, T_nose)
    return np.where(happens, np.exp(-B / T_safe - W / (T_safe * (T_L - T_safe) ** 2) - c), 0.0)


def window_of(seconds: Array, p: np.void) -> tuple[Array, Array]:
    """Isotherms where the dose has fallen to 1e-3, on the cold side and on the hot; at least e^-4 below the nose. Four rounds."""
    T_L, T_nose, B, W, c = curve_of(p)
    L = np.minimum(np.log(1e-3 / seconds), -np.log(p["nose_time_s"]) - 4.0) + c
    cold, hot = np.full_like(L, 0.8 * T_nose), np.full_like(L, T_nose + 0.6 * (T_L - T_nose))
    for _ in range(4):
        cold = B / -(L + W / (cold * (T_L - cold) ** 2))
        cold = np.where(cold > 0.0, np.clip(cold, 500.0, 0.97 * T_nose), 0.97 * T_nose)
        hot = np.maximum(T_L - np.sqrt(W / (hot * np.maximum(-L - B / hot, 1.0))), T_nose + 0.1 * (T_L - T_nose))
    return cold, hot


def isotherm_at(field: Columns, T: Array | float) -> Array:
    """About sqrt(r^2 + pi a^2 / 4) where the field has temperature T."""
    bare = field["q"] / (T - ROOM_TEMPERATURE_K)
    R = bare * (1.0 + field["image"] * bare / np.sqrt(bare**2 + field["d"] ** 2))
    dot = bare * (1.0 + field["image"] * R / np.sqrt(R**2 + field["d"] ** 2))
    for _ in range(2):
        R = bare * (np.exp(-field["decay"] * R) + field["image"] * R / np.sqrt(R**2 + field["d"] ** 2))
    return np.where(field["line"], R, dot)
