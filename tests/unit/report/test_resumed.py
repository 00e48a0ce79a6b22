"""The report of a night that was interrupted twice on the same coupon: nothing of its first parts is left out."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_campaigns import small_campaign

from beamline.campaign import parse_campaign
from beamline.instrument import Instrument
from beamline.night import run_night
from beamline.records import Records
from beamline.report.assemble import night_data
from beamline.report.figures.furnace import draw_furnace
from beamline.report.figures.gantt import draw_gantt
from beamline.report.style import Drawing
from beamline.report.summary import summary_of
from beamline.resume import open_resumed, resume_night
from beamline.session import Session, open_session

UID = "00000000-0000-4000-8000-000000000001"
NIGHT = small_campaign("twice-cut", n_sites=3, more='[[fault]]\nrole = "stage"\nkind = "silent"\nat_s = 41.0')


class PowerCutError(Exception):
    """What ends a part."""


def cut(session: Session, stream: str, nth: int) -> None:
    """Break off at an event of a stream, once the log has it."""
    streams: dict[str, str] = {}
    n_seen = 0

    def on_document(name: str, doc: dict[str, Any]) -> None:
        nonlocal n_seen
        if name == "descriptor":
            streams[doc["uid"]] = doc["name"]
        if name == "event" and streams[doc["descriptor"]] == stream:
            n_seen += 1
            if n_seen == nth:
                raise PowerCutError

    session.RE.subscribe(on_document)


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> Records:
    folder: Path = tmp_path_factory.mktemp("twice") / "data"
    campaign = parse_campaign(NIGHT)
    with open_session(
        Instrument(),
        coupons=campaign.coupons,
        data=folder,
        seed=3,
        unattended=False,
        catalog=False,
        faults=campaign.faults,
    ) as session:
        cut(session, "furnace", 15)
        assert run_night(session, campaign, campaign_uid=UID).exit_status == "fail"
    with open_resumed(Instrument(), folder, UID, catalog=False) as session:
        cut(session, "spectra", 2)
        assert resume_night(session, UID).exit_status == "fail"
    with open_resumed(Instrument(), folder, UID, catalog=False) as session:
        assert resume_night(session, UID).exit_status == "success"
    return Records(folder)


def test_every_part_is_in_it(records: Records) -> None:
    night = night_data(records, UID)
    (coupon,) = night.coupons
    names = {site.site.name for site in coupon.sites}
    assert len(names) == 3
    assert coupon.exposures is not None
    assert set(coupon.exposures.site_names) == names
    first, second = coupon.furnaces
    assert first.clock_s[-1] < second.clock_s[0]
    assert coupon.furnace is first
    assert coupon.spectra is not None
    assert len(coupon.spectra.uids) == 2
    assert set(coupon.spectra.counts) == set(coupon.spectra.dark_counts) == names
    spectra = {
        e["data"]["site_name"]: e["data"]["spectrometer_counts"]
        for run in records.runs(purpose="measurement")
        for e in run.events("spectra")
    }
    for name in names:
        np.testing.assert_array_equal(coupon.spectra.counts[name], spectra[name])


def test_what_held_it_up_is_told_in_order(records: Records) -> None:
    night = night_data(records, UID)
    assert [held.what for held in night.held] == ["fault", "gone on", "gone on"]
    fault, heating, measuring = night.held
    assert fault.where.startswith("write C1")
    assert (fault.then, "stage" in fault.why) == ("tried again", True)
    assert heating.why == "interrupted in a run of heat treatment"
    assert measuring.why == "interrupted in a run of measurement"
    assert fault.clock_s < heating.clock_s < measuring.clock_s
    summary = summary_of(night)
    assert summary.ended == "1 coupon used, as many as the campaign allows"
    assert summary.held == night.held
    assert sum("ended with 'fail'" in failure.what for failure in summary.failures) == 2


def test_the_figures_show_the_gap(records: Records) -> None:
    night = night_data(records, UID)
    phases = [p.name for p in night.coupons[0].phases]
    assert phases.count("interrupted") == 2
    assert phases.count("hold") == 2
    assert phases.count("measure") >= 2
    ends = [(p.begin_s, p.end_s) for p in night.coupons[0].phases]
    assert all(a[1] <= b[0] + 1e-9 for a, b in itertools.pairwise(ends)), "phases overlap"
    furnace, gantt = draw_furnace(night), draw_gantt(night)
    assert isinstance(furnace, Drawing)
    assert isinstance(gantt, Drawing)
    assert len(furnace.table["time_h"]) == sum(len(f.clock_s) for f in night.coupons[0].furnaces)
    assert "interrupted" in gantt.table["phase"]


def test_a_night_that_failed_says_so_in_the_words_of_its_end(records: Records) -> None:
    night = night_data(records, UID)
    cut_short = replace(night, decisions=night.decisions[:1], ended="failed: the disk is full")
    assert summary_of(cut_short).ended == "failed: the disk is full"
