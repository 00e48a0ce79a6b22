"""Heat by finite volumes, by kernels and by closed forms: three ways that must meet."""

import numpy as np
import pytest

from beamline.physics import make_settings, nominal
from beamline.physics.conduction import Field, field, pulse_train, temperature_K
from beamline.physics.constants import ROOM_TEMPERATURE_K
from beamline.physics.independent import Heating, by_kernels, by_pulses, by_volumes
from beamline.physics.laser import absorb

P = nominal()[0]
BULK = Heating(0.23, 19.0, float(P["conductivity_W_mK"]), float(P["heat_capacity_J_cm3K"]))


def closed(heating: Heating, time_s: float, r_um: float) -> float:
    strength = heating.power_W / (4 * np.pi * heating.conductivity_W_mK * 1e-6)
    spread = float(np.sqrt(heating.radius_um**2 + 4 * heating.diffusivity_um2_s * time_s))
    return temperature_K(Field(strength, heating.radius_um, spread, 0.0, 400.0, 0.0), r_um) - ROOM_TEMPERATURE_K


@pytest.mark.parametrize("time_s", [1e-4, 1e-2, 1.0])
def test_shells_of_glass_warm_up_as_the_closed_form_says(time_s: float) -> None:
    r_um, rise_K = by_volumes(BULK, time_s)
    near = (r_um > 2.0) & (r_um < 100.0)
    expected = np.array([closed(BULK, time_s, r) for r in r_um[near]])
    np.testing.assert_allclose(rise_K[near], expected, rtol=3e-4, atol=1e-4 * expected.max())


def test_the_shells_converge_with_their_second_power() -> None:
    errors = []
    for n in (150, 300):
        r_um, rise_K = by_volumes(BULK, 0.1, n)
        near = (r_um > 10.0) & (r_um < 60.0)
        errors.append(np.abs([closed(BULK, 0.1, r) for r in r_um[near]] / rise_K[near] - 1.0).max())
    assert errors[1] < errors[0] / 3.5


@pytest.mark.parametrize(("exposure_s", "tolerance_K"), [(1.0, 1.0), (5.0, 0.1)])
def test_a_dot_under_the_surface(exposure_s: float, tolerance_K: float) -> None:
    """The closed form is the mean over the exposure of the field, image and all, by quadrature over its time."""
    setting = make_settings(iodide_fraction=0.5, pulse_energy_uJ=200.0, exposure_s=exposure_s)[0]
    source = absorb(setting, P, 1.0)
    around = field(setting, P, source)
    heating = Heating(source.power_W, source.radius_um, BULK.conductivity_W_mK, BULK.heat_capacity_J_cm3K, 200.0)
    r_um = np.array([5.0, 20.0, 30.0, 50.0])
    nodes, weights = np.polynomial.legendre.leggauss(30)
    half = 0.5 * (nodes + 1.0)
    exact = sum(w * x * by_kernels(heating, exposure_s * x * x, 0.0, r_um) for x, w in zip(half, weights, strict=True))
    model = np.array([temperature_K(around, r) for r in r_um]) - ROOM_TEMPERATURE_K
    np.testing.assert_allclose(model, exact, rtol=0.0, atol=tolerance_K)


def test_many_pulses_at_once_are_a_sum_of_pulses() -> None:
    rate_1_s, energy_uJ = 10_000.0, 23.0
    single = by_pulses(energy_uJ, BULK, rate_1_s, 1)
    step = 4 * BULK.diffusivity_um2_s / rate_1_s
    for n in (2, 7, 10_000):
        found = pulse_train(single, BULK.radius_um**2, step, float(n))
        assert found == pytest.approx(by_pulses(energy_uJ, BULK, rate_1_s, n), rel=2e-6)


def test_pulses_smear_out_to_their_mean_power() -> None:
    """Two independent routes: the sum over pulses at a high rate, and the resting source of the same power."""
    rate_1_s, power_W, time_s = 1e6, 0.23, 0.01
    summed = by_pulses(power_W / rate_1_s * 1e6, BULK, rate_1_s, int(time_s * rate_1_s))
    assert summed == pytest.approx(float(by_kernels(BULK, time_s, 0.0, 0.0)), rel=5e-3)
