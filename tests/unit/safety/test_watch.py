"""What a session does when its watchdog has acted: a plan that may have been spoilt is ended, any other goes on."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from beamline.safety import Watch, watch, watchdog_journal
from beamline.watchdog import Trip, WatchdogSettings
from devices import CommunicationError
from devices.drivers.eurotherm import EurothermSettings
from devices.drivers.light_conversion import LightConversionSettings

LASER = LightConversionSettings(
    host="127.0.0.1", port=1, calibration=((0.0, 0.0), (100.0, 400.0)), transmission=0.6, numerical_aperture=0.4
)
FURNACE = EurothermSettings(model="EPC3000", host="127.0.0.1")
HANG = Trip("hang", "laser output closed", 0.9)


class FakeWatchdog:
    """Notes what is asked of it; the test says when it beats and trips."""

    def __init__(self, settings: WatchdogSettings, on_trip: Any, on_beat: Any) -> None:
        self.settings, self.trip, self.beat = settings, on_trip, on_beat
        self.pid, self.is_alive = 4242, True
        self.calls: list[object] = []

    def start(self, loop: object) -> None:
        self.calls.append(loop)

    def end(self) -> None:
        self.calls.append("end")

    def leave(self) -> None:
        self.calls.append("leave")


class FakeLaser:
    is_output_open: Any = False
    pulses_delivered: Any = 1000


class Dead:
    """Nothing of it can be read."""

    def __getattr__(self, name: str) -> Any:
        if name == "is_wanted_open":
            raise AttributeError(name)
        raise CommunicationError("no answer")


class Counts(Dead):
    pulses_delivered = 1000


class Rig:
    def __init__(self, folder: Path) -> None:
        self.laser = SimpleNamespace(driver=FakeLaser(), is_in_flight=False)
        self.stage = SimpleNamespace(is_in_flight=False)
        self.aborted: list[str] = []
        self.is_running = True
        bench: Any = SimpleNamespace(laser=self.laser, stage=self.stage)
        self.watch = Watch(bench, self.abort, folder, laser=LASER, furnace=FURNACE)  # type: ignore[arg-type]  # as one
        self.dog: Any = self.watch._watchdog

    def abort(self, reason: str) -> bool:
        self.aborted.append(reason)
        return self.is_running


@pytest.fixture
def rig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Rig:
    monkeypatch.setattr(watch, "Watchdog", FakeWatchdog)
    return Rig(tmp_path)


def test_it_watches_both_and_writes_beside_the_records(rig: Rig, tmp_path: Path) -> None:
    assert rig.dog.settings == WatchdogSettings(LASER, FURNACE, tmp_path / "watchdog.jsonl", 0)
    assert watchdog_journal(tmp_path).path == tmp_path / "watchdog.jsonl"
    assert (rig.watch.pid, rig.watch.is_alive) == (4242, True)
    loop = asyncio.new_event_loop()
    rig.watch.start(loop)
    rig.watch.end(is_safe=True)
    rig.watch.end(is_safe=False)
    assert rig.dog.calls == [loop, "end", "leave"]
    loop.close()


def test_a_hang_in_which_nothing_was_fired_costs_nothing(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    rig.dog.beat()
    rig.dog.trip(HANG)
    assert rig.aborted == []
    assert rig.watch.trips == [HANG]
    assert "nothing was being written, the plan goes on" in caplog.text


@pytest.mark.parametrize(
    "trip",
    [
        Trip("hang", "laser output closed and furnace in standby", 5.1),
        Trip("engine gone", "laser output closed"),
        Trip("request", "laser output closed"),
        Trip("signal", "laser output closed"),
        Trip("watchdog gone", "nobody watches the engine any more"),
    ],
)
def test_what_may_have_spoilt_something_ends_the_plan(rig: Rig, trip: Trip, caplog: pytest.LogCaptureFixture) -> None:
    rig.dog.beat()
    rig.dog.trip(trip)
    assert rig.aborted == [str(trip)]
    assert "the plan is ended" in caplog.text


def test_where_nothing_runs_it_is_said_and_that_is_all(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    rig.is_running = False
    rig.dog.trip(Trip("request", "laser output closed"))
    assert "laser output closed" in caplog.text
    assert "the plan is ended" not in caplog.text


def fires(rig: Rig, how: str) -> None:
    match how:
        case "laser in flight":
            rig.laser.is_in_flight = True
        case "stage in flight":
            rig.stage.is_in_flight = True
        case "wanted open":
            rig.laser.driver.is_wanted_open = True
        case "open":
            rig.laser.driver.is_output_open = True
        case "not known":
            rig.laser.driver.is_output_open = None
        case "unreadable":
            rig.laser.driver = Dead()
        case "unreadable but for its pulses":
            rig.laser.driver = Counts()


HOW = [
    "laser in flight",
    "stage in flight",
    "wanted open",
    "open",
    "not known",
    "unreadable",
    "unreadable but for its pulses",
]


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("when", ["at the last beat", "at the trip"])
def test_a_hang_within_an_exposure_ends_the_plan(rig: Rig, how: str, when: str) -> None:
    rig.dog.beat()
    fires(rig, how)
    if when == "at the last beat":
        rig.dog.beat()
        rig.laser.driver, rig.laser.is_in_flight, rig.stage.is_in_flight = FakeLaser(), False, False
    rig.dog.trip(HANG)
    assert rig.aborted == [str(HANG)]


def test_pulses_between_the_beat_and_the_trip_are_an_exposure(rig: Rig) -> None:
    rig.dog.beat()
    rig.laser.driver.pulses_delivered = 1001
    rig.dog.trip(HANG)
    assert rig.aborted == [str(HANG)]


def test_a_count_that_cannot_be_read_may_have_grown(rig: Rig) -> None:
    rig.laser.driver.pulses_delivered = "many"
    rig.dog.beat()
    rig.dog.trip(HANG)
    assert rig.aborted == [str(HANG)]


def test_before_the_first_beat_nothing_is_known(rig: Rig) -> None:
    rig.dog.trip(HANG)
    assert rig.aborted == [str(HANG)]


def test_after_a_beat_that_found_all_at_rest_an_earlier_exposure_is_forgotten(rig: Rig) -> None:
    rig.laser.is_in_flight = True
    rig.dog.beat()
    rig.laser.is_in_flight = False
    rig.dog.beat()
    rig.dog.trip(HANG)
    assert rig.aborted == []
