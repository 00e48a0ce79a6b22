from typing import Any

import numpy as np
import pytest

from beamline.recipe import Failed, NoLuminescence
from beamline.records import SiteState
from beamline.report.assemble import night_data


def test_a_night_is_put_together_from_its_documents(nights: Any) -> None:
    night = nights["whole"]
    assert (night.name, night.seed, night.code_version) == ("made-up", 5, "1.2.3")
    assert [c.coupon.serial for c in night.coupons] == ["C1", "C2"]
    assert [d.verdict for d in night.decisions] == ["continue", "continue", "stop"]
    assert len(night.observed) == 8
    assert {s.state for c in night.coupons for s in c.sites} == {SiteState.MEASURED}
    assert night.problems == ()
    assert night.n_from_prior == 1


def test_times_count_from_the_beginning_of_the_night(nights: Any) -> None:
    night = nights["whole"]
    assert night.runs[0].begin_s == 0.0  # and not the 100 s that the bench's clock showed
    assert night.coupons[0].furnace.clock_s[0] == pytest.approx(night.coupons[0].phases[2].end_s)
    assert night.duration_s == max(run.end_s for run in night.runs)


def test_phases_follow_from_runs_and_furnace(nights: Any) -> None:
    first, second = nights["whole"].coupons
    spans = {p.name: p.end_s - p.begin_s for p in first.phases}
    assert list(spans) == ["load", "write", "carry", "ramp_up", "hold", "cool", "measure", "unload"]
    assert spans["ramp_up"] == pytest.approx(2850.0, abs=60.0)
    assert spans["hold"] == pytest.approx(3600.0, abs=60.0)
    assert spans["write"] == pytest.approx(20.0)
    assert second.phases[0].begin_s == pytest.approx(first.phases[-1].end_s)
    assert first.planned_s["hold"] == 3600.0


def test_spectra_come_with_their_dark_per_second_and_nanometre(nights: Any) -> None:
    spectra = nights["whole"].coupons[1].spectra
    rate = spectra.rate_per_nm("A1")
    assert np.trapezoid(rate, spectra.wavelength_nm) == pytest.approx(1e6, rel=0.02)
    assert spectra.detector.gain_counts_per_electron == 0.3
    assert nights["cut"].coupons[0].spectra.rate_per_nm("A1") is None


def test_a_broken_off_coupon_is_suspect_where_the_dose_is_unknown(nights: Any) -> None:
    night = nights["cut"]
    states = {s.site.name: s.state for s in night.coupons[1].sites}
    assert states["A1"] is SiteState.WRITTEN
    assert states["B2"] is SiteState.SUSPECT
    assert night.coupons[1].furnace is None
    assert night.coupons[1].spectra is None
    assert isinstance(night.coupons[0].sites[0].observation.outcome, Failed)


def test_what_came_to_no_decision_is_analysed_from_the_spectra(nights: Any) -> None:
    night = nights["dark"]
    assert all(d.n_ingested == 0 for d in night.decisions)
    assert [type(o.outcome) for _, _, o in night.observed] == [NoLuminescence] * 4


def test_an_unknown_campaign_is_refused_with_those_that_are_known(records: Any, uid: str) -> None:
    with pytest.raises(LookupError, match=rf"'nope'.*there is none; known: \['{uid}'\]"):
        night_data(records["whole"], "nope")
    with pytest.raises(LookupError, match="known"):
        night_data(records["whole"], "")
    assert night_data(records["whole"], uid[:4]).uid == uid
