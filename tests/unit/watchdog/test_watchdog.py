"""A watchdog's process against a twin on the wire, with a loop instead of an engine."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from waiting import until
from wire_bench import served_twin, watchdogs

from beamline.watchdog import Journal, Trip, Watchdog, WatchdogError, WatchdogSettings, process
from beamline.watchdog.words import read_settings, write_settings
from devices import RealClock, RefusedError
from devices.drivers.eurotherm import EurothermSettings
from devices.drivers.light_conversion import LightConversionSettings
from devices.twin.wire import WireTwin


@pytest.fixture
def wire() -> Iterator[WireTwin]:
    with served_twin(1, (), RealClock()) as twin:
        with twin.shared.lock:
            twin.drivers.laser.open_output()
            twin.drivers.furnace.start_ramp(400.0, 10.0)
        yield twin


@pytest.fixture
def settings(wire: WireTwin, tmp_path: Path) -> WatchdogSettings:
    laser = LightConversionSettings(
        host="127.0.0.1",
        port=wire.laser.port,
        calibration=((0.0, 0.0), (100.0, 400.0)),
        transmission=0.6,
        numerical_aperture=0.4,
    )
    furnace = EurothermSettings(model="EPC3000", host="127.0.0.1", port=wire.furnace.port or 0)
    return WatchdogSettings(laser, furnace, tmp_path / "watchdog.jsonl", 0, furnace_after_s=2.5)


def is_unsafe(wire: WireTwin) -> tuple[bool, bool]:
    with wire.shared.lock:
        return wire.drivers.laser.is_output_open, wire.drivers.furnace.is_on


def opens(wire: WireTwin) -> bool:
    """Whether the output could be opened; not while the attenuator moves."""
    with wire.shared.lock:
        try:
            wire.drivers.laser.open_output()
        except RefusedError:
            return False
    return True


def events(settings: WatchdogSettings) -> list[str]:
    return [entry.event for entry in Journal(settings.journal).entries()]


def test_settings_go_over_the_line_unchanged(settings: WatchdogSettings) -> None:
    assert read_settings(write_settings(settings)) == settings
    bare = replace(settings, laser=None, furnace=None)
    assert read_settings(write_settings(bare)) == bare
    with pytest.raises(ValueError, match="three beats"):
        replace(settings, beat_s=0.3)


def test_while_the_loop_beats_nothing_is_touched_and_the_end_is_quiet(
    settings: WatchdogSettings,
    wire: WireTwin,
    loop: asyncio.AbstractEventLoop,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "selectors.py").write_text("raise SystemExit('a file of the folder was taken for a module')\n")
    monkeypatch.delenv("PYTHONPATH", raising=False)
    trips: list[Trip] = []
    dog = Watchdog(settings, trips.append).start(loop)
    assert dog.is_alive
    threading.Event().wait(2.7)  # longer than either wait
    assert is_unsafe(wire) == (True, True)
    dog.end()
    dog.end()
    assert not dog.is_alive
    assert trips == []
    assert events(settings) == ["started", "ended"]
    assert is_unsafe(wire) == (True, True)


def test_a_loop_that_hangs_closes_the_laser_first_and_then_the_furnace_and_is_told(
    settings: WatchdogSettings, wire: WireTwin, loop: asyncio.AbstractEventLoop
) -> None:
    trips: list[Trip] = []
    dog = Watchdog(settings, trips.append).start(loop)
    resume = threading.Event()
    loop.call_soon_threadsafe(resume.wait, 30.0)
    until(lambda: is_unsafe(wire) == (False, True))
    assert trips == []  # nobody hears anything while the loop hangs
    until(lambda: opens(wire))  # as a thread of the engine may do that lives on
    until(lambda: is_unsafe(wire) == (False, False))
    resume.set()
    until(lambda: "recovered" in events(settings))
    until(lambda: len(trips) > 1)
    assert trips[-1].cause == "hang"
    assert "laser output closed" in str(trips[-1])
    assert "furnace in standby" in trips[-1].what
    until(lambda: opens(wire))
    threading.Event().wait(0.5)
    assert is_unsafe(wire)[0]  # it is the engine's again
    dog.end()
    done = [entry.text for entry in Journal(settings.journal).unreported() if entry.event == "done"]
    assert any("laser output closed" in text for text in done)
    assert any("furnace in standby" in text for text in done)


def test_asked_it_acts_at_once(settings: WatchdogSettings, wire: WireTwin, loop: asyncio.AbstractEventLoop) -> None:
    trips: list[Trip] = []
    dog = Watchdog(settings, trips.append).start(loop)
    dog.make_safe()
    until(lambda: is_unsafe(wire) == (False, False))
    until(lambda: any("furnace" in trip.what for trip in trips))
    assert {trip.cause for trip in trips} == {"request"}
    dog.end()


def test_left_alone_it_makes_safe_and_ends_by_itself(
    settings: WatchdogSettings, wire: WireTwin, loop: asyncio.AbstractEventLoop
) -> None:
    dog = Watchdog(settings, lambda _: None).start(loop)
    process = dog._process
    assert process is not None
    dog.leave()
    until(lambda: is_unsafe(wire) == (False, False))
    assert process.wait(20.0) == 0
    assert events(settings)[-1] == "ended"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_signals_of_a_terminal_do_not_end_it(
    settings: WatchdogSettings, wire: WireTwin, loop: asyncio.AbstractEventLoop, number: signal.Signals
) -> None:
    dog = Watchdog(settings, lambda _: None).start(loop)
    assert dog.pid is not None
    assert os.getsid(dog.pid) == dog.pid
    os.kill(dog.pid, number)
    threading.Event().wait(0.5)
    assert dog.is_alive
    assert is_unsafe(wire) == (True, True)
    dog.end()


def test_ended_by_the_system_it_makes_safe_first_and_the_engine_hears_that_nobody_watches(
    settings: WatchdogSettings, wire: WireTwin, loop: asyncio.AbstractEventLoop
) -> None:
    trips: list[Trip] = []
    dog = Watchdog(settings, trips.append).start(loop)
    assert dog.pid is not None
    os.kill(dog.pid, signal.SIGTERM)
    until(lambda: is_unsafe(wire) == (False, False))
    until(lambda: trips and trips[-1].cause == "watchdog gone")
    assert "signal" in {trip.cause for trip in trips}
    until(lambda: not dog.is_alive)
    dog.end()


def test_a_watchdog_that_is_killed_is_missed(
    settings: WatchdogSettings, wire: WireTwin, loop: asyncio.AbstractEventLoop
) -> None:
    trips: list[Trip] = []
    dog = Watchdog(settings, trips.append).start(loop)
    assert dog.pid is not None
    os.kill(dog.pid, signal.SIGKILL)
    until(lambda: trips)
    assert [trip.cause for trip in trips] == ["watchdog gone"]
    assert is_unsafe(wire) == (True, True)
    dog.end()


def test_one_that_cannot_reach_the_furnace_does_not_begin(
    settings: WatchdogSettings, loop: asyncio.AbstractEventLoop
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    assert settings.furnace is not None
    dead = replace(settings, furnace=replace(settings.furnace, port=port), reach_within_s=0.5)
    dog = Watchdog(dead, lambda _: None)
    with pytest.raises(WatchdogError, match=r"furnace in standby: .*no good answer"):
        dog.start(loop)
    assert not dog.is_alive


def test_one_that_is_slow_to_answer_at_the_start_is_asked_again(
    settings: WatchdogSettings, wire: WireTwin, loop: asyncio.AbstractEventLoop, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer, n_asked = wire.laser_face.answer, 0

    def slow(*request: Any) -> Any:
        nonlocal n_asked
        n_asked += 1
        if n_asked <= 2:
            threading.Event().wait(0.8)  # longer than a look is given
        return answer(*request)

    monkeypatch.setattr(wire.laser_face, "answer", slow)
    dog = Watchdog(settings, lambda _: None).start(loop)
    assert n_asked >= 3
    dog.end()
    n_asked = 0  # but not for ever
    with pytest.raises(WatchdogError, match="laser output closed"):
        Watchdog(replace(settings, reach_within_s=0.0), lambda _: None).start(loop)
    assert watchdogs() == []


def test_a_furnace_that_refuses_does_not_keep_the_laser_open_and_is_asked_again(
    settings: WatchdogSettings, wire: WireTwin, loop: asyncio.AbstractEventLoop, monkeypatch: pytest.MonkeyPatch
) -> None:
    dog = Watchdog(settings, lambda _: None).start(loop)
    with monkeypatch.context() as patch:
        patch.setattr(wire.furnace_face, "write", lambda _address, _word: False)
        dog.make_safe()
        until(lambda: is_unsafe(wire) == (False, True))
        until(lambda: "failed" in events(settings))
    until(lambda: is_unsafe(wire) == (False, False))
    dog.end()


def test_one_that_never_gets_an_answer_gives_up_and_says_so(
    settings: WatchdogSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    assert settings.laser is not None
    assert settings.furnace is not None
    dead = replace(
        settings,
        laser=replace(settings.laser, port=port),
        furnace=replace(settings.furnace, port=port),
        engine_pid=os.getpid(),
        reach_within_s=0.0,
    )
    monkeypatch.setattr(process, "LEAVE_AFTER_S", 0.6)
    handler = signal.getsignal(signal.SIGTERM)
    ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        ours.close()  # the engine is gone
        with its:
            process.Process(dead, its).run()
    finally:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGTERM, handler)
    told = [entry.text for entry in Journal(settings.journal).unreported()]
    assert [text for text in told if "given up" in text] == [
        f"{what}: not confirmed within 0.01 min, and given up; look at the instrument"
        for what in ("laser output closed", "furnace in standby")
    ]
    assert events(settings)[-1] == "ended"
