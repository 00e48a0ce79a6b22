"""The engine of every session, by itself: what it does otherwise than Bluesky's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import bluesky.plan_stubs as bps
import pytest
from bluesky import Msg
from bluesky.utils import FailedPause, RunEngineInterrupted

from beamline.engine import SessionEngine


@pytest.fixture
def engine() -> Iterator[SessionEngine]:
    engine = SessionEngine({}, context_managers=[])
    engine.pause_msg = ""
    yield engine
    engine.end()


def test_a_pause_after_an_exposure_waits_at_the_checkpoint_and_nothing_is_fired_again(engine: SessionEngine) -> None:
    fired: list[str] = []

    async def fire(msg: Msg) -> None:
        fired.append(msg.args[0])

    engine.register_command("fire", fire)

    def plan() -> Any:
        for site in ("A1", "A2", "A3"):
            yield from bps.checkpoint()
            yield from bps.clear_checkpoint()
            yield Msg("fire", None, site)
            yield from bps.checkpoint()
            if site == "A2":
                yield from bps.pause()

    with pytest.raises(RunEngineInterrupted):
        engine(plan())
    assert engine.state == "paused"
    assert fired == ["A1", "A2"]
    engine.resume()
    assert fired == ["A1", "A2", "A3"]


def test_where_an_exposure_is_under_way_a_pause_still_ends_the_plan(engine: SessionEngine) -> None:
    def plan() -> Any:
        yield from bps.checkpoint()
        yield from bps.clear_checkpoint()
        yield from bps.pause()

    with pytest.raises((FailedPause, RunEngineInterrupted)):
        engine(plan())
    assert engine.state == "idle"
