"""A small bench on the twin, with the log in a temporary folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from beamline.campaign import Campaign, parse_campaign
from beamline.engine import SessionEngine
from beamline.experiments import valid_calibrations
from beamline.instrument import Instrument
from beamline.recipe import Coupon, Dot, HeatTreatment, Line, Recipe
from beamline.records import LogWriter, Records
from beamline.session import Session, open_session
from devices import Bench, DiscreteEventClock, Geometry, make_bench
from devices.twin import Effects, build_twin
from plans import CouponInHand, Experiment, NightLabel

SMALL = """
name = "small"
seed = 3
[optimizer]
kind = "random"
[sites]
per_coupon = 3
[space]
hold_s = [600, 900]
[measurement]
integration_s = 0.1
n_averages = 2
[stop]
max_coupons = 2
[[glass]]
name = "BrI"
bromide = 1.5
iodide = 1.5
[[coupon]]
serial = "C1"
glass = "BrI"
[[coupon]]
serial = "C2"
glass = "BrI"
[[coupon]]
serial = "C3"
glass = "BrI"
"""


@pytest.fixture
def campaign() -> Campaign:
    return parse_campaign(SMALL)


@pytest.fixture
def make_session(tmp_path: Path, campaign: Campaign) -> Iterator[Callable[..., Session]]:
    opened: list[Session] = []

    def make(folder: str = "data", seed: int = 3) -> Session:
        session = open_session(
            Instrument(), coupons=campaign.coupons, data=tmp_path / folder, seed=seed, unattended=True, catalog=False
        )
        opened.append(session)
        return session

    yield make
    for session in opened:
        session.close()


@pytest.fixture
def session(make_session: Callable[..., Session]) -> Session:
    return make_session()


@pytest.fixture
def hand(campaign: Campaign) -> CouponInHand:
    coupon = campaign.coupons[0]
    sites = campaign.layout(coupon)
    writings = [
        Line(pulse_energy_uJ=200, speed_mm_s=0.4, length_mm=1.0),
        Line(pulse_energy_uJ=150, speed_mm_s=0.8, length_mm=1.0, n_passes=2),
        Dot(pulse_energy_uJ=200, exposure_s=4),
    ]
    treatment = HeatTreatment(temperature_C=450, hold_s=1200)
    return CouponInHand(
        label=NightLabel("test", "00000000-0000-4000-8000-000000000000", {"vitrail": "test"}),
        coupon=coupon,
        n_coupon=1,
        suggestion_id="by-hand",
        sites={site.name: site for site in sites},
        recipes={s.name: Recipe(writing=w, heat_treatment=treatment) for s, w in zip(sites, writings, strict=True)},
    )


@dataclass(frozen=True)
class Twin:
    """A bench on a twin with effects of its own, an engine, and what the log holds."""

    RE: SessionEngine
    bench: Bench
    records: Records

    def experiment(self, coupon: Coupon) -> Experiment:
        return Experiment(self.bench, self.records, NightLabel("twin", "twin-1", {"vitrail": "test"}), coupon)


@pytest.fixture
def make_twin(tmp_path: Path, campaign: Campaign) -> Iterator[Callable[..., Twin]]:
    engines: list[SessionEngine] = []

    def make(effects: Effects, seed: int = 5) -> Twin:
        clock, records = DiscreteEventClock(), Records(tmp_path / "twin")
        identity = f"twin of seed {seed}"
        bench = replace(
            make_bench(build_twin(seed, campaign.coupons, clock, Geometry(), effects), clock, Geometry()),
            identity=identity,
            calibrations=lambda: valid_calibrations(records, identity, datetime.now(UTC).timestamp()),
        )
        engine = SessionEngine({})
        engines.append(engine)
        clock.install(engine)
        engine.subscribe(LogWriter(tmp_path / "twin"))
        return Twin(engine, bench, records)

    yield make
    for engine in engines:
        engine.end()
