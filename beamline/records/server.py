"""The Tiled server around the embedded catalog: SQLite for metadata, DuckDB for tables, zarr for arrays, one folder.

Only the owner process imports this at run time: the server side of Tiled takes seconds to import and 350 MB.
"""

from __future__ import annotations

import logging
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, Final

from beamline.records.errors import CatalogError
from beamline.records.layout import Layout

__all__ = ["CatalogServer", "begin_database", "catalog_config", "finish_database"]

_LOOPBACK: Final = "127.0.0.1"
_START_TIMEOUT_S: Final = 60.0
_END_TIMEOUT_S: Final = 10.0

_logger = logging.getLogger(__name__)


def catalog_config(layout: Layout, api_key: str) -> dict[str, Any]:
    """Tiled's configuration of the catalog of a record folder.

    Raises:
        CatalogError: the folder's path holds characters that Tiled's addresses of files cannot carry.
    """
    folder = layout.catalog
    if set(str(folder)) & set("?#%;"):
        raise CatalogError(f"{folder}: a catalog cannot live under a path with one of ? # % ; choose another folder")
    catalog = {
        "uri": f"sqlite:///{_database(layout)}",
        "writable_storage": [f"file://localhost{folder / 'arrays'}", f"duckdb:///{folder / 'tables.duckdb'}"],
        # Without it look-up by index and by scan number fails in the Bluesky client.
        "specs": [{"name": "CatalogOfBlueskyRuns", "version": "3.0"}],
    }
    exporters = {"application/json-seq": "bluesky_tiled_plugins.exporters:json_seq_exporter"}
    return {
        "trees": [{"path": "/", "tree": "catalog", "args": catalog}],
        "media_types": {"BlueskyRun": exporters},  # without it `run.documents()` fails
        "authentication": {"single_user_api_key": api_key, "allow_anonymous_access": False},
    }


def begin_database(layout: Layout) -> subprocess.Popen[bytes] | None:
    """Start to make the metadata database, where there is none; None where there is.

    It takes some 5 s in a process of its own, and gets its name only when it is whole: see `finish_database`.
    """
    if _database(layout).exists():
        return None
    draft = _draft(layout)
    draft.unlink(missing_ok=True)
    command = [sys.executable, "-m", "tiled", "catalog", "init", f"sqlite:///{draft}"]
    return subprocess.Popen(  # noqa: S603  # our own interpreter, and a path that `catalog_config` has checked
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )


def finish_database(layout: Layout, process: subprocess.Popen[bytes] | None) -> None:
    """Wait for `begin_database`.

    Raises:
        CatalogError: the database could not be made.
    """
    if process is None:
        return
    said, _nothing = process.communicate()
    if process.returncode != 0:
        raise CatalogError(f"the catalog's database cannot be made: {said.decode(errors='replace').strip()}")
    _draft(layout).rename(_database(layout))


class CatalogServer:
    """Serves a catalog on a free port of the loopback interface, in a thread, until `stop`.

    Args:
        config: as `catalog_config` makes it.
    """

    def __init__(self, config: dict[str, Any]) -> None:
        import uvicorn  # noqa: PLC0415  # heavy; see the module's docstring
        from tiled.server.app import build_app_from_config  # noqa: PLC0415

        self._socket = socket.create_server((_LOOPBACK, 0))
        app = build_app_from_config(config)
        # No access log: a key that somebody put into an address would stand in it.
        settings = uvicorn.Config(app, log_config=None, access_log=False, timeout_graceful_shutdown=int(_END_TIMEOUT_S))
        self._server = uvicorn.Server(settings)
        self._thread = threading.Thread(target=self._run, name="catalog-server", daemon=True)

    @property
    def url(self) -> str:
        """Address of the API."""
        return f"http://{_LOOPBACK}:{self._socket.getsockname()[1]}/api/v1/"

    @property
    def is_alive(self) -> bool:
        """Whether it serves."""
        return self._thread.is_alive()

    def start(self) -> None:
        """Begin to serve; returns when requests are answered.

        Raises:
            CatalogError: it ended, or was not ready within a minute.
        """
        self._thread.start()
        waiting = threading.Event()
        for _turn in range(int(_START_TIMEOUT_S / 0.05)):
            if self._server.started:
                return
            if not self._thread.is_alive():
                break
            waiting.wait(0.05)
        raise CatalogError(f"the catalog's server did not start within {_START_TIMEOUT_S:g} s; see owner.log beside it")

    def stop(self) -> None:
        """End serving; bounded by a few seconds."""
        self._server.should_exit = True
        if self._thread.ident is not None:
            self._thread.join(_END_TIMEOUT_S + 1.0)
        self._socket.close()

    def _run(self) -> None:
        try:
            self._server.run(sockets=[self._socket])
        except Exception:
            _logger.exception("the catalog's server ended")


def _database(layout: Layout) -> Path:
    return layout.catalog / "catalog.db"


def _draft(layout: Layout) -> Path:
    return layout.catalog / "catalog.db.draft"
