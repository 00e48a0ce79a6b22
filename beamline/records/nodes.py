"""What the catalog holds of a run: its streams with their tables and arrays, known after one request.

Each request costs the server some 12 to 30 ms of processor time. Bluesky's client, asked for one column after another, makes
one for each stream, one for each column, and one for the values of each. A server that does not search through all
levels at once is asked once more for each stream.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["StoredStream", "stored_streams"]


@dataclass(frozen=True)
class StoredStream:
    """A stream of a run in the catalog.

    Attributes:
        metadata: of the stream.
        parts: Tiled's clients of its tables and arrays, by key; their values have not been asked for.
    """

    metadata: Mapping[str, Any]
    parts: Mapping[str, Any]

    def columns(self) -> dict[str, npt.NDArray[Any]]:
        """All columns as they are stored, each (n_events, *shape): one request for each table and array."""
        columns: dict[str, npt.NDArray[Any]] = {}
        for name, part in self.parts.items():
            if _is_table(part):
                columns |= _table(part)
            else:
                columns[name] = part.read()
        return columns

    def numbers_and_words(self) -> dict[str, npt.NDArray[Any]]:
        """Those columns that hold no arrays, each (n_events,): one request."""
        columns: dict[str, npt.NDArray[Any]] = {}
        for part in self.parts.values():
            if _is_table(part):
                columns |= _table(part)
        return columns


def stored_streams(run: Any) -> dict[str, StoredStream]:
    """The streams of a run, by name, in the order of storage: one request, however many columns there are.

    Args:
        run: as the catalog's client gives it (`catalog[uid]`).
    """
    from tiled.client.container import Container  # noqa: PLC0415  # heavy, and only for catalogs

    # Not the run itself: once somebody has used `.v2`, its streams have another shape.
    node = Container(run.context, item=run.item, structure_clients=run.structure_clients)
    streams: dict[str, Any] = {}
    parts: dict[str, dict[str, Any]] = {}
    for path, found in _descendants(node):
        if len(path) == 1:
            streams[path[0]] = found
        else:
            parts.setdefault(path[0], {})[path[1]] = found
    return {name: StoredStream(stream.metadata, parts.get(name, {})) for name, stream in streams.items()}


def _descendants(node: Any) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Streams and what is in them, each with its path below the run; a list of `items()` would ask for their number first."""
    from tiled.client.container import Container  # noqa: PLC0415  # see above
    from tiled.queries import SpecsQuery  # noqa: PLC0415

    if "search_deep" in node.item["links"]:
        everything = SpecsQuery([])  # it takes no fewer than one condition: this one holds for all
        yield from node.search_deep(everything, max_depth=2).items()
        return
    for name, stream in node.items():
        yield (name,), stream
        plain = Container(stream.context, item=stream.item, structure_clients=stream.structure_clients)
        for key, part in plain.items():
            yield (name, key), part


def _is_table(part: Any) -> bool:
    return hasattr(part, "columns")


def _table(part: Any) -> dict[str, npt.NDArray[Any]]:
    table = part.read()
    return {column: np.asarray(table[column].to_numpy()) for column in table.columns}
