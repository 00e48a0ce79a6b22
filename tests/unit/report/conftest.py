"""Nights made of documents alone, for figures and reports."""

from __future__ import annotations

import pytest
from made_up_nights import NIGHTS, UID, campaign

from beamline.recipe import Coupon, Site
from beamline.records import Records
from beamline.report.assemble import night_data
from beamline.report.data import NightData


@pytest.fixture(scope="session")
def records(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Records]:
    return {name: make(tmp_path_factory.mktemp(name)) for name, make in NIGHTS.items()}


@pytest.fixture(scope="session")
def nights(records: dict[str, Records]) -> dict[str, NightData]:
    return {name: night_data(found, UID) for name, found in records.items()}


@pytest.fixture(scope="session")
def uid() -> str:
    return UID


@pytest.fixture
def a_coupon() -> Coupon:
    return campaign().coupons[0]


@pytest.fixture
def a_site() -> Site:
    return Site(coupon="C1", name="A1", x_mm=3.0, y_mm=4.0)
