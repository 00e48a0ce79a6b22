"""What goes on around a plan that the queue server sends, without the server: the engine is called as its worker calls it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bluesky.plan_stubs as bps
import pytest
from bluesky.utils import FailedPause, RunEngineInterrupted
from small_campaigns import small_campaign
from waiting import until

from beamline.campaign import parse_campaign
from beamline.campaign.state_file import read_state
from beamline.instrument import Instrument
from beamline.remote.engine import QueueEngine
from beamline.remote.worker import QueueSession
from beamline.session import open_session
from devices import RefusedError

pytest.importorskip("bluesky_queueserver", reason="bluesky-queueserver is not installed (the extra `queue`)")

CAMPAIGN = small_campaign("queued", n_coupons=2).replace("stop.max_coupons = 2", "stop.max_coupons = 1")
ENDED = {"abort": "aborted", "stop": "stopped", "halt": "halted"}


@pytest.fixture
def held(tmp_path: Path) -> Iterator[QueueSession]:
    coupons = parse_campaign(CAMPAIGN).coupons
    session = open_session(
        Instrument(),
        coupons=coupons,
        data=tmp_path,
        seed=3,
        unattended=True,
        catalog=False,
        engine_class=QueueEngine,
    )
    with session:
        yield QueueSession(session, paused_hot_s=0.2)


@pytest.fixture
def plans(held: QueueSession) -> dict[str, Any]:
    from beamline.remote.offered import offered_plans

    return offered_plans(held)


def ends(held: QueueSession) -> list[tuple[str, str]]:
    return [(run.start["exit_status"], run.start["reason"]) for run in held.session.records.runs(purpose="end")]


def is_safe(held: QueueSession) -> bool:
    bench = held.session.bench
    return not (bench.laser.driver.is_output_open or bench.furnace.driver.is_on or bench.spectrometer.driver.is_lamp_on)


def pause_when_hot(held: QueueSession, *, defer: bool) -> None:
    """Ask for a pause when the furnace is on its way."""

    def on_event(_name: str, doc: dict[str, Any]) -> None:
        if doc["data"].get("furnace_temperature_C", 0.0) > 60.0:
            held.engine.unsubscribe(token)
            held.engine.loop.create_task(held.engine._request_pause_coro(defer))

    token = held.engine.subscribe(on_event, "event")


def test_a_campaign_is_run_to_its_end_and_its_coupon_is_not_lent_again(
    held: QueueSession, plans: dict[str, Any]
) -> None:
    held.engine(plans["campaign_night"](CAMPAIGN))
    assert ends(held) == [("success", "1 coupon used, as many as the campaign allows")]
    assert is_safe(held)
    with pytest.raises(RefusedError, match="C1: an earlier plan has used this coupon of the simulated rack"):
        held.engine(plans["dot_matrix"]("C1", [100.0], [0.5]))
    assert not held.engine.is_busy


def test_a_pause_that_may_wait_comes_when_the_furnace_is_off_and_is_in_the_state(
    held: QueueSession, plans: dict[str, Any]
) -> None:
    pause_when_hot(held, defer=True)
    with pytest.raises(RunEngineInterrupted):
        held.engine(plans["campaign_night"](CAMPAIGN))
    assert held.engine.state == "paused"
    assert is_safe(held)
    (run,) = held.session.records.runs(purpose="heat_treatment")
    hottest = max(e["data"]["furnace_temperature_C"] for e in run.events("furnace"))
    assert hottest > 190.0, "it went to the end of the treatment"
    note = read_state(held.session.records.folder, run.start["campaign"]["uid"])
    assert note is not None
    assert note.state.kind == "paused"
    held.engine.resume()
    assert ends(held)[0][0] == "success"


def test_a_pause_at_once_with_a_hot_furnace_ends_the_plan_after_a_while(
    held: QueueSession, plans: dict[str, Any]
) -> None:
    pause_when_hot(held, defer=False)
    with pytest.raises(RunEngineInterrupted):
        held.engine(plans["campaign_night"](CAMPAIGN))
    until(lambda: not held.engine.is_busy, 20.0)
    assert is_safe(held)
    ((how, why),) = ends(held)
    assert how == "abort"
    assert "with the furnace on or the lamp lit" in why


@pytest.mark.parametrize("word", list(ENDED))
def test_whichever_way_a_paused_night_is_ended_the_bench_is_safe_and_the_end_recorded(
    held: QueueSession, plans: dict[str, Any], word: str
) -> None:
    held._paused_hot_s = 60.0
    pause_when_hot(held, defer=False)
    with pytest.raises(RunEngineInterrupted):
        held.engine(plans["campaign_night"](CAMPAIGN))
    assert held.session.bench.furnace.driver.is_on
    getattr(held.engine, word)()
    assert is_safe(held)
    assert ends(held) == [("abort", ENDED[word] + " through the queue")]


def test_a_pause_at_once_where_none_is_possible_aborts(held: QueueSession) -> None:
    def fires() -> Any:
        yield from bps.clear_checkpoint()
        yield from bps.mv(held.session.bench.laser.output, "open")
        yield from bps.pause()

    with pytest.raises((FailedPause, RunEngineInterrupted)):
        held.engine(fires())
    assert held.engine.state == "idle"
    assert is_safe(held)


def test_a_campaign_that_cannot_be_is_refused_with_its_reasons(held: QueueSession, plans: dict[str, Any]) -> None:
    with pytest.raises(Exception, match="name"):
        held.engine(plans["campaign_night"]("name = 3"))
    with pytest.raises(RefusedError, match=r"C7: not in the rack"):
        held.engine(plans["campaign_night"](CAMPAIGN.replace("C1", "C7")))
    with pytest.raises(RefusedError, match="'X': no coupon of the rack, in which there are: C1, C2"):
        held.engine(plans["heat_coupon"]("X", 300.0, 0.0))
    assert ends(held) == []


def test_a_server_that_is_gone_ends_the_plan_and_the_session(
    held: QueueSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    exits: list[int] = []
    has_left, is_gone = threading.Event(), threading.Event()
    monkeypatch.setattr("beamline.remote.worker.PARENT_EVERY_S", 0.02)
    monkeypatch.setattr("beamline.remote.worker.os._exit", lambda code: (exits.append(code), has_left.set()))
    held.leave_safely(parent=lambda: 1 if is_gone.is_set() else 77)

    def plan() -> Any:
        yield from bps.mv(held.session.bench.laser.output, "open")
        is_gone.set()
        yield from bps.wait_for([lambda: asyncio.sleep(20)])

    with pytest.raises(RunEngineInterrupted):
        held.engine(plan())
    assert has_left.wait(20.0)
    assert exits == [1]
    assert is_safe(held)
    assert held.session.abort.reason == "the queue server is gone"
