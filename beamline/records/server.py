"""The Tiled server around the embedded catalog: SQLite for metadata, DuckDB for tables, zarr for arrays, one folder.

Only the owner process imports this at run time: the server side of Tiled takes seconds to import and 350 MB.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

from beamline.records.access import LOOPBACK, ReaderAccess
from beamline.records.direct import DirectNode
from beamline.records.errors import CatalogError
from beamline.records.gate import Channel, Scope, with_keys
from beamline.records.layout import Layout

__all__ = [
    "CatalogServer",
    "catalog_config",
    "is_prepared",
    "make_tables",
    "prepare_database",
    "serve_config",
    "sqlite_uri",
    "tiled_config",
]

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
    storage = [f"file://localhost{layout.arrays}", f"duckdb:///{folder / 'tables.duckdb'}"]
    return tiled_config(sqlite_uri(folder / "catalog.db"), storage, api_key)


def tiled_config(uri: str, storage: list[str], api_key: str) -> dict[str, Any]:
    """What any Tiled server needs to know to serve Bluesky runs.

    Args:
        uri: of the metadata's database.
        storage: where arrays and tables are written.
        api_key: of its one user; without it, nobody reads.
    """
    catalog = {
        "uri": uri,
        "writable_storage": storage,
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

    The file gets its name only when it is whole.

    Raises:
        CatalogError: it is no database, or that of another version of Tiled.
    """
    database = layout.catalog / "catalog.db"
    if not database.exists():
        draft = database.with_suffix(".draft")
        draft.unlink(missing_ok=True)
        make_tables(sqlite_uri(draft))
        draft.rename(database)
    if not is_prepared(sqlite_uri(database), str(database)):
        raise CatalogError(f"{database} is of no use to this Tiled: it holds no tables")


def make_tables(uri: str) -> None:
    """Make the tables of a catalog in an empty database.

    It is what `tiled catalog init` does, without the 4 s of a second process that imports Tiled, and without an
    address, perhaps with its password, among the arguments of a process that everybody may list.
    """
    import asyncio  # noqa: PLC0415  # see above

    from tiled.alembic_utils import stamp_head  # noqa: PLC0415
    from tiled.catalog.alembic_constants import ALEMBIC_DIR, ALEMBIC_INI_TEMPLATE_PATH  # noqa: PLC0415
    from tiled.catalog.core import initialize_database  # noqa: PLC0415

    asyncio.run(_with_engine(uri, initialize_database))
    stamp_head(ALEMBIC_INI_TEMPLATE_PATH, ALEMBIC_DIR, uri)


def is_prepared(uri: str, name: str) -> bool:
    """Whether a database holds the tables of a catalog, of this version of Tiled.

    Args:
        uri: its address.
        name: what to call it in messages: the address may hold a password.

    Raises:
        CatalogError: it cannot be reached, is no database, or that of another version of Tiled.
    """
    import asyncio  # noqa: PLC0415  # these are heavy; see the module's docstring

    from sqlalchemy.exc import SQLAlchemyError  # noqa: PLC0415
    from tiled.alembic_utils import DatabaseUpgradeNeeded, UninitializedDatabase  # noqa: PLC0415

    try:
        asyncio.run(_check(uri))
    except UninitializedDatabase:
        return False
    except (SQLAlchemyError, DatabaseUpgradeNeeded, OSError) as error:
        raise CatalogError(f"{name} is of no use to this Tiled: {error}") from error
    return True


async def _check(uri: str) -> None:
    from tiled.alembic_utils import check_database  # noqa: PLC0415  # see above
    from tiled.catalog.core import ALL_REVISIONS, REQUIRED_REVISION  # noqa: PLC0415

    await _with_engine(uri, lambda engine: check_database(engine, REQUIRED_REVISION, ALL_REVISIONS))


async def _with_engine(uri: str, work: Callable[[Any], Awaitable[None]]) -> None:
    from sqlalchemy.ext.asyncio import create_async_engine  # noqa: PLC0415  # see above

    engine = create_async_engine(uri)
    try:
        await work(engine)
    finally:
        await engine.dispose()


def sqlite_uri(database: Path) -> str:
    """Address of a SQLite file, with the driver that Tiled uses."""
    return f"sqlite+aiosqlite:///{database}"


class CatalogServer:
    """Serves a catalog on the loopback interface, in a thread, until `stop`.

    Args:
        config: as `catalog_config` makes it.
        reader: at which port, and with which key it may be read. Where the port is taken, another one serves; who has
            only a profile does not find it there.
        user_key: for everything, but runs that are not whole yet are not seen with it.
    """

    def __init__(self, config: dict[str, Any], reader: ReaderAccess, user_key: str | None = None) -> None:
        import uvicorn  # noqa: PLC0415  # heavy; see the module's docstring
        from tiled.server.app import build_app_from_config  # noqa: PLC0415

        self._socket = _listen(reader.port)
        api_key = config["authentication"]["single_user_api_key"]
        app = build_app_from_config(config)
        self._tree = app.state.root_tree
        self._loop: asyncio.AbstractEventLoop | None = None
        _let_readers_read_at_once(self._tree.context)
        self._app = with_keys(app, api_key=api_key, reader_key=reader.api_key, user_key=user_key)
        # No access log: a key that somebody put into an address would stand in it.
        settings = uvicorn.Config(
            self._serve,
            interface="asgi3",
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=int(_END_TIMEOUT_S),
        )
        self._server = uvicorn.Server(settings)
        self._thread = threading.Thread(target=self._run, name="catalog-server", daemon=True)

    @property
    def url(self) -> str:
        """Address of the API."""
        return f"http://{LOOPBACK}:{self._socket.getsockname()[1]}/api/v1/"

    @property
    def root(self) -> DirectNode:
        """The catalog from inside, with the runs that are not whole yet.

        Raises:
            CatalogError: it does not serve yet.
        """
        if self._loop is None:
            raise CatalogError("the catalog's server has not been started")
        return DirectNode(self._tree, self._loop)

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

    async def _serve(self, scope: Scope, receive: Channel, send: Channel) -> None:
        if scope["type"] == "lifespan":  # the first call, in the loop in which the database works from now on
            self._loop = asyncio.get_running_loop()
        await self._app(scope, receive, send)

    def _run(self) -> None:
        try:
            self._server.run(sockets=[self._socket])
        except Exception:
            _logger.exception("the catalog's server ended")


def serve_config(config: dict[str, Any], reader_key: str | None) -> None:
    """Serve what a configuration says, until a signal ends it.

    Unlike `tiled serve config` it knows a key that only reads, prints no key, and logs no addresses, in which keys may be.

    Args:
        config: Tiled's configuration, its references filled in.
        reader_key: of those who only read; None where there are none.

    Raises:
        ValueError: the two keys are the same.
    """
    import uvicorn  # noqa: PLC0415  # heavy; see the module's docstring
    from tiled.config import Config  # noqa: PLC0415
    from tiled.server.app import build_app_from_config  # noqa: PLC0415

    app: Any = build_app_from_config(Config.model_validate(config))
    if reader_key is not None:
        api_key = config["authentication"]["single_user_api_key"]
        app = with_keys(app, api_key=api_key, reader_key=reader_key)
    uvicorn.run(app, **config["uvicorn"], access_log=False)


def _let_readers_read_at_once(context: Any) -> None:
    """A connection to the tables for each request that is under way.

    Tiled gives all of them one and the same connection to DuckDB, in which the answer to one is closed by the question of
    the next: error 500 as soon as two readers, or a reader and the ingester, come together. DuckDB itself takes as many
    connections as one process likes.
    """
    from sqlalchemy.pool import QueuePool  # noqa: PLC0415  # heavy; see the module's docstring

    for storage in context.writable_storage.values():
        if getattr(storage, "dialect", "") == "duckdb":
            # Where Tiled itself keeps the pool that it makes at the first use; it lets go of it at the end.
            storage.__dict__["_connection_pool"] = QueuePool(
                storage._adbc_connection.adbc_clone,  # noqa: SLF001  # there is no setting for it
                pool_size=5,
                max_overflow=30,
            )


def _listen(port: int) -> socket.socket:
    try:
        return socket.create_server((LOOPBACK, port))
    except OSError as error:
        _logger.warning("port %d is taken (%s); profiles do not find this catalog", port, error.strerror)
        return socket.create_server((LOOPBACK, 0))
