"""The process of the queue server: bluesky-queueserver's, as it comes, with an end for the case that who started it is gone.

Its standard input is a pipe that nobody writes to: it ends with the process that started this one. Then the manager is killed,
for nobody would end it; the worker sees that its server is gone, aborts its plan and leaves the bench safe by itself.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import threading

__all__ = ["main"]

WORKER = "RE Worker Process"


def _end_with_parent(descriptor: int) -> None:
    while os.read(descriptor, 1):
        pass
    for process in multiprocessing.active_children():
        if process.name != WORKER:
            process.kill()
    os._exit(1)


def main() -> None:
    """Run the server with the options of the command line."""
    from bluesky_queueserver.manager.start_manager import start_manager  # noqa: PLC0415  # of an extra

    descriptor = os.dup(sys.stdin.fileno())
    threading.Thread(target=_end_with_parent, args=(descriptor,), name="parent", daemon=True).start()
    sys.exit(start_manager())


if __name__ == "__main__":
    main()
