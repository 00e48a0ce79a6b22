"""A rebuilt catalog takes the place of the old one: whoever looks, or is killed, finds the old one or the new one."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

import pytest

from beamline.records import rebuild
from beamline.records.layout import Layout


def make(folder: Path, word: str) -> Layout:
    layout = Layout.of(folder)
    layout.catalog.mkdir(parents=True)
    (layout.catalog / "catalog.db").write_text(word)
    return layout


def test_nobody_ever_finds_none(tmp_path: Path) -> None:
    layout, stage = make(tmp_path / "records", "old"), make(tmp_path / "records" / "catalog.rebuild", "new")
    if not rebuild._exchange(stage.catalog, layout.catalog):
        pytest.skip("this file system cannot exchange two folders in one step")
    assert (layout.catalog / "catalog.db").read_text() == "new"
    begun, ended, found = threading.Event(), threading.Event(), set[str]()

    def look() -> None:
        begun.set()
        while not ended.is_set():
            try:
                found.add((layout.catalog / "catalog.db").read_text())
            except FileNotFoundError:
                found.add("none")

    watcher = threading.Thread(target=look)
    watcher.start()
    begun.wait()
    for _turn in range(2000):
        rebuild._swap(stage, layout)
    ended.set()
    watcher.join()
    assert found <= {"old", "new"}


def test_killed_before_or_after_the_exchange_there_is_one(tmp_path: Path) -> None:
    exchange = rebuild._exchange
    for moment, expected in (("before", "old"), ("after", "new")):
        folder = tmp_path / moment
        layout, stage = make(folder, "old"), make(folder / "catalog.rebuild", "new")
        pid = os.fork()
        if pid == 0:
            try:
                if moment == "after":
                    exchange(stage.catalog, layout.catalog)
                os.kill(os.getpid(), signal.SIGKILL)
            finally:
                os._exit(1)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGKILL
        assert (layout.catalog / "catalog.db").read_text() == expected
        rebuild._remove_stage(layout)
        assert [path.name for path in folder.iterdir()] == ["catalog"]


def test_where_there_is_no_exchange_two_renames_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    layout, stage = make(tmp_path, "old"), make(tmp_path / "catalog.rebuild", "new")
    monkeypatch.setattr(rebuild, "_exchange", lambda _first, _second: False)
    rebuild._swap(stage, layout)
    assert (layout.catalog / "catalog.db").read_text() == "new"
    assert not (tmp_path / "catalog.old").exists()


def test_a_failure_of_the_system_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        rebuild._exchange(tmp_path / "a", tmp_path / "b")
