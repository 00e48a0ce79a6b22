"""Between factors and the unit cube."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from beamline.optimize import SearchSpace
from beamline.optimize.cube import Cube, Factor, furnace_factors, laser_factors, spread

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
        ({"hold_s": ("2 h", 3.0)}, "valid number"),
        ({"speed": (0.2, 1.0)}, "Extra inputs"),
    ],
)
def test_bad_spaces_are_refused(bad: dict[str, object], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        SearchSpace.model_validate(bad)
