"""The closed forms of heat against direct numerical integration."""

import math
from itertools import pairwise

import numpy as np
import pytest
from scipy.integrate import quad

from beamline.physics.conduction import Field, pulse_train, temperature_K
from beamline.physics.constants import ROOM_TEMPERATURE_K
from beamline.physics.nucleation import nose, nucleation_rate_1_s
from beamline.physics.parameters import nominal

K_W_mK, HEAT_CAPACITY_J_cm3K = 1.05, 2.05
DIFFUSIVITY_um2_s = K_W_mK / HEAT_CAPACITY_J_cm3K * 1e6
RADIUS_um, POWER_W = 19.0, 0.23
STRENGTH_K_um = POWER_W / (4 * math.pi * K_W_mK * 1e-6)


@pytest.mark.parametrize("rate_kHz", [1.0, 10.0, 100.0, 1000.0])
@pytest.mark.parametrize("n_pulses", [1, 3, 6, 7, 100, 30_000])
def test_pulse_train_is_the_sum_over_pulses(rate_kHz: float, n_pulses: int) -> None:
    step = 4.0 * DIFFUSIVITY_um2_s / (rate_kHz * 1e3)
    radius2 = RADIUS_um**2
    direct = (radius2**1.5 * (radius2 + step * np.arange(n_pulses)) ** -1.5).sum()
    assert pulse_train(1.0, radius2, step, float(n_pulses)) == pytest.approx(direct, rel=5e-6)


@pytest.mark.parametrize("exposure_s", [1e-3, 0.1, 5.0])
@pytest.mark.parametrize("r_um", [0.5, 10.0, 30.0, 60.0])
def test_dot_field_is_the_integral_over_time(exposure_s: float, r_um: float) -> None:
    def rate_K_s(t_s: float) -> float:
        width2 = RADIUS_um**2 + 4 * DIFFUSIVITY_um2_s * t_s
        return POWER_W * 1e12 / HEAT_CAPACITY_J_cm3K / (math.pi * width2) ** 1.5 * math.exp(-(r_um**2) / width2)

    ends = np.concatenate([[0.0], np.geomspace(1e-6, exposure_s, 12)])
    direct = sum(quad(rate_K_s, a, b)[0] for a, b in pairwise(ends))
    spread = math.sqrt(RADIUS_um**2 + 4 * DIFFUSIVITY_um2_s * exposure_s)
    around = Field(STRENGTH_K_um, RADIUS_um, spread, 0.0, 400.0, 0.0)
    assert temperature_K(around, r_um) - ROOM_TEMPERATURE_K == pytest.approx(direct, rel=1e-8)


@pytest.mark.parametrize(("speed_mm_s", "tolerance"), [(0.1, 1e-3), (0.4, 2e-3), (2.0, 0.03)])
def test_quasi_static_line_gives_the_nucleation_of_the_moving_source(speed_mm_s: float, tolerance: float) -> None:
    """The model's limit of speed: 3 mm/s. Nucleation along the path, exact moving Gaussian against the closed form."""
    y_um, speed_um_s = 20.0, speed_mm_s * 1e3
    nodes, weights = np.polynomial.legendre.leggauss(300)
    s = 0.5 * (nodes + 1.0) / RADIUS_um  # s = (a^2 + 4 D t)^(-1/2)
    ago_s = (1.0 / s**2 - RADIUS_um**2) / (4 * DIFFUSIVITY_um2_s)
    x_um = np.linspace(-120.0, 120.0, 1201)
    exponent = ((x_um[:, np.newaxis] + speed_um_s * ago_s) ** 2 + y_um**2) * s**2
    strength = POWER_W / (2 * K_W_mK * 1e-6 * math.pi**1.5)
    exact_K = strength * (0.5 / RADIUS_um * weights * np.exp(-exponent)).sum(axis=1)

    around = Field(STRENGTH_K_um, RADIUS_um, 0.0, speed_um_s / 2 / DIFFUSIVITY_um2_s, 400.0, 0.0)
    closed_K = np.array([temperature_K(around, r) for r in np.hypot(x_um, y_um)])
    curve = nose(nominal()[0])
    exact = sum(nucleation_rate_1_s(curve, T) for T in ROOM_TEMPERATURE_K + exact_K)
    closed = sum(nucleation_rate_1_s(curve, T) for T in closed_K)
    assert closed == pytest.approx(exact, rel=tolerance)


def test_the_surface_keeps_heat_in() -> None:
    with_image = Field(STRENGTH_K_um, RADIUS_um, 0.0, 0.0, 400.0, 1.0)
    without = with_image._replace(image_factor=0.0)
    assert temperature_K(with_image, 20.0) - temperature_K(without, 20.0) == pytest.approx(
        STRENGTH_K_um / math.hypot(20.0, 400.0)
    )


def test_nucleation_is_fastest_at_the_nose_and_zero_above_the_liquidus() -> None:
    p = nominal()[0]
    curve = nose(p)
    temperatures = np.arange(510.0, 1400.0, 1.0)
    rates = np.array([nucleation_rate_1_s(curve, T) for T in temperatures])
    assert temperatures[rates.argmax()] == pytest.approx(p["nose_K"], abs=1.0)
    assert rates.max() == pytest.approx(1.0 / p["nose_time_s"], rel=1e-4)
    assert (rates[temperatures >= p["liquidus_K"]] == 0.0).all()
    assert nucleation_rate_1_s(curve, 300.0) == 0.0
