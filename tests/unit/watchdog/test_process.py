"""What a watchdog's process hears and does, in this process: hands that count what they are asked, and a thread as engine."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from waiting import until

from beamline.watchdog import Journal, WatchdogSettings, process, worker
from beamline.watchdog.words import BEAT, END, SAFE, write_settings
from devices.drivers.eurotherm import EurothermSettings
from devices.drivers.light_conversion import LightConversionSettings

LASER, FURNACE = "laser closed", "furnace off"


class Rig:
    """A process that runs in the main thread, and what a test's thread plays the engine with."""

    def __init__(self, folder: Path, laser: Any, furnace: Any) -> None:
        self.laser, self.furnace = laser, furnace
        self.laser.done, self.furnace.done = LASER, FURNACE
        self.settings = WatchdogSettings(
            LightConversionSettings(
                host="127.0.0.1",
                port=1,
                calibration=((0.0, 0.0), (100.0, 400.0)),
                transmission=0.6,
                numerical_aperture=0.4,
            ),
            EurothermSettings(model="EPC3000", host="127.0.0.1"),
            folder / "watchdog.jsonl",
            os.getpid(),
            beat_s=0.04,
            laser_after_s=0.15,
            furnace_after_s=0.35,
            look_every_s=0.05,
            reach_within_s=0.2,
        )
        self.ours, self.its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.ours.settimeout(10.0)
        self.n_rounds = 0

    def run(self, engine: Callable[[], None], *, main: bool = False) -> None:
        """Run the process until it ends by itself, and the engine beside it; what the engine finds wrong is raised."""
        wrong: list[BaseException] = []

        def play() -> None:
            try:
                engine()
            except BaseException as error:  # noqa: BLE001  # raised below
                wrong.append(error)
                self.ours.send(END)

        thread = threading.Thread(target=play, daemon=True)
        thread.start()
        if main:
            self.ours.send(write_settings(self.settings))
            process.main(self.its.detach())
        else:
            watched = process.Process(self.settings, self.its)
            judge = watched._judge

            def counted() -> None:
                self.n_rounds += 1
                judge()

            watched._judge = counted  # type: ignore[method-assign]
            watched.run()
        thread.join(10.0)
        assert not thread.is_alive()
        if wrong:
            raise wrong[0]

    def hear(self) -> dict[str, Any]:
        said: dict[str, Any] = json.loads(self.ours.recv(65536))
        return said

    def beat_for(self, seconds: float) -> None:
        pause, end_s = threading.Event(), time.monotonic() + seconds
        while time.monotonic() < end_s:
            self.ours.send(BEAT)
            pause.wait(0.02)

    @property
    def patient(self) -> WatchdogSettings:
        """Settings of one that does not mind silence."""
        return replace(self.settings, laser_after_s=60.0, furnace_after_s=60.0)

    @property
    def notes(self) -> list[tuple[str, str]]:
        return [(entry.event, entry.text) for entry in Journal(self.settings.journal).entries()]

    @property
    def events(self) -> list[str]:
        return [event for event, _ in self.notes]

    @property
    def trips(self) -> list[str]:
        return [text for event, text in self.notes if event == "trip"]


@pytest.fixture
def rig(tmp_path: Path, make_hand: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    for name, value in (("AGAIN_S", 0.01), ("LONGEST_S", 0.02), ("GUARD_EVERY_S", 0.01), ("GUARD_S", 0.05)):
        monkeypatch.setattr(worker, name, value)
    rig = Rig(tmp_path, make_hand(), make_hand())
    monkeypatch.setattr(process, "GRACE_S", 0.2)
    monkeypatch.setattr(process, "LaserHand", lambda settings: rig.laser if settings is not None else None)
    monkeypatch.setattr(process, "FurnaceHand", lambda settings: rig.furnace if settings is not None else None)
    numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGPIPE)
    before = {number: signal.getsignal(number) for number in numbers}
    yield rig
    signal.set_wakeup_fd(-1)
    for number, handler in before.items():
        signal.signal(number, handler)
    rig.ours.close()
    rig.its.close()
    assert rig.laser.n_closed
    assert rig.furnace.n_closed


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    """Another process, which may be ended."""
    with subprocess.Popen([sys.executable, "-S", "-c", "input()"], stdin=subprocess.PIPE) as sleeper:
        yield sleeper
        sleeper.kill()


def test_beats_keep_it_quiet_and_the_end_is_quiet(rig: Rig) -> None:
    rig.settings = replace(rig.settings, laser_after_s=0.8, furnace_after_s=0.8)

    def engine() -> None:
        assert rig.hear() == {"said": "ready", "problems": {}}
        rig.beat_for(1.0)
        rig.ours.send(END)

    rig.run(engine)
    assert (rig.laser.n_attempts, rig.furnace.n_attempts) == (0, 0)
    assert rig.notes == [("started", f"watches process {os.getpid()}"), ("ended", "ended with the session")]
    assert rig.n_rounds < 130, "it waits between what it hears"


def test_what_does_not_answer_is_named_at_the_start(rig: Rig) -> None:
    rig.furnace.is_dead = True

    def engine() -> None:
        assert rig.hear() == {"said": "ready", "problems": {FURNACE: "no answer"}}
        rig.ours.send(END)

    rig.run(engine)
    assert rig.events == ["started", "ended"]


def test_silence_closes_the_laser_then_the_furnace_and_the_first_beat_gives_both_back(rig: Rig) -> None:
    def stays_open() -> bool:
        rig.laser.is_safe = False
        rig.beat_for(0.1)
        return not rig.laser.is_safe

    def engine() -> None:
        rig.hear()
        begin_s = time.monotonic()
        rig.ours.send(BEAT)
        assert rig.laser.attempted.wait(5.0)
        laser_s = time.monotonic() - begin_s
        assert laser_s >= 0.15
        assert rig.furnace.n_attempts == 0
        assert rig.furnace.attempted.wait(5.0)
        furnace_s = time.monotonic() - begin_s
        assert furnace_s >= 0.35
        first, second = rig.hear(), rig.hear()
        assert (first["said"], first["cause"], first["what"]) == ("trip", "hang", LASER)
        assert second["what"] == f"{LASER} and {FURNACE}"
        assert 0.15 <= first["silent_s"] < second["silent_s"] < 5.0
        rig.ours.send(BEAT)
        until(lambda: "recovered" in rig.events)
        until(stays_open)  # it is the engine's again
        rig.ours.send(END)

    rig.run(engine)
    assert rig.events[0] == "started"
    assert rig.events[-1] == "ended"
    assert sorted(rig.events[1:4]) == ["done", "done", "trip"]
    trip = next(entry for entry in Journal(rig.settings.journal).entries() if entry.event == "trip")
    assert trip.figures == {"cause": "hang"}
    assert trip.text.startswith("watchdog: acts, because the engine's loop did not turn for 0.")
    assert ("recovered", "the engine beats again") in rig.notes


def test_what_has_begun_is_ended_before_it_is_given_back(rig: Rig) -> None:
    rig.laser.is_dead = rig.furnace.is_dead = True
    rig.settings = rig.patient

    def engine() -> None:
        rig.hear()
        rig.ours.send(SAFE)
        until(lambda: rig.furnace.n_attempts > 2 and rig.laser.n_attempts > 2)
        rig.beat_for(0.1)
        assert "recovered" not in rig.events
        rig.furnace.is_dead = False
        until(lambda: rig.furnace.is_safe)
        rig.beat_for(0.1)
        assert rig.hear()["what"] == FURNACE
        assert "recovered" not in rig.events
        rig.laser.is_dead = False
        until(lambda: rig.laser.is_safe)
        rig.beat_for(0.1)
        assert rig.hear() == {"said": "trip", "cause": "request", "what": f"{LASER} and {FURNACE}"} | {
            "silent_s": pytest.approx(0.0, abs=5.0)
        }
        until(lambda: "recovered" in rig.events)
        rig.ours.send(END)

    rig.run(engine)


def test_asked_twice_it_acts_twice(rig: Rig) -> None:
    rig.settings = rig.patient

    def engine() -> None:
        rig.hear()
        for n in (1, 2, 3):
            rig.laser.is_safe = rig.furnace.is_safe = False
            rig.ours.send(SAFE)
            until(lambda n=n: len([e for e in rig.events if e == "done"]) == 2 * n)
            rig.ours.send(BEAT)
            until(lambda n=n: len([e for e in rig.events if e == "recovered"]) == n)
        rig.ours.send(END)

    rig.run(engine)
    assert rig.laser.n_finished == rig.furnace.n_finished == 3


def test_a_line_that_closes_is_an_engine_that_is_gone(rig: Rig) -> None:
    def engine() -> None:
        rig.hear()
        rig.ours.close()

    begin_s = time.monotonic()
    rig.run(engine)
    assert time.monotonic() - begin_s < 5.0
    assert rig.laser.is_safe
    assert rig.furnace.is_safe
    assert rig.trips == ["watchdog: acts, because the engine's process was gone"]
    assert rig.notes[-1] == ("ended", "ended; there is no engine any more")
    assert "failed" not in rig.events
    assert rig.n_rounds < 100, "what is closed is not listened to"


def test_a_process_that_dies_is_gone_be_its_line_open(rig: Rig, sleeper: subprocess.Popen[bytes]) -> None:
    rig.settings = replace(rig.patient, engine_pid=sleeper.pid)

    def engine() -> None:
        rig.hear()
        rig.ours.send(BEAT)
        sleeper.kill()

    rig.run(engine)
    assert rig.laser.is_safe
    assert rig.furnace.is_safe
    assert "was gone" in rig.trips[0]
    assert rig.n_rounds < 100


def test_one_that_was_gone_before_it_began_is_gone(rig: Rig, sleeper: subprocess.Popen[bytes]) -> None:
    sleeper.kill()
    sleeper.wait()
    rig.settings = replace(rig.patient, engine_pid=sleeper.pid)
    rig.run(lambda: None)
    assert rig.laser.is_safe
    assert rig.furnace.is_safe


def test_ended_by_the_system_it_makes_safe_first(rig: Rig) -> None:
    rig.settings = rig.patient

    def engine() -> None:
        rig.hear()
        os.kill(os.getpid(), signal.SIGTERM)
        assert rig.hear()["cause"] == "signal"

    rig.run(engine)
    assert rig.laser.is_safe
    assert rig.furnace.is_safe
    assert rig.trips == ["watchdog: acts, because it was ended by a signal"]


def test_a_serial_line_that_a_hanging_engine_holds_is_freed_by_its_end(
    rig: Rig, sleeper: subprocess.Popen[bytes]
) -> None:
    rig.settings = replace(rig.settings, engine_pid=sleeper.pid)
    rig.furnace.is_shared = False
    rig.furnace.is_dead = True

    def engine() -> None:
        assert rig.hear() == {"said": "ready", "problems": {}}
        begin_s = time.monotonic()
        until(lambda: "killed" in rig.events)
        assert time.monotonic() - begin_s > 0.5, "the engine is given some time more"
        assert rig.furnace.attempted.is_set()
        assert sleeper.wait(5.0) == -signal.SIGKILL
        before = rig.n_rounds
        threading.Event().wait(0.2)
        assert rig.n_rounds - before < 40, "it waits, although the process is gone"
        rig.furnace.is_dead = False

    rig.run(engine)
    assert rig.furnace.is_safe
    assert ("killed", f"process {sleeper.pid} hangs and holds the furnace's line: it is ended") in rig.notes
    assert [event for event in rig.events if event == "killed"] == ["killed"]


def test_a_serial_line_that_is_free_costs_no_engine(rig: Rig, sleeper: subprocess.Popen[bytes]) -> None:
    rig.settings = replace(rig.settings, engine_pid=sleeper.pid)
    rig.furnace.is_shared = False

    def engine() -> None:
        rig.hear()
        until(lambda: rig.furnace.is_safe)
        threading.Event().wait(0.3)
        rig.ours.send(END)

    rig.run(engine)
    assert sleeper.poll() is None
    assert "killed" not in rig.events


def test_it_gives_up_after_its_time_and_names_what_is_not_safe(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "LEAVE_AFTER_S", 0.3)
    rig.furnace.is_dead = True

    def engine() -> None:
        rig.hear()
        rig.ours.close()

    begin_s = time.monotonic()
    rig.run(engine)
    assert time.monotonic() - begin_s > 0.3
    assert rig.laser.is_safe
    assert [text for event, text in rig.notes if event == "failed" and "given up" in text] == [
        f"{FURNACE}: not confirmed within 0.005 min, and given up; look at the instrument"
    ]


def test_what_falls_back_is_not_safe_and_keeps_it_there(rig: Rig) -> None:
    rig.furnace.is_dead = True

    def engine() -> None:
        rig.hear()
        rig.ours.close()
        until(lambda: rig.laser.is_safe)
        threading.Event().wait(0.1)  # longer than it is looked at for
        rig.laser.is_safe, rig.laser.is_dead = False, True
        until(lambda: rig.laser.n_attempts > 3)
        rig.furnace.is_dead = False
        until(lambda: rig.furnace.is_safe)
        threading.Event().wait(0.1)
        rig.laser.is_dead = False

    rig.run(engine)
    assert rig.laser.is_safe


def test_without_instruments_it_ends_with_the_engine(rig: Rig) -> None:
    rig.settings = replace(rig.settings, laser=None, furnace=None)
    rig.laser.n_closed = rig.furnace.n_closed = 1

    def engine() -> None:
        assert rig.hear() == {"said": "ready", "problems": {}}
        rig.ours.close()

    rig.run(engine)
    assert rig.events == ["started", "trip", "ended"]


def test_a_journal_that_cannot_be_written_keeps_it_from_nothing(rig: Rig) -> None:
    rig.settings = replace(rig.settings, journal=rig.settings.journal / "missing")

    def engine() -> None:
        rig.hear()
        rig.ours.close()

    rig.run(engine)
    assert rig.laser.is_safe
    assert rig.furnace.is_safe


def test_as_a_program_it_ignores_the_signals_of_a_terminal(rig: Rig) -> None:
    seen: list[Any] = []

    def engine() -> None:
        assert rig.hear()["said"] == "ready"
        seen.extend(signal.getsignal(number) for number in (signal.SIGINT, signal.SIGHUP, signal.SIGPIPE))
        rig.ours.send(END)

    rig.run(engine, main=True)
    assert seen == [signal.SIG_IGN] * 3
    assert rig.events == ["started", "ended"]
