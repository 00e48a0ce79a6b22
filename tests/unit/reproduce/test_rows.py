from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from beamline.cli import main
from beamline.reproduce import judged, model_rows


@pytest.mark.parametrize(
    ("measured", "sd", "verdict"),
    [(613.5, 0.7, "agrees"), (616.0, 0.7, "contradicts"), (615.2, 0.7, "cannot say"), (600.0, 400.0, "cannot say")],
)
def test_verdicts(measured: float, sd: float, verdict: str) -> None:
    assert judged(measured, sd, 613.0, 0.5) == verdict


def test_what_no_device_measures_comes_from_the_model_and_says_so() -> None:
    rows = model_rows({"P15", "P17", "P20", "P14"})
    assert {row.fact for row in rows} == {"P15", "P17", "P20"}
    assert all(row.source == "model" and "no device" in row.note for row in rows)


def test_two_facts_from_raw_data_and_a_page_with_what_was_seen(tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["reproduce", "P34", "p10", "--json", "--page", str(tmp_path)])
    assert done.exit_code == 0, done.output
    document = json.loads(done.stdout)
    bench = [row for row in document["rows"] if row["source"] == "bench"]
    assert {row["fact"] for row in bench} == {"P10", "P34"}
    assert all(row["verdict"] == "agrees" and row["runs"] for row in bench)
    assert document["facts_without_row"] == []
    page = (tmp_path / "reproduce.html").read_text()
    for figure in ("Map of BrI-letter", "Pictures of BrI-letter (Fig. 4)"):
        assert f'<img alt="{figure}" src="data:image/png;base64,' in page
    rows = (tmp_path / "reproduce-map-BrI-letter-1.csv").read_text().splitlines()
    assert rows[0].startswith("x_mm,y_mm")
    assert len(rows) == 1 + 20


def test_a_fact_that_is_none_is_refused() -> None:
    done = CliRunner().invoke(main, ["reproduce", "P3"])
    assert done.exit_code == 2
    assert "P3" in done.stderr
