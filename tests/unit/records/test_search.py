"""Runs found by what was done: from the start documents alone."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest

from beamline.records import Criteria, LogWriter, Records, find_runs


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory, synthetic: ModuleType) -> Records:
    folder = tmp_path_factory.mktemp("records")
    with LogWriter(folder) as log:
        synthetic.night(log)
        synthetic.Writer(log, "late", synthetic.T0 + 1e6).write(9, n_sites=1)
    return Records(folder)


@pytest.mark.parametrize(
    ("wanted", "n_found"),
    [
        ({}, 10),
        ({"campaign": "night-1"}, 9),
        ({"campaign": "uid-of-late"}, 1),
        ({"coupon": "C02"}, 3),
        ({"glass": "Br50I50", "purpose": "writing"}, 3),
        ({"glass": "Br50"}, 0),
        ({"site": "S02"}, 4),
        ({"recipe": {"pulse_energy_uJ": (20.0, 20.0)}}, 3),
        ({"recipe": {"pulse_energy_uJ": (20.5, 22.0), "temperature_C": (400.0, 450.0)}}, 2),
        ({"recipe": {"pulse_energy_uJ": (20.5, 22.0), "temperature_C": (400.0, 429.0)}}, 0),
        ({"site": "S00", "recipe": {"pulse_energy_uJ": (21.0, 22.0)}}, 0),
        ({"recipe": {"speed_mm_s": (0.0, 9.0)}}, 0),
        ({"since": 1_767_650_400.0 + 1e6}, 1),
        ({"until": 1_767_650_400.0}, 0),
    ],
)
def test_all_that_is_asked_must_hold(records: Records, wanted: dict[str, Any], n_found: int) -> None:
    assert len(find_runs(records, Criteria(**wanted))) == n_found


def test_one_site_must_meet_all_ranges(records: Records) -> None:
    run = find_runs(records, Criteria(purpose="writing", coupon="C01"))[0]
    assert Criteria(recipe={"pulse_energy_uJ": (21.0, 22.0)}).sites_of(run.start) == ("S01", "S02")
    assert Criteria(site="S01", recipe={"pulse_energy_uJ": (21.0, 22.0)}).sites_of(run.start) == ("S01",)
