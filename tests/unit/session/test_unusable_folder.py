"""A folder of records that cannot be used is refused in words, by the session and by the command, and nothing stays behind."""

from __future__ import annotations

import logging
import threading
from contextlib import nullcontext
from pathlib import Path

import pytest
from commands_in_process import vitrail
from small_campaigns import small_campaign

from beamline.audit import read_audit
from beamline.instrument import Instrument
from beamline.records import FileLock, RecordError, session_lock
from beamline.session import open_session


@pytest.mark.parametrize("name", ["session.lock", "catalog"])
def test_a_session_says_what_is_wrong_with_the_folder_and_lets_go_of_it(tmp_path: Path, name: str) -> None:
    def opened(*, catalog: bool) -> None:
        open_session(Instrument(), coupons=(), data=tmp_path, seed=1, unattended=False, catalog=catalog).close()

    wrong = tmp_path / name
    wrong.write_text("a file") if name == "catalog" else wrong.mkdir()
    threads = set(threading.enumerate())
    with pytest.raises(
        RecordError, match=r"cannot be used for records: .*; give write access, or another --data"
    ) as no:
        opened(catalog=True)
    assert str(wrong) in str(no.value)
    assert set(threading.enumerate()) <= threads
    wrong.unlink() if name == "catalog" else wrong.rmdir()
    opened(catalog=False)


@pytest.mark.parametrize("name", ["session.lock", "vitrail.log"])
def test_a_night_is_refused_by_the_command_and_not_by_a_traceback(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger(), "handlers", [])  # as in a process that nobody has set up yet
    file, data = tmp_path / "n.toml", tmp_path / "data"
    file.write_text(small_campaign("n"), encoding="utf-8")
    (data / name).mkdir(parents=True)
    done = vitrail("campaign", "run", file, "--data", data, "--no-catalog", "--no-report")
    assert done.returncode == 2
    assert f"{data} cannot be used for records: " in done.stderr
    assert str(data / name) in done.stderr
    assert read_audit(data)[-1]["action"] == "run refused"


@pytest.mark.parametrize("name", ["session.lock", "vitrail.log", "shell"])
def test_a_shell_is_refused_before_it_opens(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    for variable in (
        "VITRAIL_DATA",
        "VITRAIL_INSTRUMENT",
        "VITRAIL_CAMPAIGN",
    ):  # the command hands its options on by these
        monkeypatch.setenv(variable, "")
        monkeypatch.delenv(variable)
    wrong = tmp_path / name
    wrong.write_text("a file") if name == "shell" else wrong.mkdir()
    done = vitrail("shell", "--data", tmp_path)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith(f"{tmp_path} cannot be used for records: ")
    assert str(wrong) in done.stderr
    assert done.stderr.count("\n") == 1
    with FileLock(session_lock(tmp_path)) if name != "session.lock" else nullcontext() as lock:
        assert lock is None or lock.acquire()  # the session that was opened for it is closed
