"""What `vitrail campaign check` says."""

import json
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beamline.campaign import (
    Campaign,
    InstrumentTimes,
    describe,
    describe_json,
    duration_text,
    estimate_night,
    load_campaign,
    parse_campaign,
)

START = datetime(2026, 11, 20, 20, tzinfo=ZoneInfo("Europe/Berlin"))
NIGHT = Path(__file__).parents[3] / "examples" / "night.toml"


def _text(campaign: Campaign) -> str:
    return describe(campaign, estimate_night(campaign, InstrumentTimes(), START))


def test_the_default_night_in_words() -> None:
    text = _text(load_campaign(NIGHT))
    assert text.splitlines()[:12] == [
        "campaign  night, seed 1; recipes suggested by surrogates with the physics model as their prior",
        "wanted    red peak at 630 +- 3 nm",
        "          green over red 1, within a factor 1.25: 0.8 to 1.25",
        "          as bright as possible",
        (
            "varied    per coupon: glass (BrI, Br-rich, I-rich), temperature 200 to 550 degC, hold 30 min to 2 h 00 min, "
            "ramps of 10 degC/min"
        ),
        "          per site: lines of 1 mm, pulse energy 80 to 260 uJ, speed 0.2 to 2 mm/s, passes 1",
        "coupons   10 at hand, 6 at most are used",
        "          6 of BrI (Br:I 1.5:1.5): BI-01, BI-02, BI-03, BI-04, BI-05, BI-06",
        "          2 of Br-rich (Br:I 2:1): BR-01, BR-02",
        "          2 of I-rich (Br:I 1:2): IR-01, IR-02",
        "sites     12 on each coupon, A1 to D3, 2 mm between them, 2 mm or more from the edges",
        "measured  one spectrum at each site, 10 x 0.2 s; one dark spectrum for each coupon",
    ]
    assert "ends      after 6 coupons\n" in text
    assert "from Fri 20:00 to about Sat " in text


@given(data=st.data())
def test_any_campaign_has_words_and_json(any_campaign: st.SearchStrategy[Campaign], data: st.DataObject) -> None:
    campaign = data.draw(any_campaign)
    estimate = estimate_night(campaign, InstrumentTimes(), START)
    text = describe(campaign, estimate)
    assert text.startswith(f"campaign  {campaign.name}")
    assert all(coupon.glass in text for coupon in campaign.coupon)
    said = json.loads(json.dumps(describe_json(campaign, estimate)))
    assert Campaign.model_validate(said["campaign"]) == campaign
    assert set(said["layouts"]) == {coupon.serial for coupon in campaign.coupon}
    assert said["estimate"]["expected"]["n_coupons"] == estimate.expected.n_coupons


def test_every_stop_rule_is_said(minimal: str) -> None:
    rules = 'max_coupons = 1\ntarget_reached_confidence = 0.95\nat = "07:30"\nmax_hours = 9.5\n'
    text = _text(parse_campaign(f"{minimal}[stop]\n{rules}"))
    assert "after 1 coupon\n" in text
    assert "with 95 % confidence" in text
    assert "at 07:30: no new coupon" in text
    assert "9.5 h after the start" in text


@pytest.mark.parametrize(
    ("addition", "note"),
    [
        ("[stop]\nmax_coupons = 5\n", "note      stop.max_coupons = 5, but only 1 are at hand"),
        ('[[glass]]\nname = "I"\nbromide = 0\niodide = 3\n', "note      no coupon is of glass I"),
        (
            '[[coupon]]\nserial = "C-02"\nglass = "BrI"\n[stop]\nmax_hours = 1\n',
            "note      the time allows about 1 of 2 coupons",
        ),
        (
            '[[glass]]\nname = "Br"\nbromide = 3\niodide = 0\n[[coupon]]\nserial = "C-02"\nglass = "Br"\n',
            "note      glass Br has no red phase: no site on it can meet the specification",
        ),
    ],
)
def test_what_its_writer_may_not_have_meant_is_noted(minimal: str, addition: str, note: str) -> None:
    assert note in _text(parse_campaign(minimal + addition)).splitlines()
    assert "note" not in _text(parse_campaign(minimal))


def test_dots_and_an_objective_without_brightness(minimal: str) -> None:
    text = _text(parse_campaign(f'{minimal}[space]\nmode = "dot"\n[objective]\nbrightness = "ignore"\n'))
    assert "per site: dots, pulse energy 80 to 260 uJ, exposure 1 to 10 s" in text
    assert "bright" not in text


def test_random_recipes_are_called_so(minimal: str) -> None:
    assert "recipes drawn at random" in _text(parse_campaign(f'{minimal}[optimizer]\nkind = "random"\n'))


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (99.4, "99 s"),
        (100, "2 min"),
        (5940, "99 min"),
        (6000, "1 h 40 min"),
        (7199, "2 h 00 min"),
        (90000, "25 h 00 min"),
    ],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text
