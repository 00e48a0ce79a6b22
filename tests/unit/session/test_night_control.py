"""A night is paused and stopped from elsewhere: at a place where nothing is half done, and in good order."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from beamline.campaign import parse_campaign
from beamline.campaign.requests import ask, read_request, request_path, take_back
from beamline.campaign.state_file import read_state
from beamline.instrument import Instrument
from beamline.night import NightOutcome, run_night
from beamline.records import Records
from beamline.session import open_session

UID = "11111111-2222-3333-4444-555555555555"
NIGHT = """
name = "asked"
seed = 3
[optimizer]
kind = "random"
[sites]
per_coupon = 2
[space]
hold_s = [600, 900]
temperature_C = [200, 250]
ramp_C_min = 20.0
[stop]
max_coupons = 1
[[glass]]
name = "BrI"
bromide = 1.5
iodide = 1.5
[[coupon]]
serial = "C1"
glass = "BrI"
"""


class Elsewhere:
    """Another terminal: asks for a pause when a run of this purpose begins, and does something when the night is paused."""

    def __init__(self, data: Path, purpose: str, then: Any) -> None:
        self._data, self._purpose, self._then = data, purpose, then
        self.runs_when_paused: list[str] = []
        self.was_paused = threading.Event()

    def __call__(self, name: str, doc: dict[str, Any]) -> None:
        if name == "start" and doc.get("purpose") == self._purpose and not self.was_paused.is_set():
            ask(self._data, UID, "pause", "a look at it")
            threading.Thread(target=self._wait, daemon=True).start()

    def _wait(self) -> None:
        for _ in range(2000):
            note = read_state(self._data, UID)
            if note is not None and note.state.kind == "paused":
                self.runs_when_paused = [run.start["purpose"] for run in Records(self._data).runs() if run.stop]
                self.was_paused.set()
                self._then()
                return
            threading.Event().wait(0.01)


def _night(data: Path, elsewhere: Elsewhere) -> NightOutcome:
    campaign = parse_campaign(NIGHT)
    with open_session(
        Instrument(), coupons=campaign.coupons, data=data, seed=3, unattended=True, catalog=False
    ) as session:
        return run_night(session, campaign, campaign_uid=UID, subscribers=[elsewhere])


def test_a_pause_waits_for_the_end_of_a_heat_treatment_and_the_night_goes_on_when_it_is_taken_back(
    tmp_path: Path,
) -> None:
    elsewhere = Elsewhere(tmp_path, "heat_treatment", lambda: take_back(tmp_path, UID))
    outcome = _night(tmp_path, elsewhere)
    assert outcome.exit_status == "success", outcome.reason
    assert elsewhere.was_paused.is_set()
    assert elsewhere.runs_when_paused[-1] == "heat_treatment"  # finished, and nothing of the next step begun
    (pause,) = Records(tmp_path).runs(purpose="end")[0].start["pauses"]
    assert pause["monitor"] == "operator"
    assert pause["reason"].endswith("a look at it")
    assert pause["waited_s"] > 0


def test_a_night_that_is_paused_is_stopped_in_good_order_and_nothing_is_asked_any_more(tmp_path: Path) -> None:
    elsewhere = Elsewhere(tmp_path, "writing", lambda: ask(tmp_path, UID, "stop", "enough"))
    outcome = _night(tmp_path, elsewhere)
    assert elsewhere.was_paused.is_set()
    assert outcome.exit_status == "abort"
    assert outcome.reason.startswith("stopped by ")
    assert outcome.reason.endswith(": enough")
    assert not [step for step in outcome.safe_steps if step.error]
    assert Records(tmp_path).runs(purpose="end")[0].start["exit_status"] == "abort"
    assert read_request(tmp_path, UID) is None


def test_what_cannot_be_read_asks_for_nothing(tmp_path: Path) -> None:
    path = request_path(tmp_path, UID)
    path.parent.mkdir(parents=True)
    for text in ("", "{", '{"action": "explode", "by": "me", "at": "now"}'):
        path.write_text(text, encoding="utf-8")
        assert read_request(tmp_path, UID) is None


@pytest.mark.parametrize("action", ["pause", "stop"])
def test_a_later_word_replaces_an_earlier_one(tmp_path: Path, action: Any) -> None:
    ask(tmp_path, UID, "pause", "first")
    ask(tmp_path, UID, action, "second")
    request = read_request(tmp_path, UID)
    assert request is not None
    assert (request.action, request.reason) == (action, "second")
