"""What holds for every driver of a stage."""

from __future__ import annotations

import bluesky.plan_stubs as bps
import pytest

from devices import LineMove, Stage

from .conftest import Rig


def at(rig: Rig) -> tuple[float, ...]:
    return tuple(rig.driver.position_mm(axis) for axis in ("x", "y", "z"))


def rest(rig: Rig) -> tuple[float, ...]:
    rig.until(lambda: not any(rig.driver.is_moving(axis) for axis in ("x", "y", "z")), 20.0)
    return at(rig)


def test_axes_move_together_and_arrive(stage: Rig) -> None:
    driver = stage.driver
    for axis, target_mm in (("x", 12.0), ("y", 8.5), ("z", 5.25)):
        assert 0 < driver.start_move(axis, target_mm) < 5
        assert driver.is_moving(axis)
    assert rest(stage) == pytest.approx((12.0, 8.5, 5.25), abs=1e-3)


def test_an_axis_that_does_not_move_says_so(stage: Rig) -> None:
    stage.driver.start_move("x", 20.0)
    assert stage.driver.is_moving("x")
    assert not stage.driver.is_moving("y")
    assert not stage.driver.is_moving("z")


def test_a_line_has_one_speed_and_ends_at_its_end(stage: Rig) -> None:
    driver = stage.driver
    expected_s = driver.start_line(11.2, 10.9, 1.5)
    assert expected_s == pytest.approx(1.0, abs=0.2)
    seen = []
    for _ in range(4):
        stage.pass_time(0.2)
        seen.append((stage.clock.now_s, at(stage)))
    for _, (x, y, _) in seen:
        assert (y - 10.0) * 1.2 == pytest.approx((x - 10.0) * 0.9, abs=1e-3)  # on the straight way
    (begin_s, begin), (end_s, end) = seen[0], seen[-1]
    moved_mm = ((end[0] - begin[0]) ** 2 + (end[1] - begin[1]) ** 2) ** 0.5
    assert moved_mm == pytest.approx(1.5 * (end_s - begin_s), abs=0.2)
    assert rest(stage) == pytest.approx((11.2, 10.9, 5.0), abs=1e-3)


def test_a_stopped_stage_stays(stage: Rig) -> None:
    driver = stage.driver
    driver.start_move("x", 100.0)
    stage.until(lambda: driver.position_mm("x") > 10.5, 5.0)
    driver.stop()
    here = rest(stage)
    assert 10.5 < here[0] < 90.0
    stage.pass_time(0.3)
    assert at(stage) == here
    driver.stop()  # stopping is always right
    assert rest(stage) == here


def test_a_moving_stage_refuses(stage: Rig) -> None:
    driver = stage.driver
    driver.start_move("x", 60.0)
    stage.refused(lambda: driver.start_move("x", 10.0), "x still moves")
    stage.refused(lambda: driver.start_line(11.0, 11.0, 1.0), "x still moves")
    driver.stop()
    rest(stage)
    driver.start_line(*(mm + 5.0 for mm in at(stage)[:2]), 1.0)
    stage.refused(lambda: driver.start_move("y", 10.0), "y still moves")


def test_a_line_of_no_length_is_done(stage: Rig) -> None:
    stage.driver.start_line(10.0, 10.0, 1.0)
    assert rest(stage) == (10.0, 10.0, 5.0)


def test_its_device_runs_in_an_engine(stage: Rig) -> None:
    device = stage.device(Stage)

    def plan() -> object:
        yield from bps.mv(device.x_mm, 11.0, device.y_mm, 9.0, device.z_mm, 5.1)
        yield from bps.mv(device.line, LineMove(11.3, 9.4, 1.0))

    stage.engine()(plan())
    assert rest(stage) == pytest.approx((11.3, 9.4, 5.1), abs=1e-3)
