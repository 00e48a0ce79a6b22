"""What holds for every driver of a furnace."""

from __future__ import annotations

import bluesky.plan_stubs as bps
import pytest

from devices import Furnace

from .conftest import Rig


def test_it_begins_cold_and_off(furnace: Rig) -> None:
    driver = furnace.driver
    assert 20 < driver.temperature_C < 30
    assert driver.is_sensor_ok is True
    assert driver.is_on is False


def test_a_ramp_moves_the_setpoint_at_its_rate(furnace: Rig) -> None:
    driver = furnace.driver
    driver.start_ramp(300.0, 15.0)
    furnace.until(lambda: driver.is_on and driver.target_C == 300.0, 60.0)
    seen = []
    for _ in range(6):
        seen.append((furnace.clock.now_s, driver.setpoint_C))
        furnace.pass_time(20.0)
    (begin_s, begin_C), (end_s, end_C) = seen[0], seen[-1]
    # what is read over a wire is older than now by a few polls: 0.1 s of the wall is 20 s here
    assert end_C - begin_C == pytest.approx(15.0 * (end_s - begin_s) / 60.0, abs=8.0)
    assert [C for _, C in seen] == sorted(C for _, C in seen)
    assert driver.temperature_C < driver.setpoint_C + 1.0


def test_it_arrives_and_stays(furnace: Rig) -> None:
    driver = furnace.driver
    driver.start_ramp(60.0, 20.0)
    furnace.until(lambda: abs(driver.temperature_C - 60.0) < 2.0, 900.0)
    furnace.pass_time(120.0)
    assert driver.temperature_C == pytest.approx(60.0, abs=2.0)
    assert driver.setpoint_C == pytest.approx(60.0)
    assert driver.target_C == pytest.approx(60.0)


def test_a_held_ramp_stays_where_it_is(furnace: Rig) -> None:
    driver = furnace.driver
    driver.start_ramp(500.0, 20.0)
    furnace.until(lambda: driver.setpoint_C > 45.0, 600.0)
    driver.hold()
    furnace.until(lambda: driver.target_C < 500.0, 60.0)
    held_C = driver.target_C
    assert 45.0 < held_C < 200.0
    furnace.until(lambda: driver.setpoint_C == pytest.approx(held_C, abs=0.1), 60.0)
    furnace.pass_time(60.0)
    assert driver.setpoint_C == pytest.approx(held_C, abs=0.1)
    assert driver.is_on


def test_standby_switches_off_and_a_new_ramp_on_again(furnace: Rig) -> None:
    driver = furnace.driver
    driver.standby()  # also when it is off
    driver.start_ramp(100.0, 20.0)
    furnace.until(lambda: driver.is_on, 60.0)
    driver.standby()
    furnace.until(lambda: not driver.is_on, 60.0)
    driver.start_ramp(40.0, 20.0)
    furnace.until(lambda: driver.is_on and driver.target_C == 40.0, 60.0)


def test_its_device_runs_in_an_engine(furnace: Rig) -> None:
    device = furnace.device(Furnace)
    furnace.engine()(bps.mv(device.ramp_C_min, 20.0, device, 50.0))
    assert device.position == pytest.approx(50.0, abs=2.5)
    furnace.engine()(bps.mv(device.heater, "standby"))
    assert device.heater.get() == "standby"
