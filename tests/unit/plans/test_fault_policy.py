"""What a campaign file says about faults is done: by faults that are injected at the drivers of whole nights."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from small_campaigns import small_campaign

from beamline.campaign import CampaignFileError, parse_campaign
from beamline.campaign.history import campaign_history
from beamline.faults import FaultEntry, FaultSchedule
from beamline.instrument import Instrument
from beamline.night import NightOutcome, run_night
from beamline.records import Ledger, Records, SiteState
from beamline.session import open_session

NIGHT = small_campaign("policy", n_sites=3, n_coupons=2)


def night(folder: Path, policy: str, *faults: FaultEntry) -> tuple[NightOutcome, Records]:
    campaign = parse_campaign(f"{NIGHT}[policy]\n{policy}")
    schedule = FaultSchedule(entries=faults, seed=1)
    with open_session(
        Instrument(), coupons=campaign.coupons, data=folder, seed=3, unattended=False, catalog=False, faults=schedule
    ) as session:
        outcome = run_night(session, campaign)
        assert session.faults is None or session.faults.n_injected
        for device in (session.bench.laser, session.bench.furnace):
            driver: Any = getattr(device.driver, "underneath", device.driver)
            assert not (driver.is_output_open if device.name == "laser" else driver.is_on)
    exposed = Counter(
        (run.start["coupon"]["serial"], e["data"]["site_name"])
        for run in session.records.runs(purpose="writing")
        for e in run.events("intents")
    )
    assert set(exposed.values()) <= {1}, "a site was fired at twice"
    return outcome, session.records


def faults_of(records: Records) -> list[tuple[str, str]]:
    """(step, what is done) of each recorded fault, in order."""
    found = []
    for run in records.runs():
        found += [(e["data"]["fault_step"], e["data"]["fault_then"]) for e in run.events("faults")]
        if run.start["purpose"] == "fault":
            found.append((run.start["step"], run.start["then"]))
    return found


def outcomes(records: Records) -> list[str]:
    return [o["outcome"]["kind"] for run in records.runs(purpose="decision") for o in run.start["ingested"]]


def fault(role: str, kind: str, command: str, **how: Any) -> FaultEntry:
    return FaultEntry.model_validate({"role": role, "kind": kind, "command": command} | ({"at_s": 0.0} | how))


def test_a_spectrum_that_fails_once_is_taken_again(tmp_path: Path) -> None:
    outcome, records = night(tmp_path, "", fault("spectrometer", "refuse", "start_acquisition"))
    assert outcome.exit_status == "success"
    assert faults_of(records) == [("measure", "retry")]
    assert len(outcomes(records)) == 6
    assert "failed" not in outcomes(records)


def test_a_site_that_gives_no_spectrum_is_a_missing_outcome(tmp_path: Path) -> None:
    bad = fault("spectrometer", "refuse", "start_acquisition", probability=1.0, at_s=None, at_most=2)
    outcome, records = night(tmp_path, "retries = 1", bad)
    assert outcome.exit_status == "success"
    assert faults_of(records) == [("measure", "retry"), ("measure", "skip_site")]
    assert Counter(outcomes(records))["failed"] == 1


@pytest.mark.parametrize("command", ["start_line", "start_exposure"])
def test_an_exposure_is_never_tried_again(tmp_path: Path, command: str) -> None:
    text = NIGHT if command == "start_line" else NIGHT.replace("[space]", '[space]\nmode = "dot"')
    campaign = parse_campaign(text)
    assert campaign.policy.retries == 2
    entry = fault("stage" if command == "start_line" else "laser", "silent", command)
    with open_session(
        Instrument(),
        coupons=campaign.coupons,
        data=tmp_path,
        seed=3,
        unattended=False,
        catalog=False,
        faults=FaultSchedule(entries=(entry,)),
    ) as session:
        outcome = run_night(session, campaign)
    records = session.records
    assert outcome.exit_status == "success"
    assert faults_of(records) == [("write", "skip_site")]
    suspects = Ledger.of(records.runs()).sites(state=SiteState.SUSPECT)
    assert len(suspects) == 1
    [failed] = [
        o["outcome"]["reason"]
        for run in records.runs(purpose="decision")
        for o in run.start["ingested"]
        if o["outcome"]["kind"] == "failed"
    ]
    assert failed == "0 of 1 exposures are confirmed: how much light it got nobody knows"


@pytest.mark.parametrize(
    ("policy", "n_written", "n_coupons", "status"),
    [
        ('write = "skip_site"', 5, 2, "success"),
        ('write = "skip_coupon"', 3, 2, "success"),
        ('write = "stop"', 0, 1, "fail"),
    ],
)
def test_a_site_that_cannot_be_approached(
    tmp_path: Path, policy: str, n_written: int, n_coupons: int, status: str
) -> None:
    bad = fault("laser", "refuse", "start_pulse_energy", probability=1.0, at_s=None, at_most=3)
    outcome, records = night(tmp_path, policy, bad)
    assert (outcome.exit_status, outcome.n_coupons) == (status, n_coupons)
    assert [then for _, then in faults_of(records)] == ["retry", "retry", policy.split('"')[1]]
    assert sum(len(run.events("exposures")) for run in records.runs(purpose="writing")) == n_written


def test_a_furnace_that_fails_for_a_while_goes_on_and_the_history_is_what_it_was(tmp_path: Path) -> None:
    outcome, records = night(tmp_path / "a", "", fault("furnace", "restart", "", at_s=500.0))
    _, undisturbed = night(tmp_path / "b", "")
    assert outcome.exit_status == "success"
    assert ("heat", "retry") in faults_of(records)
    durations_s = []
    for found in (records, undisturbed):
        history = found.runs(purpose="decision")[1].start["ingested"][0]["heat_history"]
        durations_s.append(sum(step["duration_s"] for step in history))
    assert durations_s[0] > durations_s[1] + 20, "the optimiser is told of the time that the furnace was away"


@pytest.mark.parametrize(
    ("policy", "n_spectra", "status"),
    [('heat = "measure"', 6, "success"), ('heat = "skip_coupon"', 3, "success"), ('heat = "stop"', 0, "fail")],
)
def test_a_heat_treatment_that_cannot_go_on(tmp_path: Path, policy: str, n_spectra: int, status: str) -> None:
    bad = fault("furnace", "stuck", "temperature_C", at_s=500.0, duration_s=1500.0)
    outcome, records = night(tmp_path, f"retries = 0\n{policy}", bad)
    assert outcome.exit_status == status
    assert faults_of(records) == [("heat", policy.split('"')[1])]
    spectra = sum(len(run.events("spectra")) for run in records.runs(purpose="measurement"))
    assert spectra == n_spectra
    state = campaign_history(records, outcome.campaign_uid).state.kind
    assert state == ("done" if status == "success" else "failed")


def test_the_night_waits_for_the_operator_and_goes_on_when_it_works(tmp_path: Path) -> None:
    bad = fault("changer", "refuse", "start_transfer", at_s=0.0, duration_s=3000.0)
    outcome, records = night(tmp_path, 'retries = 1\ncarry = "ask"', bad)
    assert outcome.exit_status == "success"
    assert faults_of(records) == [("carry", "retry"), ("carry", "ask")]


def test_nobody_comes_and_the_night_ends(tmp_path: Path) -> None:
    bad = fault("changer", "refuse", "start_transfer", at_s=0.0, duration_s=90000.0)
    outcome, _ = night(tmp_path, 'retries = 0\ncarry = "ask"\noperator_within_h = 0.5', bad)
    assert outcome.exit_status == "fail"
    assert 1800 <= outcome.simulated_s < 2000


def test_more_faults_than_the_budget_end_the_night(tmp_path: Path) -> None:
    bad = fault("spectrometer", "refuse", "start_acquisition", probability=0.5, at_s=None)
    outcome, records = night(tmp_path, "budget = 3", bad)
    assert outcome.exit_status == "fail"
    assert "4 faults, and the campaign allows 3" in outcome.reason
    assert len(faults_of(records)) == 4


def test_a_rule_is_an_exception_from_the_table(tmp_path: Path) -> None:
    rule = '[[policy.rule]]\nfault = "refused"\nstep = "measure"\nthen = "stop"'
    outcome, records = night(tmp_path, rule, fault("spectrometer", "refuse", "start_acquisition"))
    assert outcome.exit_status == "fail"
    assert faults_of(records) == [("measure", "stop")]


def test_a_rule_that_cannot_be_followed_is_refused() -> None:
    with pytest.raises(
        CampaignFileError, match="'skip_site' is nothing that can be done in step 'heat'; allowed: measure"
    ):
        parse_campaign(f'{NIGHT}[[policy.rule]]\nstep = "heat"\nthen = "skip_site"')
