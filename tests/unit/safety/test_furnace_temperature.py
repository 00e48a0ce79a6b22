"""A furnace that is too hot, runs away, or reads as nothing goes to standby and ends the plan; one that cools is left alone."""

from __future__ import annotations

import math
from typing import Any

import pytest
from bluesky.utils import Msg
from fake_bench import furnace_at, openings, others

from beamline.safety.conditions import FurnaceTemperature


def test_the_furnace_is_minded_before_each_wait_ramp_and_sample(bench: Any) -> None:
    monitor = FurnaceTemperature(bench)
    minded = [
        Msg("sleep", None, 1.0),
        Msg("wait"),
        Msg("create", None, name="furnace"),
        Msg("set", bench.furnace, 300.0),
    ]
    assert all(monitor.concerns(msg) for msg in minded)
    assert not any(monitor.concerns(msg) for msg in [*others(bench), *openings(bench), Msg("read", bench.furnace)])
    assert monitor.name == "furnace temperature"


@pytest.mark.parametrize("is_on", [True, False])
def test_above_what_it_may_ever_be_it_goes_to_standby(bench: Any, is_on: bool) -> None:  # noqa: FBT001  # pytest's
    monitor = FurnaceTemperature(bench)
    driver = furnace_at(bench, 575.0, is_on=is_on)
    assert monitor.look(None) is None
    furnace_at(bench, 575.1, is_on=is_on)
    found = monitor.look(None)
    assert found is not None
    assert found.can_wait is False
    assert found.reason == "it is at 575.1 degC, 575 degC are allowed"
    assert "it was put in standby" in found.ends
    assert driver.n_standbys == 1


def test_far_above_its_setpoint_and_rising_it_runs_away(bench: Any) -> None:
    monitor = FurnaceTemperature(bench)
    furnace_at(bench, 300.0, 300.0)
    assert monitor.look(None) is None
    driver = furnace_at(bench, 340.0, 300.0)
    assert monitor.look(None) is None  # 40 above: allowed, and where a rise is counted from
    furnace_at(bench, 343.0, 300.0)
    assert monitor.look(None) is None  # rose by 3, which may be noise
    furnace_at(bench, 343.1, 300.0)
    found = monitor.look(None)
    assert found is not None
    assert found.reason == "it is at 343.1 degC, 43 degC above its working setpoint; allowed are 40: it runs away"
    assert driver.n_standbys == 1


def test_what_cools_above_its_setpoint_is_left_alone_until_it_rises_from_its_lowest(bench: Any) -> None:
    monitor = FurnaceTemperature(bench)
    for temperature_C in (400.0, 390.0, 370.0, 372.9, 371.0):
        driver = furnace_at(bench, temperature_C, 300.0)
        assert monitor.look(None) is None
    furnace_at(bench, 373.1, 300.0, is_on=False)
    assert monitor.look(None) is None, "the heater is off"
    furnace_at(bench, 373.1, 300.0)
    assert monitor.look(None) is not None
    assert driver.n_standbys == 1


def test_a_rise_is_counted_from_where_it_left_the_band(bench: Any) -> None:
    monitor = FurnaceTemperature(bench)
    for temperature_C, setpoint_C in ((100.0, 100.0), (300.0, 300.0), (339.0, 300.0), (341.5, 300.0)):
        furnace_at(bench, temperature_C, setpoint_C)
        assert monitor.look(None) is None


def test_a_temperature_that_reads_as_nothing_is_no_temperature_to_heat_at(bench: Any) -> None:
    driver = furnace_at(bench, math.nan, 300.0)
    found = FurnaceTemperature(bench).look(None)
    assert found is not None
    assert "nobody knows how hot it is" in found.reason
    assert found.can_wait is False
    assert driver.n_standbys == 1


def test_what_is_seen_beside_the_plan_is_acted_on_there_and_told_once(bench: Any) -> None:
    monitor = FurnaceTemperature(bench)
    monitor.keep_watch()
    assert monitor.look(None) is None
    driver = furnace_at(bench, 600.0)
    monitor.keep_watch()
    assert driver.n_standbys == 1
    furnace_at(bench, 25.0)
    monitor.keep_watch()
    found = monitor.look(None)
    assert found is not None
    assert "600.0" in found.reason
    assert monitor.look(None) is None
    assert driver.n_standbys == 1


def test_a_furnace_that_takes_no_standby_is_told_of_all_the_same(bench: Any) -> None:
    furnace_at(bench, 600.0).is_dead = True
    assert FurnaceTemperature(bench).look(None) is not None
