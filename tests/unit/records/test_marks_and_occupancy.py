"""What a person marks, and what may lie where."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest
from bluesky.callbacks import LiveTable
from hypothesis import given
from hypothesis import strategies as st

from beamline.campaign import CrowdedError, layout
from beamline.recipe import Coupon, Dot, Glass, Line, Recipe, Site
from beamline.records import (
    KeepOut,
    Ledger,
    LogWriter,
    RecordError,
    Records,
    SiteState,
    crowding,
    damaged_serials,
    mark,
    refusals,
)

C01 = Coupon(serial="C01", glass=Glass(name="Br50I50", bromide=50.0, iodide=50.0))


def test_a_mark_is_a_run_and_damage_is_final(tmp_path: Path, synthetic: ModuleType) -> None:
    with LogWriter(tmp_path) as log:
        writer = synthetic.Writer(log)
        writer.coupon(1)
        uid = mark(tmp_path, C01, "damaged", "a chip", sites=["S00", "S00"])
        mark(tmp_path, C01, "suspect", "a hair", sites=["S01", "S09"])
        writer.time = Records(tmp_path).run(uid).start["time"] + 100
        writer.measure(1)
        writer.write(1)
        writer.anneal(1, end="fail")
        mark(tmp_path, C01, "suspect", "again", sites=["S00"])
    ledger = Ledger.of(Records(tmp_path).runs())
    assert ledger.site("C01", "S00").state is SiteState.DAMAGED
    assert ledger.site("C01", "S00").reason == "a chip"
    assert uid in ledger.site("C01", "S00").runs
    assert ledger.site("C01", "S00").n_exposures == 2
    assert ledger.site("C01", "S01").reason == "a hair"
    assert ledger.site("C01", "S09").state is SiteState.SUSPECT
    assert not any(ledger.may_write("C01", name) for name in ("S00", "S01", "S09"))
    assert ledger.coupon("C01").damage == ""
    assert damaged_serials(Records(tmp_path)) == frozenset()
    assert Records(tmp_path).problems() == []


def test_bluesky_s_live_table_takes_a_mark(tmp_path: Path) -> None:
    mark(tmp_path, C01, "damaged", "it fell")
    said: list[str] = []
    Records(tmp_path).replay(LiveTable(["clock_s"], out=said.append))
    assert any(line.startswith("mark mark [") for line in said)


def test_a_damaged_coupon_takes_nothing_more(tmp_path: Path) -> None:
    uid = mark(tmp_path, C01, "damaged", " it fell ")
    records = Records(tmp_path)
    ledger = Ledger.of(records.runs())
    assert ledger.coupon("C01").damage == "it fell"
    assert not ledger.may_write("C01", "anywhere")
    assert damaged_serials(records) == {"C01"}
    assert damaged_serials(records, until=records.run(uid).start["time"]) == frozenset()
    assert "it fell" in refusals(ledger, "C01", {}, {}, KeepOut(1.0, 1.0))[0]
    with pytest.raises(RecordError, match="reason"):
        mark(tmp_path, C01, "damaged", "  ")


def recipes(sites: tuple[Site, ...], length_mm: float) -> dict[str, Recipe]:
    writing = (
        Line(pulse_energy_uJ=100, speed_mm_s=1, length_mm=length_mm)
        if length_mm
        else Dot(pulse_energy_uJ=100, exposure_s=1)
    )
    return {site.name: Recipe(writing=writing) for site in sites}


@given(
    n=st.integers(1, 30),
    spacing_mm=st.floats(0.1, 6.0),
    margin_mm=st.floats(0.0, 6.0),
    length_mm=st.sampled_from([0.0, 0.3, 1.0, 4.0]),
    shrink=st.floats(0.3, 0.99),
)
def test_a_layout_is_free_and_a_closer_one_is_not(
    n: int, spacing_mm: float, margin_mm: float, length_mm: float, shrink: float
) -> None:
    try:
        sites = layout(C01, n, spacing_mm=spacing_mm, margin_mm=margin_mm, line_length_mm=length_mm)
    except CrowdedError:
        return
    asked, keep_out = {site.name: site for site in sites}, KeepOut(spacing_mm, margin_mm)
    assert refusals(Ledger(), "C01", asked, recipes(sites, length_mm), keep_out) == []
    if n > 1:
        closer = KeepOut(spacing_mm / shrink, margin_mm)
        assert any("apart" in why for why in refusals(Ledger(), "C01", asked, recipes(sites, length_mm), closer))


def test_what_was_exposed_keeps_its_distance(synthetic: ModuleType) -> None:
    ledger = Ledger()
    writer = synthetic.Writer(ledger)
    writer.write(1, n_sites=4, n_written=2, end="abort")  # S00 and S01 written, S02 suspect, S03 free; 1 mm apart
    keep_out = KeepOut(1.0, 0.5)
    recipe = recipes((Site(coupon="C01", name="new", x_mm=1, y_mm=1),), 0.0)["new"]

    def asked(name: str, x_mm: float, y_mm: float) -> list[str]:
        site = Site(coupon="C01", name=name, x_mm=x_mm, y_mm=y_mm)
        return refusals(ledger, "C01", {name: site}, {name: recipe}, keep_out)

    assert asked("S03", 4.0, 2.0) == []
    assert "is written: it must not be exposed again" in asked("S00", 1.0, 2.0)[0].replace(" ()", "")
    assert "is suspect" in asked("S02", 3.0, 2.0)[0]
    assert "comes within 0.5 mm of S02, which is suspect" in asked("new", 3.0, 2.5)[0]
    assert "kept free" in asked("new", 0.4, 10.0)[0]
    assert asked("new", 10.0, 10.0) == []
    assert crowding(ledger.coupon("C01"), keep_out) == []
    assert len(crowding(ledger.coupon("C01"), KeepOut(1.5, 0.5))) == 2
    assert len(crowding(ledger.coupon("C01"), KeepOut(1.0, 1.5))) == 1
