"""The IPython profile gives what a session at the instrument needs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

PROFILE = Path(__file__).parents[2] / "profile"

SESSION = """
RE(bps.mv(laser.pulse_energy_uJ, 120.0))
RE(bp.scan([spectrometer], stage.x_mm, 130, 132, 3))
print("energy", laser.pulse_energy_uJ.get(), "runs", len(records.runs(plan_name="scan")))
try:
    RE(bps.mv(furnace, 900))
except Exception as error:
    print(type(error).__name__, error)
"""


def test_a_session_moves_scans_and_refuses(tmp_path: Path) -> None:
    environment = {**os.environ, "VITRAIL_DATA": str(tmp_path / "data"), "IPYTHONDIR": str(tmp_path / "ipython")}
    profile = tmp_path / "profile"
    (profile / "startup").mkdir(parents=True)  # IPython writes its history beside the start-up files
    for file in (PROFILE / "startup").glob("*.py"):
        (profile / "startup" / file.name).write_text(file.read_text(encoding="utf-8"), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "IPython", f"--profile-dir={profile}", "--colors=NoColor", "-c", SESSION],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert "energy 120" in done.stdout, done.stdout + done.stderr
    assert "runs 1" in done.stdout
    assert "LimitError furnace: 900 degC is outside its limits" in done.stdout
