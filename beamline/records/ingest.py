"""Finished logs into the catalog, one after another, and a file that says which are in."""

from __future__ import annotations

import json
import logging
import shutil
from collections import deque
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from beamline.lines import append_line
from beamline.records.direct import DirectNode, can_write_directly, write_directly
from beamline.records.errors import CatalogError
from beamline.records.layout import Layout, uid_of
from beamline.records.reader import RunLog, read_ends, read_run

__all__ = ["Backlog", "IngestState", "Ingested", "Ingester", "check_log", "find_run", "write_log"]

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Ingested:
    """What became of one log.

    Attributes:
        uid: of the run.
        status: whether it is in the catalog.
        n_documents: how many documents were fed.
        reason: why it failed, or what is damaged in it; empty where all is well.
    """

    uid: str
    status: Literal["in", "failed"]
    n_documents: int = 0
    reason: str = ""


class IngestState:
    """The state file: one line of JSON per ingested log; the last line of a uid counts.

    It lies in the catalog's folder: whoever removes that folder has the catalog made anew.
    """

    def __init__(self, layout: Layout) -> None:
        self._path = layout.catalog / "ingested.jsonl"
        self._stamp: tuple[int, int] | None = None
        self._entries: dict[str, Ingested] = {}

    def entries(self) -> dict[str, Ingested]:
        """By uid; a torn or foreign line is skipped, and its run looked at again."""
        try:
            status = self._path.stat()
        except FileNotFoundError:
            self._stamp, self._entries = None, {}
            return self._entries
        stamp = (status.st_mtime_ns, status.st_size)
        if stamp != self._stamp:
            lines = self._path.read_text(encoding="utf-8", errors="replace").splitlines()
            read = (_entry(line) for line in lines)
            self._entries = {entry.uid: entry for entry in read if entry is not None}
            self._stamp = stamp
        return self._entries

    def add(self, entry: Ingested) -> None:
        """Append a line; it is on disk when this returns."""
        append_line(self._path, json.dumps(asdict(entry)), is_synced=True)


class Backlog:
    """Which finished logs the catalog does not have yet."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._state = IngestState(layout)
        self._finished: set[Path] = set()

    def pending(self) -> list[Path]:
        """Finished logs without an entry in the state file, in the order of their start."""
        entries = self._state.entries()
        return [path for path in self._layout.log_files() if uid_of(path) not in entries and self._is_finished(path)]

    def _is_finished(self, path: Path) -> bool:
        if path in self._finished:
            return True
        try:
            finished = read_ends(path).stop is not None
        except OSError:
            finished = True  # it cannot be read: the ingestion says so, once
        if finished:
            self._finished.add(path)
        return finished


class Ingester:
    """Feeds finished logs to a Tiled catalog.

    Args:
        layout: the record folder.
        client: Tiled client of the catalog, with a key that sees runs before they are whole.
        root: the same catalog from inside, where this is the process that serves it.
    """

    def __init__(self, layout: Layout, client: Any, root: DirectNode | None = None) -> None:
        self._layout = layout
        self._client = client
        self._root = root
        self._state = IngestState(layout)
        self._backlog = Backlog(layout)
        failed = {entry.uid for entry in self._state.entries().values() if entry.status == "failed"}
        self._queue: deque[Path] = deque()
        self._again = [path for path in layout.log_files() if uid_of(path) in failed]

    def step(self) -> Ingested | None:
        """Ingest the oldest finished log that is not in; None where there is none.

        What failed in an earlier session is tried again, once. A failure is recorded and stops nothing else.
        """
        if not self._queue:  # one look at the folder for all that has come in since the last one
            self._queue.extend(self._backlog.pending())
        if self._queue:
            path = self._queue.popleft()
        elif self._again:
            path = self._again.pop(0)
        else:
            return None
        entry = self._ingest(path)
        if entry.status == "failed":
            _logger.error("%s is not in the catalog: %s", path, entry.reason)
        else:
            _logger.info("%s is in: %d documents", path, entry.n_documents)
        self._state.add(entry)
        return entry

    def _ingest(self, path: Path) -> Ingested:
        log = read_run(path)
        uid = uid_of(path)
        assert uid is not None, "the backlog holds names of logs only"
        try:
            check_log(log, uid)
            self._write(log, uid)
        except Exception as error:  # noqa: BLE001  # whatever one run provokes must not keep the others out
            self._remove_part(uid)
            reason = f"{type(error).__name__}: {error}"
            return Ingested(uid, "failed", 0, f"{reason}; {log.report()}" if log.damage else reason)
        return Ingested(uid, "in", len(log), log.report())

    def _write(self, log: RunLog, uid: str) -> None:
        present = self._find(uid)
        if present is not None and present.metadata.get("stop"):  # written last: the run is whole
            return
        self._clear(uid, in_database=present is not None)
        if self._root is not None and can_write_directly(log):
            write_directly(self._root, log)
        else:
            write_log(self._client, log)

    def _find(self, uid: str) -> Any | None:
        return find_run(self._client, uid) if self._root is None else self._root.child(uid)

    def _clear(self, uid: str, *, in_database: bool) -> None:
        """Take away what a killed owner or a failure has left of a run."""
        if in_database:
            where = self._client if self._root is None else self._root
            where.delete_contents(uid, recursive=True, external_only=False)
        # An array's folder is made before its entry in the database: a kill in between leaves one that nobody knows,
        # and that Tiled will not write over.
        shutil.rmtree(self._layout.arrays / uid, ignore_errors=True)

    def _remove_part(self, uid: str) -> None:
        try:
            self._clear(uid, in_database=self._find(uid) is not None)
        except Exception:
            _logger.exception("a partial run %s may be left in the catalog; it is replaced at the next try", uid)


def find_run(client: Any, uid: str) -> Any | None:
    """A run in a catalog, whole or not; None where it is not there."""
    from tiled.queries import Key  # noqa: PLC0415  # the night's process never gets here

    found = client.search(Key("uid") == uid)
    return found.values().first() if len(found) else None


def write_log(client: Any, log: RunLog) -> None:
    """Write the documents of a log into a catalog that does not have its run."""
    from bluesky_tiled_plugins import TiledWriter  # noqa: PLC0415  # the night's process never gets here

    # Arrays go to zarr whatever their size: in SQL tables they would be kept as text.
    writer = TiledWriter(client, max_array_size=0)
    for name, doc in log:
        writer(name, doc)


def check_log(log: RunLog, uid: str) -> None:
    """Refuse a log that cannot be a run of a catalog.

    Raises:
        CatalogError: its start or stop document is lost, or speaks of another run.
    """
    if log.start is None or log.stop is None:
        raise CatalogError("its start or stop document cannot be read")
    if log.start.get("uid") != uid:
        raise CatalogError(f"its start document speaks of run {log.start.get('uid')!r}, its name of {uid!r}")


def _entry(line: str) -> Ingested | None:
    try:
        return Ingested(**json.loads(line))
    except (ValueError, TypeError):
        return None
