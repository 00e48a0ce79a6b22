"""A line that is appended is a line, whatever a crash has left before it."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from beamline.audit import audit_path, note_action, read_audit
from beamline.lines import append_line


def test_lines_are_appended_and_a_torn_one_stays_alone(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    append_line(path, "one")
    append_line(path, "zwölf")
    assert path.read_bytes() == "one\nzwölf\n".encode()
    assert stat.S_IMODE(path.stat().st_mode) == 0o644 & ~_umask()
    with path.open("ab") as file:
        file.write(b"hal")
    append_line(path, "two")
    append_line(path, "three")
    assert path.read_text().splitlines() == ["one", "zwölf", "hal", "two", "three"]


def test_of_a_first_line_one_letter_may_be_all_that_a_crash_has_left(tmp_path: Path) -> None:
    (tmp_path / "lines").write_text("h")
    append_line(tmp_path / "lines", "two")
    assert (tmp_path / "lines").read_text() == "h\ntwo\n"


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


@pytest.mark.parametrize("said", [{"is_synced": True}, {"is_synced": False}, {}])
def test_it_waits_for_the_disk_only_where_it_is_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: dict[str, bool]
) -> None:
    synced: list[bytes] = []
    monkeypatch.setattr(os, "fsync", lambda _descriptor: synced.append((tmp_path / "lines").read_bytes()))
    append_line(tmp_path / "lines", "one", **said)
    assert synced == ([b"one\n"] if said.get("is_synced") else [])


def test_no_file_is_left_open(tmp_path: Path) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(5):
        append_line(tmp_path / "lines", "one")
    assert len(list(Path("/proc/self/fd").iterdir())) <= before + 1


def test_a_folder_that_is_missing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        append_line(tmp_path / "missing" / "lines", "one")


def test_the_audit_trail_loses_nothing_to_a_torn_line_and_reads_what_is_absurd(tmp_path: Path) -> None:
    note_action(tmp_path, "command", "run", campaign="one")
    with audit_path(tmp_path).open("a") as file:
        file.write("[" * 100_000 + '\n{"time": "2026-')
    note_action(tmp_path, "web", "stop", campaign="one")
    assert [(entry["interface"], entry["action"]) for entry in read_audit(tmp_path)] == [
        ("command", "run"),
        ("web", "stop"),
    ]
