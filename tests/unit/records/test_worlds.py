"""Which runs speak of the same coupon: nights of a simulated bench each have their own glass."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from beamline.recipe import Coupon
from beamline.records import Ledger, LogWriter, Records, SiteState, World, mark, worlds

GLASS = {"name": "Br50I50", "bromide": 50.0, "iodide": 50.0}


@pytest.fixture
def record(tmp_path: Path, synthetic: ModuleType) -> Any:
    """Write a night on coupon C01: its kind, and from which it goes on."""
    count = iter(range(1000))

    def night(name: str, kind: str, after: str | None = None) -> str:
        with LogWriter(tmp_path) as log:
            writer = synthetic.Writer(log, name, t0=synthetic.T0 + 10_000.0 * next(count))
            about: dict[str, Any] = {"instrument": {"name": "x", "kind": kind}, "seed": 7}
            writer.begin("campaign", **about, **({"after": after} if after else {})).end()
            writer.write(1)
        return f"uid-of-{name}"

    return night


def states(world: World) -> set[SiteState]:
    return {site.state for site in Ledger.of(world.runs).sites("C01")}


def test_the_same_serial_in_two_simulated_nights_is_two_coupons(tmp_path: Path, record: Any) -> None:
    record("a", "twin")
    record("b", "twin")
    first, second = worlds(Records(tmp_path).runs())
    assert (first.name, second.name, first.seed) == ("a", "b", 7)
    assert str(first) == "simulated: a uid-of-a, seed 7"
    assert states(first) == states(second) == {SiteState.WRITTEN}
    # Taken together they look like a second exposure, which none of them is.
    assert {site.state for site in Ledger.of(Records(tmp_path).runs()).sites("C01")} == {SiteState.SUSPECT}


def test_on_a_bench_it_is_one_and_the_same(tmp_path: Path, record: Any) -> None:
    record("a", "bench")
    record("b", "bench")
    (real,) = worlds(Records(tmp_path).runs())
    assert real.is_real
    assert str(real) == "bench"
    assert states(real) == {SiteState.SUSPECT}


def test_a_night_that_goes_on_goes_on_in_its_world(tmp_path: Path, record: Any) -> None:
    first = record("a", "twin")
    record("other", "twin")
    record("b", "twin", after=first)
    found = worlds(Records(tmp_path).runs())
    assert [world.name for world in found] == ["a", "other"]
    assert states(found[0]) == {SiteState.SUSPECT}
    assert states(found[1]) == {SiteState.WRITTEN}


def test_chains_without_an_end_and_without_a_beginning_are_worlds_too(tmp_path: Path, record: Any) -> None:
    record("a", "twin", after="uid-of-b")
    record("b", "twin", after="uid-of-a")
    record("c", "twin", after="of a folder that is not here")
    found = worlds(Records(tmp_path).runs())
    assert sum(len(world.runs) for world in found) == len(Records(tmp_path).runs())
    assert "c" in {world.name for world in found}


def test_a_mark_is_of_the_coupon_that_was_spoken_of_last(tmp_path: Path, record: Any) -> None:
    record("a", "twin")
    record("b", "twin")
    coupon = Coupon.model_validate({"serial": "C01", "glass": GLASS})
    mark(tmp_path, coupon, "damaged", "fell")
    mark(tmp_path, coupon.model_copy(update={"serial": "C99"}), "damaged", "never used")
    first, second, real = worlds(Records(tmp_path).runs())
    assert Ledger.of(first.runs).coupon("C01").damage == ""
    assert Ledger.of(second.runs).coupon("C01").damage == "fell"
    assert real.is_real
    assert Ledger.of(real.runs).coupon("C99").damage == "never used"
