"""What belongs to the catalog and needs no Tiled: the state file, the backlog, the endpoint, names and locks."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beamline.records import CatalogError, CatalogOwner, Ingested, LogWriter, RecordError, Records, open_catalog
from beamline.records.endpoint import Endpoint, endpoint_path, is_owned, live_endpoint, lock_path, write_endpoint
from beamline.records.ingest import Backlog, Ingester, IngestState
from beamline.records.layout import Layout, log_name, uid_of
from beamline.records.locks import FileLock, is_held
from beamline.records.server import catalog_config


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    made = Layout.of(tmp_path)
    made.catalog.mkdir()
    return made


def test_the_last_entry_of_a_run_counts(layout: Layout) -> None:
    state = IngestState(layout)
    assert state.entries() == {}
    state.add(Ingested("a", "failed", 0, "why"))
    state.add(Ingested("b", "in", 6))
    assert IngestState(layout).entries()["a"].status == "failed"
    state.add(Ingested("a", "in", 5))
    assert state.entries() == {"a": Ingested("a", "in", 5), "b": Ingested("b", "in", 6)}


@given(junk=st.binary(max_size=40))
def test_junk_in_the_state_file_costs_nothing_but_its_line(
    tmp_path_factory: pytest.TempPathFactory, junk: bytes
) -> None:
    layout = Layout.of(tmp_path_factory.mktemp("state"))
    layout.catalog.mkdir()
    state = IngestState(layout)
    state.add(Ingested("a", "in", 1))
    with (layout.catalog / "ingested.jsonl").open("ab") as file:
        file.write(junk)
    state.add(Ingested("b", "in", 2))
    assert set(state.entries()) == {"a", "b"}


def test_the_backlog_is_what_is_finished_and_not_in(layout: Layout, synthetic: ModuleType) -> None:
    backlog = Backlog(layout)
    assert backlog.pending() == []
    with LogWriter(layout.folder) as log:
        writer = synthetic.Writer(log)
        first = writer.write(1, end=None)
        writer.anneal(1)
        uids = [run.uid for run in Records(layout.folder).runs()]
        assert [uid_of(path) for path in backlog.pending()] == uids[1:]
        first.end()
        assert [uid_of(path) for path in backlog.pending()] == uids
    IngestState(layout).add(Ingested(uids[0], "failed", 0, "why"))
    assert [uid_of(path) for path in backlog.pending()] == uids[1:]


class DeadClient:
    """Stands for a catalog that answers nothing."""

    def search(self, _query: Any) -> Any:
        raise ConnectionError("nobody there")


def test_a_failure_is_recorded_and_tried_again_by_the_next_ingester(layout: Layout, synthetic: ModuleType) -> None:
    with LogWriter(layout.folder) as log:
        synthetic.Writer(log).anneal(1)
        synthetic.Writer(log, t0=synthetic.T0 + 100).anneal(2)
    ingester = Ingester(layout, DeadClient())
    done = [ingester.step(), ingester.step(), ingester.step()]
    assert done[2] is None
    assert [entry.status for entry in done[:2] if entry] == ["failed", "failed"]
    assert "nobody there" in done[0].reason if done[0] else False
    again = Ingester(layout, DeadClient())
    assert [again.step() is None, again.step() is None, again.step() is None] == [False, False, True]


def test_the_endpoint_is_private_and_proved_by_the_lock(layout: Layout) -> None:
    endpoint = Endpoint("http://127.0.0.1:1/api/v1/", "0123456789abcdef", os.getpid())
    assert "0123456789abcdef" not in repr(endpoint)
    old_mask = os.umask(0)
    try:
        write_endpoint(layout, endpoint)
    finally:
        os.umask(old_mask)
    assert stat.S_IMODE(endpoint_path(layout).stat().st_mode) == 0o600
    assert live_endpoint(layout) is None
    with FileLock(lock_path(layout)) as lock:
        assert lock.acquire()
        assert is_owned(layout)
        assert live_endpoint(layout) is None  # the lock is another owner's, and the file a dead one's
        lock_path(layout).write_text(str(os.getpid()))
        assert live_endpoint(layout) == endpoint
        assert not FileLock(lock_path(layout)).acquire()
        endpoint_path(layout).write_text("{torn")
        assert live_endpoint(layout) is None
    assert not is_owned(layout)
    assert not is_held(layout.catalog / "nothing")


@pytest.mark.parametrize("character", list("?#%;"))
def test_a_folder_that_tiled_cannot_address_is_refused(tmp_path: Path, character: str) -> None:
    with pytest.raises(CatalogError, match="choose another folder"):
        catalog_config(Layout.of(tmp_path / f"a{character}b"), "key")


def test_settings_and_folders_are_checked(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="poll_s"):
        CatalogOwner(tmp_path, poll_s=0.0)
    with pytest.raises(CatalogError, match="no records"):
        open_catalog(tmp_path / "nothing")
    CatalogOwner(tmp_path).stop()


@given(times=st.lists(st.floats(0, 4e9), min_size=2, max_size=5))
def test_names_of_logs_sort_by_time(times: list[float]) -> None:
    names = [log_name({"uid": "abc-1", "time": time}) for time in times]
    assert [uid_of(Path(name)) for name in names] == ["abc-1"] * len(names)
    rounded = [round(time, 6) for time in times]
    for (first, one), (second, other) in zip(
        zip(rounded, names, strict=True), list(zip(rounded, names, strict=True))[1:], strict=False
    ):
        if abs(first - second) > 1e-5:
            assert (first < second) == (one < other)


@pytest.mark.parametrize("time", [-1e12, 1e13])
def test_years_without_four_digits_are_refused(time: float) -> None:
    with pytest.raises(RecordError, match="years"):
        log_name({"uid": "abc", "time": time})
