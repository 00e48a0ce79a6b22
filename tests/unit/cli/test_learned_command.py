"""What a night has taught, from its records: in words, as JSON, as a prior file and as a figure."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from small_campaigns import small_campaign

from beamline.campaign import load_campaign, parse_campaign
from beamline.cli import main
from beamline.decisions import taught
from beamline.instrument import Instrument
from beamline.night import run_night
from beamline.optimize.agent import Agent
from beamline.records import Records
from beamline.session import open_session

NIGHT = small_campaign("taught", n_coupons=2)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("taught")
    campaign = parse_campaign(NIGHT)
    with open_session(
        Instrument(), coupons=campaign.coupons, data=folder, seed=3, unattended=True, catalog=False
    ) as session:
        assert run_night(session, campaign).exit_status == "success"
    return folder


def test_words_prior_and_figure(data: Path, tmp_path: Path) -> None:
    prior = tmp_path / "learned.toml"
    words = ["campaign", "learned", "taught", "--data", str(data), "--figure", str(tmp_path), "--prior-out", str(prior)]
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 0, done.output
    assert "2 coupons, 4 outcomes; of 86 uncertain numbers" in done.output
    assert "collection_counts_s" in done.output
    assert done.output.rstrip().endswith(f"figure: {tmp_path / 'learned.png'}")
    assert {path.suffix for path in tmp_path.glob("learned.*")} == {".png", ".svg", ".csv", ".toml"}

    file = tmp_path / "next.toml"
    file.write_text(NIGHT.replace('optimizer.kind = "random"', 'optimizer.parameters = "learned.toml"'))
    campaign = load_campaign(file)
    uid = Records(data).runs(purpose="campaign")[0].start["campaign"]["uid"]
    assert campaign.optimizer.prior.learned_from == (uid,)
    refused = CliRunner().invoke(main, ["campaign", "run", str(file), "--data", str(data), "--after", "taught"])
    assert refused.exit_code == 2
    assert "every coupon of the file has been used" in refused.output or "count twice" in refused.output


def test_what_was_learnt_already_is_not_counted_twice(data: Path, tmp_path: Path) -> None:
    prior = tmp_path / "learned.toml"
    CliRunner().invoke(main, ["campaign", "learned", "--data", str(data), "--prior-out", str(prior)])
    file = tmp_path / "next.toml"
    text = NIGHT.replace('optimizer.kind = "random"', 'optimizer.parameters = "learned.toml"')
    file.write_text(text.replace('serial = "C', 'serial = "N'))
    refused = CliRunner().invoke(main, ["campaign", "run", str(file), "--data", str(data), "--after", "taught"])
    assert refused.exit_code == 2
    assert "count twice" in refused.output


def test_json_has_every_number(data: Path) -> None:
    done = CliRunner().invoke(main, ["campaign", "learned", "--data", str(data), "--json"])
    found = json.loads(done.stdout)
    assert found["name"] == "taught"
    assert len(found["numbers"]) == 86
    assert {one["standing"] for one in found["numbers"]} <= {"known", "confounded", "unseen"}
    assert found["files"] == {}


def test_another_optimiser_s_night_teaches_the_physics_too(data: Path) -> None:
    records = Records(data)
    uid = records.runs(purpose="campaign")[0].start["campaign"]["uid"]
    agent, learned_from = taught(records, uid)
    assert isinstance(agent, Agent)
    assert (agent.history.n_coupons, learned_from) == (2, (uid,))


def test_an_unknown_campaign_and_a_folder_that_is_not_there_are_refused(data: Path, tmp_path: Path) -> None:
    unknown = CliRunner().invoke(main, ["campaign", "learned", "nobody", "--data", str(data)])
    assert unknown.exit_code == 2
    nowhere = ["campaign", "learned", "--data", str(data), "--prior-out", str(tmp_path / "no" / "such.toml")]
    refused = CliRunner().invoke(main, nowhere)
    assert refused.exit_code == 2
    assert "name one in a folder that is there" in refused.output
