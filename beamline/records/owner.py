"""The one process that owns the catalog of a record folder: `python -m beamline.records.owner FOLDER`.

It serves the catalog on the loopback interface, with a random key in a private file, and ingests finished logs in the
background, in the order of their start. It ends when its standard input closes (its parent has ended) and the last
finished log is in, or on SIGTERM after the log that it is at. A line on standard input makes it look for logs at once.

Exit codes: 0 ended as asked, 1 failed, 3 somebody else owns the catalog.
"""

from __future__ import annotations

import argparse
import logging
import os
import secrets
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Any, Final

from beamline.records.access import reader_access
from beamline.records.endpoint import Endpoint, lock_path, remove_endpoint, write_endpoint
from beamline.records.errors import CatalogError
from beamline.records.ingest import Ingester
from beamline.records.layout import Layout
from beamline.records.locks import FileLock
from beamline.records.server import CatalogServer, catalog_config, prepare_database

__all__ = ["main"]

EXIT_OWNED: Final = 3
_NICE: Final = 1
"""The night's process goes first where both want the processor."""

_logger = logging.getLogger("beamline.records.owner")


class _Orders:
    """What the outside wants of this process."""

    def __init__(self) -> None:
        self.wake = threading.Event()
        self._parent = os.getppid()
        self._input_closed = False
        self._terminated = False

    def listen(self) -> None:
        """Follow standard input and signals from now on."""
        signal.signal(signal.SIGTERM, self._terminate)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the night's process, which then closes our input
        threading.Thread(target=self._read_input, name="standard-input", daemon=True).start()

    @property
    def must_end_now(self) -> bool:
        return self._terminated

    @property
    def may_end(self) -> bool:
        # A process that the parent has forked may keep our input open; the change of parent tells all the same.
        return self._input_closed or os.getppid() != self._parent

    def _terminate(self, _number: int, _frame: FrameType | None) -> None:
        self._terminated = True  # no event is set here: a handler that takes a lock can wait for itself

    def _read_input(self) -> None:
        while os.read(sys.stdin.fileno(), 4096):
            self.wake.set()
        self._input_closed = True
        self.wake.set()


def main(arguments: Sequence[str] | None = None) -> int:
    """Own the catalog until told to end; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="beamline.records.owner", description="Own and serve the catalog of a folder."
    )
    parser.add_argument("folder", type=Path, help="the record folder")
    parser.add_argument("--poll-s", type=float, default=0.5, help="how often to look for finished logs, in s")
    given = parser.parse_args(arguments)
    layout = Layout.of(given.folder)
    layout.catalog.mkdir(parents=True, exist_ok=True)
    lock = FileLock(lock_path(layout))
    if not lock.acquire():
        sys.stderr.write(f"{layout.catalog} is owned by another living process; connect with open_catalog()\n")
        return EXIT_OWNED
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    for chatty in ("httpx", "alembic"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    for name in [name for name in os.environ if name.startswith("TILED_")]:
        del os.environ[name]  # Tiled lets them overrule the configuration
    os.nice(_NICE)
    orders = _Orders()
    orders.listen()
    try:
        _own(layout, orders, given.poll_s)
    except Exception:
        _logger.exception("the catalog of %s is given up; the logs are not touched by this", layout.folder)
        return 1
    finally:
        remove_endpoint(layout)
        lock.release()
    return 0


def _own(layout: Layout, orders: _Orders, poll_s: float) -> None:
    remove_endpoint(layout)
    lock_path(layout).write_text(str(os.getpid()), encoding="ascii")
    # The ingester's key never leaves this process: only with it are runs seen before they are whole.
    own_key, user_key = secrets.token_hex(32), secrets.token_hex(32)
    config = catalog_config(layout, own_key)
    prepare_database(layout)
    server = CatalogServer(config, reader_access(layout), user_key)
    server.start()
    try:
        client = _connect(server.url, own_key)
        write_endpoint(layout, Endpoint(server.url, user_key, os.getpid()))
        _logger.info("serving the catalog of %s on %s", layout.folder, server.url)
        _ingest_until_told(Ingester(layout, client, server.root), server, orders, poll_s)
    finally:
        server.stop()


def _ingest_until_told(ingester: Ingester, server: CatalogServer, orders: _Orders, poll_s: float) -> None:
    while not orders.must_end_now:
        if not server.is_alive:
            raise CatalogError("the server has ended by itself")
        orders.wake.clear()
        may_end = orders.may_end  # asked before the last look at the logs
        if ingester.step() is not None:
            continue
        if may_end:
            return
        orders.wake.wait(poll_s)


def _connect(url: str, api_key: str) -> Any:
    from tiled.client import from_uri  # noqa: PLC0415  # heavy; see `server`

    return from_uri(url, api_key=api_key, trust_env=False)


if __name__ == "__main__":
    sys.exit(main())
