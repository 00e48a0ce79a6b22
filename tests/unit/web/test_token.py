"""The token is nobody else's, and the same over restarts."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from beamline.web import read_or_make_token, token_path
from beamline.web.token import TokenError, is_token


def test_it_is_made_once_and_for_nobody_else(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        token = read_or_make_token(tmp_path)
    finally:
        os.umask(before)
    assert stat.S_IMODE(token_path(tmp_path).stat().st_mode) == 0o600
    assert read_or_make_token(tmp_path) == token
    assert len(token) == 64
    assert read_or_make_token(tmp_path / "..") != token
    token_path(tmp_path / "..").unlink()


def test_one_that_others_can_read_or_that_is_none_is_refused(tmp_path: Path) -> None:
    path = token_path(tmp_path)
    read_or_make_token(tmp_path)
    path.chmod(0o640)
    with pytest.raises(TokenError, match="can be read by others"):
        read_or_make_token(tmp_path)
    path.chmod(0o600)
    path.write_text("short")
    with pytest.raises(TokenError, match="holds no token"):
        read_or_make_token(tmp_path)
    path.unlink()
    path.symlink_to("/etc/hostname")
    with pytest.raises(TokenError, match="remove it"):
        read_or_make_token(tmp_path)
    with pytest.raises(TokenError, match="cannot be made"):
        read_or_make_token(tmp_path / "nowhere")


def test_only_the_whole_of_it_is_it() -> None:
    token = "a" * 64
    assert is_token(token, token)
    for other in ("", "a" * 63, "a" * 65, "A" * 64, "\ud800", "ä" * 64):
        assert not is_token(other, token)
