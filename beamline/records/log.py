"""The write-ahead log: a Bluesky callback that has each document on disk before the run goes on.

Subscribe it before everything else. A document is written and handed to the operating system before `__call__` returns,
so a kill of the process loses none; `sync` says how often the disk itself is waited for (power loss). While a run is
open its file is locked: `recovery` tells by the lock a living writer from a dead one.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import logging
import os
import threading
import weakref
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from beamline.records.codec import encode
from beamline.records.errors import CodecError, LogWriteError, RecordError
from beamline.records.frames import HEADER, pack_frame
from beamline.records.layout import Layout, log_name

__all__ = ["LogWriter", "SyncPolicy"]

SyncPolicy = Literal["run", "document", "never"]
"""When the disk is waited for: at the start and stop of a run, after each document, or never (then power loss may
cost the last seconds; a kill of the process costs nothing under any of them)."""

_logger = logging.getLogger(__name__)


@dataclass
class _OpenLog:
    """One file being written."""

    path: Path
    descriptor: int
    n_records: int = 1
    broken: bool = False
    keys: set[str] = field(default_factory=set)  # uids of what later documents refer to: start, descriptors, resources


class LogWriter:
    """Writes the documents of each run to `FOLDER/log/<time>_<uid>.vlog`; runs may be interleaved.

    Any failure raises `LogWriteError` out of the callback: the RunEngine then stops the plan before its next step.

    Args:
        folder: the record folder; made if it is not there.
        sync: when the disk is waited for.
        reserve_MB: free space below which a start or an event is refused, in 10^6 bytes: the document itself is
            written, and the run is stopped while there is room for its end.
    """

    def __init__(self, folder: Path | str, *, sync: SyncPolicy = "run", reserve_MB: float = 16.0) -> None:
        if sync not in ("run", "document", "never"):
            raise ValueError(f"{sync=}: allowed are 'run', 'document' and 'never'")
        if not reserve_MB >= 0:
            raise ValueError(f"{reserve_MB=}: must be 0 MB or more")
        self._logs = Layout.of(folder).logs
        self._sync: SyncPolicy = sync
        self._reserve_bytes = reserve_MB * 1e6
        self._runs: dict[str, _OpenLog] = {}
        self._lock = threading.Lock()
        _writers.add(self)

    @property
    def folder(self) -> Path:
        """Where the files are."""
        return self._logs

    @property
    def open_runs(self) -> tuple[str, ...]:
        """Uids of the runs that have begun and not ended."""
        return tuple(self._runs)

    def __call__(self, name: str, doc: dict[str, Any]) -> None:
        """Write one document.

        Raises:
            LogWriteError: it is not on disk, or the disk is nearly full; the message says which file and why.
        """
        with self._lock:
            if name == "start":
                self._begin(doc)
            else:
                self._continue(name, doc)

    def close(self) -> None:
        """Let go of runs that have not ended; `close_orphans` gives their logs an end."""
        with self._lock:
            self._let_go()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _let_go(self) -> None:
        for log in self._runs.values():
            _close_quietly(log.descriptor)
        self._runs.clear()

    def _begin(self, doc: dict[str, Any]) -> None:
        try:
            path = self._logs / log_name(doc)
            first = HEADER + pack_frame(0, encode(["start", doc]))
        except RecordError as error:
            raise LogWriteError(f"the run is not begun: {error}") from error
        uid = doc["uid"]
        if uid in self._runs:
            raise LogWriteError(f"run {uid} has begun already, in {self._runs[uid].path}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._keep_reserve(path, os.statvfs(path.parent), "nothing is written")
            log = _create(path, first, must_sync=self._sync != "never")
        except OSError as error:
            raise LogWriteError(_cannot("begin the log", path, error)) from error
        self._runs[uid] = log
        log.keys.add(uid)

    def _continue(self, name: str, doc: dict[str, Any]) -> None:
        uid, log = self._run_of(name, doc)
        try:
            if log.broken and name != "stop":
                raise LogWriteError(
                    f"{log.path}: the log has failed before; the run must stop, not go on with {name!r}"
                )
            self._append(log, name, doc)
        finally:
            if name == "stop":
                del self._runs[uid]
                _close_quietly(log.descriptor)
        if name in ("descriptor", "resource", "stream_resource"):
            log.keys.add(doc["uid"])

    def _append(self, log: _OpenLog, name: str, doc: dict[str, Any]) -> None:
        number = log.n_records
        log.n_records += 1  # counted before it is written: a document that is lost leaves a gap that the reader reports
        try:
            record = pack_frame(number, encode([name, doc]))
        except (CodecError, ValueError) as error:
            log.broken = True
            raise LogWriteError(f"{log.path}: {name} document: {error}") from error
        size = os.lseek(log.descriptor, 0, os.SEEK_END)
        try:
            _write_all(log.descriptor, record)
            if self._sync == "document" or (self._sync == "run" and name == "stop"):
                os.fsync(log.descriptor)
            status = os.fstatvfs(log.descriptor)
        except OSError as error:
            log.broken = True
            with contextlib.suppress(OSError):  # a torn record is cut by the recovery as well
                os.ftruncate(log.descriptor, size)
            raise LogWriteError(_cannot(f"write the {name} document", log.path, error)) from error
        if name in ("event", "event_page"):
            self._keep_reserve(log.path, status, f"the {name} document is written")

    def _keep_reserve(self, path: Path, status: os.statvfs_result, so_far: str) -> None:
        """Stop the run while there is room for its end."""
        free_bytes = status.f_bavail * status.f_frsize
        if free_bytes < self._reserve_bytes:
            raise LogWriteError(
                f"{path}: {free_bytes / 1e6:.1f} MB are free, less than the reserve of "
                f"{self._reserve_bytes / 1e6:.1f} MB; {so_far}, and the run must stop: make room, then go on"
            )

    def _run_of(self, name: str, doc: dict[str, Any]) -> tuple[str, _OpenLog]:
        key = doc.get("run_start") or doc.get("descriptor") or doc.get("resource") or doc.get("stream_resource")
        for uid, log in self._runs.items():
            if key in log.keys:
                return uid, log
        if key is None and name == "resource" and len(self._runs) == 1:  # older detectors name no run
            return next(iter(self._runs.items()))
        raise LogWriteError(
            f"a {name} document refers to {key!r}, which is in no open run; open are {list(self._runs)}"
        )


_writers: weakref.WeakSet[LogWriter] = weakref.WeakSet()


def _forget_in_child() -> None:
    """A forked child shares the locks: it must not keep the runs of a dead parent looking alive."""
    for writer in _writers:
        writer._let_go()  # noqa: SLF001  # of this module; and its mutex may be held by a thread that the child lacks


os.register_at_fork(after_in_child=_forget_in_child)


def _create(path: Path, first: bytes, *, must_sync: bool) -> _OpenLog:
    """A locked log that holds its first record from the moment at which it has its name."""
    if path.exists():
        raise FileExistsError(errno.EEXIST, "it exists already, and a log is never overwritten", str(path))
    draft = path.with_name(f".{path.name}.draft")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        _write_all(descriptor, first)
        if must_sync:
            os.fsync(descriptor)
        draft.rename(path)
        if must_sync:
            _sync_folder(path.parent)
    except BaseException:
        _close_quietly(descriptor)
        draft.unlink(missing_ok=True)
        raise
    return _OpenLog(path, descriptor)


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def _sync_folder(folder: Path) -> None:
    """A new name is on disk only when its folder is."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _close_quietly(descriptor: int) -> None:
    try:
        os.close(descriptor)
    except OSError:
        _logger.exception("closing a log file failed; what was written before is kept")


def _cannot(what: str, path: Path, error: OSError) -> str:
    why = error.strerror or str(error)
    return f"cannot {what} in {path}: {why}; the run must stop: make room or give write access, then go on"
