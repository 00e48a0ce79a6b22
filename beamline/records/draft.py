"""A run of the catalog before it is in: the nodes that Tiled's writer makes, kept in memory until they are stored together.

The writer sees the methods of Tiled's client that it calls; nothing here touches a database or a file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = ["DraftCatalog", "DraftNode", "Family", "plain"]

Family = Literal["container", "array", "table"]
_ONE_CHUNK_BYTES: Final = 100_000_000
"""How large a chunk of an array may be, as Tiled's client has it."""


@dataclass
class DraftNode:
    """A node that is to be, and what it is to hold.

    Attributes:
        key: its name in its parent.
        family: what kind of data it holds.
        metadata: as it will be stored.
        specs: which of Bluesky's structures it is.
        source: how its data are laid out, as Tiled's `DataSource` without its files; None for a container.
        array: the values of an array.
        rows: the rows of a table, in the order in which they came.
        children: by key.
    """

    key: str
    family: Family
    metadata: dict[str, Any]
    specs: list[Any] = field(default_factory=list)
    source: Any = None
    array: npt.NDArray[np.generic] | None = None
    rows: list[Any] = field(default_factory=list)
    children: dict[str, DraftNode] = field(default_factory=dict)

    @property
    def base(self) -> DraftNode:
        """Itself: it has no face for users."""
        return self

    @property
    def item(self) -> dict[str, str]:
        """What the writer asks for its name."""
        return {"id": self.key}

    @property
    def uri(self) -> str:
        """Something that no other node has."""
        return f"draft:{id(self)}"

    def levels(self) -> Iterator[list[tuple[DraftNode | None, DraftNode]]]:
        """The nodes from this one downwards, generation by generation, each with its parent."""
        level: list[tuple[DraftNode | None, DraftNode]] = [(None, self)]
        while level:
            yield level
            level = [(node, child) for _parent, node in level for child in node.children.values()]

    def create_container(self, key: str, *, metadata: Any, specs: Any, access_tags: Any = None) -> DraftNode:
        """A child that holds others."""
        _refuse_tags(access_tags)
        return self._add(DraftNode(key, "container", plain(metadata), plain(list(specs))))

    def write_array(
        self, array: npt.NDArray[np.generic], *, key: str, metadata: Any, dims: Any, access_tags: Any = None
    ) -> DraftNode:
        """A child that holds an array."""
        from dask.array.core import normalize_chunks  # noqa: PLC0415  # heavy
        from tiled.structures.array import ArrayStructure, BuiltinDtype  # noqa: PLC0415
        from tiled.structures.data_source import DataSource  # noqa: PLC0415

        _refuse_tags(access_tags)
        chunks = normalize_chunks(  # type: ignore[no-untyped-call]  # dask declares no types for it
            ("auto",) * array.ndim, limit=_ONE_CHUNK_BYTES, dtype=array.dtype, shape=array.shape
        )
        kind = BuiltinDtype.from_numpy_dtype(array.dtype)
        structure = ArrayStructure(shape=array.shape, chunks=chunks, dims=dims, data_type=kind)
        source = DataSource(structure=structure, structure_family="array", mimetype="application/x-zarr", parameters={})
        return self._add(DraftNode(key, "array", plain(metadata), source=source, array=array))

    def create_appendable_table(self, schema: Any, *, key: str, metadata: Any, access_tags: Any = None) -> DraftNode:
        """A child that holds a table, without rows yet."""
        from tiled.structures.data_source import DataSource  # noqa: PLC0415  # heavy
        from tiled.structures.table import TableStructure  # noqa: PLC0415

        _refuse_tags(access_tags)
        source = DataSource(
            structure=TableStructure.from_schema(schema, 1),
            structure_family="table",
            mimetype="application/x-tiled-sql-table",
            parameters={},
        )
        return self._add(DraftNode(key, "table", plain(metadata), source=source))

    def append_partition(self, partition: int, table: Any) -> None:
        """Rows for a table, of which ours have one partition."""
        if partition != 0:
            raise ValueError(f"{partition=}: a table of a run has partition 0 alone")
        self.rows.append(table)

    def update_metadata(self, metadata: Mapping[str, Any], *, drop_revision: bool) -> None:
        """Replace some keys of the metadata."""
        if not drop_revision:
            raise ValueError("a node that is not stored yet has no earlier metadata to keep")
        self.metadata = {**self.metadata, **plain(metadata)}

    def close_stream(self) -> None:
        """Nothing: who looks over Tiled's channels for live data is told nothing by this catalog."""

    def _add(self, child: DraftNode) -> DraftNode:
        if child.key in self.children:
            raise ValueError(f"{self.key} has {child.key!r} already")
        self.children[child.key] = child
        return child


class DraftCatalog:
    """What the writer takes for the catalog: it keeps the run that is made in it."""

    def __init__(self) -> None:
        self.runs: list[DraftNode] = []

    def include_data_sources(self) -> DraftCatalog:
        """Itself."""
        return self

    def create_container(self, key: str, *, metadata: Any, specs: Any, access_tags: Any = None) -> DraftNode:
        """A run."""
        _refuse_tags(access_tags)
        self.runs.append(DraftNode(key, "container", plain(metadata), plain(list(specs))))
        return self.runs[-1]


def plain(value: Any) -> Any:
    """What arrives at a server: JSON, arrays as lists, what is no finite number as null."""
    import orjson  # noqa: PLC0415  # the night's process never gets here
    from tiled.utils import safe_json_dump  # noqa: PLC0415

    return orjson.loads(safe_json_dump(value))


def _refuse_tags(access_tags: Any) -> None:
    """Of runs that may be seen by some users only; a catalog of one user has none of them."""
    if access_tags:
        raise ValueError(f"{access_tags=}: a run with tags of access goes through the server")
