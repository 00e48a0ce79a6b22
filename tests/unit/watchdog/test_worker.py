"""A worker makes its instrument safe, tries again for as long as it is wanted, and keeps it so."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from waiting import until

from beamline.watchdog import Journal, worker
from beamline.watchdog.worker import Worker


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "watchdog.jsonl")


@pytest.fixture
def at_work(hand: Any, journal: Journal, monkeypatch: pytest.MonkeyPatch) -> Iterator[Worker]:
    for name, value in (("AGAIN_S", 0.01), ("LONGEST_S", 0.02), ("GUARD_EVERY_S", 0.01), ("GUARD_S", 0.1)):
        monkeypatch.setattr(worker, name, value)
    at_work = Worker(hand, journal, look_every_s=0.02, reach_within_s=0.0)
    yield at_work
    at_work.end()
    assert hand.n_closed


def test_it_looks_and_touches_nothing_until_it_is_wanted(at_work: Worker, hand: Any) -> None:
    at_work.has_looked.wait(5.0)
    assert at_work.problem == ""
    hand.is_dead = True
    until(lambda: "no answer" in at_work.problem)
    hand.is_dead = False
    until(lambda: at_work.problem == "")
    assert hand.n_attempts == 0
    assert not at_work.is_done


def test_wanted_it_acts_once_and_says_how_long_it_took(at_work: Worker, hand: Any, journal: Journal) -> None:
    at_work.want(time.monotonic() - 0.5)
    at_work.want(time.monotonic())
    until(lambda: at_work.is_safe)
    assert (hand.n_attempts, hand.n_finished) == (1, 1)
    (entry,) = journal.entries()
    assert entry.event == "done"
    assert 0.5 <= entry.figures["after_s"] < 5.0


def test_a_dead_instrument_is_tried_until_it_lives(at_work: Worker, hand: Any, journal: Journal) -> None:
    hand.is_dead = True
    at_work.want(time.monotonic())
    until(lambda: hand.n_attempts >= 7)
    assert not at_work.is_done
    hand.is_dead = False
    until(lambda: at_work.is_done)
    events = [(entry.event, entry.text) for entry in journal.entries()]
    assert [event for event, _ in events] == ["failed", "failed", "done"]
    assert "attempt 1: no answer" in events[0][1]
    assert "attempt 5" in events[1][1]


def test_what_is_opened_again_is_closed_again(at_work: Worker, hand: Any) -> None:
    at_work.want(time.monotonic())
    until(lambda: at_work.is_done)
    for _ in range(3):
        hand.is_safe = False
        until(lambda: hand.is_safe)
    assert hand.n_attempts == 4
    until(lambda: at_work.is_safe)


def test_it_lets_go_when_the_engine_is_back_and_acts_anew(at_work: Worker, hand: Any) -> None:
    at_work.want(time.monotonic())
    until(lambda: at_work.is_safe)
    at_work.relax()
    until(lambda: at_work.problem == "")
    hand.is_safe = False
    looked = hand.n_attempts
    pause = threading.Event()
    pause.wait(0.1)
    assert (hand.n_attempts, hand.is_safe) == (looked, False)
    at_work.want(time.monotonic())
    assert not at_work.is_safe
    until(lambda: hand.is_safe)


def test_a_serial_line_is_taken_only_to_act(journal: Journal, hand: Any) -> None:
    hand.is_shared = False
    hand.is_dead = True
    at_work = Worker(hand, journal, look_every_s=0.01, reach_within_s=0.0)
    at_work.has_looked.wait(5.0)
    assert at_work.problem == ""
    hand.is_dead = False
    at_work.want(time.monotonic())
    until(lambda: at_work.is_done)
    until(lambda: hand.n_closed >= 1)
    at_work.end()


def test_a_journal_that_cannot_be_written_keeps_nothing_open(tmp_path: Path, hand: Any) -> None:
    at_work = Worker(hand, Journal(tmp_path / "missing" / "journal"), look_every_s=0.05, reach_within_s=0.0)
    at_work.want(time.monotonic())
    until(lambda: at_work.is_done)
    assert hand.is_safe
    at_work.end()
