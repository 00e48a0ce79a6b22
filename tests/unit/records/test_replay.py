"""Replay: what was recorded, in its order, at the pace that is asked for."""

from __future__ import annotations

import math
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from beamline.records import LogWriter, RecordError, Records, Run, replay


class Watch:
    """A clock that waits by moving its hand."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self.waited: list[float] = []

    def wait(self, duration_s: float) -> None:
        assert duration_s > 0
        self.waited.append(duration_s)
        self.now_s += duration_s


@pytest.fixture
def records(tmp_path: Path, synthetic: ModuleType) -> Records:
    with LogWriter(tmp_path) as log:
        synthetic.night(log, n_coupons=1)
    return Records(tmp_path)


@pytest.mark.parametrize("speed", [1.0, 4.0])
def test_each_document_comes_when_its_time_has_come(records: Records, speed: float) -> None:
    watch, seen = Watch(), []
    n = replay(records.runs(), lambda _name, doc: seen.append((watch.now_s, doc["time"])), speed=speed, clock=watch)
    begin_s, begin_time = seen[0]
    assert n == len(seen)
    assert [(now_s - begin_s) * speed for now_s, _time in seen] == pytest.approx(
        [time - begin_time for _now, time in seen]
    )


def test_what_a_slow_callback_has_lost_is_made_up_for(records: Records) -> None:
    watch = Watch()

    def slow(_name: str, doc: dict[str, Any]) -> None:
        if doc["time"] < first + 3:
            watch.now_s += 1.5

    run = records.runs(purpose="measurement")[0]
    first = run.start["time"]
    replay(run, slow, speed=1.0, clock=watch)
    assert run.stop is not None
    assert watch.now_s == pytest.approx(100.0 + run.stop["time"] - first)


def test_the_benchs_clock_paces_too_and_at_once_never_waits(records: Records) -> None:
    watch = Watch()
    run = records.runs(purpose="heat_treatment")[0]
    replay(run, lambda _name, _doc: None, speed=60.0, times="bench", clock=watch)
    clock_s = run.table("furnace")["clock_s"]
    assert sum(watch.waited) == pytest.approx((clock_s[-1] - run.start["clock_s"]) / 60.0)
    replay(run, lambda _name, _doc: None, clock=(idle := Watch()))
    assert idle.waited == []


@pytest.mark.parametrize("speed", [0.0, -1.0, math.nan])
def test_a_pace_that_is_none_is_refused(records: Records, speed: float) -> None:
    with pytest.raises(ValueError, match="above 0"):
        replay(records.runs(), lambda _name, _doc: None, speed=speed)


def test_what_cannot_be_replayed_is_named() -> None:
    with pytest.raises(RecordError, match="cannot be replayed"):
        replay("a uid", lambda _name, _doc: None)


def test_a_run_of_documents_reads_like_the_run_of_their_file(records: Records, is_same: Any) -> None:
    run = records.runs(purpose="measurement")[0]
    again = Run.of_documents(run.documents)
    assert (again.uid, again.state, again.streams) == (run.uid, "finished", run.streams)
    assert is_same(dict(again.table("spectra")), dict(run.table("spectra")))


def test_a_replayed_log_is_the_same_file(records: Records, tmp_path: Path) -> None:
    with LogWriter(tmp_path / "copy") as log:
        replay(records.runs(), log)
    for run in records.runs():
        assert (tmp_path / "copy" / "log" / run.path.name).read_bytes() == run.path.read_bytes()
