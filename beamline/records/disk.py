"""The disk below the log: a file that comes to be with its first record in it, and a thread that waits for the disk.

Until the disk has taken what was written, milliseconds go by in which the engine has better to do; a disk that refuses
must still stop it in time. So whoever asks goes on, and looks with `wait` before what must not happen without.
"""

from __future__ import annotations

import errno
import fcntl
import logging
import os
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

__all__ = ["DiskThread", "DiskWaitError", "close_quietly", "create_locked", "sync_new", "write_all"]

_logger = logging.getLogger(__name__)


class DiskWaitError(Exception):
    """The disk did not take what had been written to a file.

    Attributes:
        path: the file.
        why: the system's words.
    """

    def __init__(self, path: Path, error: OSError) -> None:
        self.path = path
        self.why = error.strerror or str(error)
        super().__init__(f"{path}: {self.why}")


class DiskThread:
    """Waits for the disk, in the order in which it is asked, on one thread that begins when it is asked first.

    For one thread that asks and waits at a time: its user holds a lock around it.
    """

    def __init__(self) -> None:
        self._executor: ThreadPoolExecutor | None = None
        self._asked: deque[tuple[Path, Future[None]]] = deque()

    def ask(self, path: Path, sync: Callable[[], None]) -> None:
        """Have a file waited for; an `OSError` of `sync` is logged at once, and told by the next `wait`."""
        if self._executor is None:  # its thread is waited for when the interpreter ends
            self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="log-disk")
        self._asked.append((path, self._executor.submit(_logged, path, sync)))

    def wait(self) -> None:
        """Return when the disk has taken all that it was asked for.

        Raises:
            DiskWaitError: it has not; the first that failed, and it is told once.
        """
        failed: DiskWaitError | None = None
        while self._asked:
            path, future = self._asked.popleft()
            try:
                future.result()
            except OSError as error:
                failed = failed or DiskWaitError(path, error)
        if failed is not None:
            raise failed

    def end(self) -> None:
        """Wait as `wait` does, and let the thread end; the next `ask` begins another.

        Raises:
            DiskWaitError: as `wait`.
        """
        try:
            self.wait()
        finally:
            if self._executor is not None:
                self._executor.shutdown()
                self._executor = None

    def forget(self) -> None:
        """In a forked child, which has no such thread: what was asked for is the parent's business."""
        self._executor = None
        self._asked.clear()


def _logged(path: Path, sync: Callable[[], None]) -> None:
    try:
        sync()
    except OSError as error:
        _logger.error("the disk did not take %s: %s", path, error.strerror or error)  # noqa: TRY400  # told in full by `wait`
        raise


def create_locked(path: Path, first: bytes, *, must_sync: bool) -> int:
    """A locked file that holds its first bytes from the moment at which it has its name; its descriptor, for appending.

    Args:
        path: must not exist yet.
        first: what it begins with.
        must_sync: whether to return only when the disk has it.

    Raises:
        OSError: nothing is left of it.
    """
    if path.exists():
        raise FileExistsError(errno.EEXIST, "it exists already, and a log is never overwritten", str(path))
    draft = path.with_name(f".{path.name}.draft")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        write_all(descriptor, first)
        if must_sync:
            os.fsync(descriptor)
        draft.rename(path)
        if must_sync:
            _sync_folder(path.parent)
    except BaseException:
        close_quietly(descriptor)
        draft.unlink(missing_ok=True)
        raise
    return descriptor


def write_all(descriptor: int, data: bytes) -> None:
    """Hand bytes to the operating system, all of them.

    Raises:
        OSError: some may have been written.
    """
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def sync_new(descriptor: int, folder: Path) -> None:
    """Wait until a new file and its name are on disk.

    Raises:
        OSError: the disk does not take them.
    """
    os.fsync(descriptor)
    _sync_folder(folder)


def _sync_folder(folder: Path) -> None:
    """A new name is on disk only when its folder is."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def close_quietly(descriptor: int) -> None:
    """Close a file all of whose bytes the operating system has."""
    try:
        os.close(descriptor)
    except OSError:
        _logger.exception("closing a log file failed; what was written before is kept")
