"""The watchdog against whole engines at a twin on the wire: they are killed, hang, or lose their terminal."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

KILLS = Path(__file__).with_name("engines_under_kills.py")


def end(*asked: str, n: int = 1, timeout_s: float = 290.0) -> str:
    # In a process of its own: the engines are forked, which a process that has threads must not do.
    command = [sys.executable, "-W", "ignore", KILLS, *asked, "--n", str(n), "--latest-s", "2"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout_s, check=False)
    print(done.stdout)  # noqa: T201  # the figures are what it is for: pytest -rP shows them
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.timeout(300)
def test_an_engine_that_ends_leaves_a_closed_laser_and_a_furnace_in_standby() -> None:
    # Three benches at the same time: most of what a case takes is waiting. The 3200 is on a serial line, which the engine held.
    benches = (
        ("EPC3000", "kill", "kill with a child", "hang up"),
        ("EPC3000", "hang", "stop"),
        ("3200", "kill", "hang"),
    )
    assert "0 of 7" in end(*(word for bench in benches for word in ("--bench", *bench)))


@pytest.mark.nightly
@pytest.mark.timeout(7200)
def test_ten_engines_for_each_way_to_end() -> None:
    assert "0 of 50" in end("--how", "kill", "kill with a child", "hang", "stop", "hang up", n=10, timeout_s=7100.0)


@pytest.mark.nightly
@pytest.mark.timeout(7200)
def test_a_hundred_kills() -> None:
    assert "0 of 100" in end("--how", "kill", n=100, timeout_s=7100.0)
