"""How long a night takes: sums that can be done by hand, order, stop rules."""

import math
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import words

from beamline.campaign import (
    Campaign,
    InstrumentTimes,
    NightEstimate,
    Stop,
    coupon_hours,
    coupon_phases,
    estimate_night,
    parse_campaign,
    suggestion_phases,
)
from beamline.recipe import Coupon, Dot, HeatTreatment, Line, Measurement, Site, SiteSuggestion, Suggestion, Writing

START = datetime(2026, 11, 20, 20, tzinfo=UTC)
TIMES = InstrumentTimes(
    decide_s=7,
    transfer_s=30,
    door_s=4,
    travel_mm_s=10,
    settle_s=0.25,
    attenuator_s=2,
    lamp_s=5,
    readout_s=0.05,
    heating_max_C_min=20,
    cooling_time_constant_s=600,
    cooled_C=60,
    furnace_settle_s=60,
)
SITES = (
    Site(coupon="C", name="A1", x_mm=5, y_mm=10),
    Site(coupon="C", name="A2", x_mm=8, y_mm=14),
    Site(coupon="C", name="A3", x_mm=8, y_mm=9),
)
TREATMENT = HeatTreatment(temperature_C=425, hold_s=3600, ramp_C_min=10)


def _durations(
    writings: list[Dot | Line],
    treatment: HeatTreatment = TREATMENT,
    measurement: Measurement | None = None,
    times: InstrumentTimes = TIMES,
) -> dict[str, float]:
    phases = coupon_phases(SITES[: len(writings)], writings, treatment, measurement or Measurement(), times)
    return {phase.name: phase.duration_s for phase in phases}


def test_a_coupon_by_hand() -> None:
    line = Line(pulse_energy_uJ=200, speed_mm_s=0.5, n_passes=2, length_mm=1)
    dot = Dot(pulse_energy_uJ=200, exposure_s=5)
    durations = _durations([line, dot, dot], measurement=Measurement(integration_s=0.2, n_averages=10))
    moves_s = (5 + 5) / 10 + 3 * 0.25
    assert durations == {
        "decide": 7,
        "load": 30,
        # twice 1 mm at 0.5 mm/s with the way back at 10 mm/s, then two dots
        "write": pytest.approx(moves_s + (2 + 2 * 2 + 0.1 + 0.25) + 2 * (2 + 5)),
        "carry": 34,
        "ramp_up": pytest.approx(400 / 10 * 60),
        "hold": 3600,
        # 10 degC/min holds down to 25 + 10 * 10 = 125 degC, then e-fold every 600 s down to 60 degC
        "cool": pytest.approx(300 / 10 * 60 + 600 * math.log(100 / 35) + 60),
        "measure": pytest.approx(34 + 5 + moves_s + (3 + 1) * 2.5),
        "unload": 30,
    }


def test_a_furnace_that_cools_slowly_never_follows_its_ramp() -> None:
    slow = TIMES.model_copy(update={"cooling_time_constant_s": 7200.0})
    assert _durations([], times=slow)["cool"] == pytest.approx(7200 * math.log(400 / 35) + 60)


def test_a_furnace_that_cools_at_once_follows_its_ramp_until_it_opens() -> None:
    quick = TIMES.model_copy(update={"cooling_time_constant_s": 1.0})
    assert _durations([], times=quick)["cool"] == pytest.approx((425 - 60) / 10 * 60 + 60)


def test_a_furnace_heats_no_faster_than_it_can() -> None:
    weak = TIMES.model_copy(update={"heating_max_C_min": 5.0})
    assert _durations([], times=weak)["ramp_up"] == pytest.approx(400 / 5 * 60)


@given(
    treatment=words(HeatTreatment, ramp_C_min=st.floats(0.1, 20)),
    times=words(InstrumentTimes),
)
def test_cooling_takes_no_less_than_the_ramp_and_no_less_than_the_furnace(
    treatment: HeatTreatment, times: InstrumentTimes
) -> None:
    cool_s = _durations([], treatment, times=times)["cool"] - times.furnace_settle_s
    ramp_s = (treatment.temperature_C - times.cooled_C) / treatment.ramp_C_min * 60
    free_s = times.cooling_time_constant_s * math.log((treatment.temperature_C - 25) / (times.cooled_C - 25))
    assert cool_s >= max(ramp_s, free_s) * (1 - 1e-9) - 1e-6
    assert cool_s <= (ramp_s + free_s) * (1 + 1e-9) + 1e-6


@given(data=st.data())
def test_shortest_expected_longest_are_in_order(any_campaign: st.SearchStrategy[Campaign], data: st.DataObject) -> None:
    campaign = data.draw(any_campaign)
    estimate = estimate_night(campaign, TIMES, START)
    cases = [estimate.shortest, estimate.expected, estimate.longest]
    per_coupon = [sum(phase.duration_s for phase in case.phases) for case in cases]
    assert per_coupon == sorted(per_coupon)
    assert [case.n_coupons for case in cases] == sorted((case.n_coupons for case in cases), reverse=True)
    for case, coupon_s in zip(cases, per_coupon, strict=True):
        assert 1 <= case.n_coupons <= campaign.n_coupons_max
        assert case.duration_s == pytest.approx(case.n_coupons * coupon_s)
        deadline_s = campaign.stop.deadline_s(START)
        if deadline_s is not None:  # the last coupon was begun in time
            assert (case.n_coupons - 1) * coupon_s < deadline_s * (1 + 1e-9)
    assert NightEstimate.from_json(estimate.to_json()) == estimate


def test_a_fixed_recipe_has_one_duration(minimal: str) -> None:
    space = "[space]\nspeed_mm_s = [0.4, 0.4]\ntemperature_C = [450, 450]\nhold_s = [3600, 3600]\n"
    estimate = estimate_night(parse_campaign(minimal + space), TIMES, START)
    assert estimate.shortest == estimate.expected == estimate.longest


def test_the_night_ends_on_the_clock_of_its_start(campaign: Campaign) -> None:
    berlin = ZoneInfo("Europe/Berlin")
    start = datetime(2026, 10, 24, 23, tzinfo=berlin)  # summer time ends in this night
    case = estimate_night(campaign, TIMES, start).expected
    assert case.end.tzinfo == berlin
    assert (case.end.astimezone(UTC) - start.astimezone(UTC)).total_seconds() == pytest.approx(
        case.duration_s, abs=1e-5
    )


def test_the_largest_coupon_counts(minimal: str) -> None:
    small = parse_campaign(minimal)
    mixed = parse_campaign(minimal + '[[coupon]]\nserial = "C-02"\nglass = "BrI"\nwidth_mm = 50\n')
    assert estimate_night(mixed, TIMES, START).expected.phases == estimate_night(small, TIMES, START).expected.phases


def test_a_suggestion_is_planned_like_its_coupon(campaign: Campaign) -> None:
    coupon: Coupon = campaign.coupons[0]
    writing: Writing = Line(pulse_energy_uJ=200, speed_mm_s=0.4)
    sites = campaign.layout(coupon)
    suggestion = Suggestion(
        suggestion_id="s",
        coupon=coupon,
        heat_treatment=TREATMENT,
        sites=tuple(
            SiteSuggestion(suggestion_id=s.name, site=s, writing=writing, p_in_specification=0.5, reason="test")
            for s in sites
        ),
        reason="test",
    )
    planned = suggestion_phases(suggestion, Measurement(), TIMES)
    assert planned == coupon_phases(sites, [writing] * len(sites), TREATMENT, Measurement(), TIMES)
    assert [phase.name for phase in planned] == [
        "decide", "load", "write", "carry", "ramp_up", "hold", "cool", "measure", "unload",
    ]  # fmt: skip


def test_hours_of_a_coupon_count_from_its_fair_share_of_the_night(campaign: Campaign) -> None:
    quick, slow = (HeatTreatment(temperature_C=300.0, hold_s=hold_s) for hold_s in (0.0, 100000.0))
    coupon = campaign.coupons[0]
    hours = coupon_hours(campaign, TIMES)
    assert hours(coupon, quick) < hours(coupon, slow)
    assert hours(coupon, slow) - hours(coupon, slow.model_copy(update={"hold_s": 64000.0})) == pytest.approx(10.0)
    with_time = campaign.model_copy(update={"stop": Stop(max_hours=9.0, max_coupons=1)})
    assert coupon_hours(with_time, TIMES)(coupon, quick) == 9.0
