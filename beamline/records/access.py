"""How a reader reaches the catalog of a folder from one night to the next: a port that stays, and a key that only reads.

The key of the owner is new at each of its starts, and may change and delete; nobody but this project's own programs uses
it. What goes into profiles and notebooks is the reader's: it may read and nothing else, whoever gets hold of it.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from beamline.records.errors import CatalogError
from beamline.records.layout import Layout

__all__ = ["ReaderAccess", "reader_access", "reader_path", "write_private"]

LOOPBACK: Final = "127.0.0.1"
_PORTS: Final = range(20_000, 32_000)
"""Below those that the system hands out for outgoing connections, above those of well-known services."""


@dataclass(frozen=True)
class ReaderAccess:
    """Where the catalog of a folder is served whenever it is, and the key that reads it.

    Attributes:
        port: on the loopback interface.
        api_key: may read, and neither write nor delete; kept out of `repr`.
    """

    port: int
    api_key: str = field(repr=False)

    @property
    def url(self) -> str:
        """Of Tiled's API, without the key."""
        return f"http://{LOOPBACK}:{self.port}/api/v1/"


def reader_path(layout: Layout) -> Path:
    """The private file with port and key. Remove it to have others made at the next start of an owner."""
    return layout.folder / "reader.json"


def reader_access(layout: Layout) -> ReaderAccess:
    """Port and key of a folder; made, once, where there are none.

    Raises:
        CatalogError: the file is there and is not one of ours.
        OSError: it cannot be read or written.
    """
    path = reader_path(layout)
    with suppress(FileNotFoundError):
        return _read(path)
    with suppress(FileExistsError):
        write_private(path, json.dumps(asdict(ReaderAccess(_free_port(), secrets.token_hex(32)))), may_replace=False)
    return _read(path)


def write_private(path: Path, text: str, *, may_replace: bool) -> None:
    """Write a file that nobody but its owner may read, at once whole.

    Raises:
        FileExistsError: it is there, and must not be replaced.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}.draft")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        if may_replace:
            draft.rename(path)
        else:
            path.hardlink_to(draft)  # fails where a file is, unlike a renaming
    finally:
        draft.unlink(missing_ok=True)


def _read(path: Path) -> ReaderAccess:
    try:
        found: Any = json.loads(path.read_text(encoding="utf-8"))
        access = ReaderAccess(**found)
        is_ours = type(found["port"]) is int and isinstance(found["api_key"], str) and found["api_key"].isalnum()
    except (ValueError, TypeError):
        is_ours = False
    if not is_ours:
        raise CatalogError(f"{path} does not hold the port and the key of readers; remove it, and another one is made")
    if path.stat().st_mode & 0o077:
        raise CatalogError(f"{path} holds a key, and others may read it; `chmod 600` it, or remove it for another key")
    return access


def _free_port() -> int:
    for _try in range(100):
        port = secrets.choice(_PORTS)
        with suppress(OSError):
            socket.create_server((LOOPBACK, port)).close()
            return port
    raise CatalogError(f"no free port between {_PORTS.start} and {_PORTS.stop} on {LOOPBACK} in 100 tries")
