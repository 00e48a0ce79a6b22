"""kill -9 at random moments, then `resume`: the records are those of the uninterrupted night, or the kill explains the rest."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

NIGHTS = Path(__file__).with_name("resumed_after_kills.py")


def kill(n_kills: int, chunk: int, folder: Path, timeout_s: float) -> str:
    # In a process of its own: it forks, which a process that has threads must not.
    command = [sys.executable, "-W", "ignore", NIGHTS, "--kills", n_kills, "--chunk", chunk, "--folder", folder]
    done = subprocess.run(
        [str(word) for word in command], capture_output=True, text=True, timeout=timeout_s, check=False
    )
    print(done.stdout)  # noqa: T201  # the counts are what it is for: pytest -rP shows them
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.timeout(300)
def test_two_kills_are_made_good(tmp_path: Path) -> None:
    said = kill(2, 2, tmp_path, 290)
    assert "2 kills, each resumed" in said
    assert "wrong: 0" in said


@pytest.mark.nightly
@pytest.mark.timeout(7200)
def test_a_hundred_kills_are_made_good(tmp_path: Path) -> None:
    said = kill(100, 10, tmp_path, 7190)
    assert "100 kills, each resumed" in said
    assert "wrong: 0" in said
