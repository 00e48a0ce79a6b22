"""A session that is closed leaves nothing open, and says so to whoever goes on using it."""

from __future__ import annotations

import gc
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bluesky.plan_stubs as bps
import bluesky.preprocessors as bpp
import pytest
from bluesky.utils import RunEngineInterrupted
from ophyd.status import Status

from beamline.engine import SessionClosedError, SessionEngine
from beamline.instrument import Instrument
from beamline.recipe import Coupon, Glass
from beamline.records import RecordError, Records
from beamline.session import Session, open_session

COUPON = Coupon(serial="A-01", glass=Glass(name="BrI", bromide=1.5, iodide=1.5))


@pytest.fixture
def opened(tmp_path: Path) -> Callable[[], Session]:
    def open_it() -> Session:
        return open_session(
            Instrument(), coupons=(COUPON,), data=tmp_path / "data", seed=1, unattended=False, catalog=False
        )

    return open_it


def held() -> tuple[int, list[str]]:
    """Open files and threads of this process."""
    gc.collect()
    n_files = len(list(Path("/proc/self/fd").iterdir())) if sys.platform == "linux" else 0
    return n_files, sorted(thread.name for thread in threading.enumerate())


def test_sessions_one_after_the_other_hold_nothing(opened: Callable[[], Session]) -> None:
    opened().close()  # whatever a first one loads
    before = held()
    kept = []
    for _ in range(5):
        session = opened()
        kept.append(session)  # nobody has to forget it first
        session.RE(bps.sleep(10.0))
        assert "bluesky-run-engine" in held()[1]
        session.close()
    assert held() == before
    assert all(session.RE.is_ended for session in kept)


def test_one_that_could_not_be_opened_holds_nothing(
    opened: Callable[[], Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    import beamline.session as opening

    opened().close()
    before = held()

    def broken(*_: object) -> None:
        raise RecordError("no space left")

    with monkeypatch.context() as patched:
        patched.setattr(opening, "LogWriter", broken)
        with pytest.raises(RecordError, match="no space left"):
            opened()
    assert held() == before


def test_closed_twice_it_says_the_same_and_takes_no_plan(opened: Callable[[], Session]) -> None:
    session = opened()
    steps = session.close()
    assert [step.error for step in steps] == [None] * len(steps)
    assert session.close() == steps
    with pytest.raises(SessionClosedError, match=r"this session is closed.*open another one"):
        session.RE([])
    with pytest.raises(SessionClosedError):
        _ = session.RE.loop.time
    opened().close()  # the second closing took nothing of another session's


def test_a_plan_that_was_left_paused_has_an_end(opened: Callable[[], Session]) -> None:
    cleaned = []

    def clean_up() -> Any:
        yield from bps.null()
        cleaned.append(True)

    def plan() -> Any:
        yield from bps.open_run({"purpose": "test"})
        yield from bps.checkpoint()
        yield from bps.pause()

    with opened() as session:
        with pytest.raises(RunEngineInterrupted):
            session.RE(bpp.finalize_wrapper(plan(), clean_up))
        assert session.RE.state == "paused"
    assert cleaned == [True]
    (run,) = Records(session.records.folder).runs()
    assert run.stop is not None
    assert (run.stop["exit_status"], run.stop["reason"]) == ("abort", "the session was closed")
    assert session.RE.is_ended


def test_a_move_may_end_after_the_session(opened: Callable[[], Session]) -> None:
    class Slow:
        name, parent = "slow", None
        status = Status()

        def set(self, _value: float) -> Status:
            return self.status

    slow = Slow()
    with opened() as session:
        session.RE(bps.abs_set(slow, 1.0))
    slow.status.set_finished()
    slow.status.wait(5.0)  # an error in its callback would be one of its thread, and of this test


def test_an_engine_at_work_is_left_as_it_is(caplog: pytest.LogCaptureFixture) -> None:
    engine = SessionEngine({}, context_managers=[])

    def plan() -> Any:
        engine.end()
        yield from bps.sleep(0.01)

    engine(plan())
    assert "is running while its session ends" in caplog.text
    assert not engine.is_ended
    engine.end()
    engine.end()
    assert engine.is_ended
