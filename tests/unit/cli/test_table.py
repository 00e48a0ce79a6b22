"""The table of a coupon's sites keeps its numbers whole on narrow terminals."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from beamline.cli.table import hours_text, site_table
from beamline.optimize import Objective
from beamline.recipe import (
    Band,
    Coupon,
    Glass,
    HeatTreatment,
    Line,
    Luminescence,
    NoLuminescence,
    Observation,
    Outcome,
    Prediction,
    Site,
    SiteSuggestion,
    Suggestion,
)

GLASS = Glass(name="BrI", bromide=1.5, iodide=1.5)
COUPON = Coupon(serial="C1", glass=GLASS)
WRITING = Line(pulse_energy_uJ=212, speed_mm_s=0.37)


def site(name: str) -> Site:
    return Site(coupon="C1", name=name, x_mm=5, y_mm=5)


def suggestion() -> Suggestion:
    expected = (Prediction(observable="red_peak_nm", unit="nm", mean=631, sd=4),)
    sites = tuple(
        SiteSuggestion(
            suggestion_id=n, site=site(n), writing=WRITING, predictions=expected, p_in_specification=0.5, reason="test"
        )
        for n in ("A1", "A2", "A3")
    )
    treatment = HeatTreatment(temperature_C=500, hold_s=3600)
    return Suggestion(suggestion_id="s", coupon=COUPON, heat_treatment=treatment, sites=sites, reason="test")


def observation(name: str, outcome: Outcome) -> Observation:
    return Observation(site=site(name), glass=GLASS, writing=WRITING, outcome=outcome)


def band(phase: str, peak_eV: float, rate: float) -> Band:
    values = {"peak_sd_eV": 0.002, "fwhm_eV": 0.1, "fwhm_sd_eV": 0.001, "rate_sd_counts_s": 1.0}
    return Band.model_validate({"phase": phase, "peak_eV": peak_eV, "rate_counts_s": rate, **values})


LIT = Luminescence(
    bands=(band("green", 2.41, 1.11e6), band("red", 1.968, 1.23e6)), rate_limit_counts_s=10, reduced_chi2=1
)


@pytest.mark.parametrize("width", [60, 80, 120])
def test_numbers_are_whole_at_any_width(width: int) -> None:
    outcomes = {"A1": observation("A1", LIT), "A2": observation("A2", NoLuminescence(rate_limit_counts_s=5))}
    table = site_table(suggestion(), outcomes, "C1", states={"A3": "written"}, objective=Objective(), width=width)
    console = Console(file=io.StringIO(), width=width)
    console.print(table)
    text = console.file.getvalue()  # type: ignore[attr-defined]
    for whole in ("A1", "630.0 ± 0.6", "0.90", "2.34e+06", "measured", "written", "dark"):
        assert whole in text
    assert ("212  0.37 mm/s" in text) == (width >= 76)
    assert "…" not in text
    assert ("631 ± 4" in text) == (width >= 100)


@pytest.mark.parametrize(("seconds", "text"), [(0, "0:00 h"), (3599, "1:00 h"), (5400, "1:30 h"), (90000, "25:00 h")])
def test_hours(seconds: float, text: str) -> None:
    assert hours_text(seconds) == text
