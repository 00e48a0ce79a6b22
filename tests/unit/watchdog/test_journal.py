"""What a watchdog did is on disk, is told once, and a torn or foreign line spoils nothing."""

from __future__ import annotations

import json
import os
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beamline.watchdog import Journal


def test_what_was_done_is_told_once(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "watchdog.jsonl")
    assert journal.take_unreported() == ()
    journal.write("started", "watches process 1")
    assert journal.take_unreported() == ()
    journal.write("trip", "acts", cause="hang")
    journal.write("done", "laser output closed", after_s=0.8)
    journal.write("ended", "ended")
    told = journal.take_unreported()
    assert [(entry.event, entry.text) for entry in told] == [("trip", "acts"), ("done", "laser output closed")]
    assert told[1].figures == {"after_s": 0.8}
    assert str(told[1]).endswith("laser output closed")
    assert journal.take_unreported() == ()
    assert journal.entries()[-1].text == "2 lines were reported at the start of a session"
    journal.write("failed", "not yet furnace in standby")
    assert [entry.event for entry in journal.take_unreported()] == ["failed"]


def test_a_torn_line_hides_no_other(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "watchdog.jsonl")
    journal.write("done", "one")
    whole = journal.path.read_text()
    journal.path.write_text(whole + whole[:30] + "\n" + whole + '{"time": 1}\n[]\n3\n')
    assert [entry.text for entry in journal.entries()] == ["one", "one"]


def test_a_line_that_a_crash_has_torn_takes_no_later_one_with_it(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "watchdog.jsonl")
    journal.write("done", "one")
    with journal.path.open("a") as file:
        file.write('{"time": "2026-')
    journal.write("trip", "two")
    journal.write("done", "three")
    assert [entry.text for entry in journal.entries()] == ["one", "two", "three"]
    assert journal.path.read_text().count("\n") == 4


def test_a_line_is_on_disk_before_anything_else_is_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[str] = []
    journal = Journal(tmp_path / "watchdog.jsonl")
    monkeypatch.setattr(os, "fsync", lambda _descriptor: synced.append(journal.path.read_text()))
    journal.write("done", "laser output closed")
    (on_disk,) = synced
    assert json.loads(on_disk)["event"] == "done"


def test_when_it_acted_is_said_with_its_zone(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "watchdog.jsonl")
    journal.write("done", "one")
    (entry,) = journal.entries()
    assert datetime.fromisoformat(entry.time).utcoffset() == timedelta(0)


def test_bytes_that_are_no_text_hide_no_other_line(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "watchdog.jsonl")
    journal.write("trip", "one")
    with journal.path.open("ab") as file:
        file.write(b"\xff\xfe\x80\n")
    journal.write("done", "two")
    assert [entry.text for entry in journal.take_unreported()] == ["one", "two"]


@given(st.text(), st.dictionaries(st.sampled_from(["after_s", "cause"]), st.text() | st.floats(allow_nan=False)))
def test_whatever_is_written_is_read(text: str, figures: dict[str, object]) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        journal = Journal(Path(folder) / "j")
        journal.write("done", text, **figures)
        (entry,) = journal.entries()
        assert (entry.event, entry.text, entry.figures) == ("done", text, figures)
        assert len(journal.path.read_bytes().splitlines()) == 1
        assert json.loads(journal.path.read_text())["time"] == entry.time
