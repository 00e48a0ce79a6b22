"""Changes as people write them: what they mean, and what is refused with what can be written."""

from __future__ import annotations

import pytest

from beamline.optimize.edits import EditError, changes_of, edit_of
from beamline.recipe import Coupon, Dot, Glass, HeatTreatment, Line, Site, SiteSuggestion, Suggestion

COUPON = Coupon(serial="C1", glass=Glass(name="BrI", bromide=1.5, iodide=1.5))
LINE = Line(pulse_energy_uJ=150.0, speed_mm_s=0.5)


def suggestion(writing: Line | Dot = LINE) -> Suggestion:
    sites = tuple(
        SiteSuggestion(
            suggestion_id="s", site=Site(coupon="C1", name=name, x_mm=5, y_mm=5), writing=writing, reason="best"
        )
        for name in ("A1", "A2", "B.1")
    )
    heat = HeatTreatment(temperature_C=500.0, hold_s=3600.0)
    return Suggestion(suggestion_id="s", coupon=COUPON, heat_treatment=heat, sites=sites, reason="it pays")


def test_what_is_said_of_one_site_counts_before_what_is_said_of_all() -> None:
    changes = changes_of(["A1.pulse_energy_uJ=130", "*.pulse_energy_uJ=120", "A2=out", "hold_s=1800"])
    edit = edit_of(suggestion(), changes, by="ada", note="slower")
    assert (edit.by, edit.note, edit.leave_out) == ("ada", "slower", ("A2",))
    assert edit.heat_treatment == HeatTreatment(temperature_C=500.0, hold_s=1800.0)
    assert {one.site: one.writing.pulse_energy_uJ for one in edit.writings} == {"A1": 130.0, "B.1": 120.0}


def test_what_stays_as_it_is_is_no_part_of_the_edit() -> None:
    edit = edit_of(suggestion(), {"temperature_C": "500", "A1.pulse_energy_uJ": "150", "B.1.n_passes": "2"}, by="ada")
    assert edit.heat_treatment is None
    assert [(one.site, one.writing.n_passes) for one in edit.writings] == [("B.1", 2)]
    dots = edit_of(suggestion(Dot(pulse_energy_uJ=150.0, exposure_s=2.0)), {"*.exposure_s": "3"}, by="ada")
    assert [one.writing for one in dots.writings] == [Dot(pulse_energy_uJ=150.0, exposure_s=3.0)] * 3


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"temperature_C": "900"}, "temperature_C=900.0: input should be less than or equal to 550"),
        ({"temperature_C": "hot"}, "temperature_C=hot: a number is wanted"),
        ({"temperature_C": "nan"}, "temperature_C=nan"),
        ({"ramp_C_min": "5"}, "there are temperature_C, hold_s; A1.pulse_energy_uJ, ...; .*sites: A1, A2, B.1"),
        ({"Z9.pulse_energy_uJ": "100"}, "Z9.pulse_energy_uJ=100: no such setting"),
        ({"Z9": "out"}, "Z9=out: no such setting"),
        ({"A1": "in"}, "A1=in: no such setting"),
        ({"A1.depth_mm": "0.5"}, "of a line; there are pulse_energy_uJ, speed_mm_s, n_passes"),
        ({"A1.exposure_s": "3"}, "of a line; there are"),
        ({"A1.n_passes": "1.5"}, "A1.n_passes=1.5"),
        ({"A1": "out", "A1.pulse_energy_uJ": "100"}, "the site is left out"),
        ({"A1.pulse_energy_uJ": "150"}, "an edit that changes nothing"),
    ],
)
def test_what_cannot_be_meant_is_refused(changes: dict[str, str], words: str) -> None:
    with pytest.raises(EditError, match=words):
        edit_of(suggestion(), changes, by="ada")


@pytest.mark.parametrize("words", [[], ["hold_s"], ["=3"], ["hold_s="], ["hold_s=1", "hold_s=2"]])
def test_words_that_are_no_changes_are_refused(words: list[str]) -> None:
    with pytest.raises(EditError, match=r"KEY=VALUE|twice"):
        changes_of(words)
