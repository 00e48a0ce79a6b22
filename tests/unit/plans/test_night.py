"""Whole small nights: what they leave in the records, that they repeat, and how they end when something goes wrong."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from beamline.campaign import Campaign, OptimizerChoice, Stop
from beamline.campaign.history import campaign_history, campaign_uids
from beamline.night import earlier_observations, run_night, used_serials
from beamline.records import Records
from beamline.session import Session

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


@pytest.mark.parametrize("kind", ["physics", "random"])
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
