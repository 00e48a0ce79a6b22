"""Distances and margins to the tenth of a micrometre, and the words of each refusal."""

from __future__ import annotations

import pytest

from beamline.recipe import Dot, Glass, Line, Recipe, Site
from beamline.records import CouponRecord, Footprint, KeepOut, Ledger, SiteRecord, SiteState, crowding, refusals
from beamline.records.occupancy import footprints

KEEP = KeepOut(spacing_mm=1.0, margin_mm=0.5)
GLASS = {"name": "Br", "bromide": 1.0, "iodide": 0.0}
LINE = Recipe(writing=Line(pulse_energy_uJ=100, speed_mm_s=1, length_mm=2.0))
DOT = Recipe(writing=Dot(pulse_energy_uJ=100, exposure_s=1))


def at(x_mm: float, y_mm: float, name: str = "A") -> Site:
    return Site(coupon="C1", name=name, x_mm=x_mm, y_mm=y_mm)


def ledger_of(*records: SiteRecord, damage: str = "") -> Ledger:
    ledger = Ledger()
    sites = {record.name: record for record in records}
    ledger._coupons["C1"] = CouponRecord(
        "C1", Glass.model_validate(GLASS), width_mm=10.0, height_mm=6.0, damage=damage, sites=sites
    )
    return ledger


def record(name: str, state: SiteState, site: Site | None, recipe: Recipe | None = DOT, reason: str = "") -> SiteRecord:
    return SiteRecord("C1", name, state, site=site, recipe=recipe, reason=reason)


def test_a_line_covers_its_length_and_a_dot_a_point() -> None:
    assert Footprint.of(at(5, 3), LINE) == Footprint("A", 4.0, 6.0, 3)
    assert Footprint.of(at(5, 3), DOT) == Footprint.of(at(5, 3), None) == Footprint("A", 5.0, 5.0, 3)


@pytest.mark.parametrize(
    ("other", "distance_mm"),
    [
        (Footprint("B", 7.5, 9.0, 3.0), 1.5),
        (Footprint("B", 1.0, 2.0, 3.0), 2.0),
        (Footprint("B", 5.5, 9.0, 5.0), 2.0),
        (Footprint("B", 0.0, 9.0, 3.0), 0.0),
        (Footprint("B", 9.0, 9.0, 7.0), 5.0),
    ],
)
def test_the_free_distance_is_that_of_the_segments(other: Footprint, distance_mm: float) -> None:
    line = Footprint.of(at(5, 3), LINE)
    assert line.distance_mm(other) == pytest.approx(distance_mm)
    assert other.distance_mm(line) == pytest.approx(distance_mm)


def test_spacing_is_kept_to_the_rounding_of_places() -> None:
    point = Footprint("A", 1.0, 1.0, 1.0)
    for gap_mm, is_close in ((0.9, True), (0.99999, True), (1.0 - 5e-7, False), (1.0, False), (1.1, False)):
        assert KEEP.are_close(point, Footprint("B", 1.0, 1.0, 1.0 + gap_mm)) is is_close


@pytest.mark.parametrize(
    ("footprint", "is_outside"),
    [
        (Footprint("A", 0.5, 9.5, 0.5), False),
        (Footprint("A", 0.5, 9.5, 5.5), False),
        (Footprint("A", 0.5 - 5e-7, 9.5 + 5e-7, 0.5 - 5e-7), False),
        (Footprint("A", 0.5, 9.5, 5.5 + 5e-7), False),
        (Footprint("A", 0.499, 5.0, 3.0), True),
        (Footprint("A", 5.0, 9.501, 3.0), True),
        (Footprint("A", 5.0, 5.0, 0.499), True),
        (Footprint("A", 5.0, 5.0, 5.501), True),
    ],
)
def test_the_margin_is_of_every_edge(footprint: Footprint, is_outside: bool) -> None:  # noqa: FBT001  # pytest's
    assert KEEP.is_outside(footprint, ledger_of().coupon("C1")) is is_outside


@pytest.mark.parametrize("state", SiteState)
def test_only_what_may_have_seen_light_covers_anything(state: SiteState) -> None:
    ledger = ledger_of(record("A", state, at(5, 3), LINE), record("B", state, None))
    covered = footprints(ledger.coupon("C1"))
    expected = {} if state in {SiteState.BLANK, SiteState.INTENDED} else {"A": Footprint("A", 4.0, 6.0, 3.0)}
    assert covered == expected


def test_crowding_is_told_pair_by_pair() -> None:
    ledger = ledger_of(
        record("A", SiteState.WRITTEN, at(0.2, 3, "A")),
        record("B", SiteState.SUSPECT, at(0.95, 3, "B")),
        record("C", SiteState.MEASURED, at(5, 3, "C")),
    )
    assert crowding(ledger.coupon("C1"), KEEP) == [
        "C1 A: within 0.5 mm of the edge",
        "C1 A and B: 0.75 mm apart, at least 1 mm are asked for",
    ]
    assert crowding(ledger.coupon("C1"), KeepOut(0.75, 0.2)) == []


# ----------------------------------------------------------------------------------------------------------- refusals
def asked(ledger: Ledger, *sites: Site, recipe: Recipe = DOT, is_rewriting: bool = False) -> list[str]:
    named = {site.name: site for site in sites}
    return refusals(ledger, "C1", named, dict.fromkeys(named, recipe), KEEP, is_rewriting=is_rewriting)


def test_a_damaged_coupon_takes_nothing() -> None:
    ledger = ledger_of(record("W", SiteState.WRITTEN, at(5, 3, "W")), damage="it fell")
    for is_rewriting in (False, True):
        assert asked(ledger, at(5, 3, "W"), is_rewriting=is_rewriting) == ["coupon C1 is damaged: it fell"]


def test_of_a_damaged_coupon_nothing_is_written_or_rewritten() -> None:
    ledger = ledger_of(record("W", SiteState.WRITTEN, at(5, 3, "W")), damage="it fell")
    assert not ledger.may_rewrite("C1", "W")
    assert not ledger.may_write("C1", "N")
    assert ledger_of(record("W", SiteState.WRITTEN, at(5, 3, "W"))).may_rewrite("C1", "W")


def test_each_refusal_has_its_words() -> None:
    ledger = ledger_of(
        record("W", SiteState.WRITTEN, at(2, 3, "W")),
        record("S", SiteState.SUSPECT, at(8, 3, "S"), reason="a hair"),
        record("I", SiteState.INTENDED, at(5, 1, "I")),
    )
    assert asked(ledger, at(5, 3, "N"), at(5, 1, "I")) == []
    assert asked(ledger, at(2, 3, "W")) == ["C1 W is written: it must not be exposed again"]
    assert asked(ledger, at(8, 3, "S")) == ["C1 S is suspect (a hair): it must not be exposed again"]
    assert asked(ledger, at(5, 5.8, "N")) == ["C1 N reaches into the 0.5 mm along the edge that are kept free"]
    assert asked(ledger, at(2, 3.25, "N")) == ["C1 N comes within 0.25 mm of W, which is written; 1 mm are kept free"]
    assert asked(ledger, at(4, 3, "N"), recipe=LINE) == []
    assert asked(ledger, at(3.75, 3, "N"), recipe=LINE) == [
        "C1 N comes within 0.75 mm of W, which is written; 1 mm are kept free"
    ]
    assert asked(ledger, at(5, 3, "N"), at(5.5, 3, "M")) == ["C1 N and M would lie 0.5 mm apart; 1 mm are kept free"]
    all_of_it = asked(ledger, at(2, 3, "W"), at(2, 3.5, "N"), at(0.1, 5, "M"))
    assert [line.split()[1] for line in all_of_it] == ["W", "N", "M", "W"]


def test_without_a_recipe_a_site_is_a_point() -> None:
    assert refusals(ledger_of(), "C1", {"N": at(5, 3, "N")}, {}, KEEP) == []


def test_a_further_pass_goes_over_what_is_sound_and_at_its_place() -> None:
    ledger = ledger_of(
        record("W", SiteState.WRITTEN, at(2, 3, "W")),
        record("M", SiteState.MEASURED, at(5, 3, "M")),
        record("S", SiteState.SUSPECT, at(8, 3, "S"), reason="a hair"),
        record("X", SiteState.WRITTEN, None),
    )
    assert asked(ledger, at(2, 3, "W"), at(5, 3, "M"), is_rewriting=True) == []
    assert asked(ledger, at(2.004, 3, "W"), is_rewriting=True) == []
    at_the_edge = ledger_of(record("E", SiteState.WRITTEN, at(0, 3, "E")))
    assert asked(at_the_edge, at(0.005, 3, "E"), is_rewriting=True) == []
    assert asked(ledger, at(2.0, 3.0049, "W"), is_rewriting=True) == []
    assert asked(ledger, at(2.004, 3.004, "W"), is_rewriting=True) == [
        "C1 W was written at another place: it cannot be rewritten"
    ]
    assert asked(ledger, at(2.0, 2.99, "W"), at(2, 3, "X"), is_rewriting=True) == [
        "C1 W was written at another place: it cannot be rewritten",
        "C1 X was written at another place: it cannot be rewritten",
    ]
    assert asked(ledger, at(8, 3, "S"), at(1, 1, "N"), is_rewriting=True) == [
        "C1 S is suspect (a hair): it cannot be rewritten",
        "C1 N is blank: it cannot be rewritten",
    ]
