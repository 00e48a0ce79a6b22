"""Decays at the sites of a coupon: in the records, in the observations, and again where they were interrupted."""

from __future__ import annotations

from typing import Any

import pytest

from beamline.campaign.left import coupon_left
from beamline.campaign.observations import coupon_observations
from beamline.recipe import DecayMeasurement, HeatTreatment, Lifetime, Measurement, SiteSuggestion, Suggestion
from beamline.session import Session
from devices import RefusedError
from plans import CouponInHand, load_on_stage, measure_coupon, write_coupon

MEASUREMENT = Measurement(
    integration_s=0.1, n_averages=2, decay=DecayMeasurement(phases=("red",), duration_s=30.0, bin_width_ns=2.048)
)


class PowerCutError(Exception):
    """What ends the first part."""


def as_suggested(hand: CouponInHand) -> Suggestion:
    return Suggestion(
        suggestion_id=hand.suggestion_id,
        coupon=hand.coupon,
        heat_treatment=HeatTreatment(temperature_C=450, hold_s=1200),
        sites=tuple(
            SiteSuggestion(suggestion_id=name, site=site, writing=hand.recipes[name].writing, reason="by hand")
            for name, site in hand.sites.items()
        ),
        reason="by hand",
    )


def test_decays_are_counted_at_each_site_and_an_interrupted_measurement_counts_only_those_that_are_missing(
    session: Session, hand: CouponInHand
) -> None:
    bench, names = session.bench, list(hand.sites)
    descriptors: list[str] = []

    def cut(name: str, doc: dict[str, Any]) -> None:
        if name == "descriptor" and doc["name"] == "decays":
            descriptors.append(doc["uid"])
        if name == "event" and doc["descriptor"] in descriptors and doc["seq_num"] == 2:
            raise PowerCutError

    def all_of_it() -> Any:
        yield from load_on_stage(bench, hand.coupon.serial)
        yield from write_coupon(bench, hand)
        yield from measure_coupon(bench, hand, MEASUREMENT)

    token = session.RE.subscribe(cut)
    with pytest.raises(PowerCutError):
        session.RE(all_of_it())
    session.RE.unsubscribe(token)
    assert bench.need_lifetime().excitation.get() == "off"
    left = coupon_left(session.records.runs(), as_suggested(hand), "rest")
    assert left.to_measure == ()
    assert left.to_count == (names[2],)

    missing = tuple(hand.only(left.to_count).sites.values())
    session.RE(measure_coupon(bench, hand.only(()), MEASUREMENT, more_decays=missing))
    runs = session.records.runs()
    assert coupon_left(runs, as_suggested(hand), "rest").to_count == ()
    counted = [e["data"]["site_name"] for run in runs for e in run.events("decays")]
    assert counted == names
    observations = coupon_observations(session.records, hand.label.campaign_uid, hand.coupon.serial)
    found = {seen.site.name: seen.lifetimes for seen in observations}
    assert all(one is not None and [part.phase for part in one] == ["red"] for one in found.values())
    bright = observations[0].lifetime("red")
    assert isinstance(bright, Lifetime)
    assert 10.0 < bright.lifetime_ns < 150.0
    assert bright.lifetime_sd_ns < 0.3 * bright.lifetime_ns


def test_a_bench_without_a_counter_or_a_filter_refuses_before_a_run_is_open(
    session: Session, hand: CouponInHand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(session.bench.need_lifetime().driver), "filters", ("all",))
    with pytest.raises(RefusedError, match="no filter for the red light; the wheel has all"):
        session.RE(measure_coupon(session.bench, hand, MEASUREMENT))
    assert not session.records.runs()
