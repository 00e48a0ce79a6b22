"""A night that was interrupted goes on from its records: nothing twice, nothing lost, the same next suggestion."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from beamline.campaign import Campaign
from beamline.campaign.history import campaign_history
from beamline.instrument import Instrument, TwinSettings
from beamline.night import run_night
from beamline.records import Ledger, Records, SiteState
from beamline.resume import ResumeError, open_resumed, resume_night
from beamline.session import Session

UID = "00000000-0000-4000-8000-000000000001"
MakeSession = Callable[..., Session]


class PowerCutError(Exception):
    """What ends the first part."""


def interrupted(session: Session, campaign: Campaign, n_documents: int) -> None:
    """Run a night that breaks off after so many documents; the log has them all."""
    n_seen = 0

    def cut(_name: str, _doc: dict[str, Any]) -> None:
        nonlocal n_seen
        n_seen += 1
        if n_seen == n_documents:
            raise PowerCutError

    session.RE.subscribe(cut)
    assert run_night(session, campaign, campaign_uid=UID).exit_status == "fail"
    session.close()


def suggestions(records: Records) -> list[str]:
    """What was to be done; the id is made of the observations to their last digit."""
    found = [r.start["suggestion"] for r in records.runs(purpose="decision") if r.start.get("suggestion")]
    return [
        json.dumps([s["coupon"], s["heat_treatment"], [(o["site"], o["writing"]) for o in s["sites"]]]) for s in found
    ]


def spectra(records: Records) -> dict[tuple[str, str], Any]:
    return {
        (run.start["coupon"]["serial"], e["data"]["site_name"]): np.asarray(e["data"]["spectrometer_counts"])
        for run in records.runs(purpose="measurement")
        for e in run.events("spectra")
    }


def moments(records: Records) -> dict[str, int]:
    """After how many documents something is the last that is recorded."""
    found: dict[str, int] = {}
    n = 0
    for run in records.runs():
        streams = {d["uid"]: d["name"] for d in run.descriptors}
        for name, doc in run.documents:
            n += 1
            what = streams[doc["descriptor"]] if name == "event" else name
            found.setdefault(f"{run.start['purpose']} {what}", n)
    return found


@pytest.fixture
def whole(make_session: MakeSession, campaign: Campaign) -> Records:
    session = make_session("whole")
    assert run_night(session, campaign, campaign_uid=UID).exit_status == "success"
    return session.records


UNMOVED = ("campaign stop", "decision start", "decision stop")
LOSES_NOTHING = (
    "campaign stop",
    "decision start",
    "decision stop",
    "writing start",
    "writing exposures",
    "writing stop",
)


@pytest.mark.parametrize(
    "moment", [*LOSES_NOTHING, "writing intents", "heat_treatment furnace", "measurement spectra", "measurement dark"]
)
def test_a_night_goes_on_where_it_was_interrupted(
    tmp_path: Path, make_session: MakeSession, campaign: Campaign, whole: Records, moment: str
) -> None:
    interrupted(make_session("cut"), campaign, moments(whole)[moment])
    elsewhere = tmp_path / "another-machine"
    shutil.copytree(tmp_path / "cut", elsewhere)
    with open_resumed(Instrument(), elsewhere, UID, catalog=False) as session:
        outcome = resume_night(session, UID)
    records = Records(elsewhere)
    assert (outcome.exit_status, outcome.n_coupons) == ("success", 2)
    assert campaign_history(records, UID).state.kind == "done"
    fired = Counter(
        (run.start["coupon"]["serial"], e["data"]["site_name"])
        for run in records.runs(purpose="writing")
        for e in run.events("intents")
    )
    assert len(fired) == 6
    assert set(fired.values()) == {1}, "a site was fired at twice"
    assert suggestions(records)[0] == suggestions(whole)[0]
    assert spectra(records).keys() == spectra(whole).keys()
    suspects = [site.name for site in Ledger.of(records.runs()).sites(state=SiteState.SUSPECT)]
    if moment == "writing intents":
        assert len(suspects) == 1
    elif moment != "heat_treatment furnace":
        assert suspects == []
        assert suggestions(records) == suggestions(whole)
        for key, counts in spectra(whole).items():
            if moment in UNMOVED:  # no second was lost: the same world, to the last digit
                np.testing.assert_array_equal(spectra(records)[key], counts)
            else:  # what comes seconds later has other noise: about 10 counts of 1000
                assert np.sqrt(np.mean((spectra(records)[key] - counts) ** 2)) < 30


def test_what_is_done_cannot_be_resumed(whole: Records) -> None:
    with pytest.raises(ResumeError, match="is done, there is nothing left of it"):
        open_resumed(Instrument(), whole.folder, UID, catalog=False)


def test_another_truth_does_not_re_live_the_records(
    tmp_path: Path, make_session: MakeSession, campaign: Campaign, whole: Records
) -> None:
    interrupted(make_session("cut"), campaign, moments(whole)["measurement spectra"])
    with pytest.raises(ResumeError, match="does not re-live the records"):
        open_resumed(Instrument(twin=TwinSettings(seed=99)), tmp_path / "cut", UID, catalog=False)


def test_a_night_that_could_not_be_recorded_is_not_gone_on_with(
    tmp_path: Path, make_session: MakeSession, campaign: Campaign, whole: Records
) -> None:
    interrupted(make_session("cut"), campaign, moments(whole)["writing intents"])
    folder = tmp_path / "cut"
    shutil.rmtree(folder / "state")
    (folder / "state").write_text("a file, where the folder is to be")
    with open_resumed(Instrument(), folder, UID, catalog=False) as session:
        n_runs = len(session.records.runs())
        with pytest.raises(ResumeError, match="not gone on with: disk: the state of the night cannot be written in "):
            resume_night(session, UID)
        assert len(session.records.runs()) == n_runs
        (folder / "state").unlink()
        resume_night(session, UID)
        (again,) = session.records.runs(purpose="resume")
        said = {check["name"]: check["verdict"] for check in again.start["preflight"]}
        assert said == dict.fromkeys(("watchdog", "disk", "calibrations", "clock"), "ok")
