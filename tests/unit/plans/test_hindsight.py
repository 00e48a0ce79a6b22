"""A night in hindsight: decisions and outcomes made again; and what keeps a second exposure from happening."""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import beamline.records.log as log_module
from beamline.campaign import Campaign, OptimizerChoice, parse_campaign
from beamline.campaign.search import OutcomeCriterion, with_outcome
from beamline.cli import main
from beamline.decisions import reanalyse, redecide
from beamline.instrument import Instrument
from beamline.night import NightOutcome, run_night
from beamline.optimize.decide import Approve, Edit, Reject
from beamline.recipe import HeatTreatment
from beamline.records import Criteria, Records, mark, read_run
from beamline.records.codec import encode
from beamline.records.frames import HEADER, pack_frame
from beamline.session import Session, open_session

from .conftest import SMALL


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, NightOutcome]:
    """One night; what a test changes is a copy of its records."""
    campaign, data = parse_campaign(SMALL), tmp_path_factory.mktemp("night") / "data"
    with open_session(
        Instrument(), coupons=campaign.coupons, data=data, seed=3, unattended=True, catalog=False
    ) as session:
        return data, run_night(session, campaign)


@pytest.fixture
def night(whole: tuple[Path, NightOutcome], tmp_path: Path) -> tuple[Records, NightOutcome]:
    return Records(Path(shutil.copytree(whole[0], tmp_path / "data"))), whole[1]


def vitrail(records: Records, *words: str) -> tuple[int, str]:
    done = CliRunner().invoke(main, [*words, "--data", str(records.folder)], catch_exceptions=False)
    return done.exit_code, done.output


def change(path: Path, edit: Callable[[dict[str, Any]], None]) -> None:
    """Rewrite a log with a changed start document."""
    documents = list(read_run(path))
    edit(documents[0][1])
    path.write_bytes(HEADER + b"".join(pack_frame(n, encode([name, doc])) for n, (name, doc) in enumerate(documents)))


def test_the_same_records_lead_to_the_same_suggestions(night: tuple[Records, NightOutcome]) -> None:
    records, outcome = night
    decisions = list(redecide(records, outcome.campaign_uid))
    assert len(decisions) == 3
    assert all(one.is_same_suggestion and one.is_same_state for one in decisions)
    assert decisions[-1].recorded is not None  # what would have come next
    # A coupon that was marked since does not change what was known in the night.
    mark(records.folder, decisions[0].recorded.coupon, "damaged", "it fell")  # type: ignore[union-attr]
    code, said = vitrail(records, "replay", "--decisions")
    assert (code, said.splitlines()[-1]) == (0, "3 of 3 decisions are the same")

    def hotter(start: dict[str, Any]) -> None:
        start["suggestion"]["heat_treatment"]["hold_s"] += 1.0

    change(records.runs(purpose="decision")[1].path, hotter)
    code, said = vitrail(records, "replay", "--decisions")
    assert code == 1
    assert "ANOTHER suggestion" in said
    assert "2 of 3 decisions are the same" in said
    code, said = vitrail(records, "replay", "--decisions", "--json")
    told = json.loads(said)["decisions"]
    assert (code, told["is_good"], told["n_same"]) == (1, False, 2)
    assert [one["is_same_suggestion"] for one in told["decisions"]] == [True, False, True]


def test_what_people_decided_is_in_the_records_and_relived(session: Session, campaign: Campaign) -> None:
    chosen = OptimizerChoice(kind="random")
    says = iter(
        [
            Reject(by="ada", note="not tonight"),
            Edit(by="ada", heat_treatment=HeatTreatment(temperature_C=222.0, hold_s=600.0)),
            Approve(by="bob"),
        ]
    )
    outcome = run_night(session, campaign.model_copy(update={"optimizer": chosen}), review=lambda _: next(says))
    assert outcome.exit_status == "success"
    starts = [run.start for run in session.records.runs(purpose="decision")]
    assert [[one["decision"]["kind"] for one in start.get("human", ())] for start in starts] == [
        ["reject", "edit"],
        ["approve"],
        [],
    ]
    assert starts[0]["suggestion"]["heat_treatment"]["temperature_C"] == 222.0
    made = session.records.runs(purpose="heat_treatment")[0].start
    assert made["heat_treatment"]["temperature_C"] == 222.0
    assert all(one.is_same_suggestion for one in redecide(session.records, outcome.campaign_uid))


def test_another_optimiser_says_what_it_would_have_done(night: tuple[Records, NightOutcome]) -> None:
    records, outcome = night
    decisions = list(redecide(records, outcome.campaign_uid, "skopt"))
    assert [one.is_same_suggestion for one in decisions] == [False] * 3
    assert all(one.is_same_state is None and one.again is not None for one in decisions)
    code, said = vitrail(records, "replay", "--decisions", "--optimizer", "skopt")
    assert code == 0
    assert said.count("skopt:") == 3
    assert vitrail(records, "replay", "--decisions", "--optimizer", "oracle")[0] == 2
    assert vitrail(records, "replay", "--optimizer", "skopt")[0] == 2


def test_old_spectra_are_analysed_again(night: tuple[Records, NightOutcome]) -> None:
    records, outcome = night
    again = list(reanalyse(records, outcome.campaign_uid))
    assert len(again) == 6
    assert all(one.is_same for one in again)

    def brighter(start: dict[str, Any]) -> None:
        start["ingested"][0]["outcome"] = {"kind": "no_luminescence", "rate_limit_counts_s": 1.0}

    change(records.runs(purpose="decision")[1].path, brighter)
    code, said = vitrail(records, "replay", "--analyse")
    assert code == 0
    assert said.splitlines()[-1] == "6 outcomes, 1 of them changed"
    assert "then no luminescence, below 1 counts/s" in said
    sites = json.loads(vitrail(records, "replay", "--analyse", "--json")[1])["analysis"]["sites"]
    assert [one["then"]["kind"] for one in sites if not one["is_same"]] == ["no_luminescence"]


def test_runs_are_found_by_what_came_of_them(night: tuple[Records, NightOutcome]) -> None:
    records, outcome = night
    runs = records.runs(purpose="measurement")
    by_site = {(one.coupon, one.site): one.now.outcome.kind for one in reanalyse(records, outcome.campaign_uid)}
    n_found = 0
    for kind in ("luminescence", "no_luminescence", "saturated", "failed"):
        found = with_outcome(runs, Criteria(), OutcomeCriterion(kind))  # type: ignore[arg-type]  # all there are
        named = {(records.run(uid).start["coupon"]["serial"], name) for uid, names in found.items() for name in names}
        assert named == {site for site, its in by_site.items() if its == kind}
        n_found += len(named)
    assert n_found == len(by_site)
    assert with_outcome(runs, Criteria(), OutcomeCriterion(red_peak_nm=(1.0, 2.0))) == {}
    code, said = vitrail(records, "records", "list", "--purpose", "measurement", "--recipe", "n_passes=1..1", "--json")
    assert (code, len(json.loads(said))) == (0, 2)
    assert vitrail(records, "records", "list", "--recipe", "energy=1..2")[0] == 2


def test_targets_take_the_documents(night: tuple[Records, NightOutcome], tmp_path: Path) -> None:
    records, outcome = night
    code, said = vitrail(records, "replay", "--campaign", "small", "--into", "agent")
    assert code == 0
    assert "6 observations" in said
    assert "exactly as emitted, from the log" in said
    assert vitrail(records, "replay", "--campaign", "small", "--into", "log")[0] == 2
    code, said = vitrail(records, "replay", outcome.campaign_uid, "--into", "table")
    assert (code, "give a whole uid" in said) == (2, True)
    uid = records.runs(purpose="measurement")[0].uid
    assert "A1" in vitrail(records, "replay", uid[:8], "--into", "analysis")[1]
    assert "spectra" in vitrail(records, "replay", uid[:8], "--into", "table")[1]
    page = tmp_path / "report"
    assert vitrail(records, "replay", "--campaign", "small", "--into", "report", "--out", str(page))[0] == 0
    assert (page / "report.html").is_file()


def test_coupons_are_listed_drawn_and_marked(night: tuple[Records, NightOutcome], tmp_path: Path) -> None:
    records, _outcome = night
    code, said = vitrail(records, "coupons", "--draw", "--out", str(tmp_path / "maps"))
    assert code == 0
    assert said.count("3 measured") == 2
    assert len(list((tmp_path / "maps").glob("C?.png"))) == 2
    serial = json.loads(vitrail(records, "coupons", "--json")[1])[0]["serial"]
    assert vitrail(records, "coupons", "mark", serial, "damaged", "--reason", "it fell")[0] == 0
    (coupon,) = json.loads(vitrail(records, "coupons", "--json", "--coupon", serial)[1])
    assert coupon["damage"] == "it fell"
    assert {site["state"] for site in coupon["sites"].values()} == {"damaged"}
    assert vitrail(records, "coupons", "mark", "C99", "damaged", "--reason", "x")[0] == 2


def test_a_night_leaves_out_a_damaged_coupon_and_never_exposes_a_site_twice(
    session: Session, campaign: Campaign
) -> None:
    mark(session.records.folder, campaign.coupons[0], "damaged", "it fell")
    uid = "00000000-0000-4000-8000-000000000001"
    assert run_night(session, campaign, campaign_uid=uid).exit_status == "success"
    written = [run.start["coupon"]["serial"] for run in session.records.runs(purpose="writing")]
    assert sorted(written) == ["C2", "C3"]
    # The same campaign once more: its suggestions are for sites that it has written.
    again = run_night(session, campaign, campaign_uid=uid)
    assert again.exit_status == "fail"
    assert "it must not be exposed again" in again.reason
    assert len(session.records.runs(purpose="writing")) == 2


@pytest.mark.parametrize("n_more", [1, 2, 3])
def test_a_full_disk_stops_the_night_before_the_next_exposure(
    session: Session, campaign: Campaign, monkeypatch: pytest.MonkeyPatch, n_more: int
) -> None:
    write, n_left, n_fired = os.write, n_more, 0

    def full(descriptor: int, data: Any) -> int:
        nonlocal n_left
        files = sorted(session.records.folder.glob("log/*.vlog"))
        if files and b"exposures" in files[-1].read_bytes():
            n_left -= 1
        if n_left < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(descriptor, data)

    def count_shots(message: Any) -> None:
        nonlocal n_fired
        if message.command == "set" and message.obj is session.bench.laser.output and message.args == ("open",):
            n_fired += 1

    monkeypatch.setattr(log_module.os, "write", full)
    session.RE.msg_hook = count_shots
    outcome = run_night(session, campaign)
    monkeypatch.undo()
    assert (outcome.exit_status, outcome.is_recorded) == ("fail", False)
    assert "No space left on device" in outcome.reason
    assert "make room" in outcome.reason
    (writing,) = session.records.runs(purpose="writing")
    n_intents, n_exposures = len(writing.events("intents")), len(writing.events("exposures"))
    # Nothing is fired that is not on disk as an intent, and nothing after the record that found the disk full.
    assert 0 < n_fired == n_intents < 3
    assert n_intents - n_exposures in (0, 1)
    assert session.bench.laser.output.get() == "closed"
