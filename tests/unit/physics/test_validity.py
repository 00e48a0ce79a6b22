"""What is invalid is refused by name, value, range and unit, for every field, and whoever asks: the compiled checks and those
that speak agree."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from beamline.physics import (
    SETTING_RANGES,
    SettingError,
    check_settings,
    draw,
    make_settings,
    nominal,
    observable_dtype,
    predict,
    predict_spectra,
)
from beamline.physics.emission import check_axis
from beamline.physics.steps import STEP_TEMPERATURES_C, LONGEST_STEP_s, check_steps

NO_STEPS = np.zeros((0, 2))
ONE, MANY = nominal(), draw(np.random.default_rng(2), 300, 0.3)
LINE = make_settings(iodide_fraction=0.5, pulse_energy_uJ=200.0, speed_mm_s=0.4)


def around(low: float, high: float) -> st.SearchStrategy[float]:
    """Numbers of all kinds, many of them at the ends of a range and one step outside."""
    ends = [low, high, float(np.nextafter(low, -np.inf)), float(np.nextafter(high, np.inf)), np.nan, np.inf, -np.inf]
    return st.sampled_from(ends) | st.floats(low, high) | st.floats()


@st.composite
def tables(draw_from: Callable[..., object]) -> NDArray[np.void]:
    """Dots and lines of which some fields are pushed about."""
    m = draw_from(st.integers(1, 6))
    assert isinstance(m, int)
    table = np.repeat(LINE, m)
    table["exposure_s"] = 5.0
    table["is_line"] = draw_from(st.lists(st.booleans(), min_size=m, max_size=m))
    for _ in range(int(str(draw_from(st.integers(0, 3))))):
        name = str(draw_from(st.sampled_from(sorted(SETTING_RANGES))))
        allowed = SETTING_RANGES[name]
        values = st.integers(-3, 14) if name == "n_passes" else around(allowed.low, allowed.high)
        table[name][draw_from(st.integers(0, m - 1))] = draw_from(values)
    return table


def refusal(ask: Callable[[], object]) -> str | None:
    try:
        ask()
    except ValueError as error:
        return str(error)
    return None


@given(tables())
def test_the_kernels_refuse_what_the_checks_refuse_and_nothing_else(table: NDArray[np.void]) -> None:
    expected = refusal(lambda: check_settings(table))
    for parameters in (ONE, MANY):  # on one thread and on all
        assert refusal(lambda: predict(table, NO_STEPS, parameters)) == expected  # noqa: B023  # called at once


@given(st.sampled_from(sorted(SETTING_RANGES)), st.floats() | st.integers(-20, 20), st.integers(1, 200), st.data())
def test_every_field_is_refused_by_name_value_index_range_and_unit(
    name: str, value: float, m: int, data: st.DataObject
) -> None:
    allowed = SETTING_RANGES[name]
    table = np.repeat(LINE, m)
    if name == "exposure_s":
        table["is_line"] = False
    table["exposure_s"] = 5.0
    at = data.draw(st.integers(0, m - 1))
    if name == "n_passes":
        value = 0 if not np.isfinite(value) else int(np.clip(value, -1e9, 1e9))
    table[name][at] = value
    if allowed.low <= value <= allowed.high:
        check_settings(table)
        return
    with pytest.raises(SettingError) as refused:
        check_settings(table)
    assert str(refused.value).startswith(f"{name}={float(table[name][at])!r} in setting {at}")
    assert f"{allowed.low:g} to {allowed.high:g} {allowed.unit}" in str(refused.value)


@given(
    st.lists(
        st.tuples(around(*STEP_TEMPERATURES_C), around(0.0, LONGEST_STEP_s)).map(list), min_size=1, max_size=3
    ).map(np.array)
)
def test_steps_are_refused_by_the_kernels_as_by_the_checks(steps: NDArray[np.float64]) -> None:
    expected = refusal(lambda: check_steps(steps))
    for parameters in (ONE, MANY):
        assert refusal(lambda: predict(LINE, steps, parameters)) == expected  # noqa: B023  # called at once


@given(st.lists(st.sampled_from([500.0, 1e-3, 1e9, 0.0, -1.0, np.nan, np.inf]), max_size=4))
def test_wavelengths_are_refused_by_the_kernels_as_by_the_checks(wavelength_nm: list[float]) -> None:
    expected = refusal(lambda: check_axis(wavelength_nm))
    for parameters in (ONE, MANY):
        assert refusal(lambda: predict_spectra(LINE, NO_STEPS, parameters, wavelength_nm)) == expected  # noqa: B023


def test_a_bad_step_of_one_setting_is_named() -> None:
    steps = np.tile([500.0, 60.0], (3, 2, 1))
    steps[2, 1, 0] = 701.0
    with pytest.raises(ValueError, match=r"temperature_C=701.0 in step 1 of setting 2 is outside -20 to 700 degC"):
        predict(np.repeat(LINE, 3), steps, nominal())


def test_one_thread_and_many_say_the_same() -> None:
    alone = np.concatenate([predict(LINE, [[450.0, 60.0]], MANY[i : i + 1]) for i in range(MANY.size)])
    together = predict(LINE, [[450.0, 60.0]], MANY)
    for name in observable_dtype.names or ():
        assert alone[name] == pytest.approx(together[name], rel=1e-12, abs=1e-300), name


def test_arrays_that_may_not_be_written_to_are_not_compiled_for_anew() -> None:
    from beamline.physics import kernels

    settings, steps, parameters = LINE.copy(), np.array([[450.0, 60.0]]), nominal()
    expected = predict(settings, steps, parameters)
    known = len(kernels.predict_few.signatures)
    for array in (settings, steps, parameters):
        array.flags.writeable = False
    again = predict(np.repeat(settings, 2)[::2], np.asfortranarray(steps), parameters)
    assert (again == expected).all()
    assert len(kernels.predict_few.signatures) == known == 1
