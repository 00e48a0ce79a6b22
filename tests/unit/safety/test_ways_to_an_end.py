"""How signals and others end what an engine runs: once, from the start of a plan to its end, and asked again until it is over."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from bluesky.utils import TransitionError
from waiting import until

from beamline.safety import AbortOnSignal, EngineAbort, aborting, describe_signal, signals


class FakeEngine:
    """An engine that takes an abort at a later try, or never until it has ended by itself."""

    def __init__(self, *refusals: Exception) -> None:
        self.state = "running"
        self.refusals = list(refusals)
        self.reasons: list[str] = []
        self.threads: list[threading.Thread] = []
        self.may_go_on = threading.Event()
        self.may_go_on.set()

    def abort(self, reason: str) -> None:
        self.threads.append(threading.current_thread())
        self.reasons.append(reason)
        self.may_go_on.wait(10.0)
        if self.refusals:
            raise self.refusals.pop(0)
        self.state = "idle"


def is_over(engine: FakeEngine) -> bool:
    return bool(engine.threads) and not any(thread.is_alive() for thread in engine.threads)


# ------------------------------------------------------------------------------------------------------- EngineAbort
def test_an_abort_is_made_beside_whoever_asks_and_once() -> None:
    engine = FakeEngine()
    engine.may_go_on.clear()
    abort = EngineAbort(engine)
    assert abort.reason is None
    assert abort("one") is True
    until(lambda: engine.reasons)
    assert abort("another") is False
    engine.may_go_on.set()
    until(lambda: is_over(engine))
    assert (engine.reasons, abort.reason) == (["one"], "one")
    assert engine.threads[0] is not threading.current_thread()
    assert engine.threads[0].daemon
    assert abort("when it is over") is False
    engine.state = "running"
    assert abort("of the next plan") is True
    until(lambda: len(engine.reasons) == 2 and is_over(engine))
    assert abort.reason == "of the next plan"


@pytest.mark.parametrize("error", [TransitionError("not yet"), RuntimeError("what is that?")])
def test_an_abort_that_is_not_taken_is_asked_for_again(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aborting, "_RETRY_S", 0.001)
    engine = FakeEngine(error, error, error)
    assert EngineAbort(engine)("end")
    until(lambda: is_over(engine))
    assert engine.reasons == ["end"] * 4
    assert len(set(engine.threads)) == 1


@pytest.mark.parametrize("error", [TransitionError("not yet"), RuntimeError("what is that?")])
def test_between_two_tries_it_waits_and_what_ends_by_itself_is_left_alone(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(aborting, "_RETRY_S", 0.2)
    engine = FakeEngine(*[error] * 1000)
    assert EngineAbort(engine)("end")
    until(lambda: engine.reasons)
    threading.Event().wait(0.05)
    engine.state = "idle"
    until(lambda: is_over(engine))
    assert len(engine.reasons) <= 2


# ------------------------------------------------------------------------------------------------------ AbortOnSignal
@pytest.fixture
def handlers() -> Iterator[dict[signal.Signals, Any]]:
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.getsignal(number) for number in numbers}
    yield before
    for number, handler in before.items():
        signal.signal(number, handler)


def test_signals_are_taken_over_and_given_back(handlers: dict[signal.Signals, Any]) -> None:
    held = AbortOnSignal()
    assert held.install() is held
    assert all(signal.getsignal(number) == held._on_signal for number in handlers)
    held.remove()
    assert {number: signal.getsignal(number) for number in handlers} == handlers
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    held.remove()
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN, "what was given back once is nobody's of ours"


def test_what_the_process_ignores_stays_ignored(handlers: dict[signal.Signals, Any]) -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    held = AbortOnSignal().install()
    assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    assert signal.getsignal(signal.SIGTERM) == held._on_signal
    held.remove()
    assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    assert signal.getsignal(signal.SIGTERM) == handlers[signal.SIGTERM]


def test_off_the_main_thread_nothing_is_taken_over(handlers: dict[signal.Signals, Any]) -> None:
    held = AbortOnSignal()
    thread = threading.Thread(target=held.install)
    thread.start()
    thread.join()
    assert {number: signal.getsignal(number) for number in handlers} == handlers


def test_the_first_signal_within_a_plan_aborts_it_and_others_change_nothing() -> None:
    engine = FakeEngine()
    held = AbortOnSignal()
    assert held(engine) is held
    with held as within:
        assert within is held
        held._on_signal(signal.SIGTERM, None)
        held._on_signal(signal.SIGINT, None)
        until(lambda: is_over(engine))
        assert held.received is signal.SIGTERM
        assert list(held.hold()) == []
    assert engine.reasons == ["stopped by SIGTERM"]
    assert engine.threads[0].daemon
    with held(engine):
        assert list(held.hold()) == [], "one abort is enough"
    assert len(engine.reasons) == 1


def test_one_that_comes_before_a_plan_holds_its_first_step_until_it_is_aborted() -> None:
    engine = FakeEngine()
    engine.may_go_on.clear()
    held = AbortOnSignal()
    held._on_signal(signal.SIGINT, None)
    with held(engine):
        waits = held.hold()
        steps = [next(waits) for _ in range(5)]
        assert [msg.command for msg in steps] == ["sleep"] * 5
        assert all(0 < msg.args[0] < 0.1 for msg in steps)
        engine.may_go_on.set()
        until(lambda: is_over(engine))
    assert engine.reasons == ["stopped by Ctrl-C"]


def test_one_that_comes_between_two_plans_is_kept_for_the_next() -> None:
    engine = FakeEngine()
    held = AbortOnSignal()
    with held(engine):
        assert list(held.hold()) == []
    held._on_signal(signal.SIGHUP, None)
    assert engine.threads == []
    with held(engine):
        until(lambda: is_over(engine))
    assert engine.reasons == ["stopped by SIGHUP"]


@pytest.mark.parametrize("error", [TransitionError("not yet"), RuntimeError("what is that?")])
def test_a_signal_asks_until_it_is_heard_or_the_plan_is_over(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signals, "_RETRY_S", 0.001)
    engine = FakeEngine(error, error)
    held = AbortOnSignal()
    with held(engine):
        held._on_signal(signal.SIGTERM, None)
        until(lambda: is_over(engine))
        assert list(held.hold()) == []
    assert len(engine.reasons) == 3
    monkeypatch.setattr(signals, "_RETRY_S", 10.0)
    engine = FakeEngine(*[error] * 1000)
    held = AbortOnSignal()
    with held(engine):
        held._on_signal(signal.SIGTERM, None)
        until(lambda: engine.reasons)
        threading.Event().wait(0.05)
    until(lambda: is_over(engine))
    assert len(engine.reasons) == 1, "it waits between two tries, and no longer than the plan lasts"


def test_a_signal_is_called_what_a_person_calls_it() -> None:
    assert describe_signal(signal.SIGINT) == "stopped by Ctrl-C"
    assert describe_signal(signal.SIGHUP) == "stopped by SIGHUP"
