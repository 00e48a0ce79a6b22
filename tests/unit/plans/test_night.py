"""Whole small nights: what they leave in the records, that they repeat, and how they end when something goes wrong."""

from __future__ import annotations

import io
import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from beamline.campaign import Campaign, OptimizerChoice, Stop
from beamline.campaign.history import campaign_history, campaign_uids
from beamline.night import earlier_observations, optimizer_of, run_night, unused_coupons, used_serials
from beamline.optimize import OptimizerStatus
from beamline.optimize.decide import Decided
from beamline.recipe import Coupon, Observation, Suggestion
from beamline.records import Records
from beamline.session import Session, SessionBusyError

MakeSession = Callable[..., Session]


def suggestions(records: Records) -> list[str]:
    decisions = records.runs(purpose="decision")
    return [json.dumps(run.start["suggestion"]) for run in decisions if "suggestion" in run.start]


def counts(records: Records) -> Any:
    return np.concatenate([run.table("spectra")["spectrometer_counts"] for run in records.runs(purpose="measurement")])


def test_a_night_leaves_a_run_for_each_step_and_says_what_made_it(session: Session, campaign: Campaign) -> None:
    outcome = run_night(session, campaign)
    assert (outcome.exit_status, outcome.n_coupons) == ("success", 2)
    runs = session.records.runs(campaign=outcome.campaign_uid)
    steps = ["decision", "writing", "heat_treatment", "measurement"]
    assert [run.start["purpose"] for run in runs] == ["campaign", *steps, *steps, "decision", "end"]
    assert all(run.stop["exit_status"] == "success" for run in runs if run.stop)
    first, last = runs[0].start, runs[-2].start
    assert first["campaign_file"]["name"] == "small"
    assert first["physics_parameters"]["nose_K"]["unit"] == "K"
    assert last["verdict"] == "stop"
    assert len(last["ingested"]) == 3
    for run in runs:
        assert run.start["versions"]["vitrail"]
        assert run.start["clock_s"] >= 0
    history = campaign_history(session.records, outcome.campaign_uid)
    assert (history.state.kind, history.n_coupons, history.n_sites_measured) == ("done", 2, 6)


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param("physics", marks=pytest.mark.nightly),  # test_campaign_command.py shows it between two processes
        "random",
    ],
)
def test_the_same_seed_gives_the_same_night_and_another_seed_another_truth(
    make_session: MakeSession, campaign: Campaign, kind: str
) -> None:
    campaign = campaign.model_copy(update={"optimizer": OptimizerChoice.model_validate({"kind": kind})})
    first, again, other = make_session("a"), make_session("b"), make_session("c", seed=4)
    for session in (first, again, other):
        assert run_night(session, campaign).exit_status == "success"
    assert suggestions(first.records) == suggestions(again.records)
    np.testing.assert_array_equal(counts(first.records), counts(again.records))
    assert not np.array_equal(counts(first.records)[:3], counts(other.records)[:3])


def test_no_coupon_is_started_after_the_time_is_up(session: Session, campaign: Campaign) -> None:
    campaign = campaign.model_copy(update={"stop": Stop(max_hours=0.5)})
    outcome = run_night(session, campaign)
    assert outcome.n_coupons == 1
    assert "time is up" in outcome.reason


def test_a_night_ends_when_the_next_coupon_is_not_worth_its_hours(session: Session, campaign: Campaign) -> None:
    campaign = campaign.model_copy(
        update={"stop": Stop(least_gain_per_hour=100.0), "optimizer": OptimizerChoice(kind="physics")}
    )
    outcome = run_night(session, campaign)
    assert outcome.n_coupons == 1
    assert "not worth it" in outcome.reason
    last = session.records.runs(purpose="decision")[-1].start
    assert last["verdict"] == "stop"
    assert "next_suggestion" in last


def test_an_error_ends_the_night_in_the_safe_state_with_the_records_closed(
    session: Session, campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(*_: object) -> float:
        raise OSError("spectrometer: cable out")

    monkeypatch.setattr(session.bench.spectrometer.driver, "start_acquisition", breaks)
    outcome = run_night(session, campaign)
    assert outcome.exit_status == "fail"
    assert "cable out" in outcome.reason
    assert all(step.error is None for step in outcome.safe_steps)
    assert all(run.stop is not None for run in session.records.runs())
    assert campaign_history(session.records, outcome.campaign_uid).state.kind == "failed"
    failed = earlier_observations(session.records, outcome.campaign_uid)
    assert {o.outcome.kind for o in failed} == {"failed"}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_in_the_middle_of_an_anneal_ends_the_night_in_good_order(
    session: Session, campaign: Campaign, number: signal.Signals
) -> None:
    def interrupts(name: str, doc: dict[str, Any]) -> None:
        if name == "event" and doc["data"].get("furnace_temperature_C", 0.0) > 150:
            os.kill(os.getpid(), number)

    outcome = run_night(session, campaign, subscribers=[interrupts])
    assert outcome.exit_status == "abort"
    assert ("Ctrl-C" if number == signal.SIGINT else number.name) in outcome.reason
    assert not session.bench.laser.driver.is_output_open
    assert not session.bench.furnace.driver.is_on
    (run,) = session.records.runs(purpose="heat_treatment")
    assert run.stop is not None
    assert run.stop["exit_status"] == "abort"
    assert campaign_history(session.records, outcome.campaign_uid).state.kind == "stopped"


def test_a_night_goes_on_from_an_earlier_one_without_its_coupons(session: Session, campaign: Campaign) -> None:
    one = run_night(session, campaign.model_copy(update={"stop": Stop(max_coupons=1)}))
    used = used_serials(session.records, one.campaign_uid)
    earlier = earlier_observations(session.records, one.campaign_uid)
    assert len(used) == 1
    two = run_night(session, campaign, after=one.campaign_uid)
    assert two.n_coupons == 2
    assert not used & used_serials(session.records, two.campaign_uid)
    first_decision = session.records.runs(campaign=two.campaign_uid, purpose="decision")[0]
    assert len(first_decision.start["ingested"]) == len(earlier) == 3
    assert campaign_uids(session.records) == (one.campaign_uid, two.campaign_uid)


def test_a_watcher_that_fails_is_dropped_and_the_night_goes_on(
    session: Session, campaign: Campaign, caplog: pytest.LogCaptureFixture
) -> None:
    seen: list[str] = []

    def fails(name: str, _doc: dict[str, Any]) -> None:
        seen.append(name)
        raise ZeroDivisionError

    outcome = run_night(session, campaign.model_copy(update={"stop": Stop(max_coupons=1)}), subscribers=[fails])
    assert outcome.exit_status == "success"
    assert seen == ["start"]
    assert "the night goes on" in caplog.text


def test_going_on_twice_leaves_out_the_coupons_of_both_nights_before(session: Session, campaign: Campaign) -> None:
    short = campaign.model_copy(update={"stop": Stop(max_coupons=1)})
    one = run_night(session, short)
    two = run_night(session, short, after=one.campaign_uid)
    three = run_night(session, short, after=two.campaign_uid)
    serials = [used_serials(session.records, night.campaign_uid) for night in (one, two, three)]
    assert len(frozenset().union(*serials)) == 3
    decision = session.records.runs(campaign=three.campaign_uid, purpose="decision")[0]
    assert len(decision.start["ingested"]) == 6
    assert unused_coupons(session.records, campaign, three.campaign_uid) == ()
    starts = [run.start for run in session.records.runs(purpose="campaign")]
    assert [start.get("after") for start in starts] == [None, one.campaign_uid, two.campaign_uid]
    assert starts[2]["learnt_from"] == sorted(serials[0] | serials[1])


class Thinking:
    """An optimiser that does something while it thinks, and then suggests at random."""

    def __init__(self, campaign: Campaign, does: Callable[[], None]) -> None:
        self.real = optimizer_of(campaign)
        self.does = does

    def suggest(self, coupons: Sequence[Coupon]) -> Suggestion:
        self.does()
        return self.real.suggest(coupons)

    def ingest(self, observations: Sequence[Observation]) -> None:
        self.real.ingest(observations)

    def decide(self, told: Sequence[Decided]) -> None:
        self.real.decide(told)

    def status(self) -> OptimizerStatus:
        return self.real.status()


def test_a_stop_while_the_optimiser_thinks_is_in_the_records(session: Session, campaign: Campaign) -> None:
    thinking = Thinking(campaign, lambda: os.kill(os.getpid(), signal.SIGTERM))
    outcome = run_night(session, campaign, optimizer=thinking)
    assert outcome.exit_status == "abort"
    state = campaign_history(session.records, outcome.campaign_uid).state
    assert (state.kind, getattr(state, "reason", "")) == ("stopped", "stopped by SIGTERM")


def test_an_optimiser_that_fails_is_in_the_records_by_name(session: Session, campaign: Campaign) -> None:
    def fails() -> None:
        raise ZeroDivisionError("no variance")

    outcome = run_night(session, campaign, optimizer=Thinking(campaign, fails))
    state = campaign_history(session.records, outcome.campaign_uid).state
    assert (state.kind, getattr(state, "reason", "")) == ("failed", "ZeroDivisionError: no variance")


def test_a_night_that_is_over_is_not_spoilt_by_what_would_be_next(session: Session, campaign: Campaign) -> None:
    asked: list[int] = []

    def fails_at_the_second() -> None:
        asked.append(1)
        if len(asked) == 2:
            raise ZeroDivisionError

    optimizer = Thinking(campaign, fails_at_the_second)
    outcome = run_night(session, campaign.model_copy(update={"stop": Stop(max_coupons=1)}), optimizer=optimizer)
    assert (outcome.exit_status, len(asked)) == ("success", 2)
    assert "next_suggestion" not in session.records.runs(purpose="decision")[-1].start


def test_a_signal_before_the_plan_has_begun_ends_it(
    session: Session, campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    abort = session.RE.abort
    messages: list[object] = []
    many = threading.Event()

    def count(message: object) -> None:
        messages.append(message)
        if len(messages) == 20:
            many.set()

    def late(reason: str) -> object:  # as where the machine is busy: the first decision would have been made by now
        many.wait()
        return abort(reason)

    monkeypatch.setattr(session.RE, "msg_hook", count)
    monkeypatch.setattr(session.RE, "abort", late)
    os.kill(os.getpid(), signal.SIGINT)
    outcome = run_night(session, campaign)
    assert [run.start["purpose"] for run in session.records.runs()] == ["campaign", "end"]
    assert (outcome.exit_status, outcome.reason, outcome.n_coupons) == ("abort", "stopped by Ctrl-C", 0)


def test_a_night_is_aborted_though_nothing_can_be_printed(
    session: Session, campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Gone(io.StringIO):
        def write(self, _text: str) -> int:
            raise BrokenPipeError

    def interrupts(name: str, _doc: dict[str, Any]) -> None:
        if name == "descriptor":
            os.kill(os.getpid(), signal.SIGHUP)

    monkeypatch.setattr(sys, "stdout", Gone())
    outcome = run_night(session, campaign, subscribers=[interrupts])
    assert (outcome.exit_status, outcome.reason) == ("abort", "stopped by SIGHUP")
    assert all(run.stop is not None for run in session.records.runs())


def test_a_signal_that_the_process_was_told_to_ignore_stays_ignored(
    make_session: MakeSession, campaign: Campaign
) -> None:
    def interrupts(name: str, _doc: dict[str, Any]) -> None:
        if name == "descriptor":
            os.kill(os.getpid(), signal.SIGHUP)

    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        outcome = run_night(make_session(), campaign, subscribers=[interrupts])
    finally:
        signal.signal(signal.SIGHUP, before)
    assert outcome.exit_status == "success"


def test_one_session_at_a_time_works_with_a_folder(make_session: MakeSession) -> None:
    first = make_session("shared")
    with pytest.raises(SessionBusyError, match="another session works with"):
        make_session("shared")
    first.close()
    make_session("shared")
