"""A night is paused and stopped from elsewhere: at a place where nothing is half done, and in good order."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from small_campaigns import small_campaign
from waiting import until

from beamline.campaign import parse_campaign
from beamline.campaign.asked import ask, read_asked
from beamline.campaign.state_file import read_state
from beamline.carrying import Carried
from beamline.instrument import Instrument
from beamline.night import night_of, run_night
from beamline.records import Records
from beamline.safety import AskedMonitor
from beamline.session import Session, open_session

UID = "11111111-2222-3333-4444-555555555555"
NIGHT = small_campaign("asked")


class Elsewhere:
    """Another terminal: asks for a pause while the furnace heats, and for the end when the night has paused."""

    def __init__(self, session: Session) -> None:
        self._session, self._data = session, session.records.folder
        self.runs_when_paused: list[str] = []
        self._thread = threading.Thread(target=self._wait, daemon=True)

    def __call__(self, name: str, doc: dict[str, Any]) -> None:
        if name == "start" and doc.get("purpose") == "heat_treatment":
            ask(self._data, UID, "pause", interface="command", reason="a look at it")
            (seen, *_) = self._session.monitors.monitors
            until(
                lambda: seen.look(None) is not None
            )  # a simulated coupon is through sooner than the night looks again
            self._thread.start()

    def _wait(self) -> None:
        until(lambda: (note := read_state(self._data, UID)) is not None and note.state.kind == "paused")
        self.runs_when_paused = [run.start["purpose"] for run in Records(self._data).runs() if run.stop]
        ask(self._data, UID, "stop", interface="web", reason="enough")


def test_a_pause_waits_for_the_end_of_a_heat_treatment_and_the_night_that_waits_is_stopped_in_good_order(
    tmp_path: Path,
) -> None:
    campaign = parse_campaign(NIGHT)
    with open_session(
        Instrument(), coupons=campaign.coupons, data=tmp_path, seed=3, unattended=True, catalog=False
    ) as session:
        elsewhere = Elsewhere(session)
        outcome = run_night(session, campaign, campaign_uid=UID, subscribers=[elsewhere])
    assert elsewhere.runs_when_paused[-1] == "heat_treatment"  # finished, and nothing of the next step begun
    assert outcome.exit_status == "abort"
    assert outcome.reason.startswith("asked for by web at ")
    assert outcome.reason.endswith(": enough")
    assert not [step for step in outcome.safe_steps if step.error]
    (end,) = Records(tmp_path).runs(purpose="end")
    assert end.start["exit_status"] == "abort"
    (pause,) = end.start["pauses"]
    assert pause["monitor"] == "request"
    assert pause["reason"].endswith(": a look at it")
    assert read_asked(tmp_path, UID) is None


def test_the_bench_is_safe_before_anything_waits_for_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign = parse_campaign(NIGHT)
    was_open: list[bool] = []
    with open_session(
        Instrument(), coupons=campaign.coupons, data=tmp_path, seed=3, unattended=True, catalog=False
    ) as session:
        laser = session.bench.laser.driver
        leave = AskedMonitor.__exit__

        def slowly(monitor: AskedMonitor, *error: Any) -> None:
            was_open.append(laser.is_output_open)
            leave(monitor, *error)

        monkeypatch.setattr(AskedMonitor, "__exit__", slowly)
        carried = Carried(session, night_of(session, campaign, (), datetime.now(UTC)))
        carried.begin()
        laser.open_output()
        carried.let_go()
    assert was_open == [False]
