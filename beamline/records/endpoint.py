"""Where the catalog of a folder is being served: a private file that its owner writes, and the lock that proves it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from beamline.records.access import write_private
from beamline.records.layout import Layout
from beamline.records.locks import is_held

__all__ = ["Endpoint", "endpoint_path", "is_owned", "live_endpoint", "lock_path", "remove_endpoint", "write_endpoint"]


@dataclass(frozen=True)
class Endpoint:
    """How to reach a catalog.

    Attributes:
        url: of Tiled's API, on the loopback interface.
        api_key: reads, changes and deletes runs, and makes none; kept out of `repr`.
        pid: the owner's process.
    """

    url: str
    api_key: str = field(repr=False)
    pid: int


def lock_path(layout: Layout) -> Path:
    """The file whose lock the owner holds."""
    return layout.catalog / "owner.lock"


def endpoint_path(layout: Layout) -> Path:
    """The private file with the address and the key."""
    return layout.catalog / "endpoint.json"


def is_owned(layout: Layout) -> bool:
    """Whether a living process owns the catalog (it may still be starting)."""
    return is_held(lock_path(layout))


def live_endpoint(layout: Layout) -> Endpoint | None:
    """The endpoint of the living owner; None where there is none, or it is not ready yet."""
    if not is_owned(layout):
        return None
    try:
        found = Endpoint(**json.loads(endpoint_path(layout).read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError, TypeError):
        return None
    return found if _owner_pid(layout) == found.pid else None  # else it is what a killed owner has left


def write_endpoint(layout: Layout, endpoint: Endpoint) -> None:
    """Write the file, at once whole and never readable by others."""
    write_private(endpoint_path(layout), json.dumps(asdict(endpoint)), may_replace=True)


def remove_endpoint(layout: Layout) -> None:
    """Take the file away, if it is there."""
    endpoint_path(layout).unlink(missing_ok=True)


def _owner_pid(layout: Layout) -> int | None:
    try:
        return int(lock_path(layout).read_text(encoding="ascii"))
    except (FileNotFoundError, ValueError):
        return None
