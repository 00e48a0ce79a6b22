"""Decays: three exponentials whose intensity average is the lifetime that the paper quotes (P16, P26)."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import gammainc

from beamline.physics import decay, from_standard, make_settings, nominal, predict
from beamline.physics.defects import three_or_more
from beamline.physics.parameters import PARAMETERS

PER_MEAN = np.array([0.0, 1e-12, 1e-6, 1e-3, 0.1, 0.999, 1.0, 1.001, 3.0, 30.0])

LINE = make_settings(iodide_fraction=0.5, pulse_energy_uJ=200.0, speed_mm_s=0.4)
PURE_I = make_settings(iodide_fraction=1.0, pulse_energy_uJ=200.0, speed_mm_s=0.4)
AS_WRITTEN = np.zeros((0, 2))
COMPONENTS = ("fast", "main", "late")


def components(seen: npt.NDArray[Any], phase: str) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    amplitudes = np.array([seen[f"{phase}_{name}_amplitude"] for name in COMPONENTS])
    times = np.array([seen[f"{phase}_{name}_lifetime_ns"] for name in COMPONENTS])
    return amplitudes, times


@given(
    st.floats(0.0, 1.0),
    st.floats(-20.0, 700.0),
    st.floats(0.0, 1e6),
    st.lists(st.floats(-3.0, 3.0), min_size=len(PARAMETERS), max_size=len(PARAMETERS)),
)
def test_the_intensity_average_is_the_lifetime(y: float, temperature_C: float, hold_s: float, z: list[float]) -> None:
    line = make_settings(iodide_fraction=y, pulse_energy_uJ=200.0, speed_mm_s=0.4)
    seen = predict(line, [[temperature_C, hold_s]], from_standard([z]))[0, 0]
    for phase in ("green", "red"):
        amplitudes, times = components(seen, phase)
        assert amplitudes.sum() == pytest.approx(1.0)
        assert (amplitudes >= 0.0).all()
        assert 0.0 < times[0] < times[1]
        average = (amplitudes * times**2).sum() / (amplitudes * times).sum()
        assert average == pytest.approx(seen[f"{phase}_lifetime_ns"], rel=1e-9)


@pytest.mark.parametrize(
    ("setting", "steps", "phase", "average_ns"),
    [
        (LINE, AS_WRITTEN, "green", 28.89),  # P16
        (LINE, AS_WRITTEN, "red", 35.97),  # P16
        (PURE_I, AS_WRITTEN, "red", 120.0),  # P26
        (PURE_I, [[200.0, 7200.0]], "red", 2000.0),  # P26
        (PURE_I, [[550.0, 7200.0]], "red", 153.0),  # P26
    ],
)
def test_the_curve_has_the_average_of_the_paper(setting: Any, steps: Any, phase: Any, average_ns: float) -> None:
    seen = predict(setting, steps, nominal())[0]
    time_ns = np.concatenate([[0.0], np.geomspace(1e-3, 2e5, 20_001)])
    curve = decay(seen, time_ns, phase)[0]
    photons = np.trapezoid(curve, time_ns)
    assert photons == pytest.approx(seen[f"{phase}_intensity"][0], rel=1e-5)
    assert np.trapezoid(time_ns * curve, time_ns) / photons == pytest.approx(average_ns, rel=1e-3)


def test_all_light_is_that_of_both_phases_and_starts_with_the_pulse() -> None:
    seen = predict(LINE, AS_WRITTEN, nominal())
    time_ns = np.linspace(-10.0, 300.0, 32)
    both = decay(seen, time_ns)
    assert both.shape == (1, 1, 32)
    np.testing.assert_allclose(both, decay(seen, time_ns, "green") + decay(seen, time_ns, "red"))
    assert (both[..., time_ns < 0.0] == 0.0).all()
    assert (np.diff(both[..., time_ns >= 0.0]) < 0.0).all()


def test_vacancies_make_the_fast_part_and_quench() -> None:
    """Healing at 550 degC takes the fast part away and brings light back."""
    written, healed = (predict(PURE_I, steps, nominal())[0, 0] for steps in (AS_WRITTEN, [[550.0, 7200.0]]))
    assert healed["red_fast_amplitude"] < 0.1 * written["red_fast_amplitude"]
    assert healed["red_quantum_yield"] > written["red_quantum_yield"]


def test_core_levels_shift_with_the_halide_balance() -> None:
    seen = predict(PURE_I, [[200.0, 7200.0]], nominal())[0, 0]
    healed = predict(PURE_I, [[550.0, 7200.0]], nominal())[0, 0]
    assert seen["red_halide_per_lead"] < 3.0 < healed["red_halide_per_lead"]
    assert seen["red_xps_shift_eV"] > 0.0 > healed["red_xps_shift_eV"]
    ratio = healed["red_xps_shift_eV"] / seen["red_xps_shift_eV"]
    assert ratio == pytest.approx((healed["red_halide_per_lead"] - 3.0) / (seen["red_halide_per_lead"] - 3.0))


@pytest.mark.parametrize("bad", [[np.nan], [[1.0]], [np.inf]])
def test_times_that_are_none_are_refused(bad: Any) -> None:
    with pytest.raises(ValueError, match="time_ns"):
        decay(predict(LINE, AS_WRITTEN, nominal()), bad)


def test_few_vacancies_seldom_make_three_and_never_less_than_none() -> None:
    found = [three_or_more(mean) for mean in PER_MEAN]
    np.testing.assert_allclose(found, gammainc(3, PER_MEAN), rtol=1e-13)
    assert min(found) == 0.0
