"""Two nights beside each other: a row each, a figure, and the same as JSON."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from small_campaigns import small_campaign

from beamline.campaign import parse_campaign
from beamline.cli import main
from beamline.instrument import Instrument
from beamline.night import run_night
from beamline.session import open_session

NIGHT = small_campaign("NAME")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("two-nights")
    for name in ("first", "second"):
        campaign = parse_campaign(NIGHT.replace("NAME", name))
        with open_session(
            Instrument(), coupons=campaign.coupons, data=folder, seed=3, unattended=True, catalog=False
        ) as session:
            assert run_night(session, campaign).exit_status == "success"
    return folder


def test_a_row_for_each_in_the_order_asked_for_and_a_figure_with_its_data(data: Path, tmp_path: Path) -> None:
    done = CliRunner().invoke(
        main, ["campaign", "compare", "second", "first", "--data", str(data), "--out", str(tmp_path)]
    )
    assert done.exit_code == 0, done.output
    head, second, first, figure = done.output.splitlines()
    assert second.split()[1:7] == ["second", "random", "3", "1", "2", "0"]
    assert first.split()[1] == "first"
    assert head.index("verdict") == second.index(
        second.split()[-2] if second.endswith("reached") else second.split()[-1]
    )
    assert figure == f"page: {tmp_path / 'comparison.html'}"
    page = (tmp_path / "comparison.html").read_text(encoding="utf-8")
    assert "do not want the same" not in page
    for text in ("2 nights compared", "second", "data:image/svg+xml;base64,", "random, 3", "its glass"):
        assert text in page, text
    assert (tmp_path / "comparison.svg").stat().st_size > 5000
    with (tmp_path / "comparison.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len({row["campaign"] for row in rows}) == 2
    assert {row["coupons"] for row in rows} == {"0", "1"}


def test_the_same_as_json(data: Path, tmp_path: Path) -> None:
    words = ["campaign", "compare", "first", "second", "--data", str(data), "--out", str(tmp_path), "--json"]
    found = json.loads(CliRunner().invoke(main, words).stdout)
    assert [one["name"] for one in found["campaigns"]] == ["first", "second"]
    assert found["campaigns"][0]["n_sites"] == 2
    assert [Path(file).suffix for file in found["files"]] == [".html", ".png", ".svg", ".csv"]


def test_the_same_campaign_twice_is_refused(data: Path) -> None:
    done = CliRunner().invoke(main, ["campaign", "compare", "first", "first", "--data", str(data)])
    assert done.exit_code == 2
    assert "given twice" in done.output
