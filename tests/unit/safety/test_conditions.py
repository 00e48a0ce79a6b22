"""Interlock, stage and disk, and that a bench has all its monitors: what each minds, when, and what it says."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from bluesky.utils import Msg
from fake_bench import EXPOSED, furnace_at, openings, others

from beamline.safety import Finding, bench_monitors, conditions
from beamline.safety.conditions import (
    LEAST_FREE_BYTES,
    DetectorSaturation,
    DiskSpace,
    FurnaceTemperature,
    Interlock,
    LaserPower,
    StageStands,
)


# ---------------------------------------------------------------------------------------------------------- interlock
def test_the_interlock_is_minded_before_light_and_before_an_exposure_counts(bench: Any) -> None:
    monitor = Interlock(bench)
    assert all(monitor.concerns(msg) for msg in [*openings(bench), EXPOSED])
    assert not any(monitor.concerns(msg) for msg in others(bench))
    assert (monitor.name, monitor.again_s) == ("interlock", 1.0)


def test_an_active_interlock_is_waited_for_before_light(bench: Any) -> None:
    monitor, (opens, _) = Interlock(bench), openings(bench)
    assert monitor.look(opens) is None
    assert monitor.look(None) is None
    bench.laser.driver.is_interlocked = True
    for msg in (opens, None):
        found = monitor.look(msg)
        assert found is not None
        assert found.can_wait
        assert found.reason == "the remote interlock of the laser is active"
        assert found.ends == "somebody has found out why, and has reset it at the laser"


@pytest.mark.parametrize("seen", ["beside the plan", "at the end"])
def test_a_trip_during_an_exposure_is_told_once_and_is_not_waited_for(bench: Any, seen: str) -> None:
    monitor, (opens, _) = Interlock(bench), openings(bench)
    assert monitor.look(opens) is None
    bench.laser.driver.is_interlocked = True
    if seen == "beside the plan":
        monitor.keep_watch()
        bench.laser.driver.is_interlocked = False
    found = monitor.look(EXPOSED)
    assert found is not None
    assert found.can_wait is False
    assert "tripped during the exposure" in found.reason
    assert found.ends == "look why it tripped; the site is suspect and is not written again"
    bench.laser.driver.is_interlocked = False
    monitor.keep_watch()
    assert monitor.look(EXPOSED) is None
    assert monitor.look(opens) is None


def test_a_trip_before_the_exposure_is_not_of_it(bench: Any) -> None:
    monitor, (opens, _) = Interlock(bench), openings(bench)
    bench.laser.driver.is_interlocked = True
    monitor.keep_watch()
    assert monitor.look(opens) is not None
    bench.laser.driver.is_interlocked = False
    assert monitor.look(opens) is None
    assert monitor.look(EXPOSED) is None


def test_a_laser_that_reads_no_interlock_has_none(bench: Any) -> None:
    bench.laser.driver = object()
    monitor = Interlock(bench)
    monitor.keep_watch()
    assert monitor.look(None) is None
    assert monitor.look(EXPOSED) is None


# -------------------------------------------------------------------------------------------------------------- stage
@pytest.mark.parametrize("axis", ["x_mm", "y_mm", "z_mm"])
def test_an_axis_that_has_wandered_off_ends_the_plan_before_light(bench: Any, axis: str) -> None:
    monitor, (opens, sets) = StageStands(bench), openings(bench)
    assert monitor.concerns(opens)
    assert monitor.concerns(sets)
    assert not any(monitor.concerns(msg) for msg in [*others(bench), EXPOSED])
    assert monitor.look(opens) is None
    getattr(bench.stage, axis).wrong = f"{axis} reads 3"
    found = monitor.look(opens)
    assert found is not None
    assert found == Finding(f"{axis} reads 3", "nothing was exposed", can_wait=False)
    assert monitor.look(None) is None, "nothing has been sent anywhere yet"
    monitor.keep_watch()
    assert (monitor.name, monitor.again_s) == ("stage", 1.0)


@pytest.mark.parametrize("when", ["first", "later"])
def test_a_stage_without_a_reference_is_waited_for(bench: Any, when: str) -> None:
    msg = None if when == "first" else openings(bench)[0]
    bench.stage.driver.is_homed = False
    found = StageStands(bench).look(msg)
    assert found is not None
    assert found.can_wait
    assert "has no reference" in found.reason
    assert found.ends == "somebody has seen that the way is free and has homed it"
    bench.stage.driver = object()
    assert StageStands(bench).look(msg) is None, "one that does not say is taken to have one"


# --------------------------------------------------------------------------------------------------------------- disk
def test_room_is_minded_before_a_run_is_begun() -> None:
    monitor = DiskSpace(lambda: LEAST_FREE_BYTES)
    assert monitor.concerns(Msg("open_run"))
    assert not monitor.concerns(Msg("close_run"))
    assert not monitor.concerns(EXPOSED)
    assert monitor.look(None) is None
    monitor.keep_watch()
    found = DiskSpace(lambda: LEAST_FREE_BYTES - 1_000_000).look(None)
    assert found is not None
    assert found == Finding(
        "499 MB are left for the records, 500 MB are wanted", "there is room again: move something away"
    )
    assert DiskSpace(lambda: 5, 5).look(None) is None
    assert DiskSpace(lambda: 4, 5).look(None) is not None


def test_a_folder_that_is_gone_has_no_room() -> None:
    def gone() -> int:
        raise FileNotFoundError("it is gone")

    found = DiskSpace(gone).look(None)
    assert found is not None
    assert found == Finding("the folder of the records cannot be looked at: it is gone", "it can be")


def test_the_monitors_of_a_bench_look_at_it_and_at_its_folder(
    bench: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Path] = []

    def usage(folder: Path) -> Any:
        asked.append(folder)
        return SimpleNamespace(free=0)

    monkeypatch.setattr(conditions.shutil, "disk_usage", usage)
    bench.laser.driver.is_interlocked = True
    bench.stage.driver.is_homed = False
    furnace_at(bench, 600.0)
    monitors = bench_monitors(bench, tmp_path)
    assert [name for name, _ in monitors.first_check()] == ["interlock", "furnace temperature", "stage", "disk"]
    assert asked == [tmp_path]
    assert monitors._clock is bench.clock
    assert all(monitor._bench is bench for monitor in monitors.monitors[:-1])  # type: ignore[attr-defined]  # each has one
    kinds = [type(monitor) for monitor in monitors.monitors]
    assert kinds == [Interlock, FurnaceTemperature, StageStands, LaserPower, DetectorSaturation, DiskSpace]
