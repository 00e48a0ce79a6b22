"""Heat histories: additive, composable, and with the right direction."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beamline.physics import draw, heat, make_settings, nominal, observe, predict, steps_array, write
from beamline.recipe import HeatTreatment

Array = npt.NDArray[Any]
History = list[tuple[float, float]]

PARAMETERS = np.concatenate([nominal(), draw(np.random.default_rng(3), 3)])
SITES = np.concatenate(
    [
        make_settings(iodide_fraction=[0.0, 0.3, 0.5, 0.8, 1.0], pulse_energy_uJ=200.0, speed_mm_s=0.4),
        make_settings(iodide_fraction=0.5, pulse_energy_uJ=150.0, exposure_s=5.0, n_passes=[1, 2]),
    ]
)
WRITTEN = write(SITES, PARAMETERS)

temperatures = st.floats(-20.0, 700.0)
durations = st.one_of(st.just(0.0), st.floats(1e-3, 1e6))
histories = st.lists(st.tuples(temperatures, durations), max_size=4)


def assert_same(one: Array, other: Array, rel: float = 1e-9) -> None:
    for name in one.dtype.names:
        np.testing.assert_allclose(one[name], other[name], rtol=rel, atol=1e-12, err_msg=name)


@given(histories, temperatures, st.floats(1e-3, 1e6), st.lists(st.floats(0.01, 1.0), min_size=2, max_size=5), histories)
def test_a_hold_can_be_cut_anywhere(
    before: History, temperature: float, duration: float, parts: list[float], after: History
) -> None:
    shares = np.array(parts) / sum(parts)
    whole = np.array([*before, (temperature, duration), *after])
    cut = np.array([*before, *((temperature, duration * share) for share in shares), *after])
    assert_same(heat(WRITTEN, whole, PARAMETERS), heat(WRITTEN, cut, PARAMETERS))


@given(histories, histories)
def test_two_furnace_runs_are_one_history(first: History, second: History) -> None:
    a, b = (np.array(history).reshape(-1, 2) for history in (first, second))
    at_once = heat(WRITTEN, np.concatenate([a, b]), PARAMETERS)
    assert_same(at_once, heat(heat(WRITTEN, a, PARAMETERS), b, PARAMETERS), rel=1e-12)


def test_steps_of_no_duration_are_padding() -> None:
    steps = np.array([[550.0, 0.0], [450.0, 3600.0], [20.0, 0.0]])
    assert (heat(WRITTEN, steps, PARAMETERS) == heat(WRITTEN, steps[1:2], PARAMETERS)).all()
    assert (heat(WRITTEN, np.zeros((0, 2)), PARAMETERS) == WRITTEN).all()


def test_heat_does_not_touch_its_argument() -> None:
    before = WRITTEN.copy()
    heat(WRITTEN, [[550.0, 7200.0]], PARAMETERS)
    assert (before == WRITTEN).all()


def test_each_site_may_have_its_own_history() -> None:
    steps = np.zeros((SITES.size, 2, 2))
    steps[:, :, 0] = np.linspace(200.0, 550.0, 2 * SITES.size).reshape(SITES.size, 2)
    steps[:, :, 1] = 1800.0
    together = heat(WRITTEN, steps, PARAMETERS)
    for j in range(SITES.size):
        alone = heat(WRITTEN[:, j : j + 1], steps[j], PARAMETERS)
        assert (alone == together[:, j : j + 1]).all()


def test_room_temperature_does_nothing_to_speak_of() -> None:
    kept = observe(heat(WRITTEN, [[25.0, 86_400.0]], PARAMETERS), PARAMETERS)
    fresh = observe(WRITTEN, PARAMETERS)
    assert kept["red_peak_eV"] == pytest.approx(fresh["red_peak_eV"], abs=1e-6)


@given(st.floats(200.0, 540.0), st.floats(1.0, 10.0), st.floats(600.0, 1e5), st.floats(1.01, 10.0))
def test_hotter_or_longer_is_redder_in_mixed_glass(
    temperature: float, warmer: float, hold_s: float, longer: float
) -> None:
    """P24, and green loses to red (P25)."""
    mixed = make_settings(iodide_fraction=np.full(3, 0.5), pulse_energy_uJ=200.0, speed_mm_s=0.4)
    steps = np.array([[[temperature, hold_s]], [[temperature + warmer, hold_s]], [[temperature, hold_s * longer]]])
    seen = predict(mixed, steps, PARAMETERS)
    assert (seen["red_peak_eV"][:, 1:] < seen["red_peak_eV"][:, :1]).all()
    assert (seen["red_share"][:, 1:] > seen["red_share"][:, :1]).all()


def test_pure_iodide_keeps_what_a_hot_hold_gave_it_through_a_slow_ramp_down() -> None:
    """P28 was not measured in the furnace: the sample had cooled through the quenching temperatures."""
    line = make_settings(iodide_fraction=1.0, pulse_energy_uJ=200.0, speed_mm_s=0.4)
    written = write(line, nominal())
    hold = heat(written, [[550.0, 7200.0]], nominal())
    ramps = heat(
        written, steps_array(HeatTreatment(temperature_C=550.0, hold_s=7200.0, ramp_C_min=1.0).steps()), nominal()
    )
    light = [float(observe(state, nominal())["red_intensity"][0, 0]) for state in (written, hold, ramps)]
    assert light[1] / light[0] == pytest.approx(3.0, abs=0.01)
    assert light[2] / light[1] == pytest.approx(1.0, abs=0.02)


def test_a_temperature_ladder_goes_through_the_quenched_range() -> None:
    """P26-P28 on one sample: quenched on the way up, bright at the end."""
    line = make_settings(iodide_fraction=1.0, pulse_energy_uJ=200.0, speed_mm_s=0.4)
    state = write(line, nominal())
    light = [float(observe(state, nominal())["red_intensity"][0, 0])]
    for temperature in (200.0, 300.0, 400.0, 450.0, 550.0):
        state = heat(state, [[temperature, 7200.0]], nominal())
        light.append(float(observe(state, nominal())["red_intensity"][0, 0]))
    assert max(light[1:5]) < 0.2 * light[0]
    assert light[5] > 2.5 * light[0]
