"""The IPython profile gives what a session at the instrument needs, and leaving it makes the bench safe.

The blocks of docs/how-to/at-the-instrument.md are run here, one after the other, in a session.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from beamline.records import Records

REPOSITORY = Path(__file__).parents[2]
PAGE = REPOSITORY / "docs" / "how-to" / "at-the-instrument.md"

MOVES = """
RE(bps.mv(laser.pulse_energy_uJ, 120.0))
RE(bp.scan([spectrometer], stage.x_mm, 130, 132, 3))
print("energy", laser.pulse_energy_uJ.get(), "runs", len(records.runs(plan_name="scan")))
try:
    RE(bps.mv(furnace, 900))
except Exception as error:
    print(type(error).__name__, error)
"""

# Handlers of atexit run last one first: what is registered before the start-up file's own sees what that has done.
WATCHER = """
import atexit
def tell():
    print("after leaving: heater", furnace.heater.get(), "output", laser.output.get(), "engine", RE.state)
atexit.register(tell)
"""

HOT = """
RE(bps.mv(furnace, 60))
print("before leaving: heater", furnace.heater.get())
"""

OPEN_AND_PAUSED = """
def waits():
    yield from bps.open_run({"purpose": "paused"})
    yield from bps.mv(furnace, 60)
    yield from bps.checkpoint()
    yield from bps.pause()
try:
    RE(waits())
except Exception as error:
    print("before leaving: heater", furnace.heater.get(), "engine", RE.state)
"""

# The driver writes on its own: a process that dies by a signal runs no handlers of atexit.
KILLED = """
import os, signal
standby = furnace.driver.standby
def told():
    standby()
    print("heater is on:", furnace.driver.is_on, flush=True)
furnace.driver.standby = told
RE(bps.mv(furnace, 60))
os.kill(os.getpid(), signal.{name})
print("still alive")
"""


def _session(folder: Path, code: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "VITRAIL_DATA": str(folder / "data"), "IPYTHONDIR": str(folder / "ipython")}
    profile = folder / "profile"
    (profile / "startup").mkdir(parents=True)  # IPython writes its history beside the start-up files
    (profile / "startup" / "00-a-watcher.py").write_text(WATCHER, encoding="utf-8")
    for file in (REPOSITORY / "profile" / "startup").glob("*.py"):
        (profile / "startup" / file.name).write_text(file.read_text(encoding="utf-8"), encoding="utf-8")
    return subprocess.run(
        [sys.executable, "-m", "IPython", f"--profile-dir={profile}", "--colors=NoColor", "-c", code],
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def test_a_session_moves_scans_and_refuses(tmp_path: Path) -> None:
    done = _session(tmp_path, MOVES)
    assert "energy 120" in done.stdout, done.stdout + done.stderr
    assert "runs 1" in done.stdout
    assert "LimitError furnace: 900 degC is outside its limits" in done.stdout


def test_leaving_switches_the_furnace_off(tmp_path: Path) -> None:
    done = _session(tmp_path, HOT)
    assert "before leaving: heater on" in done.stdout, done.stdout + done.stderr
    assert "after leaving: heater standby output closed engine idle" in done.stdout, done.stdout + done.stderr


def test_leaving_a_paused_plan_makes_safe_and_closes_its_run(tmp_path: Path) -> None:
    done = _session(tmp_path, OPEN_AND_PAUSED)
    assert "before leaving: heater on engine paused" in done.stdout, done.stdout + done.stderr
    assert "after leaving: heater standby output closed engine idle" in done.stdout, done.stdout + done.stderr
    (run,) = Records(tmp_path / "data").runs(purpose="paused")
    assert run.stop is not None
    assert (run.stop["exit_status"], run.stop["reason"]) == ("abort", "the session was left")


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM], ids=lambda number: number.name)
def test_a_signal_that_ends_the_session_finds_the_furnace_off(tmp_path: Path, number: signal.Signals) -> None:
    done = _session(tmp_path, KILLED.format(name=number.name))
    assert done.returncode == -number, done.stdout + done.stderr
    assert "heater is on: False" in done.stdout
    assert "still alive" not in done.stdout


def test_the_page_is_what_a_session_does(tmp_path: Path) -> None:
    tokens = MarkdownIt("commonmark").parse(PAGE.read_text(encoding="utf-8"))
    blocks = [token.content for token in tokens if token.type == "fence" and token.info.startswith("python")]
    done = _session(tmp_path, "\n".join([*blocks, 'print("to the end")']))
    assert "to the end" in done.stdout, done.stdout + done.stderr
    assert "brightest at " in done.stdout
    purposes = [run.start["purpose"] for run in Records(tmp_path / "data").runs(campaign="by-hand-1")]
    assert purposes == ["writing", "heat_treatment", "measurement"]
