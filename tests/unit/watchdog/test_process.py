"""What a watchdog's process hears, says and does while there is an engine."""

from __future__ import annotations

import os
import re
import selectors
import signal
import threading
import time
from dataclasses import replace
from typing import Any

import pytest
from waiting import until
from watchdog_rig import FURNACE, LASER, Rig

from beamline.watchdog import Journal, process
from beamline.watchdog.words import BEAT, END, SAFE


def test_beats_keep_it_quiet_and_the_end_is_quiet(rig: Rig) -> None:
    rig.settings = replace(rig.settings, laser_after_s=0.8, furnace_after_s=0.8)

    def engine() -> None:
        assert rig.hear() == {"said": "ready", "problems": {}}
        rig.beat_for(1.0)
        rig.ours.send(END)

    rig.run(engine)
    assert (rig.laser.n_attempts, rig.furnace.n_attempts) == (0, 0)
    assert min(rig.laser.n_looks, rig.furnace.n_looks) > 3, "it tries whether they answer"
    assert rig.notes == [("started", f"watches process {os.getpid()}"), ("ended", "ended with the session")]
    assert rig.n_rounds < 130, "it waits between what it hears"


def test_what_does_not_answer_is_named_at_the_start(rig: Rig) -> None:
    rig.furnace.is_dead = True

    def engine() -> None:
        assert rig.hear() == {"said": "ready", "problems": {FURNACE: "no answer"}}
        rig.ours.send(END)

    rig.run(engine)
    assert rig.events == ["started", "ended"]


@pytest.mark.parametrize("does_end", [True, False])
def test_a_look_that_takes_its_time_is_waited_for_and_not_for_ever(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, *, does_end: bool
) -> None:
    may_end = threading.Event()
    look = rig.laser.look

    def slowly() -> bool:
        may_end.wait(0.3 if does_end else 10.0)
        return bool(look())

    monkeypatch.setattr(rig.laser, "look", slowly)
    monkeypatch.setattr(process, "LONGEST_LOOK_S", 9.0 if does_end else 0.1)

    def engine() -> None:
        said = rig.hear()
        may_end.set()
        assert said == {"said": "ready", "problems": {} if does_end else {LASER: "not looked at yet"}}
        rig.ours.send(END)

    rig.run(engine)


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
    said = re.fullmatch(r"watchdog: acts, because the engine's loop did not turn for (.+) s", trip.text)
    assert said
    assert 0.15 <= float(said[1]) < 5.0
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


def test_a_hang_may_last_and_does_not_end_the_watch(rig: Rig) -> None:
    def engine() -> None:
        rig.hear()
        until(lambda: rig.laser.n_looks > 30 and rig.furnace.n_looks > 30)  # both are safe, and have been for a while
        rig.ours.send(BEAT)
        until(lambda: "recovered" in rig.events)
        rig.ours.send(END)

    rig.run(engine)
    assert rig.events[-2:] == ["recovered", "ended"]


def test_it_looks_twice_a_beat_whether_one_came(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the output would close later than is promised."""
    waits_s: list[float | None] = []

    class Noting(selectors.DefaultSelector):
        def select(self, timeout: float | None = None) -> Any:
            waits_s.append(timeout)
            return super().select(timeout)

    monkeypatch.setattr(selectors, "DefaultSelector", Noting)

    def engine() -> None:
        rig.hear()
        rig.ours.send(END)

    rig.run(engine)
    assert set(waits_s) == {rig.settings.beat_s / 2}


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
