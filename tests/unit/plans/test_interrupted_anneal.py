"""An anneal that is paused goes on, and one that is aborted leaves the furnace in standby."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bluesky.utils import RunEngineInterrupted

from beamline.campaign import Campaign
from beamline.instrument import Instrument
from beamline.recipe import HeatTreatment
from beamline.session import Session, open_session
from plans import CouponInHand, heat_treat_coupon

TREATMENT = HeatTreatment(temperature_C=450, hold_s=1200, ramp_C_min=10)


@pytest.fixture
def attended(tmp_path: Path, campaign: Campaign) -> Iterator[Session]:
    with open_session(
        Instrument(), coupons=campaign.coupons, data=tmp_path, seed=3, unattended=False, catalog=False
    ) as session:
        yield session


def pausing_at(session: Session, temperature_C: float) -> Any:
    """A subscriber that asks for a pause once, as a first Ctrl-C does."""
    asked: list[bool] = []

    def look(name: str, doc: dict[str, Any]) -> None:
        if name == "event" and not asked and doc["data"]["furnace_temperature_C"] > temperature_C:
            asked.append(True)
            session.RE.loop.call_soon(session.RE.loop.create_task, session.RE._request_pause_coro(defer=True))

    return look


@pytest.mark.parametrize("pause_C", [150.0, 300.0, 449.0])
def test_a_programme_that_is_paused_reaches_its_temperature_all_the_same(
    attended: Session, hand: CouponInHand, pause_C: float
) -> None:
    with pytest.raises(RunEngineInterrupted):
        attended.RE(heat_treat_coupon(attended.bench, hand, TREATMENT), pausing_at(attended, pause_C))
    attended.RE.resume()
    (run,) = attended.records.runs(purpose="heat_treatment")
    assert run.stop is not None
    assert run.stop["exit_status"] == "success"
    furnace = run.table("furnace")
    hot_s = furnace["clock_s"][np.abs(furnace["furnace_temperature_C"] - TREATMENT.temperature_C) < 3]
    assert np.ptp(hot_s) >= TREATMENT.hold_s - 60
    assert attended.bench.furnace.heater.get() == "standby"


def test_a_programme_that_is_aborted_leaves_the_heater_in_standby(attended: Session, hand: CouponInHand) -> None:
    with pytest.raises(RunEngineInterrupted):
        attended.RE(heat_treat_coupon(attended.bench, hand, TREATMENT), pausing_at(attended, 250.0))
    assert attended.bench.furnace.heater.get() == "on"
    attended.RE.abort("enough")
    assert attended.bench.furnace.heater.get() == "standby"
