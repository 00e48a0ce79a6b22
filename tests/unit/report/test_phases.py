import numpy as np
import pytest

from beamline.recipe import HeatTreatment
from beamline.report.data import Furnace, RunNote
from beamline.report.phases import hold_span_s, phases_of


def furnace(clock_s: list[float], temperature_C: list[float], setpoint_C: list[float]) -> Furnace:
    treatment = HeatTreatment(temperature_C=400.0, hold_s=600.0)
    return Furnace("u", treatment, np.array(clock_s), np.array(temperature_C), np.array(setpoint_C))


def test_the_hold_lasts_from_the_band_to_the_falling_setpoint() -> None:
    seen = furnace([0, 60, 120, 180, 240, 300], [25, 300, 399, 400, 390, 300], [25, 310, 400, 400, 380, 290])
    assert hold_span_s(seen) == (120.0, 180.0)


def test_a_hold_that_was_never_reached_has_no_length() -> None:
    seen = furnace([0, 60, 120], [25, 200, 100], [25, 210, 25])
    assert hold_span_s(seen) == (120.0, 120.0)


def test_a_hold_that_was_cut_off_ends_with_the_samples() -> None:
    seen = furnace([0, 60, 120], [25, 400, 400], [25, 400, 400])
    assert hold_span_s(seen) == (60.0, 120.0)


def test_what_never_happened_is_no_phase() -> None:
    notes = [
        RunNote("a", "decision", "C1", 0.0, 0.0, "success", ""),
        RunNote("b", "writing", "C1", 40.0, 60.0, "abort", ""),
    ]
    assert [(p.name, p.begin_s, p.end_s) for p in phases_of(notes, (), None)] == [
        ("load", 0.0, 40.0),
        ("write", 40.0, 60.0),
    ]
    with pytest.raises(IndexError):
        phases_of([], (), None)
