"""An end for the logs that a dead process left open.

A log without a stop document whose lock nobody holds belongs to a process that was killed, or to a machine that lost
its power. Its torn end is cut (and kept beside it), and a stop document is appended that says so (`exit_status`
"abort").
"""

from __future__ import annotations

import logging
import os
import uuid
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from beamline.records.codec import encode
from beamline.records.frames import pack_frame
from beamline.records.layout import Layout, uid_of
from beamline.records.locks import FileLock
from beamline.records.reader import RunLog, read_ends, read_run

__all__ = ["Recovered", "close_orphans"]

REASON: Final = "the process that wrote this run ended before the run did"
_HOPELESS: Final = frozenset({"empty", "foreign", "future", "unreadable"})

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Recovered:
    """A log that was given an end.

    Attributes:
        path: the file.
        uid: of the run.
        n_documents: how many documents were in it.
        n_cut_bytes: length of the torn end, now in `<file>.torn`.
    """

    path: Path
    uid: str
    n_documents: int
    n_cut_bytes: int


def close_orphans(folder: Path | str, reason: str = REASON) -> list[Recovered]:
    """Append a stop document to each log that nobody writes and that has none; logs of living writers stay untouched.

    Safe to repeat, and to be killed itself. Files that are no readable log are left alone and reported to `logging`.

    Args:
        folder: the record folder.
        reason: enters the stop document.

    Returns:
        what was closed, in the order of the runs' start.

    Raises:
        OSError: a log cannot be read or written.
    """
    layout = Layout.of(folder)
    closed = [_close(path, reason) for path in layout.log_files()]
    _remove_drafts(layout.logs)
    return [recovered for recovered in closed if recovered is not None]


def _close(path: Path, reason: str) -> Recovered | None:
    if read_ends(path).stop is not None:
        return None
    with FileLock(path) as lock:
        if not lock.acquire():
            return None
        log = read_run(path)
        if any(damage.kind in _HOPELESS for damage in log.damage) or log.next_number == 0:
            _logger.warning("%s is left alone: %s", path, log.report() or "it holds no record")
            return None
        n_cut_bytes = path.stat().st_size - log.readable_end
        if log.stop is not None and n_cut_bytes == 0:
            return None
        _finish(path, log, reason, n_cut_bytes)
    uid = _uid(path, log)
    _logger.warning("%s: run %s was left open with %d documents; it is closed now", path, uid, len(log))
    return Recovered(path, uid, len(log), n_cut_bytes)


def _finish(path: Path, log: RunLog, reason: str, n_cut_bytes: int) -> None:
    with path.open("r+b") as file:
        if n_cut_bytes:
            file.seek(log.readable_end)
            path.with_name(path.name + ".torn").write_bytes(file.read())
            file.truncate(log.readable_end)
            reason = f"{reason}; {n_cut_bytes} bytes of a torn record were cut"
        if log.stop is None:
            file.seek(0, os.SEEK_END)
            file.write(pack_frame(log.next_number, encode(["stop", _stop(path, log, reason)])))
        file.flush()
        os.fsync(file.fileno())


def _stop(path: Path, log: RunLog, reason: str) -> dict[str, Any]:
    """The stop document of a run that has none; its time is that of the last sign of life."""
    times = [doc["time"] for _name, doc in log if isinstance(doc.get("time"), int | float)]
    return {
        "uid": str(uuid.uuid4()),
        "time": max(times, default=0.0),
        "run_start": _uid(path, log),
        "exit_status": "abort",
        "reason": reason,
        "num_events": _n_events(log),
    }


def _n_events(log: RunLog) -> dict[str, int]:
    """Events of each stream. What a foreign program made of its documents must not keep a run from having an end."""
    streams = {str(doc.get("uid")): str(doc.get("name", "primary")) for name, doc in log if name == "descriptor"}
    counted: Counter[str] = Counter()
    for name, doc in log:
        if name in ("event", "event_page"):
            numbers = doc.get("seq_num")
            n_events = len(numbers) if name == "event_page" and isinstance(numbers, list) else 1
            counted[streams.get(str(doc.get("descriptor")), "unknown")] += n_events
    return dict(counted)


def _uid(path: Path, log: RunLog) -> str:
    uid = log.start.get("uid") if log.start else None
    return uid if isinstance(uid, str) and uid else str(uid_of(path))


def _remove_drafts(logs: Path) -> None:
    """Files that a killed writer had not yet given their name: no run was announced by them."""
    for draft in logs.glob(".*.vlog.draft"):
        with FileLock(draft) as lock:
            if lock.acquire():
                draft.unlink()
