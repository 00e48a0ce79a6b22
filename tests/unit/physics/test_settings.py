"""Settings and steps: made from the words of the project or from arrays, refused outside the model's validity."""

from typing import Any

import numpy as np
import pytest

from beamline.physics import (
    SETTING_RANGES,
    SettingError,
    check_settings,
    make_settings,
    nominal,
    predict,
    predict_spectra,
    setting_dtype,
    settings,
    steps_array,
    write,
)
from beamline.physics.steps import check_steps
from beamline.recipe import Dot, HeatStep, HeatTreatment, Line


def test_settings_of_writings() -> None:
    dot = Dot(pulse_energy_uJ=150.0, exposure_s=2.0, depth_mm=0.3)
    line = Line(pulse_energy_uJ=200.0, speed_mm_s=0.4, n_passes=2, repetition_rate_kHz=20.0)
    table = settings([dot, line], [0.2, 0.5], power_at_sample_W=[0.0, 0.6])
    assert table.dtype == setting_dtype
    assert table["is_line"].tolist() == [False, True]
    assert table["exposure_s"].tolist() == [2.0, 0.0]
    assert table["speed_mm_s"].tolist() == [0.0, 0.4]
    assert table["depth_mm"].tolist() == [0.3, 0.2]
    assert table["repetition_rate_kHz"].tolist() == [10.0, 20.0]
    assert table["n_passes"].tolist() == [1, 2]
    assert table["iodide_fraction"].tolist() == [0.2, 0.5]
    assert table["power_at_sample_W"].tolist() == [0.0, 0.6]


def test_both_ways_to_make_settings_agree() -> None:
    lines = [Line(pulse_energy_uJ=energy, speed_mm_s=0.4) for energy in (100.0, 200.0)]
    made = make_settings(iodide_fraction=0.5, pulse_energy_uJ=[100.0, 200.0], speed_mm_s=0.4)
    assert (settings(lines, 0.5) == made).all()


@pytest.mark.parametrize(
    ("name", "where"),
    [
        (name, where)
        for name in sorted(SETTING_RANGES)
        for where in ("below", "above", "nan")
        if (name, where) != ("n_passes", "nan")  # an integer is never NaN
    ],
)
def test_each_setting_is_refused_outside_its_range(name: str, where: str) -> None:
    allowed = SETTING_RANGES[name]
    good = {"iodide_fraction": 0.5, "pulse_energy_uJ": 200.0, "exposure_s": 5.0}
    if name == "speed_mm_s":
        del good["exposure_s"]
    table = make_settings(**good | ({"speed_mm_s": 0.4} if name == "speed_mm_s" else {}))
    table = np.repeat(table, 3)
    if name == "n_passes":
        table[name][1] = {"below": 0, "above": 11}[where]
    else:
        table[name][1] = {"below": allowed.low - 1e-3, "above": allowed.high * 1.001, "nan": np.nan}[where]
    with pytest.raises(SettingError) as refused:
        check_settings(table)
    message = str(refused.value)
    assert message.startswith(f"{name}={float(table[name][1])!r} in setting 1")
    assert f"{allowed.low:g} to {allowed.high:g} {allowed.unit}" in message


@pytest.mark.parametrize("name", ["exposure_s", "speed_mm_s"])
def test_the_ends_of_a_range_are_inside(name: str) -> None:
    allowed = SETTING_RANGES[name]
    make_settings(iodide_fraction=[0.0, 1.0], pulse_energy_uJ=[0.0, 400.0], **{name: [allowed.low, allowed.high]})


def test_fast_lines_are_refused_with_the_reason() -> None:
    with pytest.raises(SettingError, match="quasi-static"):
        make_settings(iodide_fraction=0.5, pulse_energy_uJ=200.0, speed_mm_s=10.0)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({}, "exposure_s"),
        ({"exposure_s": 1.0, "speed_mm_s": 1.0}, "only one"),
        ({"exposure_s": [1.0, 2.0], "depth_mm": [0.1, 0.2, 0.3]}, "broadcast"),
        ({"exposure_s": [[1.0, 2.0]]}, "one-dimensional"),
    ],
)
def test_settings_that_are_none_are_refused(arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        make_settings(iodide_fraction=0.5, pulse_energy_uJ=200.0, **arguments)


def test_steps_of_a_heat_treatment() -> None:
    treatment = HeatTreatment(temperature_C=500.0, hold_s=3600.0)
    array = steps_array(treatment.steps())
    assert array.shape == (17, 2)
    assert array[8].tolist() == [500.0, 3600.0]
    assert steps_array([]).shape == (0, 2)
    assert steps_array([HeatStep(temperature_C=20.0, duration_s=1.0)]).tolist() == [[20.0, 1.0]]


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        ([[800.0, 1.0]], "temperature_C=800.0 .* -20 to 700 degC"),
        ([[np.nan, 1.0]], "temperature_C=nan"),
        ([[500.0, -1.0]], "duration_s=-1.0 .* s"),
        ([[500.0, np.inf]], "duration_s=inf"),
        ([500.0, 1.0], r"shape \(2,\)"),
        (np.zeros((3, 1, 2)), r"\(k, 2\) or \(5, k, 2\)"),
    ],
)
def test_steps_outside_the_validity_are_refused(steps: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        check_steps(steps, 5)


def test_many_settings_are_refused_by_the_first_bad_one_with_their_number() -> None:
    table = np.repeat(make_settings(iodide_fraction=0.5, pulse_energy_uJ=200.0, speed_mm_s=0.4), 1000)
    table["speed_mm_s"][[30, 700]] = [9.0, np.nan]
    with pytest.raises(SettingError, match=r"^speed_mm_s=9.0 in setting 30 \(2 of 1000 settings\) .* 0.01 to 3 mm/s"):
        check_settings(table)


@pytest.mark.parametrize(
    "bad", [{"pulse_energy_uJ": [200.0, -1.0]}, {"speed_mm_s": [0.4, 3.1]}, {"iodide_fraction": [0.5, np.nan]}]
)
def test_arrays_are_refused_before_anything_is_predicted(bad: dict[str, Any]) -> None:
    good: dict[str, Any] = {"iodide_fraction": 0.5, "pulse_energy_uJ": 200.0, "speed_mm_s": 0.4}
    (name,) = bad
    with pytest.raises(SettingError, match=f"{name}=.* in setting 1"):
        make_settings(**good | bad)
    table = np.repeat(make_settings(**good), 2)[::-1]  # not contiguous
    table[name] = bad[name]
    for ask in (
        lambda: write(table, nominal()),
        lambda: predict(table, np.zeros((0, 2)), nominal()),
        lambda: predict_spectra(table, np.zeros((0, 2)), nominal(), [500.0]),
    ):
        with pytest.raises(SettingError, match=f"{name}=.* in setting 1"):
            ask()


def test_the_pace_of_the_other_kind_is_not_looked_at() -> None:
    table = make_settings(iodide_fraction=0.5, pulse_energy_uJ=200.0, speed_mm_s=0.4)
    table["exposure_s"] = -5.0
    check_settings(table)
    table["is_line"] = False
    with pytest.raises(SettingError, match="exposure_s"):
        check_settings(table)
