"""Campaign files that are taken: round trips, defaults, coupons, stop rules."""

from datetime import UTC, datetime, time, timedelta, timezone
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beamline.campaign import Campaign, CouponEntry, Stop, load_campaign, parse_campaign
from beamline.recipe import Coupon, as_plain

ANY_START = st.integers(0, 4_000_000_000).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))
BERLIN = ZoneInfo("Europe/Berlin")
EXAMPLES = sorted((Path(__file__).parents[3] / "examples").glob("night*.toml"))


@given(data=st.data())
def test_what_is_written_is_read_again(any_campaign: st.SearchStrategy[Campaign], data: st.DataObject) -> None:
    made = data.draw(any_campaign)
    assert parse_campaign(made.to_toml()) == made
    assert Campaign.from_json(made.to_json()) == made
    assert Campaign.model_validate(as_plain(made)) == made


@given(data=st.data())
def test_every_coupon_of_a_campaign_has_its_glass_and_its_sites(
    any_campaign: st.SearchStrategy[Campaign], data: st.DataObject
) -> None:
    made = data.draw(any_campaign)
    assert [(c.serial, c.glass.name) for c in made.coupons] == [(c.serial, c.glass) for c in made.coupon]
    for coupon in made.coupons:
        sites = made.layout(coupon)
        assert len(sites) == made.sites.per_coupon
        assert {site.coupon for site in sites} == {coupon.serial}
    assert 1 <= made.n_coupons_max <= len(made.coupon)


def test_all_but_name_glass_and_coupons_has_a_default(minimal: str) -> None:
    campaign = parse_campaign(minimal)
    assert campaign.optimizer.kind == "physics"
    assert campaign.sites.per_coupon == 12
    assert campaign.stop == Stop()
    assert campaign.objective.red_peak_nm is not None
    assert campaign.coupons == (
        Coupon.model_validate({"serial": "C-01", "glass": {"name": "BrI", "bromide": 1.5, "iodide": 1.5}}),
    )


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_the_examples_are_good(path: Path) -> None:
    assert load_campaign(path).n_coupons_max >= 1


def test_the_default_night_is_six_coupons_of_twelve_sites() -> None:
    night = load_campaign(next(path for path in EXAMPLES if path.name == "night.toml"))
    assert (night.n_coupons_max, night.sites.per_coupon, len(night.coupon)) == (6, 12, 10)
    assert night.stop == Stop(max_coupons=6)  # no target: the whole night runs
    assert len({coupon.glass for coupon in night.coupon}) == 3


def test_a_file_from_another_editor_is_read(tmp_path: Path, minimal: str) -> None:
    path = tmp_path / "night.toml"
    path.write_bytes(b"\xef\xbb\xbf" + minimal.replace("\n", "\r\n").encode())
    assert load_campaign(path) == load_campaign(str(path)) == parse_campaign(minimal)


def test_a_coupon_entry_has_the_bounds_of_a_coupon() -> None:
    for key in ("serial", "width_mm", "height_mm"):
        entry, word = CouponEntry.model_fields[key], Coupon.model_fields[key]
        assert (entry.metadata, entry.json_schema_extra, entry.default) == (
            word.metadata,
            word.json_schema_extra,
            word.default,
        )


def test_dots_may_lie_where_lines_do_not_fit(minimal: str) -> None:
    grid = "[sites]\nper_coupon = 81\n"
    assert (
        len(parse_campaign(f'{minimal}[space]\nmode = "dot"\n{grid}').layout(parse_campaign(minimal).coupons[0])) == 81
    )
    with pytest.raises(ValueError, match="54 fit"):
        parse_campaign(minimal + grid)


# ------------------------------------------------------------------------------------------------------- stop rules
@pytest.mark.parametrize("written", ['"07:30"', '"07:30:00"', "07:30:00"])
def test_a_clock_time_is_written_as_text_or_as_toml_has_it(minimal: str, written: str) -> None:
    assert parse_campaign(f"{minimal}[stop]\nat = {written}\n").stop.at == time(7, 30)


@pytest.mark.parametrize(
    "written", ['"24:00"', '"7:30"', '"07:30Z"', "07:30:00.5", "0", "true", '"0730"', '"07:30\\n"']
)
def test_other_clock_times_are_refused(minimal: str, written: str) -> None:
    with pytest.raises(ValueError, match="is not a clock time"):
        parse_campaign(f"{minimal}[stop]\nat = {written}\n")


@pytest.mark.parametrize(
    ("stop", "start", "hours"),
    [
        (Stop(), datetime(2026, 11, 20, 20, tzinfo=BERLIN), None),
        (Stop(max_hours=9.5), datetime(2026, 11, 20, 20, tzinfo=BERLIN), 9.5),
        (Stop(at=time(7, 30)), datetime(2026, 11, 20, 20, tzinfo=BERLIN), 11.5),
        (Stop(at=time(7, 30)), datetime(2026, 11, 20, 7, tzinfo=BERLIN), 0.5),
        (Stop(at=time(7, 30)), datetime(2026, 11, 20, 7, 30, tzinfo=BERLIN), 24.0),
        (Stop(at=time(7, 30), max_hours=3), datetime(2026, 11, 20, 20, tzinfo=BERLIN), 3.0),
        (Stop(at=time(7, 30)), datetime(2026, 3, 28, 20, tzinfo=BERLIN), 10.5),  # summer time begins in this night
        (Stop(at=time(7, 30)), datetime(2026, 10, 24, 20, tzinfo=BERLIN), 12.5),  # and ends in this one
        (Stop(at=time(7, 30)), datetime(2026, 11, 20, 20, tzinfo=timezone(timedelta(hours=-8))), 11.5),
    ],
)
def test_deadline(stop: Stop, start: datetime, hours: float | None) -> None:
    assert stop.deadline_s(start) == (None if hours is None else hours * 3600)


@given(
    at=st.times().map(lambda t: t.replace(microsecond=0)),
    start=ANY_START,
)
def test_a_clock_time_comes_within_a_day(at: time, start: datetime) -> None:
    deadline_s = Stop(at=at).deadline_s(start)
    assert deadline_s is not None
    assert 0 < deadline_s <= 86400
    assert (start + timedelta(seconds=deadline_s)).time() == at


def test_a_start_without_time_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="has no time zone"):
        Stop(max_hours=1).deadline_s(datetime(2026, 11, 20, 20))  # noqa: DTZ001  # the point of the test
