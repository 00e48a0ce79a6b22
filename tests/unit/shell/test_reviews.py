"""A person's decision about a suggestion: what may be changed, what is refused, what is kept."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from beamline.optimize import SearchSpace
from beamline.recipe import Coupon, Glass, HeatTreatment, Line, Prediction, Site, SiteSuggestion, Suggestion
from beamline.shell.reviews import EditError, ReviewBook, edited

SPACE = SearchSpace()
COUPON = Coupon(serial="C1", glass=Glass(name="BrI", bromide=1.5, iodide=1.5))


def _suggestion() -> Suggestion:
    low, high = SPACE.pulse_energy_uJ
    writing = Line(pulse_energy_uJ=(low + high) / 2, speed_mm_s=SPACE.speed_mm_s[1])
    red = Prediction(observable="red_peak_nm", unit="nm", mean=630, sd=4)
    sites = tuple(
        SiteSuggestion(
            suggestion_id="s1",
            site=Site(coupon="C1", name=name, x_mm=5, y_mm=5),
            writing=writing,
            predictions=(red,),
            p_in_specification=0.5,
            reason="best",
        )
        for name in ("A1", "A2")
    )
    treatment = HeatTreatment(temperature_C=SPACE.temperature_C[0], hold_s=SPACE.hold_s[0], ramp_C_min=SPACE.ramp_C_min)
    return Suggestion(suggestion_id="s1", coupon=COUPON, heat_treatment=treatment, sites=sites, reason="it pays")


def test_a_site_that_was_changed_has_no_prediction_any_more_and_the_others_keep_theirs() -> None:
    energy = SPACE.pulse_energy_uJ[0]
    new = edited(_suggestion(), {"A1.pulse_energy_uJ": str(energy)}, SPACE)
    first, second = new.sites
    assert first.writing.pulse_energy_uJ == energy
    assert first.predictions == ()
    assert first.p_in_specification is None
    assert second == _suggestion().sites[1]
    assert "A1.pulse_energy_uJ" in new.reason


def test_another_heat_treatment_takes_all_predictions_away() -> None:
    new = edited(_suggestion(), {"temperature_C": str(SPACE.temperature_C[1])}, SPACE)
    assert new.heat_treatment.temperature_C == SPACE.temperature_C[1]
    assert all(site.predictions == () for site in new.sites)


def test_all_sites_at_once_and_one_left_out() -> None:
    energy = SPACE.pulse_energy_uJ[1]
    new = edited(_suggestion(), {"*.pulse_energy_uJ": str(energy), "A2": "out"}, SPACE)
    assert [(site.site.name, site.writing.pulse_energy_uJ) for site in new.sites] == [("A1", energy)]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"temperature_C": "900"}, "temperature_C=900"),
        ({"temperature_C": "hot"}, "a number is wanted"),
        ({"colour": "3"}, "there are temperature_C, hold_s, ramp_C_min"),
        ({"Z9.pulse_energy_uJ": "100"}, "sites: A1, A2"),
        ({"A1.colour": "3"}, "no such setting of a writing"),
        ({"A1.n_passes": "1.5"}, "n_passes"),
        ({"A1": "out", "A2": "out"}, "no site is left"),
        ({"A1": "out", "A1.pulse_energy_uJ": "100"}, "left out"),
        ({"A1.pulse_energy_uJ": str(SPACE.pulse_energy_uJ[1] + 1)}, "outside of the campaign's space"),
    ],
)
def test_what_cannot_be_is_refused_with_what_can(changes: dict[str, str], words: str) -> None:
    with pytest.raises(EditError, match=words.replace("*", r"\*")):
        edited(_suggestion(), changes, SPACE)


def test_decisions_are_kept_for_their_owner_and_the_last_one_counts(tmp_path: Path) -> None:
    book, suggestion = ReviewBook(tmp_path), _suggestion()
    assert book.newest("night", "s1") is None
    book.keep("rejected", suggestion, campaign="night", reason="scratched")
    instead = edited(suggestion, {"A2": "out"}, SPACE)
    book.keep("edited", suggestion, campaign="night", campaign_uid="u", instead=instead)
    with book.path("night").open("a", encoding="utf-8") as file:
        file.write('{"campaign": "night", "verd')  # what a crash leaves
    first, last = book.of("night")
    assert (first.verdict, first.reason, first.to_do) == ("rejected", "scratched", None)
    assert book.newest("night", "s1") == last
    assert last.to_do == instead
    assert stat.S_IMODE(book.path("night").stat().st_mode) == 0o600
