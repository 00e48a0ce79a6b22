"""What a watchdog's process does when the engine is gone or hangs for good, and when it is itself over."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import threading
import time
from dataclasses import replace

import pytest
from waiting import until
from watchdog_rig import FURNACE, Rig

from beamline.watchdog import process
from beamline.watchdog.words import BEAT, END


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


def test_a_line_that_breaks_is_one_that_closes(rig: Rig) -> None:
    def engine() -> None:
        assert rig.its.fileno() != -1
        until(lambda: select.select([rig.ours], [], [], 0)[0])
        rig.ours.close()  # with what was said still unread: the other end does not read an end, but an error

    rig.run(engine)
    assert rig.laser.is_safe
    assert rig.furnace.is_safe
    assert rig.trips == ["watchdog: acts, because the engine's process was gone"]


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
    before = signal.getsignal(signal.SIGTERM)

    def engine() -> None:
        rig.hear()
        assert signal.getsignal(signal.SIGTERM) != before
        os.kill(os.getpid(), signal.SIGTERM)
        assert rig.hear()["cause"] == "signal"

    rig.run(engine)
    assert rig.laser.is_safe
    assert rig.furnace.is_safe
    assert rig.trips == ["watchdog: acts, because it was ended by a signal"]
    assert rig.n_rounds < 100, "what woke it is taken note of once"


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


def test_an_engine_that_ends_before_it_is_ended_is_gone_all_the_same(
    rig: Rig, sleeper: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    def send(_descriptor: int, _number: int) -> None:
        rig.furnace.is_dead = False
        raise ProcessLookupError

    monkeypatch.setattr(signal, "pidfd_send_signal", send)
    rig.settings = replace(rig.settings, engine_pid=sleeper.pid)
    rig.furnace.is_shared, rig.furnace.is_dead = False, True
    rig.run(lambda: None)
    assert rig.furnace.is_safe
    assert rig.events.count("killed") == 1
    assert rig.trips[-1] == "watchdog: acts, because the engine's process was gone"


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


def test_a_furnace_on_the_network_costs_no_engine_though_it_does_not_answer(
    rig: Rig, sleeper: subprocess.Popen[bytes]
) -> None:
    rig.settings = replace(rig.settings, engine_pid=sleeper.pid)
    rig.furnace.is_dead = True

    def engine() -> None:
        rig.hear()
        assert rig.furnace.attempted.wait(5.0)
        threading.Event().wait(0.4)  # longer than a serial line is left to the engine
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
