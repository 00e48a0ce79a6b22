"""Every way in which a plan can end leads to the safe state, with the laser open, and with the furnace heating."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import bluesky.plan_stubs as bps
import bluesky.preprocessors as bpp
import pytest
from bluesky.utils import RunEngineInterrupted
from small_campaigns import small_campaign

from beamline.campaign import Campaign, parse_campaign
from beamline.instrument import Instrument
from beamline.night import NightOutcome, run_night
from beamline.safety import safe_state_plan
from beamline.session import Session, open_session

CAMPAIGN = small_campaign("paths", is_cool=False)


@pytest.fixture
def campaign() -> Campaign:
    return parse_campaign(CAMPAIGN)


@pytest.fixture
def session(tmp_path: Path, campaign: Campaign) -> Iterator[Session]:
    with open_session(
        Instrument(), coupons=campaign.coupons, data=tmp_path, seed=1, unattended=True, catalog=False
    ) as session:
        yield session


def is_safe(session: Session) -> bool:
    bench = session.bench
    return (
        not bench.laser.driver.is_output_open
        and not bench.furnace.driver.is_on
        and bench.laser.driver.pulse_energy_uJ == bench.geometry.limits.pulse_energy_uJ[0]
        and not any(bench.stage.driver.is_moving(axis) for axis in ("x", "y", "z"))
        and not bench.spectrometer.driver.is_lamp_on
    )


def by_error(_: Session) -> None:
    raise OSError("a cable fell out")


def by_interrupt(*numbers: signal.Signals) -> Callable[[Session], None]:
    def send(_: Session) -> None:
        for number in numbers:
            os.kill(os.getpid(), number)

    return send


def by_engine(method: str) -> Callable[[Session], None]:
    def end(session: Session) -> None:
        # As a person or another program would, from beside the engine's loop.
        threading.Thread(target=getattr(session.RE, method), daemon=True).start()

    return end


def by_reason(session: Session) -> None:
    assert session.abort("watchdog: laser output closed")


WAYS: dict[str, tuple[Callable[[Session], None], str]] = {
    "error": (by_error, "fail"),
    "Ctrl-C": (by_interrupt(signal.SIGINT), "abort"),
    "Ctrl-C twice": (by_interrupt(signal.SIGINT, signal.SIGINT), "abort"),
    "SIGTERM": (by_interrupt(signal.SIGTERM), "abort"),
    "SIGHUP": (by_interrupt(signal.SIGHUP), "abort"),
    "RE.abort": (by_engine("abort"), "abort"),
    "RE.stop": (by_engine("stop"), "abort"),
    "RE.halt": (by_engine("halt"), "abort"),
    "the watchdog acted": (by_reason, "abort"),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("moment", ["laser open", "furnace heating"])
def test_however_a_night_ends_it_ends_safe(session: Session, campaign: Campaign, way: str, moment: str) -> None:
    act, exit_status = WAYS[way]
    bench, is_done = session.bench, False

    def is_now() -> bool:
        if moment == "laser open":
            return bool(bench.laser.driver.is_output_open)
        return bool(bench.furnace.driver.temperature_C > 100 and bench.furnace.driver.is_on)

    def in_the_middle(_msg: Any) -> None:
        nonlocal is_done
        if not is_done and is_now():
            is_done = True
            assert not is_safe(session)
            act(session)

    session.RE.msg_hook = in_the_middle
    outcome: NightOutcome = run_night(session, campaign)
    assert is_done, "the moment never came"
    assert outcome.exit_status == exit_status
    assert is_safe(session)
    assert [step.error for step in outcome.safe_steps] == [None] * len(outcome.safe_steps)
    assert all(run.stop is not None for run in session.records.runs())
    if way == "the watchdog acted":
        assert outcome.reason == "watchdog: laser output closed"


def test_a_night_that_ends_by_itself_ends_safe(session: Session, campaign: Campaign) -> None:
    assert run_night(session, campaign).exit_status == "success"
    assert is_safe(session)


@pytest.mark.parametrize("way", ["error", "RE.abort", "RE.stop"])
def test_a_plan_by_hand_with_the_safe_state_at_its_end(session: Session, way: str) -> None:
    bench = session.bench

    def plan() -> Any:
        yield from bps.abs_set(bench.furnace, 300.0, group="ramp")
        yield from bps.mv(bench.laser.output, "open")
        WAYS[way][0](session)
        yield from bps.sleep(1e6)

    with pytest.raises((OSError, RunEngineInterrupted)):
        session.RE(bpp.finalize_wrapper(plan(), lambda: safe_state_plan(bench)))
    assert is_safe(session)


def test_leaving_a_session_makes_safe_even_where_no_plan_has_run(session: Session) -> None:
    session.bench.furnace.driver.start_ramp(300.0, 10.0)
    session.bench.laser.driver.open_output()
    assert not [step for step in session.close() if step.error]
    assert is_safe(session)


def test_nothing_is_aborted_where_nothing_runs(session: Session) -> None:
    assert session.abort("no reason") is False
    assert session.abort.reason is None
