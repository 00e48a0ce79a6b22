"""The command `vitrail` in a process of its own, for tests where the process is the point: exit codes, signals, files."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

VITRAIL = Path(sys.executable).parent / "vitrail"


def vitrail(
    *arguments: object, folder: Path | None = None, env: Mapping[str, str] | None = None, timeout_s: float = 100.0
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, in a folder; `env` comes on top of the environment."""
    return subprocess.run(
        [VITRAIL, *map(str, arguments)],
        cwd=folder,
        env=os.environ | (env or {}),
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )
