"""A session at instruments is watched: what the watchdog did ends the plan, and is told at the start of the next session."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import bluesky.plan_stubs as bps
import pytest
from bluesky.utils import RunEngineInterrupted
from click.testing import CliRunner
from waiting import until
from wire_bench import bench_file, ports_of, served_twin, watchdogs

from beamline.cli import main
from beamline.instrument import load_instrument
from beamline.recipe import Coupon, Dot, Glass, HeatTreatment, Recipe, Site
from beamline.records import RecordError
from beamline.safety import guarded
from beamline.session import Session, open_session
from beamline.watchdog import WatchdogError
from devices import RealClock
from devices.twin.wire import WireTwin
from plans import CouponInHand, NightLabel, write_coupon

COUPON = Coupon(serial="A-01", glass=Glass(name="BrI", bromide=1.5, iodide=1.5))


@pytest.fixture
def wire() -> Iterator[WireTwin]:
    with served_twin(1, (COUPON,), RealClock()) as twin:
        yield twin


@pytest.fixture
def file(tmp_path: Path, wire: WireTwin) -> Path:
    path = tmp_path / "instrument.toml"
    path.write_text(bench_file(ports_of(wire)), encoding="utf-8")
    return path


@pytest.fixture
def opened(file: Path, tmp_path: Path) -> Callable[[], Session]:
    def open_it() -> Session:
        return open_session(
            load_instrument(file), coupons=(COUPON,), data=tmp_path / "data", seed=1, unattended=False, catalog=False
        )

    return open_it


def hand(*exposures_s: float) -> CouponInHand:
    treatment = HeatTreatment(temperature_C=200, hold_s=600, ramp_C_min=20)
    sites = {f"A{i}": Site(coupon="A-01", name=f"A{i}", x_mm=3.0 + 2 * i, y_mm=5.0) for i in range(len(exposures_s))}
    recipes = {
        name: Recipe(writing=Dot(pulse_energy_uJ=150, exposure_s=exposure_s), heat_treatment=treatment)
        for name, exposure_s in zip(sites, exposures_s, strict=True)
    }
    return CouponInHand(NightLabel("w", "w-1", {}), COUPON, 1, "by-hand", sites, recipes)


def test_a_journal_that_cannot_be_read_is_no_session(opened: Callable[[], Session], tmp_path: Path) -> None:
    journal = tmp_path / "data" / "watchdog.jsonl"
    journal.mkdir(parents=True)
    with pytest.raises(RecordError, match=r"cannot be used for records: .*watchdog\.jsonl"):
        opened()
    assert watchdogs() == []
    journal.rmdir()
    opened().close()


def test_a_loop_that_hangs_while_the_laser_is_open_ends_the_plan_and_the_next_session_tells(
    opened: Callable[[], Session], wire: WireTwin
) -> None:
    with opened() as session:
        assert session.watchdog_did == ()
        assert session.watch is not None
        assert session.watch.is_alive

        def plan() -> Any:
            yield from bps.mv(session.bench.laser.output, "open")
            assert wire.drivers.laser.is_output_open
            threading.Event().wait(1.5)  # the loop hangs
            assert not wire.drivers.laser.is_output_open
            yield from bps.sleep(30.0)

        with pytest.raises(RunEngineInterrupted):
            session.RE(plan())
        assert session.abort.reason is not None
        assert "laser output closed, because the engine's loop did not turn for" in session.abort.reason
        assert [trip.cause for trip in session.watch.trips] == ["hang"]
    with opened() as session:
        assert any("laser output closed" in text for text in session.watchdog_did)
    with opened() as session:
        assert session.watchdog_did == ()


def test_a_loop_that_hangs_while_nothing_is_written_costs_nothing(opened: Callable[[], Session]) -> None:
    with opened() as session:
        assert session.watch is not None
        n_done = 0

        def plan() -> Any:
            nonlocal n_done
            yield from bps.sleep(0.3)
            threading.Event().wait(1.2)
            yield from bps.sleep(0.5)
            n_done += 1

        session.RE(plan())
        assert n_done == 1
        assert [trip.cause for trip in session.watch.trips] == ["hang"]
        assert session.abort.reason is None


def test_a_plan_does_not_go_on_unwatched(opened: Callable[[], Session]) -> None:
    with opened() as session:
        assert session.watch is not None
        pid = session.watch.pid
        assert pid is not None
        threading.Timer(0.3, os.kill, (pid, signal.SIGKILL)).start()
        with pytest.raises(RunEngineInterrupted):
            session.RE(bps.sleep(30.0))
        assert session.abort.reason == "watchdog: nobody watches the engine any more, because its process is gone"
        assert not session.watch.is_alive


def test_a_normal_end_is_quiet_and_one_that_is_not_safe_is_left_to_the_watchdog(
    opened: Callable[[], Session], wire: WireTwin, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = opened()
    session.close()
    session = opened()
    assert session.watchdog_did == ()
    with wire.shared.lock:
        wire.drivers.furnace.start_ramp(300.0, 10.0)

    def hangs() -> None:
        raise OSError("the driver is broken")

    monkeypatch.setattr(session.bench.furnace.driver, "standby", hangs)
    steps = session.close()
    assert [step.name for step in steps if step.error] == ["furnace in standby"]
    until(lambda: not wire.drivers.furnace.is_on)


def test_a_furnace_that_does_not_answer_a_watchdog_opens_no_session(
    opened: Callable[[], Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    from beamline.watchdog import Watchdog

    monkeypatch.setattr(Watchdog, "_wait_until_ready", lambda *_: {"furnace in standby": "no answer"})
    with pytest.raises(WatchdogError, match="cannot reach what it watches: furnace in standby: no answer"):
        opened()
    monkeypatch.undo()
    opened().close()  # nothing was left locked


def test_the_interlock_on_the_wire_holds_a_writing_up_in_real_time(
    opened: Callable[[], Session], wire: WireTwin
) -> None:
    with opened() as session:
        session.monitors.steady_s = 0.5

        def trips(name: str, doc: dict[str, Any]) -> None:
            if name == "event" and doc["data"]["site_name"] == "A0" and doc["data"]["laser_pulses_delivered"] > 0:
                wire.laser_face.is_interlocked = True
                threading.Timer(1.5, setattr, (wire.laser_face, "is_interlocked", False)).start()

        session.RE.subscribe(trips)
        session.RE(guarded(write_coupon(session.bench, hand(0.5, 0.5)), session.monitors))
        (run,) = session.records.runs(purpose="writing")
        assert list(run.table("exposures")["site_name"]) == list(run.table("intents")["site_name"]) == ["A0", "A1"]
        (pause,) = session.monitors.pauses
        assert pause.monitor == "interlock"
        assert pause.waited_s is not None
        assert pause.waited_s > 1.5


def test_the_commands(opened: Callable[[], Session], file: Path, tmp_path: Path, wire: WireTwin) -> None:
    with wire.shared.lock:
        wire.drivers.laser.open_output()
        wire.drivers.furnace.start_ramp(300.0, 10.0)
    done = CliRunner().invoke(main, ["watchdog", "safe", "--instrument", str(file)])
    assert done.exit_code == 0, done.output
    assert "laser output closed" in done.output
    assert "furnace in standby" in done.output
    assert not wire.drivers.laser.is_output_open
    assert not wire.drivers.furnace.is_on
    done = CliRunner().invoke(main, ["watchdog", "safe", "--instrument", str(file), "--json"])  # again does no harm
    assert [(one["what"], one["is_done"]) for one in json.loads(done.stdout)] == [
        ("laser output closed", True),
        ("furnace in standby", True),
    ]
    data = tmp_path / "data"
    data.mkdir()
    assert "no watchdog has run" in CliRunner().invoke(main, ["watchdog", "log", "--data", str(data)]).output
    opened().close()
    said = CliRunner().invoke(main, ["watchdog", "log", "--data", str(data)]).output
    assert "watches process" in said
    assert "ended with the session" in said
