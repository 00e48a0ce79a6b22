"""The catalog written from inside the process that serves it: what Tiled's writer makes, without a server in between.

A request to the server costs some 20 ms of processor time, and a measurement takes twenty requests; through the adapters
that the server's routes end in, it still takes a hundred statements in eight transactions. Here the same writer makes the same
nodes in memory (`draft`), their data go where Tiled's own adapters put them, and then all nodes of the run come into
the database together, in one transaction: a run is in whole, or not at all. What readers get is the same, value by value
(`vitrail records check` proves it).

Data in outside files, arrays whose length is not declared, and runs with tags of access are rare at this bench and go
through the server.
"""

from __future__ import annotations

import asyncio
import dataclasses
import sys
from collections.abc import Coroutine, Mapping
from functools import cache
from types import SimpleNamespace
from typing import Any, Final

from beamline.records.draft import DraftCatalog, DraftNode
from beamline.records.reader import RunLog

__all__ = ["DirectNode", "can_write_directly", "draft_of", "write_directly"]

_TIMEOUT_S: Final = 120.0
"""For one operation on the database; no more than a guard against a server that has died."""
_INSIDE: Final = frozenset({"start", "descriptor", "event", "event_page", "stop"})


class DirectNode:
    """A node of the catalog, from inside the process that serves it.

    Args:
        adapter: of the node, as the server has it.
        loop: the server's, in which its database works; this object is for other threads.
    """

    def __init__(self, adapter: Any, loop: asyncio.AbstractEventLoop) -> None:
        self._adapter = adapter
        self._loop = loop

    @property
    def metadata(self) -> Mapping[str, Any]:
        """As it was when this object was made."""
        metadata: Mapping[str, Any] = self._adapter.metadata()
        return metadata

    def child(self, key: str) -> DirectNode | None:
        """A direct child, or None."""
        from tiled.server.core import NoEntry  # noqa: PLC0415  # the server side is heavy

        try:
            return DirectNode(self._wait(self._adapter.lookup_adapter([key])), self._loop)
        except NoEntry:
            return None

    def delete_contents(self, key: str, **how: Any) -> None:
        """Take a child out, as Tiled's client does."""
        child = self.child(key)
        if child is not None:
            child._wait(child._adapter.delete(**how))  # noqa: SLF001  # of its own class

    def store(self, run: DraftNode) -> None:
        """Store a node and all below it: their data first, then they themselves, in one transaction."""
        sources = {id(node): self._store_data(node, path) for path, node in _leaves(run)}
        self._wait(self._store_nodes(run, sources))

    def _store_data(self, node: DraftNode, path: list[str]) -> Any:
        """Put the data of a node where Tiled's adapter wants them; returns the source with its files."""
        adapter_class = _adapter_class(node.source.mimetype)
        allowed = tuple(_storage_of(adapter_class))
        storage = next(each for each in self._adapter.context.writable_storage.values() if isinstance(each, allowed))
        source = adapter_class.init_storage(storage, node.source, path)
        known = SimpleNamespace(metadata_=node.metadata, specs=[], structure_family=node.family)
        data = self._adapter.context.adapters_by_mimetype[source.mimetype].from_catalog(
            source, known, **source.parameters
        )
        if node.array is not None:
            data.write(node.array)
        for rows in node.rows:
            data.append_partition(0, rows)
        return source

    async def _store_nodes(self, run: DraftNode, sources: Mapping[int, Any]) -> None:
        from tiled.catalog import orm  # noqa: PLC0415  # the server side is heavy

        numbers: dict[int, int] = {}
        async with self._adapter.context.engine.begin() as connection:
            for level in run.levels():
                parents = [self._adapter.node.id if parent is None else numbers[id(parent)] for parent, _node in level]
                nodes = [node for _parent, node in level]
                rows = [_node_row(node, parent) for node, parent in zip(nodes, parents, strict=True)]
                numbers |= zip(map(id, nodes), await _insert(connection, orm.Node, rows), strict=True)
            if not sources:
                return
            found = [(numbers[node], source, *_structure(source)) for node, source in sources.items()]
            structures = {digest: structure for _node, _source, digest, structure in found}
            await connection.execute(
                self._adapter.insert(orm.Structure).on_conflict_do_nothing(index_elements=["id"]),
                [{"id": digest, "structure": structure} for digest, structure in structures.items()],
            )
            rows = [_source_row(source, node, digest) for node, source, digest, _structure in found]
            source_ids = await _insert(connection, orm.DataSource, rows)
            assets = [
                (number, asset) for number, each in zip(source_ids, found, strict=True) for asset in each[1].assets
            ]
            asset_ids = await _asset_ids(connection, [asset for _number, asset in assets])
            joined = [
                {
                    "data_source_id": number,
                    "asset_id": asset_ids[asset.data_uri],
                    "parameter": asset.parameter,
                    "num": asset.num,
                }
                for number, asset in assets
            ]
            await connection.execute(orm.DataSourceAssetAssociation.__table__.insert(), joined)

    def _wait(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(_TIMEOUT_S)


def can_write_directly(log: RunLog) -> bool:
    """Whether a run holds nothing but what is stored directly."""
    return all(name in _INSIDE and _is_plain(name, doc) for name, doc in log)


def write_directly(catalog: DirectNode, log: RunLog) -> None:
    """Write the documents of a log into a catalog that does not have its run."""
    catalog.store(draft_of(log))


def draft_of(log: RunLog) -> DraftNode:
    """The run of a log with its nodes, as Tiled's writer makes them."""
    from bluesky_tiled_plugins import TiledWriter  # noqa: PLC0415  # heavy

    catalog = DraftCatalog()
    # All events of a stream at once: the log is in memory anyhow, and arrays need not grow.
    writer = TiledWriter(catalog, normalizer=_normalizer(), max_array_size=0, batch_size=sys.maxsize)
    for name, doc in log:
        writer(name, doc)
    (run,) = catalog.runs
    return run


@cache
def _normalizer() -> Any:
    """Tiled's, which checks each document against its schema; of events, whose check costs more than all else, only the first."""
    from bluesky_tiled_plugins.writing.tiled_writer import RunNormalizer  # noqa: PLC0415  # heavy

    class Normalizer(RunNormalizer):  # type: ignore[misc]  # Bluesky ships no types
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self._checked: set[str] = set()

        def emit(self, name: Any, doc: Any) -> None:
            if name.name == "event" and doc["descriptor"] in self._checked:
                self.dispatcher.process(name, doc)
                return
            if name.name == "event":
                self._checked.add(doc["descriptor"])
            super().emit(name, doc)

    return Normalizer


def _is_plain(name: str, doc: Mapping[str, Any]) -> bool:
    if name == "descriptor":
        return not any(None in (about.get("shape") or ()) for about in doc.get("data_keys", {}).values())
    return name != "start" or not doc.get("tiled_access_tags")


def _leaves(run: DraftNode) -> list[tuple[list[str], DraftNode]]:
    """All nodes with data, and their paths."""
    paths = {id(run): [run.key]}
    found = []
    for level in run.levels():
        for parent, node in level:
            if parent is not None:
                paths[id(node)] = [*paths[id(parent)], node.key]
            if node.source is not None:
                found.append((paths[id(node)], node))
    return found


@cache
def _adapter_class(mimetype: str) -> Any:
    from tiled.catalog.adapter import STORAGE_ADAPTERS_BY_MIMETYPE  # noqa: PLC0415  # the server side is heavy

    return STORAGE_ADAPTERS_BY_MIMETYPE[mimetype]


def _storage_of(adapter_class: Any) -> Any:
    """The kinds of storage that an adapter writes to; those that do not say it take files."""
    from tiled.storage import FileStorage  # noqa: PLC0415  # the server side is heavy

    return getattr(adapter_class, "supported_storage", lambda: {FileStorage})()


def _node_row(node: DraftNode, parent: int) -> dict[str, Any]:
    return {
        "parent": parent,
        "key": node.key,
        "structure_family": node.family,
        "metadata": node.metadata,
        "specs": node.specs,
    }


def _source_row(source: Any, node: int, digest: str) -> dict[str, Any]:
    return {
        "node_id": node,
        "structure_family": source.structure_family,
        "mimetype": source.mimetype,
        "management": source.management,
        "parameters": source.parameters,
        "properties": source.properties,
        "structure_id": digest,
    }


def _structure(source: Any) -> tuple[str, dict[str, Any]]:
    """A layout and its digest, under which equal layouts are stored once."""
    from tiled.catalog.utils import compute_structure_id  # noqa: PLC0415  # the server side is heavy

    structure = dataclasses.asdict(source.structure)
    return compute_structure_id(structure), structure


async def _insert(connection: Any, model: Any, rows: list[dict[str, Any]]) -> list[int]:
    """Rows into a table, in one statement; their numbers in the same order."""
    table = model.__table__
    statement = table.insert().returning(table.c.id, sort_by_parameter_order=True)
    return [number for (number,) in await connection.execute(statement, rows)]


async def _asset_ids(connection: Any, assets: list[Any]) -> dict[str, int]:
    """Numbers of files and databases by their address; those that are not known yet are entered."""
    from tiled.catalog import orm  # noqa: PLC0415  # the server side is heavy

    table = orm.Asset.__table__
    by_uri = {asset.data_uri: asset for asset in assets}
    known = await connection.execute(table.select().where(table.c.data_uri.in_(list(by_uri))))
    numbers = {row.data_uri: row.id for row in known}
    new = [asset for uri, asset in by_uri.items() if uri not in numbers]
    rows = [{"data_uri": each.data_uri, "is_directory": each.is_directory, "size": each.size} for each in new]
    if rows:
        numbers |= zip((each.data_uri for each in new), await _insert(connection, orm.Asset, rows), strict=True)
    return numbers
