"""The Tiled server around the embedded catalog: SQLite for metadata, DuckDB for tables, zarr for arrays, one folder.

Only the owner process imports this at run time: the server side of Tiled takes seconds to import and 350 MB.
"""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

from beamline.records.errors import CatalogError
from beamline.records.layout import Layout

__all__ = ["CatalogServer", "catalog_config", "prepare_database"]

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
        "uri": _uri(folder / "catalog.db"),
        "writable_storage": [f"file://localhost{layout.arrays}", f"duckdb:///{folder / 'tables.duckdb'}"],
        # Without it look-up by index and by scan number fails in the Bluesky client.
        "specs": [{"name": "CatalogOfBlueskyRuns", "version": "3.0"}],
    }
    exporters = {"application/json-seq": "bluesky_tiled_plugins.exporters:json_seq_exporter"}
    return {
        "trees": [{"path": "/", "tree": "catalog", "args": catalog}],
        "media_types": {"BlueskyRun": exporters},  # without it `run.documents()` fails
        "authentication": {"single_user_api_key": api_key, "allow_anonymous_access": False},
    }


def prepare_database(layout: Layout) -> None:
    """Make the metadata database where there is none, and look whether Tiled can work with the one that is there.

    Making it is what `tiled catalog init` does, without the 4 s of a second process that imports Tiled. The file gets
    its name only when it is whole.

    Raises:
        CatalogError: it is no database, or that of another version of Tiled.
    """
    import asyncio  # noqa: PLC0415  # these are heavy; see the module's docstring

    from sqlalchemy.exc import SQLAlchemyError  # noqa: PLC0415
    from tiled.alembic_utils import DatabaseUpgradeNeeded, UninitializedDatabase  # noqa: PLC0415

    database = layout.catalog / "catalog.db"
    if not database.exists():
        draft = database.with_suffix(".draft")
        draft.unlink(missing_ok=True)
        _make_tables(draft)
        draft.rename(database)
    try:
        asyncio.run(_check(database))
    except (SQLAlchemyError, DatabaseUpgradeNeeded, UninitializedDatabase) as error:
        raise CatalogError(f"{database} is of no use to this Tiled: {error}") from error


def _make_tables(database: Path) -> None:
    import asyncio  # noqa: PLC0415  # see above

    from tiled.alembic_utils import stamp_head  # noqa: PLC0415
    from tiled.catalog.alembic_constants import ALEMBIC_DIR, ALEMBIC_INI_TEMPLATE_PATH  # noqa: PLC0415
    from tiled.catalog.core import initialize_database  # noqa: PLC0415

    asyncio.run(_with_engine(database, initialize_database))
    stamp_head(ALEMBIC_INI_TEMPLATE_PATH, ALEMBIC_DIR, _uri(database))


async def _check(database: Path) -> None:
    from tiled.alembic_utils import check_database  # noqa: PLC0415  # see above
    from tiled.catalog.core import ALL_REVISIONS, REQUIRED_REVISION  # noqa: PLC0415

    await _with_engine(database, lambda engine: check_database(engine, REQUIRED_REVISION, ALL_REVISIONS))


async def _with_engine(database: Path, work: Callable[[Any], Awaitable[None]]) -> None:
    from sqlalchemy.ext.asyncio import create_async_engine  # noqa: PLC0415  # see above

    engine = create_async_engine(_uri(database))
    try:
        await work(engine)
    finally:
        await engine.dispose()


def _uri(database: Path) -> str:
    return f"sqlite+aiosqlite:///{database}"


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
