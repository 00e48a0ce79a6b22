"""What a watchdog did, one JSON line each, on disk before anything else happens; the next session reads and reports it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from beamline.lines import append_line

__all__ = ["Entry", "Journal"]

ACTS = frozenset({"trip", "done", "failed", "killed"})
"""Events that somebody must hear of; the others are beginnings and ends."""


@dataclass(frozen=True)
class Entry:
    """One line: when by the wall (ISO 8601), which event, in words, and whatever figures belong to it."""

    time: str
    event: str
    text: str
    figures: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.time} {self.text}"


class Journal:
    """A file of lines.

    Args:
        path: made where it is missing; its folder is there.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, event: str, text: str, **figures: Any) -> None:
        """Append a line, and wait until it is on disk.

        Raises:
            OSError: it cannot be written.
        """
        line = {"time": datetime.now(UTC).isoformat(timespec="milliseconds"), "event": event, "text": text, **figures}
        append_line(self.path, json.dumps(line), is_synced=True)

    def entries(self) -> tuple[Entry, ...]:
        """Every line that can be read, oldest first; a torn one at the end of a crash is left out."""
        try:
            lines = self.path.read_text(encoding="utf-8", errors="replace").splitlines()
        except FileNotFoundError:
            return ()
        found = []
        for line in lines:
            try:
                said = json.loads(line)
                found.append(Entry(str(said.pop("time")), str(said.pop("event")), str(said.pop("text")), said))
            except (ValueError, KeyError, AttributeError, TypeError, RecursionError):
                continue
        return tuple(found)

    def unreported(self) -> tuple[Entry, ...]:
        """What was done since somebody was told last."""
        entries = self.entries()
        last = max((i for i, entry in enumerate(entries) if entry.event == "reported"), default=-1)
        return tuple(entry for entry in entries[last + 1 :] if entry.event in ACTS)

    def take_unreported(self) -> tuple[Entry, ...]:
        """The same, and from now on it counts as told.

        Raises:
            OSError: the journal cannot be written.
        """
        entries = self.unreported()
        if entries:
            self.write("reported", f"{len(entries)} lines were reported at the start of a session")
        return entries
