"""The page: complete in itself, escaped, the same every time, and true to the night."""

import dataclasses
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from beamline.recipe import HeatTreatment, Line, SiteSuggestion, Suggestion
from beamline.report import write_report
from beamline.report.summary import summary_of


class Page(HTMLParser):
    """What a page loads, links to, and says."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.sources: list[str] = []
        self.links: list[str] = []
        self.tags: set[str] = set()
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        for name, value in attrs:
            if name == "src":
                self.sources.append(value or "")
            elif name == "href":
                self.links.append(value or "")

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture(scope="module")
def written(records: Any, uid: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_report(records["whole"], uid, tmp_path_factory.mktemp("report"))


def test_the_page_needs_nothing_from_elsewhere(written: Path) -> None:
    page = Page(written.read_text(encoding="utf-8"))
    assert page.sources
    assert all(source.startswith("data:image/svg+xml;base64,") for source in page.sources)
    assert not page.tags & {"script", "link", "iframe", "object"}
    assert all((written.parent / link).exists() for link in page.links if not link.startswith("#"))
    assert "@media (prefers-color-scheme: dark)" in written.read_text(encoding="utf-8")


def test_the_first_page_says_what_matters(written: Path) -> None:
    text = re.sub(r"\s+", " ", Page(written.read_text(encoding="utf-8")).text)
    assert "Target reached. A1 on C2 meets the specification with P = 0.970; the same recipe on a fresh coupon" in text
    assert "2 coupons used, as many as the campaign allows" in text
    assert "Nothing: every run ended as planned" in text
    assert "a simulated instrument: everything below was computed" in text
    assert "red peak 630 ± 3 nm" in text
    assert re.search(r"red peak ?6(29|30|31)\.\d+ ± 0\.\d+ nm", text)
    assert "Coupons left: 1 of BrI" in text


def test_the_numbers_are_beside_it(written: Path) -> None:
    numbers = json.loads((written.parent / "report.json").read_text(encoding="utf-8"))
    assert (numbers["verdict"], numbers["n_sites"], numbers["n_within"]) == ("reached", 8, 2)
    assert numbers["outcomes"]["both phases"] == 4
    peak = next(q for q in numbers["best_measured"] if q["name"] == "red peak")
    assert peak["value"] == pytest.approx(630.5, abs=1.0)
    assert peak["unit"] == "nm"
    assert numbers["best_plain"]["observation"]["site"]["name"] == "A1"
    assert {"best_recipe", "convergence", "maps", "waterfall", "parity", "gantt", "furnace", "dose"} <= {
        figure["name"] for figure in numbers["figures"]
    }


def test_the_same_records_give_the_same_bytes_and_replace_an_older_report(
    records: Any, uid: str, tmp_path: Path
) -> None:
    out = tmp_path / "report"
    out.mkdir()
    stale = out / "dose.png"
    stale.write_bytes(b"of an older night that had this figure")
    contents = []
    for _ in range(2):
        write_report(records["cut"].folder, uid, out)
        contents.append({path.name: path.read_bytes() for path in out.iterdir()})
    assert contents[0] == contents[1]
    assert not stale.exists()
    page = contents[0]["report.html"].decode()
    assert "<script" not in page
    assert "&lt;script&gt;alert(" in page
    assert "to see &lt;b&gt;it&lt;/b&gt;" in page
    assert "<td>ada</td><td>web</td><td>too &lt;b&gt;hot&lt;/b&gt;</td>" in page
    assert json.loads(contents[0]["report.json"])["said"][1]["by"] == "bob"


def test_who_decided_is_told(nights: Any) -> None:
    said = [(one.coupon, one.what, one.by, one.interface) for one in summary_of(nights["cut"]).said]
    assert said == [
        ("C2", "rejected", "ada", "web"),
        ("C2", "edited: 500 °C for 60 min; without B1, B2", "bob", "command"),
    ]


def test_a_night_that_asked_nobody_says_so(written: Path) -> None:
    assert "The optimiser alone: the night asked nobody about a coupon." in written.read_text(encoding="utf-8")


def test_a_broken_off_night_says_what_failed_and_what_was_to_come(nights: Any) -> None:
    summary = summary_of(nights["cut"])
    assert (summary.verdict, summary.verdict_text) == ("undecided", "Nothing was learnt: no site gave an outcome.")
    assert summary.ended.startswith("interrupted while writing C2 (abort: <script>")
    told = {(f.where, f.what): f.why for f in summary.failures}
    assert told["writing C2", "run 00000007 ended with 'abort'"].startswith("<script>")
    assert "no dark spectrum" in told["C1 A1, A2, B1, B2", "no outcome"]
    assert "without confirming its exposure" in told["C2 B1, B2", "suspect: not to be used again"]
    assert summary.next_steps[0].startswith(
        "Decided, and not carried through to a decision: C2 (BrI) with 4 sites, 500"
    )


def test_a_dark_night_reached_nothing_and_checks_no_model(nights: Any) -> None:
    summary = summary_of(nights["dark"])
    assert summary.verdict == "undecided"
    assert summary.outcomes == {"no luminescence": 4}
    assert summary.best_site is None
    assert summary.calibration == ()
    assert "interrupted" in summary.ended


def test_z_scores_are_told_apart_by_what_was_known(nights: Any) -> None:
    rows = {(c.observable, c.who): c for c in summary_of(nights["whole"]).calibration}
    prior = rows["red_peak_nm", "prior"]
    assert (prior.n, prior.share_within_2_sd) == (1, 0.0)
    assert prior.rms_z == pytest.approx(abs(prior.mean_z)) == pytest.approx(2.5, abs=0.2)
    assert rows["red_peak_nm", "learnt"].n == 4


def test_a_suggestion_that_was_asked_for_is_told_with_its_reason(nights: Any) -> None:
    night = nights["whole"]
    coupon = night.campaign.coupons[2]
    site = night.campaign.layout(coupon)[0]
    writing = Line(pulse_energy_uJ=120.0, speed_mm_s=0.4)
    one = SiteSuggestion(suggestion_id="n.A1", site=site, writing=writing, p_in_specification=0.5, reason="why not")
    treatment = HeatTreatment(temperature_C=480.0, hold_s=1800.0)
    suggestion = Suggestion(
        suggestion_id="n", coupon=coupon, heat_treatment=treatment, sites=(one,), reason="it is expected to be better"
    )
    last = dataclasses.replace(night.decisions[-1], next_suggestion=suggestion)
    first = summary_of(dataclasses.replace(night, decisions=(*night.decisions[:-1], last))).next_steps[0]
    assert "C3 (BrI) with 1 site, 480 °C for 30 min" in first
    assert "Why: it is expected to be better." in first
