"""A few nights of `benchmarks/fault_nights.py`, those among them in which it has found something."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

BENCHMARK = Path(__file__).parents[3] / "benchmarks" / "fault_nights.py"


@pytest.fixture(scope="module")
def nights() -> Any:
    spec = importlib.util.spec_from_file_location("fault_nights", BENCHMARK)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("number", [1, 528, 541])  # in the last two the coupon went home while it was being written
def test_what_must_not_be_is_not(nights: Any, tmp_path: Path, number: int) -> None:
    row = nights.live(number, tmp_path / "data")
    assert list(nights.wrongs(row)) == []
    assert row["n_openings"] > 0
    assert row["began"]


FINE = {
    "is_open": False,
    "is_open_later": False,
    "is_heating": False,
    "later_C": 25.0,
    "n_twice": 0,
    "n_elsewhere": 0,
    "n_lost": 0,
    "n_without_end": 0,
    "simulated_s": 10.0,
    "deadline_s": 20.0,
}


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"is_open": True}, "laser open"),
        ({"is_open_later": True}, "laser open"),
        ({"is_heating": True}, "furnace hot"),
        ({"later_C": 90.0}, "furnace hot"),
        ({"n_twice": 1}, "exposed twice"),
        ({"n_elsewhere": 1}, "exposed elsewhere"),
        ({"n_lost": 1}, "lost documents"),
        ({"n_without_end": 1}, "lost documents"),
        ({"simulated_s": 21.0}, "hang"),
        ({"hang": "no end"}, "hang"),
        ({"error": "oops"}, "error"),
        ({}, None),
    ],
)
def test_each_of_them_would_be_found(nights: Any, change: dict[str, Any], name: str | None) -> None:
    assert list(nights.wrongs(FINE | change)) == ([name] if name else [])
