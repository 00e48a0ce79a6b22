"""Files of lines that several processes append to and a crash may tear: the watchdog's journal, the audit trail, and others."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["append_line"]


def append_line(path: Path, line: str, *, is_synced: bool = False) -> None:
    """Append a line by one write, so that those of two processes do not mix.

    Where a crash has left half a line at the end, it stays alone: what is appended is not to be lost with it.

    Args:
        path: made where it is missing; its folder is there.
        line: without its end.
        is_synced: wait until it is on disk.

    Raises:
        OSError: it cannot be written.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        size = os.fstat(descriptor).st_size
        is_torn = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
        os.write(descriptor, (("\n" if is_torn else "") + line + "\n").encode())
        if is_synced:
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
