"""Which code and which packages: what somebody needs who wants to compute the same again. No host, user or path is told."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from importlib.metadata import distributions
from typing import Any

from beamline.versions import versions

__all__ = ["environment"]


def environment(recorded: Mapping[str, str]) -> dict[str, Any]:
    """Versions of the code and of the packages.

    Args:
        recorded: what the runs say of the code that made them.
    """
    packages = {d.metadata["Name"].lower(): d.version for d in distributions() if d.metadata["Name"]}
    return {
        "recorded_with": dict(recorded),
        "exported_with": {
            **versions(),
            "python": platform.python_version(),
            "implementation": platform.python_implementation(),
            "system": platform.system(),
            "machine": platform.machine(),
        },
        "packages_of_the_export": dict(sorted(packages.items())),
    }
