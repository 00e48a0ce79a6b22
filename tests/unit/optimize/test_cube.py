"""Between factors and the unit cube."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from beamline.optimize import SearchSpace
from beamline.optimize.cube import Cube, Factor, furnace_factors, laser_cube, laser_factors, spread

units = st.lists(st.floats(0.0, 1.0), min_size=3, max_size=3)


@given(units)
def test_values_lie_in_the_space_and_make_valid_words(point: list[float]) -> None:
    space = SearchSpace(n_passes=(1, 4), pulse_energy_uJ=(80.4, 260.3))
    laser, furnace = Cube(laser_factors(space)), Cube(furnace_factors(space))
    energy, speed, passes = laser.values(np.array([point]))[0]
    writing = space.writing(energy, speed, round(passes))
    assert 80.4 <= writing.pulse_energy_uJ <= 260.3
    assert 0.2 <= writing.speed_mm_s <= 2.0
    assert passes == round(passes)
    temperature_C, hold_s = furnace.values(np.array([point[:2]]))[0]
    assert space.heat_treatment(temperature_C, hold_s).hold_s == hold_s


@given(units)
def test_there_and_back_is_the_same_but_for_rounding(point: list[float]) -> None:
    cube = Cube(laser_factors(SearchSpace()))
    values = cube.values(np.array([point[:2]]))
    again = cube.values(cube.points(values))
    assert again == pytest.approx(values)
    assert cube.points(values)[0] == pytest.approx(point[:2], abs=0.03)


def test_fixed_factors_stay_out_of_the_cube() -> None:
    space = SearchSpace(temperature_C=(450.0, 450.0), hold_s=(0.0, 3600.0))
    cube = Cube(furnace_factors(space))
    assert cube.n_free == 1
    assert cube.values(np.array([[0.0], [1.0]])).tolist() == [[450.0, 0.0], [450.0, 3600.0]]
    nothing = Cube(furnace_factors(SearchSpace(temperature_C=(450.0, 450.0), hold_s=(600.0, 600.0))))
    assert nothing.values(np.zeros((2, 0))).tolist() == [[450.0, 600.0]] * 2


def test_speeds_are_spread_by_their_logarithm() -> None:
    speeds = Cube(laser_factors(SearchSpace())).values(spread(200, 2, np.random.default_rng(0)))[:, 1]
    assert np.mean(speeds < np.sqrt(0.2 * 2.0)) == pytest.approx(0.5, abs=0.05)


def test_a_narrow_interval_gets_a_finer_grain() -> None:
    factor = Factor("pulse_energy_uJ", 200.0, 201.0, grain=1.0)
    assert len(set(factor.round(np.linspace(200.0, 201.0, 50)))) > 15


@pytest.mark.parametrize("n_dimensions", [1, 2, 3])
def test_points_are_spread_more_evenly_than_chance(n_dimensions: int) -> None:
    points = spread(64, n_dimensions, np.random.default_rng(1))
    assert ((points >= 0) & (points < 1)).all()
    for column in points.T:  # 8 of 64 in every eighth; chance alone gives 3 to 13
        counts = np.bincount((column * 8).astype(int), minlength=8)
        assert counts.min() >= 5
        assert counts.max() <= 11


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        ({"temperature_C": (300.0, 600.0)}, "less than or equal to 550"),
        ({"n_passes": (2, 1)}, "upside down"),
        ({"temperature_C": (400.0, 300.0)}, r"\[400, 300\] is upside down: write \[low, high\]"),
        ({"dose_J_mm": (500.0, 900.0)}, "no recipe is left: .* 0.4 to 13 J/mm, and 500 to 900 J/mm are allowed"),
        ({"hold_s": ("2 h", 3.0)}, "valid number"),
        ({"speed": (0.2, 1.0)}, "Extra inputs"),
    ],
)
def test_bad_spaces_are_refused(bad: dict[str, object], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        SearchSpace.model_validate(bad)


doses = st.tuples(st.floats(0.2, 30.0), st.floats(1.0, 3.0)).map(lambda pair: (pair[0], pair[0] * pair[1]))


@given(
    mode=st.sampled_from(["line", "dot"]),
    dose=doses,
    passes=st.sampled_from([(1, 1), (1, 4), (3, 3)]),
    fixed=st.sampled_from(["", "energy", "time"]),
    seed=st.integers(0, 10),
)
def test_what_comes_out_of_the_cube_keeps_to_the_allowed_doses(
    mode: Literal["line", "dot"], dose: tuple[float, float], passes: tuple[int, int], fixed: str, seed: int
) -> None:
    told: dict[str, Any] = {"mode": mode, "n_passes": passes, "dose_J_mm" if mode == "line" else "dose_J": dose}
    if fixed == "energy":
        told["pulse_energy_uJ"] = (150.0, 150.0)
    if fixed == "time":
        told |= {"speed_mm_s": (0.4, 0.4), "exposure_s": (2.0, 2.0)}
    try:
        space = SearchSpace(**told)
    except ValidationError as refused:
        assert "no recipe is left" in str(refused)  # noqa: PT017  # it may be refused, and then for this reason
        return
    cube = laser_cube(space)
    values = cube.values(np.random.default_rng(seed).random((20, cube.n_free)))
    for factor, column in zip(cube.factors, values.T, strict=True):
        assert np.all((factor.low <= column) & (column <= factor.high))
    found = np.array([space.dose_of(*row) for row in values])
    assert np.all((found >= dose[0] * (1 - 1e-6)) & (found <= dose[1] * (1 + 1e-6)))


def test_a_dose_that_does_not_bind_changes_nothing() -> None:
    points = np.random.default_rng(1).random((30, 2))
    wide = laser_cube(SearchSpace(dose_J_mm=(0.001, 10000.0))).values(points)
    assert np.array_equal(wide, laser_cube(SearchSpace()).values(points))
