"""The write-ahead log: a Bluesky callback that has each document on disk before the run goes on.

Subscribe it before everything else. A document is written and handed to the operating system before `__call__` returns,
so a kill of the process loses none; `sync` says how often the disk itself is waited for (power loss). For starts and stops
a thread does that, so that the disk does not hold the engine: no descriptor and no event is taken before the start of its
run is on disk, and no run is begun before the ones that have ended are. While a run is open its file is locked: `recovery`
tells by the lock a living writer from a dead one.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import threading
import weakref
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from beamline.records.codec import encode
from beamline.records.disk import DiskThread, DiskWaitError, close_quietly, create_locked, sync_new, write_all
from beamline.records.errors import CodecError, LogWriteError, RecordError
from beamline.records.frames import HEADER, pack_frame
from beamline.records.layout import Layout, log_name

__all__ = ["LogWriter", "SyncPolicy"]

SyncPolicy = Literal["run", "document", "never"]
"""When the disk is waited for: for the start and stop of a run, after each document, or never (then power loss may
cost the last seconds; a kill of the process costs nothing under any of them)."""


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
        self._disk = DiskThread()
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
            LogWriteError: it is not in the file, or what came before it not on disk, or the disk is nearly full; the
                message says which file and why.
        """
        with self._lock:
            if name == "start":
                self._begin(doc)
            else:
                self._continue(name, doc)

    def flush(self) -> None:
        """Wait until the disk has the starts of all runs, and those that have ended as a whole.

        Raises:
            LogWriteError: it does not take them; a failure is told once, here or by the next document.
        """
        with self._lock:
            self._wait_for_disk("it may be lost with the power")

    def close(self) -> None:
        """Wait for the disk, and let go of runs that have not ended; `close_orphans` gives their logs an end.

        Raises:
            LogWriteError: the disk did not take a run that has ended.
        """
        with self._lock:
            try:
                self._disk.end()
            except DiskWaitError as error:
                raise LogWriteError(_refused(error, "it may be lost with the power")) from error
            finally:
                self._let_go()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.ExitStack() as stack:
            if error is not None:  # which says more; the disk's failure has been logged
                stack.enter_context(contextlib.suppress(LogWriteError))
            self.close()

    def _let_go(self) -> None:
        for log in self._runs.values():
            close_quietly(log.descriptor)
        self._runs.clear()

    def _wait_for_disk(self, so: str) -> None:
        try:
            self._disk.wait()
        except DiskWaitError as error:
            raise LogWriteError(_refused(error, so)) from error

    def _begin(self, doc: dict[str, Any]) -> None:
        try:
            path = self._logs / log_name(doc)
            first = HEADER + pack_frame(0, encode(["start", doc]))
        except RecordError as error:
            raise LogWriteError(f"the run is not begun: {error}") from error
        uid = doc["uid"]
        if uid in self._runs:
            raise LogWriteError(f"run {uid} has begun already, in {self._runs[uid].path}")
        self._wait_for_disk("no run is begun")  # those that have ended are on disk first
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._keep_reserve(path, os.statvfs(path.parent), "nothing is written")
            descriptor = create_locked(path, first, must_sync=self._sync == "document")
        except OSError as error:
            raise LogWriteError(_cannot("begin the log", path, error)) from error
        if self._sync == "run":
            self._disk.ask(path, lambda: sync_new(descriptor, path.parent))
        self._runs[uid] = _OpenLog(path, descriptor, keys={uid})

    def _continue(self, name: str, doc: dict[str, Any]) -> None:
        uid, log = self._run_of(name, doc)
        if name == "stop":
            del self._runs[uid]
            self._end(log, doc)
            return
        if log.broken:
            raise LogWriteError(f"{log.path}: the log has failed before; the run must stop, not go on with {name!r}")
        try:
            self._wait_for_disk(f"the {name} document is not written, and the run must stop")
        except LogWriteError:
            log.broken = True
            raise
        self._append(log, name, doc)
        if name in ("descriptor", "resource", "stream_resource"):
            log.keys.add(doc["uid"])

    def _end(self, log: _OpenLog, doc: dict[str, Any]) -> None:
        """Write the stop document, which a log that has failed takes as well, and let go of the file."""
        must_sync = False
        try:
            self._append(log, "stop", doc)
            must_sync = self._sync == "run"
        finally:
            fcntl.flock(log.descriptor, fcntl.LOCK_UN)  # from here on nobody writes it
            if self._sync == "run":  # behind its start, which may still be waited for
                self._disk.ask(log.path, lambda: _close(log.descriptor, must_sync=must_sync))
            else:
                close_quietly(log.descriptor)

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
            write_all(log.descriptor, record)
            if self._sync == "document":
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
        writer._disk.forget()  # noqa: SLF001  # of this module
        writer._let_go()  # noqa: SLF001  # of this module; and its mutex may be held by a thread that the child lacks


os.register_at_fork(after_in_child=_forget_in_child)


def _close(descriptor: int, *, must_sync: bool) -> None:
    try:
        if must_sync:
            os.fsync(descriptor)
    finally:
        close_quietly(descriptor)


def _cannot(what: str, path: Path, error: OSError) -> str:
    why = error.strerror or str(error)
    return f"cannot {what} in {path}: {why}; the run must stop: make room or give write access, then go on"


def _refused(error: DiskWaitError, so: str) -> str:
    return f"the disk did not take what was written to {error.path}: {error.why}; {so}: mend the disk, then go on"
