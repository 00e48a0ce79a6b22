"""The catalog written from inside the process that serves it: what Tiled's writer asks of a client, without a server in between.

A request to the server costs some 20 ms of processor time, most of it on the way to the database and not in it, and a
measurement takes twenty requests. Here the same writer makes the same nodes through the adapters that the server's
routes end in, so what readers get is the same, value by value (`vitrail records check` proves it).

Data in outside files, and arrays whose length is not declared, are rare at this bench and go through the server.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Coroutine, Mapping
from typing import TYPE_CHECKING, Any, Final

from beamline.records.reader import RunLog

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = ["DirectNode", "can_write_directly", "write_directly"]

_TIMEOUT_S: Final = 120.0
"""For one operation on the database; no more than a guard against a server that has died."""
_ONE_CHUNK_BYTES: Final = 100_000_000
"""How large a chunk of an array may be, as Tiled's client has it."""
_INSIDE: Final = frozenset({"start", "descriptor", "event", "event_page", "stop"})


class DirectNode:
    """A node of the catalog, with the methods of Tiled's client that its writer of runs calls.

    Args:
        adapter: of the node, as the server has it.
        loop: the server's, in which its database works; this object is for other threads.
        key: name of the node in its parent.
    """

    def __init__(self, adapter: Any, loop: asyncio.AbstractEventLoop, key: str = "") -> None:
        self._adapter = adapter
        self._loop = loop
        self.item = {"id": key}
        self._metadata: dict[str, Any] = adapter.metadata()

    @property
    def base(self) -> DirectNode:
        """Itself: it has no face for users."""
        return self

    @property
    def uri(self) -> str:
        """Something that no other node has."""
        return f"direct:{self._adapter.node.id}"

    @property
    def metadata(self) -> Mapping[str, Any]:
        """As last written."""
        return self._metadata

    def include_data_sources(self) -> DirectNode:
        """Itself."""
        return self

    def child(self, key: str) -> DirectNode | None:
        """A direct child, or None."""
        from tiled.server.core import NoEntry  # noqa: PLC0415  # the server side is heavy

        try:
            return DirectNode(self._wait(self._adapter.lookup_adapter([key])), self._loop, key)
        except NoEntry:
            return None

    def delete_contents(self, key: str, **how: Any) -> None:
        """Take a child out, as Tiled's client does."""
        child = self.child(key)
        if child is not None:
            child._delete(**how)  # noqa: SLF001  # of its own class

    def create_container(self, key: str, *, metadata: Any, specs: Any, access_tags: Any = None) -> DirectNode:
        """A child that holds others."""
        return self._create("container", key, metadata, [], specs, access_tags)

    def write_array(
        self, array: npt.NDArray[np.generic], *, key: str, metadata: Any, dims: Any, access_tags: Any = None
    ) -> DirectNode:
        """A child that holds an array."""
        from dask.array.core import normalize_chunks  # noqa: PLC0415  # heavy
        from tiled.structures.array import ArrayStructure, BuiltinDtype  # noqa: PLC0415
        from tiled.structures.data_source import DataSource  # noqa: PLC0415

        chunks = normalize_chunks(  # type: ignore[no-untyped-call]  # dask declares no types for it
            ("auto",) * array.ndim, limit=_ONE_CHUNK_BYTES, dtype=array.dtype, shape=array.shape
        )
        kind = BuiltinDtype.from_numpy_dtype(array.dtype)
        structure = ArrayStructure(shape=array.shape, chunks=chunks, dims=dims, data_type=kind)
        source = DataSource(structure=structure, structure_family="array")
        child = self._create("array", key, metadata, [source], [], access_tags)
        child._call("write", array)  # noqa: SLF001  # of its own class
        return child

    def create_appendable_table(self, schema: Any, *, key: str, metadata: Any, access_tags: Any = None) -> DirectNode:
        """A child that holds a table, without rows yet."""
        from tiled.structures.data_source import DataSource  # noqa: PLC0415  # the server side is heavy
        from tiled.structures.table import TableStructure  # noqa: PLC0415

        source = DataSource(
            structure=TableStructure.from_schema(schema, 1),
            structure_family="table",
            mimetype="application/x-tiled-sql-table",
            parameters={},
        )
        return self._create("table", key, metadata, [source], [], access_tags)

    def append_partition(self, partition: int, table: Any) -> None:
        """Rows for a table."""
        self._call("append_partition", partition, table)

    def update_metadata(self, metadata: Mapping[str, Any], *, drop_revision: bool) -> None:
        """Replace some keys of the metadata, in one transaction."""
        changed = {**self._metadata, **_plain(metadata)}
        self._wait(self._adapter.replace_metadata(changed, drop_revision=drop_revision))
        self._metadata = changed

    def close_stream(self) -> None:
        """Nothing: who looks over Tiled's channels for live data is told nothing by this catalog."""

    def _create(  # noqa: PLR0917  # private, and what makes a node
        self, family: str, key: str, metadata: Any, sources: list[Any], specs: Any, access_tags: Any
    ) -> DirectNode:
        from tiled.structures.core import StructureFamily  # noqa: PLC0415  # the server side is heavy

        making = self._adapter.create_node(
            structure_family=StructureFamily(family),
            metadata=_plain(metadata),
            key=key,
            specs=list(specs),
            data_sources=sources,
            access_tags=access_tags,
        )
        return DirectNode(self._wait(making), self._loop, key)

    def _delete(self, **how: Any) -> None:
        self._wait(self._adapter.delete(**how))

    def _call(self, method: str, *arguments: Any) -> None:
        """A method of the adapter of the data itself."""
        from tiled.utils import ensure_awaitable  # noqa: PLC0415  # heavy

        async def call() -> None:
            await ensure_awaitable(getattr(await self._adapter.get_adapter(), method), *arguments)

        self._wait(call())

    def _wait(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(_TIMEOUT_S)


def can_write_directly(log: RunLog) -> bool:
    """Whether a run holds nothing but what `DirectNode` takes."""
    return all(name in _INSIDE and (name != "descriptor" or not _is_ragged(doc)) for name, doc in log)


def write_directly(catalog: DirectNode, log: RunLog) -> None:
    """Write the documents of a log into a catalog that does not have its run."""
    from bluesky_tiled_plugins import TiledWriter  # noqa: PLC0415  # heavy

    # All events of a stream at once: the log is in memory anyhow, and arrays need not grow.
    writer = TiledWriter(catalog, max_array_size=0, batch_size=sys.maxsize)
    for name, doc in log:
        writer(name, doc)


def _is_ragged(descriptor: Mapping[str, Any]) -> bool:
    return any(None in (about.get("shape") or ()) for about in descriptor.get("data_keys", {}).values())


def _plain(metadata: Any) -> Any:
    """What arrives at a server: JSON, arrays as lists, what is no finite number as null."""
    import orjson  # noqa: PLC0415  # the night's process never gets here
    from tiled.utils import safe_json_dump  # noqa: PLC0415

    return orjson.loads(safe_json_dump(metadata))
