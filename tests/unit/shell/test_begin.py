"""A profile whose session cannot be opened says why in words, and gives no names."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from traitlets.config import Config

from beamline.records import RecordError
from beamline.shell import configure
from beamline.shell.start import begin, in_words


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in ("VITRAIL_INSTRUMENT", "VITRAIL_CAMPAIGN"):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


def test_records_in_a_file_are_refused_in_words(
    environment: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "records"
    file.write_text("not a folder")
    environment.setenv("VITRAIL_DATA", str(file))
    config = Config()
    configure(config)
    assert config.HistoryManager.enabled is False
    assert begin(None) == {}
    said = capsys.readouterr().err
    assert said.startswith("vitrail: no session: ")
    assert str(file) in said
    assert said.endswith("To go on: leave with Ctrl-D, mend it, start again\n")
    assert file.read_text() == "not a folder"


def test_a_wrong_instrument_file_is_refused_in_words(
    environment: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "instrument.toml"
    file.write_text('kind = "oven"')
    environment.setenv("VITRAIL_INSTRUMENT", str(file))
    environment.setenv("VITRAIL_DATA", str(tmp_path / "data"))
    assert begin(None) == {}
    said = capsys.readouterr().err
    assert "instrument.toml" in said
    assert "kind" in said
    assert "Traceback" not in said


def test_what_the_system_refuses_names_the_folder(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("VITRAIL_DATA", "there")
    said = in_words(PermissionError(errno.EACCES, os.strerror(errno.EACCES)))
    assert said == "there: cannot be used: Permission denied; give a folder that you may write to"
    assert in_words(RecordError("already in words")) == "already in words"
