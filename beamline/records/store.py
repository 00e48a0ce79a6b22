"""The records of a folder: runs found by what their start documents say."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from beamline.records.errors import RecordError
from beamline.records.layout import Layout, uid_of
from beamline.records.reader import Ends, read_ends
from beamline.records.recovery import Recovered, close_orphans
from beamline.records.replay import replay
from beamline.records.run import Callback, Run

__all__ = ["Records"]

_NAMES = ("name", "uid", "serial")
"""Keys by which a thing that is described in a start document is also known by a string."""


class Records:
    """The runs of a record folder, read from the logs; what has been read once is kept until the file changes.

    Args:
        folder: the record folder, as handed to `LogWriter`; it need not exist yet.
    """

    def __init__(self, folder: Path | str) -> None:
        self._layout = Layout.of(folder)
        self._known: dict[Path, tuple[tuple[int, int], Ends]] = {}

    @property
    def folder(self) -> Path:
        """The record folder."""
        return self._layout.folder

    def runs(self, *, since: float | None = None, until: float | None = None, **metadata: Any) -> list[Run]:
        """Runs whose start documents match all that is asked for, in the order of their start.

        Args:
            since: earliest start, seconds since 1970.
            until: runs start before this, seconds since 1970.
            **metadata: wanted values by key of the start document. A string also matches a thing of that `name`, `uid`
                or `serial` (`campaign="night-1"`, `coupon="C07"`); a mapping matches a part of a thing
                (`coupon={"glass": {"name": "I50"}}`); a function is asked (`n_coupon=lambda n: n > 2`). A key with dots
                reaches into things (`**{"coupon.glass.name": "I50"}`).
        """
        found = []
        for path, ends in self._scan():
            start = ends.start
            if start is None or not _within(start.get("time"), since, until):
                continue
            if all(_matches(_look_up(start, key), wanted) for key, wanted in metadata.items()):
                found.append(Run(path, ends))
        return found

    def runs_and_wrecks(self) -> list[Run]:
        """Every log as a run, those included whose start document is damaged, in the order of their start."""
        return [Run(path, ends) for path, ends in self._scan()]

    def run(self, uid: str) -> Run:
        """The run of a uid, or of the beginning of one.

        Raises:
            RecordError: there is no such run, or more than one.
        """
        paths = [path for path in self._layout.log_files() if (uid_of(path) or "").startswith(uid)]
        if len(paths) == 1 and uid:
            return Run(paths[0], self._ends(paths[0]))
        many = f"{len(paths)} runs begin so" if paths else "there is none"
        raise RecordError(
            f"run {uid!r} in {self._layout.logs}: {many}; give a whole uid: `vitrail records list` shows those there are"
        )

    def replay(self, callback: Callback, **metadata: Any) -> int:
        """Hand the documents of all runs that `runs(**metadata)` finds to a callback; returns how many documents."""
        return replay(self.runs(**metadata), callback)

    def problems(self) -> list[str]:
        """One line per damage in any log, with file and offset, and per log that has no end: reads all files."""
        found: list[str] = []
        for path in self._layout.log_files():
            run = Run(path)
            if run.state != "running" and run.damage:
                found.extend(run.log.report().splitlines())
            elif run.state == "orphaned":
                found.append(f"{path}: the run has no end, and nobody is writing it; close_orphans() gives it one")
        return found

    def close_orphans(self) -> list[Recovered]:
        """Give an end to the logs that dead processes left open; see `recovery.close_orphans`."""
        return close_orphans(self._layout.folder)

    def _scan(self) -> list[tuple[Path, Ends]]:
        return [(path, self._ends(path)) for path in self._layout.log_files()]

    def _ends(self, path: Path) -> Ends:
        status = path.stat()
        stamp = (status.st_mtime_ns, status.st_size)
        known = self._known.get(path)
        if known is not None and known[0] == stamp:
            return known[1]
        ends = read_ends(path)
        self._known[path] = (stamp, ends)
        return ends


def _within(time: Any, since: float | None, until: float | None) -> bool:
    if since is None and until is None:
        return True
    if not isinstance(time, int | float):  # a foreign program wrote this run
        return False
    return (since is None or time >= since) and (until is None or time < until)


_MISSING = object()


def _look_up(start: Mapping[str, Any], key: str) -> Any:
    value: Any = start
    for part in key.split("."):
        value = value.get(part, _MISSING) if isinstance(value, Mapping) else _MISSING
    return value


def _matches(value: Any, wanted: Any) -> bool:
    if value is _MISSING:
        return False
    if callable(wanted):
        return bool(wanted(value))
    if isinstance(value, Mapping):
        if isinstance(wanted, Mapping):
            return all(_matches(value.get(key, _MISSING), part) for key, part in wanted.items())
        return any(value.get(name, _MISSING) == wanted for name in _NAMES)
    return bool(np.all(value == wanted))
