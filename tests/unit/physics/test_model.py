"""The model as a whole: thresholds, directions, finiteness, and the entries from Python."""

import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beamline.physics import (
    OBSERVABLE_UNITS,
    SETTING_RANGES,
    draw,
    from_standard,
    heat,
    make_settings,
    nominal,
    observable_dtype,
    observe,
    predict,
    sensitivities,
    setting_dtype,
    state_dtype,
    to_standard,
    write,
)
from beamline.physics.parameters import PARAMETERS

Array = npt.NDArray[Any]
History = list[tuple[float, float]]

AS_WRITTEN = np.zeros((0, 2))
DRAWS = np.concatenate([nominal(), draw(np.random.default_rng(7), 8, 0.5)])
LINE = make_settings(iodide_fraction=0.5, pulse_energy_uJ=200.0, speed_mm_s=0.4)


def between(name: str) -> st.SearchStrategy[float]:
    allowed = SETTING_RANGES[name]
    return st.floats(allowed.low, allowed.high)


@st.composite
def any_setting(draw_from: Callable[..., Any]) -> Array:
    table = np.zeros(1, setting_dtype)
    for name in SETTING_RANGES:
        table[name] = draw_from(st.integers(1, 10) if name == "n_passes" else between(name))
    table["is_line"] = draw_from(st.booleans())
    return table


any_history = st.lists(st.tuples(st.floats(-20.0, 700.0), st.floats(0.0, 1e7)), max_size=4)


@given(any_setting(), any_history, st.lists(st.floats(-4.0, 4.0), min_size=len(PARAMETERS), max_size=len(PARAMETERS)))
def test_everything_is_finite_and_within_bounds_over_the_whole_domain(
    setting: Array, history: History, z: list[float]
) -> None:
    parameters = from_standard([z])
    seen = predict(setting, np.array(history).reshape(-1, 2), parameters)[0, 0]
    for name in OBSERVABLE_UNITS:
        assert np.isfinite(seen[name]), name
        assert seen[name] >= 0.0 or name.endswith("xps_shift_eV"), name
    for name in ("red_share", "void_share", "peak_share", "devitrified_share", "red_iodide_fraction"):
        assert seen[name] <= 1.0 + 1e-12, name
    for name in ("green_quantum_yield", "red_quantum_yield"):
        assert seen[name] <= 1.0, name
    assert seen["green_peak_eV"] < seen["green_bleach_eV"] or z[[p.name for p in PARAMETERS].index("stokes_Br_eV")] < -3


@pytest.mark.parametrize("mode", ["exposure_s", "speed_mm_s"])
def test_small_steps_of_a_setting_are_small_steps_of_the_observables(mode: str) -> None:
    """But for the size, a contour that appears at a finite radius."""
    rng = np.random.default_rng(11)
    m = 400
    base: dict[str, Any] = {
        "iodide_fraction": rng.uniform(0.01, 0.99, m),
        "pulse_energy_uJ": rng.uniform(1.0, 399.0, m),
        "depth_mm": rng.uniform(0.02, 0.99, m),
        "repetition_rate_kHz": np.exp(rng.uniform(0.0, 6.9, m)),
        mode: np.exp(rng.uniform(np.log(0.01), np.log(2.9), m)),
    }
    here = predict(make_settings(**base), [[500.0, 3600.0]], DRAWS)
    for name, values in base.items():
        there = predict(make_settings(**base | {name: values * (1 + 1e-7)}), [[500.0, 3600.0]], DRAWS)
        for observable in set(OBSERVABLE_UNITS) - {"size_um"}:
            np.testing.assert_allclose(
                there[observable], here[observable], rtol=1e-3, atol=1e-3, err_msg=f"{observable} against {name}"
            )


def test_nothing_is_written_below_the_threshold_of_absorption() -> None:
    weak = make_settings(iodide_fraction=[0.0, 0.5, 1.0], pulse_energy_uJ=0.1, exposure_s=60.0, n_passes=10)
    seen = predict(weak, [[500.0, 7200.0]], DRAWS)
    for name in ("green_intensity", "red_intensity", "size_um", "absorbed_power_W", "crystal_amount"):
        assert (seen[name] == 0.0).all(), name


def test_unwritten_glass_stays_amorphous() -> None:
    """P10."""
    blank = make_settings(iodide_fraction=[0.0, 0.5, 1.0], pulse_energy_uJ=0.0, exposure_s=1.0)
    seen = predict(blank, [[500.0, 7200.0]], nominal())
    assert (seen["green_intensity"] + seen["red_intensity"] == 0.0).all()
    assert (seen["devitrified_share"] < 1e-6).all()


def test_dots_below_one_second_are_dark() -> None:
    """P11."""
    dots = make_settings(iodide_fraction=0.5, pulse_energy_uJ=200.0, exposure_s=[0.1, 0.5, 0.99, 1.01, 2.0])
    assert (predict(dots, AS_WRITTEN, nominal())["size_um"][0] > 0.0).tolist() == [False, False, False, True, True]


def test_a_measured_power_is_authoritative_over_the_set_energy() -> None:
    """P3."""
    weak, strong = (
        make_settings(iodide_fraction=0.5, pulse_energy_uJ=energy, speed_mm_s=0.4, power_at_sample_W=0.5)
        for energy in (100.0, 300.0)
    )
    assert (write(weak, DRAWS) == write(strong, DRAWS)).all()
    without = make_settings(iodide_fraction=0.5, pulse_energy_uJ=200.0, speed_mm_s=0.4)
    assert write(weak, nominal())["absorbed_power_W"] == pytest.approx(write(without, nominal())["absorbed_power_W"])


@pytest.mark.parametrize(
    ("fixed", "varied", "values", "observable", "direction"),
    [
        ({"exposure_s": 5.0}, "pulse_energy_uJ", np.linspace(20, 300, 40), "size_um", 1),  # P12
        ({"pulse_energy_uJ": 200.0}, "exposure_s", np.geomspace(0.5, 60, 40), "size_um", 1),  # P12
        ({"speed_mm_s": 0.4}, "pulse_energy_uJ", np.linspace(20, 300, 40), "size_um", 1),  # P13
        ({"pulse_energy_uJ": 200.0}, "speed_mm_s", np.geomspace(0.05, 3, 40), "size_um", -1),  # P13
        ({"speed_mm_s": 0.4}, "pulse_energy_uJ", np.linspace(20, 300, 40), "peak_temperature_K", 1),
        ({"speed_mm_s": 0.4}, "pulse_energy_uJ", np.linspace(20, 300, 40), "void_share", 1),
        ({"pulse_energy_uJ": 200.0, "speed_mm_s": 0.4}, "n_passes", np.arange(1, 3), "red_share", 1),  # P32
    ],
)
def test_directions(fixed: dict[str, float], varied: str, values: Array, observable: str, direction: int) -> None:
    table = make_settings(iodide_fraction=0.5, **fixed, **{varied: values})
    seen = predict(table, AS_WRITTEN, DRAWS)[observable]
    steps = direction * np.diff(seen, axis=1)
    assert (steps >= -1e-9 * np.abs(seen[:, 1:])).all()
    assert (direction * (seen[:, -1] - seen[:, 0]) > 0).all()


@pytest.mark.parametrize("pace", [{"exposure_s": 4.0}, {"speed_mm_s": 0.4}], ids=["dots", "lines"])
@given(low=st.floats(20.0, 400.0), high=st.floats(20.0, 400.0))
def test_more_energy_is_never_smaller(pace: dict[str, float], low: float, high: float) -> None:
    """P12, P13, and alone as in a crowd."""
    low, high = sorted((low, high))
    both = predict(make_settings(iodide_fraction=0.5, pulse_energy_uJ=[low, high], **pace), AS_WRITTEN, DRAWS)[
        "size_um"
    ]
    alone = predict(make_settings(iodide_fraction=0.5, pulse_energy_uJ=high, **pace), AS_WRITTEN, DRAWS)["size_um"]
    assert (both[:, 1] >= both[:, 0] * (1.0 - 1e-6)).all()
    assert (alone[:, 0] == both[:, 1]).all()


@given(slow=st.floats(0.05, 3.0), fast=st.floats(0.05, 3.0), energy=st.floats(60.0, 300.0))
def test_faster_lines_are_never_wider(slow: float, fast: float, energy: float) -> None:
    """P13."""
    slow, fast = sorted((slow, fast))
    lines = make_settings(iodide_fraction=0.5, pulse_energy_uJ=energy, speed_mm_s=[slow, fast])
    widths = predict(lines, AS_WRITTEN, DRAWS)["size_um"]
    assert (widths[:, 1] <= widths[:, 0] * (1.0 + 1e-6)).all()


@given(cool=st.floats(25.0, 650.0), warm=st.floats(25.0, 650.0), hold_s=st.floats(60.0, 36_000.0))
def test_hotter_furnaces_redden_more(cool: float, warm: float, hold_s: float) -> None:
    """P24: in Br&I, alone and in a crowd."""
    cool, warm = sorted((cool, warm))
    steps = np.array([[[cool, hold_s]], [[warm, hold_s]]])
    peaks_eV = predict(np.repeat(LINE, 2), steps, DRAWS)["red_peak_eV"]
    assert (peaks_eV[:, 1] <= peaks_eV[:, 0] + 1e-12).all()
    assert (predict(LINE, steps[1], DRAWS)["red_peak_eV"][:, 0] == peaks_eV[:, 1]).all()


@given(temperature_C=st.floats(-20.0, 700.0), hold_s=st.floats(0.0, 1e6), cut=st.floats(0.0, 1.0))
def test_a_hold_may_be_cut_in_two(temperature_C: float, hold_s: float, cut: float) -> None:
    whole = predict(LINE, [[temperature_C, hold_s]], DRAWS)
    in_two = predict(LINE, [[temperature_C, cut * hold_s], [temperature_C, (1.0 - cut) * hold_s]], DRAWS)
    for name in OBSERVABLE_UNITS:
        np.testing.assert_allclose(in_two[name], whole[name], rtol=1e-9, atol=1e-12, err_msg=name)


def test_more_iodide_in_the_glass_is_redder() -> None:
    glasses = make_settings(iodide_fraction=np.linspace(0.0, 1.0, 41), pulse_energy_uJ=200.0, speed_mm_s=0.4)
    seen = predict(glasses, AS_WRITTEN, nominal())
    assert (np.diff(seen["red_iodide_fraction"][0]) > 0).all()
    assert seen["red_share"][0, [0, -1]].tolist() == [0.0, 1.0]
    assert seen["green_intensity"][0, -1] == seen["red_intensity"][0, 0] == 0.0


def test_a_site_is_the_same_alone_and_in_a_crowd() -> None:
    rng = np.random.default_rng(5)
    table = make_settings(
        iodide_fraction=rng.uniform(0, 1, 60),
        pulse_energy_uJ=rng.uniform(50, 300, 60),
        exposure_s=rng.uniform(0.5, 10, 60),
        n_passes=rng.integers(1, 4, 60),
    )
    steps = np.stack([rng.uniform(200, 550, (60, 3)), rng.uniform(0, 7200, (60, 3))], axis=-1)
    together = predict(table, steps, DRAWS)
    again = predict(table, steps, DRAWS)
    assert (together == again).all()
    # A handful has an entry of its own. Which of the two a process compiled first decides how their sums are ordered, and the
    # cache may hold one from each of two processes: so the last bits may differ.
    for i, j in ((0, 0), (3, 31), (8, 59)):
        alone = predict(table[j : j + 1], steps[j], DRAWS[i : i + 1])
        for name in OBSERVABLE_UNITS:
            np.testing.assert_allclose(alone[name][0, 0], together[name][i, j], rtol=1e-9, atol=1e-12, err_msg=name)


def test_predict_is_write_heat_observe() -> None:
    table = make_settings(iodide_fraction=[0.0, 0.4, 1.0], pulse_energy_uJ=180.0, speed_mm_s=[0.2, 0.5, 1.0])
    steps = [[300.0, 1800.0], [500.0, 3600.0]]
    states = write(table, DRAWS)
    assert states.dtype == state_dtype
    assert states.shape == (DRAWS.size, 3)
    in_steps = observe(heat(states, steps, DRAWS), DRAWS)
    at_once = predict(table, steps, DRAWS)
    assert in_steps.dtype == at_once.dtype == observable_dtype
    for name in OBSERVABLE_UNITS:
        np.testing.assert_allclose(in_steps[name], at_once[name], rtol=1e-12, err_msg=name)


def test_chosen_fields_are_those_of_the_full_prediction(monkeypatch: pytest.MonkeyPatch) -> None:
    from beamline.physics import model

    monkeypatch.setattr(model, "_BUFFER_BYTES", 2 * observable_dtype.itemsize)  # pieces of two parameter sets
    full = predict(LINE, [[550.0, 7200.0]], DRAWS)
    some = predict(LINE, [[550.0, 7200.0]], DRAWS, ["red_peak_eV", "size_um"])
    assert some.dtype.names == ("red_peak_eV", "size_um")
    assert (some["red_peak_eV"] == full["red_peak_eV"]).all()
    assert (some["size_um"] == full["size_um"]).all()


def test_no_settings_give_no_predictions() -> None:
    assert predict(LINE[:0], AS_WRITTEN, DRAWS).shape == (DRAWS.size, 0)


def test_threads_may_call_at_once() -> None:
    expected = predict(LINE, [[550.0, 7200.0]], DRAWS)
    found = []
    calls = [
        threading.Thread(target=lambda: found.extend(predict(LINE, [[550.0, 7200.0]], DRAWS) for _ in range(20)))
        for _ in range(4)
    ]
    for call in calls:
        call.start()
    for call in calls:
        call.join(60.0)
    assert len(found) == 80
    assert all((one == expected).all() for one in found)


def with_nose(value: float) -> Array:
    parameters = DRAWS[:3].copy()
    parameters["nose_K"][1] = value
    return parameters


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (lambda: predict(LINE, AS_WRITTEN, np.zeros(3)), "parameter_dtype"),
        (lambda: predict(LINE, AS_WRITTEN, nominal()[:0]), "at least 1"),
        (lambda: predict(np.zeros(3), AS_WRITTEN, nominal()), "setting_dtype"),
        (lambda: predict(LINE, AS_WRITTEN, nominal(), ["red_peek_eV"]), "red_peek_eV"),
        (lambda: predict(LINE, [[900.0, 1.0]], nominal()), "900.0"),
        (lambda: observe(write(LINE, nominal()), DRAWS), "9 parameter sets"),
        (lambda: predict(LINE, AS_WRITTEN, with_nose(np.nan)), "nose_K=nan in parameter set 1.*unit K"),
        (lambda: predict(np.repeat(LINE, 300), AS_WRITTEN, with_nose(np.inf)), "nose_K=inf in parameter set 1"),
        (lambda: write(LINE, with_nose(np.nan)), "nose_K=nan"),
        (lambda: observe(write(LINE, DRAWS[:3]), with_nose(-np.inf)), "nose_K=-inf"),
        (lambda: heat(np.zeros((1, 1)), AS_WRITTEN, nominal()), "state_dtype"),
        (lambda: sensitivities(LINE, AS_WRITTEN, DRAWS, ["size_um"]), "one parameter set"),
    ],
)
def test_what_does_not_fit_is_refused(bad: Callable[[], object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        bad()


def test_sensitivities_are_the_derivatives() -> None:
    at = draw(np.random.default_rng(2), 1, 0.5)
    slopes = sensitivities(LINE, [[500.0, 3600.0]], at, ["red_peak_eV"], scale=0.5)["red_peak_eV"]
    assert slopes.shape == (1, len(PARAMETERS))
    z = to_standard(at, 0.5)
    direction = np.random.default_rng(3).standard_normal(len(PARAMETERS)) * 1e-3
    ends = predict(LINE, [[500.0, 3600.0]], from_standard([z[0] + direction, z[0] - direction], 0.5))["red_peak_eV"][
        :, 0
    ]
    assert slopes[0] @ direction == pytest.approx(0.5 * (ends[0] - ends[1]), rel=1e-3)


def test_importing_loads_no_compiler() -> None:
    code = "import sys, beamline.physics; sys.exit('numba' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_the_first_call_loads_no_extension_of_the_compiler_and_keeps_none_from_others() -> None:
    code = (
        "import sys; from beamline.physics import *; import numba\n"
        "line = make_settings(iodide_fraction=0.5, pulse_energy_uJ=200.0, speed_mm_s=0.4)\n"
        "predict(line, [[500.0, 60.0]], nominal())\n"
        "assert 'awkward' not in sys.modules\n"
        "assert numba.core.entrypoints._already_initialized is False\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=100)


def test_the_cache_of_compiled_code_depends_on_all_sources() -> None:
    from beamline.physics import kernels
    from beamline.physics.jit import source_digest

    for entry in (kernels.write_all, kernels.heat_all, kernels.observe_all, kernels.predict_all):
        assert source_digest() in {cell.cell_contents for cell in entry.py_func.__closure__}
