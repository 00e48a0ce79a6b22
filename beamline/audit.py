"""Who did what, when, from which interface: one JSON line for each, appended to `audit.jsonl` beside the records.

It says who asked; what then happened is in the records. No host, no address, no secret goes in.
"""

from __future__ import annotations

import getpass
import json
import logging
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from beamline.lines import append_line

__all__ = ["audit_path", "current_user", "note_action", "read_audit"]

_logger = logging.getLogger(__name__)


def audit_path(folder: Path) -> Path:
    """Where the trail of a record folder lies."""
    return folder / "audit.jsonl"


def note_action(folder: Path, interface: str, action: str, **about: str) -> None:
    """Append one line; one that cannot be written is logged and stops nothing.

    Args:
        folder: of the records.
        interface: "command", "notebook", ...
        action: what was asked for.
        **about: what it is about; texts.
    """
    now = datetime.now(UTC).astimezone().isoformat(timespec="seconds")
    line = json.dumps({"time": now, "user": current_user(), "interface": interface, "action": action, **about})
    try:
        append_line(audit_path(folder), line)
    except OSError:
        _logger.exception("%s is not in the audit trail", action)


def read_audit(folder: Path) -> list[dict[str, Any]]:
    """All lines, oldest first; what is no line of ours is left out."""
    try:
        lines = audit_path(folder).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    found = []
    for line in lines:
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(entry, dict) and {"time", "user", "interface", "action"} <= entry.keys():
            found.append(entry)
    return found


def current_user() -> str:
    """Who works here, by the name that the system knows."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return f"uid {os.getuid()}"
