"""A real, small night on the twin, once for all tests of what is published."""

from __future__ import annotations

from pathlib import Path

import pytest

from beamline.campaign import parse_campaign
from beamline.instrument import Instrument
from beamline.night import run_night
from beamline.publish import Results, campaign_results
from beamline.records import Records
from beamline.session import open_session

NIGHT = """
name = "small"
seed = 3
optimizer.kind = "random"
sites.per_coupon = 2
stop.max_coupons = 2
measurement = { integration_s = 0.1, n_averages = 2 }
[space]
hold_s = [600, 900]
[[glass]]
name = "BrI"
bromide = 1.5
iodide = 1.5
[[coupon]]
serial = "C-1"
glass = "BrI"
[[coupon]]
serial = "C_1"
glass = "BrI"
"""


@pytest.fixture(scope="session")
def records(tmp_path_factory: pytest.TempPathFactory) -> Records:
    plan = parse_campaign(NIGHT)
    data = tmp_path_factory.mktemp("night")
    with open_session(
        Instrument(), coupons=plan.coupons, data=data, seed=3, unattended=False, catalog=False
    ) as session:
        assert run_night(session, plan).exit_status == "success"
    return Records(data)


@pytest.fixture(scope="session")
def results(records: Records) -> Results:
    (first,) = records.runs(purpose="campaign")
    return campaign_results(records, first.start["campaign"]["uid"])


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"
