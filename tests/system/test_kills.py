"""kill -9 at random moments of a running night: nothing that was emitted is lost, nothing comes twice, and it goes on."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

NIGHTS = Path(__file__).with_name("nights_under_kills.py")


def kill(n_kills: int, folder: Path, timeout_s: float) -> str:
    # In a process of its own: it forks, which a process that has threads must not.
    command = [sys.executable, "-W", "ignore", NIGHTS, "--kills", n_kills, "--chunk", 20, "--folder", folder]
    done = subprocess.run(
        [str(word) for word in command], capture_output=True, text=True, timeout=timeout_s, check=False
    )
    print(done.stdout)  # noqa: T201  # the counts are what it is for: pytest -rP shows them
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.timeout(400)
def test_three_kills_lose_nothing(tmp_path: Path) -> None:
    said = kill(3, tmp_path, 390)
    assert "3 kills" in said
    assert "wrong: 0" in said


@pytest.mark.nightly
@pytest.mark.timeout(7200)
def test_two_hundred_kills_lose_nothing(tmp_path: Path) -> None:
    said = kill(200, tmp_path, 7190)
    assert said.count("20 kills") == said.count("wrong: 0") == 10
