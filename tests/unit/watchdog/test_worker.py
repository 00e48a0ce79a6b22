"""A worker makes its instrument safe, tries again for as long as it is wanted, and keeps it so."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from waiting import until

from beamline.watchdog import Journal, worker
from beamline.watchdog.worker import Worker
from devices.errors import CommunicationError


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
    assert entry.text == f"thing safe, {entry.figures['after_s']:.3f} s after the engine was heard last"


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


# ------------------------------------------------------------------------------------------------ how long it waits
@pytest.fixture
def begun(hand: Any, journal: Journal, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Worker]]:
    """Begins a worker that looks once a minute, with constants of the module as they are given."""
    workers: list[Worker] = []

    def begin(reach_within_s: float = 0.0, **constants_s: float) -> Worker:
        for name, value in constants_s.items():
            monkeypatch.setattr(worker, name, value)
        workers.append(Worker(hand, journal, look_every_s=60.0, reach_within_s=reach_within_s))
        return workers[-1]

    yield begin
    for one in workers:
        one.end()
        assert not one._thread.is_alive(), "it ends although its next look is a minute away"


def test_it_acts_at_once_though_its_next_look_is_far_off(begun: Callable[..., Worker], hand: Any) -> None:
    at_work = begun(AGAIN_S=0.01)
    assert at_work.has_looked.wait(5.0)
    assert at_work._thread.daemon
    threading.Event().wait(0.05)
    assert hand.n_looks == 1
    at_work.want(time.monotonic())
    until(lambda: at_work.is_done, 10.0)


def test_at_the_start_what_does_not_answer_is_asked_again_soon_until_it_does(
    begun: Callable[..., Worker], hand: Any
) -> None:
    hand.is_dead = True
    at_work = begun(reach_within_s=60.0, AGAIN_S=0.01)
    until(lambda: hand.n_looks > 3)
    assert not at_work.has_looked.is_set()
    hand.is_dead = False
    assert at_work.has_looked.wait(5.0)
    assert at_work.problem == ""


def test_at_the_start_it_is_not_asked_for_ever(begun: Callable[..., Worker], hand: Any) -> None:
    hand.is_dead = True
    at_work = begun(reach_within_s=0.1, AGAIN_S=0.01)
    assert at_work.has_looked.wait(5.0)
    assert hand.n_looks > 1
    assert at_work.problem == "no answer"


def test_what_no_driver_says_is_a_problem_too(
    begun: Callable[..., Worker], hand: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hand, "look", lambda: 1 / 0)
    at_work = begun()
    assert at_work.has_looked.wait(5.0)
    assert at_work.problem == "ZeroDivisionError('division by zero')"


def test_safe_is_what_has_stayed_so(begun: Callable[..., Worker], hand: Any) -> None:
    at_work = begun(GUARD_EVERY_S=0.01, GUARD_S=60.0)
    at_work.want(time.monotonic())
    until(lambda: at_work.is_done)
    looks = hand.n_looks
    until(lambda: hand.n_looks > looks + 3)
    assert not at_work.is_safe


def test_what_falls_back_is_looked_at_anew_for_the_whole_time(begun: Callable[..., Worker], hand: Any) -> None:
    at_work = begun(GUARD_EVERY_S=0.01, GUARD_S=0.3)
    at_work.want(time.monotonic())
    until(lambda: at_work.is_safe)
    hand.is_safe = False
    until(lambda: hand.is_safe)
    again_s = time.monotonic()
    until(lambda: not at_work.is_safe or time.monotonic() > again_s + 0.2)
    assert not at_work.is_safe
    until(lambda: at_work.is_safe)
    assert time.monotonic() - again_s > 0.25


def test_between_two_looks_at_what_is_safe_it_rests(begun: Callable[..., Worker], hand: Any) -> None:
    at_work = begun(GUARD_EVERY_S=30.0)
    at_work.want(time.monotonic())
    until(lambda: hand.n_finished)
    threading.Event().wait(0.05)
    assert hand.n_looks <= 2, "before it was wanted, and when it was made safe"


def test_what_cannot_be_looked_at_any_more_is_not_safe(begun: Callable[..., Worker], hand: Any) -> None:
    at_work = begun(GUARD_EVERY_S=0.01, GUARD_S=0.05, AGAIN_S=0.01, LONGEST_S=0.01)
    at_work.want(time.monotonic())
    until(lambda: at_work.is_safe)
    hand.is_dead = True
    until(lambda: hand.n_attempts > 3)
    assert not at_work.is_safe


def test_tries_become_rarer_and_the_first_the_fifth_and_the_fiftieth_are_told(
    begun: Callable[..., Worker], hand: Any, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    hand.is_dead = True
    at_work = begun(AGAIN_S=0.25, LONGEST_S=1.5)
    pauses_s: list[float] = []
    monkeypatch.setattr(at_work, "_pause", pauses_s.append)
    at_work.want(time.monotonic())
    until(lambda: hand.n_attempts > 60)
    assert pauses_s[:5] == [0.25, 0.5, 1.0, 1.5, 1.5]
    assert [(entry.event, entry.text) for entry in journal.entries()] == [
        ("failed", f"not yet thing safe, attempt {n}: no answer") for n in (1, 5, 50)
    ]


def test_what_else_belongs_to_it_may_fail_and_is_told(
    begun: Callable[..., Worker], hand: Any, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    def finish() -> None:
        raise CommunicationError("the attenuator stands still")

    monkeypatch.setattr(hand, "finish", finish)
    at_work = begun(GUARD_EVERY_S=0.01, GUARD_S=0.05)
    at_work.want(time.monotonic())
    until(lambda: at_work.is_safe)
    assert [(entry.event, entry.text) for entry in journal.entries()][1:] == [
        ("failed", "after thing safe: the attenuator stands still")
    ]


def test_a_serial_line_is_hung_up_after_every_word(begun: Callable[..., Worker], hand: Any) -> None:
    hand.is_shared, hand.is_dead = False, True
    at_work = begun(GUARD_EVERY_S=0.01, AGAIN_S=0.01, LONGEST_S=0.01)
    assert at_work.has_looked.wait(5.0)
    assert (hand.n_looks, hand.n_closed) == (0, 0)
    at_work.want(time.monotonic())
    until(lambda: hand.n_attempts > 3)
    assert hand.n_closed >= 3
    hand.is_dead = False
    until(lambda: at_work.is_done)
    looks = hand.n_looks
    until(lambda: hand.n_looks > looks + 5)
    assert hand.n_closed >= hand.n_looks - 1


def test_an_engine_that_is_back_before_anything_worked_gets_its_instrument_as_it_is(
    begun: Callable[..., Worker], hand: Any
) -> None:
    hand.is_dead = True
    at_work = begun(AGAIN_S=0.01, LONGEST_S=0.01)
    at_work.want(time.monotonic())
    until(lambda: hand.n_attempts > 2)
    at_work.relax()
    looks = hand.n_looks
    until(lambda: at_work.problem == "no answer" and hand.n_looks > looks)  # it only looks again
    n_attempts, hand.is_dead = hand.n_attempts, False
    threading.Event().wait(0.05)
    assert (hand.n_attempts, hand.n_finished, hand.is_safe) == (n_attempts, 0, False)


def test_an_engine_that_is_back_at_the_last_moment_has_not_been_acted_on(
    begun: Callable[..., Worker], hand: Any, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The instrument is the engine's again: what was done under its hands stands in the journal, and not as the state."""
    at_work = begun()
    make_safe = hand.make_safe

    def slowly() -> None:
        make_safe()
        at_work.relax()

    monkeypatch.setattr(hand, "make_safe", slowly)
    at_work.want(time.monotonic())
    until(journal.entries)
    assert hand.is_safe
    assert not at_work.is_done
