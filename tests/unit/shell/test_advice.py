"""`%suggest` asks the optimiser of a campaign file, or of a campaign that the records know, and shows its reasons."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_campaigns import small_campaign

from beamline.campaign import load_campaign
from beamline.night import optimizer_of
from beamline.records import Records
from beamline.shell.advice import advice_text, advise

NIGHT = small_campaign("asked")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "asked.toml"
    path.write_text(NIGHT, encoding="utf-8")
    return path


def test_of_a_file_it_is_what_its_night_would_begin_with(file: Path, tmp_path: Path) -> None:
    advice = advise(Records(tmp_path / "data"), str(file))
    campaign = load_campaign(file)
    assert advice.suggestion.to_json() == optimizer_of(campaign).suggest(campaign.coupons).to_json()
    assert (advice.campaign_uid, advice.n_observations) == (None, 0)


def test_the_text_has_each_site_with_its_reason_in_columns(file: Path, tmp_path: Path) -> None:
    advice = advise(Records(tmp_path / "data"), str(file))
    text = advice_text(advice)
    lines = text.splitlines()
    assert "C1 (BrI)" in text
    assert advice.suggestion.reason in text
    (head,) = [line for line in lines if line.strip().startswith("site ")]
    names = tuple(f"{site.site.name} " for site in advice.suggestion.sites)
    rows = [line for line in lines if line.strip().startswith(names)]
    assert len(rows) == len(advice.suggestion.sites) == 2
    for row, site in zip(rows, advice.suggestion.sites, strict=True):
        assert row.endswith(site.reason)
        assert row.index(site.reason) == head.index("why")
    assert "\x1b" not in text


def test_records_without_a_campaign_say_so(tmp_path: Path) -> None:
    with pytest.raises(LookupError, match="no campaign"):
        advise(Records(tmp_path / "data"), None)
