"""The fast model is the plain one: to 1e-9, over settings, parameters and furnace histories."""

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
    make_settings,
    nominal,
    predict,
    setting_dtype,
)
from beamline.physics.parameters import PARAMETERS
from beamline.physics.reference import reference_predict

Array = npt.NDArray[Any]

FLOORS = {"eV": 1e-9, "meV": 1e-9, "1": 1e-9}
"""Where an observable may be next to zero the agreement is absolute: 1e-9 of what can be seen of it."""


def assert_same(settings: Array, steps: Any, parameters: Array) -> None:
    fast, plain = predict(settings, steps, parameters), reference_predict(settings, steps, parameters)
    for name, unit in OBSERVABLE_UNITS.items():
        np.testing.assert_allclose(
            fast[name], plain[name], rtol=1e-9, atol=FLOORS.get(unit.split()[0], 1e-12), err_msg=name
        )


@st.composite
def any_settings(draw_from: Callable[..., Any]) -> Array:
    table = np.zeros(draw_from(st.integers(1, 4)), setting_dtype)
    for row in table:
        for name, allowed in SETTING_RANGES.items():
            values = st.integers(1, 10) if name == "n_passes" else st.floats(allowed.low, allowed.high)
            row[name] = draw_from(values)
        row["is_line"] = draw_from(st.booleans())
        if draw_from(st.booleans()):
            row["power_at_sample_W"] = 0.0
    return table


@given(
    any_settings(),
    st.lists(st.tuples(st.floats(-20.0, 700.0), st.floats(0.0, 1e6)), max_size=4),
    st.lists(st.floats(-3.0, 3.0), min_size=len(PARAMETERS), max_size=len(PARAMETERS)),
)
def test_anything_goes_the_same_both_ways(settings: Array, history: Any, z: list[float]) -> None:
    assert_same(settings, np.array(history).reshape(-1, 2), from_standard([z]))


@pytest.mark.parametrize("pace", [{"exposure_s": 3.0}, {"speed_mm_s": 0.4}], ids=["dots", "lines"])
def test_what_shines_goes_the_same_both_ways(pace: dict[str, float]) -> None:
    """Hypothesis likes the corners, where most is dark: here is the middle, many times over."""
    rng = np.random.default_rng(8)
    m = 60
    factor = rng.uniform(0.6, 2.0, m)
    settings = make_settings(
        iodide_fraction=rng.uniform(0.0, 1.0, m),
        pulse_energy_uJ=rng.uniform(80.0, 300.0, m),
        n_passes=rng.integers(1, 4, m),
        **{name: value * factor for name, value in pace.items()},
    )
    steps = np.stack([rng.uniform(200.0, 600.0, (m, 5)), rng.uniform(0.0, 7200.0, (m, 5))], axis=-1)
    for parameters in np.concatenate([nominal(), draw(rng, 12)]).reshape(-1, 1):
        lit = predict(settings, steps, parameters)["red_intensity"] > 0.0
        assert lit.mean() > 0.5
        assert_same(settings, steps, parameters)


def test_the_reference_takes_one_set() -> None:
    with pytest.raises(ValueError, match="one parameter set"):
        reference_predict(make_settings(iodide_fraction=0.5, pulse_energy_uJ=200.0, speed_mm_s=0.4), np.zeros((0, 2)),
                          draw(np.random.default_rng(1), 2))  # fmt: skip
