"""What the benchmark of optimisers makes without an engine is what a night makes."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest

from beamline.campaign import Campaign, OptimizerChoice, load_campaign
from beamline.instrument import Instrument
from beamline.night import earlier_observations, optimizer_of, run_night
from beamline.recipe import Luminescence, Observation
from beamline.session import open_session

ROOT = Path(__file__).parents[3]


@pytest.fixture
def by_hand(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    return importlib.import_module("by_hand")


@pytest.fixture(params=["line", "dot"])
def campaign(request: pytest.FixtureRequest) -> Campaign:
    whole = load_campaign(ROOT / "examples" / "night.toml")
    return whole.model_copy(
        update={
            "seed": 3,
            "optimizer": OptimizerChoice(kind="random"),
            "space": whole.space.model_copy(update={"mode": request.param, "hold_s": (1800.0, 1800.0)}),
            "sites": whole.sites.model_copy(update={"per_coupon": 2}),
            "stop": whole.stop.model_copy(update={"max_coupons": 2 if request.param == "line" else 1}),
        }
    )


def numbers(seen: Observation) -> list[float]:
    bands = seen.outcome.bands if isinstance(seen.outcome, Luminescence) else ()
    return [number for band in bands for number in (band.peak_eV, band.rate_counts_s)]


def test_outcomes_are_those_of_a_night(by_hand: Any, campaign: Campaign, tmp_path: Path) -> None:
    optimizer = optimizer_of(campaign)
    found: list[Observation] = []
    left = list(campaign.coupons)
    with by_hand.simulated_bench(campaign, campaign.seed) as bench:
        for _ in range(campaign.n_coupons_max):
            asked = optimizer.suggest(left)
            coupon = by_hand.make_coupon(bench, asked, campaign.measurement)
            left = [one for one in left if one.serial != asked.coupon.serial]
            optimizer.ingest(coupon)
            found += coupon
    with open_session(
        Instrument(), coupons=campaign.coupons, data=tmp_path, seed=campaign.seed, unattended=True, catalog=False
    ) as session:
        outcome = run_night(session, campaign)
        assert outcome.exit_status == "success"
        night = earlier_observations(session.records, outcome.campaign_uid)
    assert any(isinstance(seen.outcome, Luminescence) for seen in night)
    if campaign.space.mode == "line":
        assert [seen.to_json() for seen in found] == [seen.to_json() for seen in night]
    # A timed exposure ends where its jitter says: the clock is a little off, and the noise with it.
    assert [(seen.site, seen.writing) for seen in found] == [(seen.site, seen.writing) for seen in night]
    for mine, theirs in zip(map(numbers, found), map(numbers, night), strict=True):
        assert mine == pytest.approx(theirs, rel=1e-2)


def test_without_structure_the_bench_is_another_one(by_hand: Any, campaign: Campaign) -> None:
    def coupon(*, parameters_only: bool) -> tuple[Observation, ...]:
        with by_hand.simulated_bench(campaign, campaign.seed, parameters_only=parameters_only) as bench:
            made: tuple[Observation, ...] = by_hand.make_coupon(
                bench, optimizer_of(campaign).suggest(campaign.coupons), campaign.measurement
            )
        return made

    usual, plain = coupon(parameters_only=False), coupon(parameters_only=True)
    assert [seen.writing for seen in usual] == [seen.writing for seen in plain]
    assert [seen.outcome for seen in usual] != [seen.outcome for seen in plain]
