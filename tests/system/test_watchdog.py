"""The watchdog against whole engines at a twin on the wire: they are killed, hang, or lose their terminal."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

KILLS = Path(__file__).with_name("engines_under_kills.py")


def end(*how: str, n: int = 1, timeout_s: float = 290.0, model: str = "EPC3000") -> str:
    # In a process of its own: the engines are forked, which a process that has threads must not do.
    command = [sys.executable, "-W", "ignore", KILLS, "--how", *how, "--n", str(n), "--latest-s", "2", "--model", model]
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout_s, check=False)
    print(done.stdout)  # noqa: T201  # the figures are what it is for: pytest -rP shows them
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.timeout(300)
def test_an_engine_that_ends_leaves_a_closed_laser_and_a_furnace_in_standby() -> None:
    assert "0 of 5" in end("kill", "kill with a child", "hang", "stop", "hang up")


@pytest.mark.timeout(300)
def test_a_furnace_on_a_serial_line_that_the_engine_held_is_put_in_standby() -> None:
    assert "0 of 2" in end("kill", "hang", model="3200")


@pytest.mark.nightly
@pytest.mark.timeout(7200)
def test_ten_engines_for_each_way_to_end() -> None:
    assert "0 of 50" in end("kill", "kill with a child", "hang", "stop", "hang up", n=10, timeout_s=7100.0)


@pytest.mark.nightly
@pytest.mark.timeout(7200)
def test_a_hundred_kills() -> None:
    assert "0 of 100" in end("kill", n=100, timeout_s=7100.0)
