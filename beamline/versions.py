"""Which code made a record: versions of this project and of what its results depend on."""

from __future__ import annotations

import subprocess
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

__all__ = ["code_version", "versions"]

_DEPENDENCIES = ("bluesky", "numba", "numpy", "ophyd", "scikit-learn", "scikit-optimize", "scipy")


@cache
def code_version() -> str:
    """Version of this project; from a git checkout with the commit, and `.dirty` where files differ from it."""
    released = version("vitrail")
    root = Path(__file__).parents[1]
    if not (root / ".git").exists():
        return released
    command = ["git", "-C", str(root), "describe", "--always", "--dirty=.dirty", "--exclude=*"]
    try:
        commit = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True).stdout.strip()  # noqa: S603  # fixed arguments
    except (OSError, subprocess.SubprocessError):
        return released
    return f"{released}+g{commit}"


@cache
def versions() -> dict[str, str]:
    """Versions by name of distribution, `vitrail` first."""
    found = {"vitrail": code_version()}
    for name in _DEPENDENCIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:  # a part that this installation does without
            continue
    return found
