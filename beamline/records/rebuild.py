"""A catalog made anew from the logs: built beside the old one, and put in its place when it is whole.

The two folders are exchanged in one step: at any moment the folder holds the old catalog or the new one. Where the file
system cannot do that (some network drives), there is none between two renames, and the next process that opens records
makes it from the logs. So a kill at any moment costs time at most, and no record.
"""

from __future__ import annotations

import ctypes
import errno
import os
import shutil
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import quote

from beamline.records.catalog import CatalogOwner, FlushReport
from beamline.records.endpoint import is_owned, lock_path
from beamline.records.errors import CatalogError
from beamline.records.layout import Layout
from beamline.records.locks import FileLock, is_held, session_lock

__all__ = ["Rebuilt", "rebuild_catalog"]

_STAGE: Final = "catalog.rebuild"
_OLD: Final = "catalog.old"
_HERE: Final = -100
"""AT_FDCWD: names are as seen from the working folder."""
_EXCHANGE: Final = 2
"""RENAME_EXCHANGE, of renameat2(2)."""


@dataclass(frozen=True)
class Rebuilt:
    """What was made.

    Attributes:
        flush: which runs are in the new catalog, and which failed.
        had_catalog: whether there was one before.
    """

    flush: FlushReport
    had_catalog: bool


def rebuild_catalog(folder: Path | str, *, timeout_s: float = 3600.0) -> Rebuilt:
    """Make the catalog of a record folder anew from its logs.

    Args:
        folder: the record folder.
        timeout_s: how long the ingestion of all logs may take, s.

    Raises:
        CatalogError: a night or an owner has the catalog open, or the new one cannot be made; the old one is as it was.
    """
    layout = Layout.of(folder)
    if not layout.logs.is_dir():
        raise CatalogError(f"{layout.folder} holds no logs: there is nothing to make a catalog from")
    _refuse_where_open(layout)
    had_catalog = layout.catalog.is_dir()
    layout.catalog.mkdir(exist_ok=True)
    # Who opens the records in the meantime finds the catalog owned, and waits.
    with FileLock(lock_path(layout)) as lock:
        if not lock.acquire():
            raise CatalogError(_in_use(layout))
        shutil.rmtree(layout.folder / _OLD, ignore_errors=True)
        stage = _prepare_stage(layout)
        try:
            owner = CatalogOwner(stage.folder)
            try:
                owner.start().wait_ready(min(timeout_s, 120.0))
                report = owner.flush(timeout_s)
            finally:
                owner.stop()
            _move_addresses(stage, layout)
            _swap(stage, layout)
        finally:
            _remove_stage(layout)
    return Rebuilt(report, had_catalog)


def _refuse_where_open(layout: Layout) -> None:
    if is_held(session_lock(layout.folder)):
        raise CatalogError(
            f"a night or a session is working with {layout.folder}; wait for its end, then rebuild. Its logs are written "
            "whatever becomes of the catalog"
        )
    if is_owned(layout):
        raise CatalogError(_in_use(layout))


def _in_use(layout: Layout) -> str:
    pid = lock_path(layout).read_text(encoding="ascii", errors="replace").strip() if lock_path(layout).exists() else ""
    return (
        f"the catalog of {layout.folder} is open{f' (owner: process {pid})' if pid else ''}; end the session or the notebook "
        "that opened it, then rebuild"
    )


def _prepare_stage(layout: Layout) -> Layout:
    """A record folder of its own beside the catalog, with the same logs."""
    _remove_stage(layout)
    folder = layout.folder / _STAGE
    folder.mkdir()
    stage = Layout.of(folder)
    stage.logs.symlink_to(os.path.relpath(layout.logs, folder), target_is_directory=True)
    return stage


def _remove_stage(layout: Layout) -> None:
    shutil.rmtree(layout.folder / _STAGE, ignore_errors=True)  # a link to the logs is removed, never followed


def _move_addresses(stage: Layout, layout: Layout) -> None:
    """Tiled keeps absolute addresses of its tables and arrays: make them those of the catalog's place."""
    database = stage.catalog / "catalog.db"
    with closing(sqlite3.connect(database)) as connection:
        with connection:
            for old, new in (
                (str(stage.catalog), str(layout.catalog)),
                (quote(str(stage.catalog)), quote(str(layout.catalog))),
            ):
                connection.execute("UPDATE assets SET data_uri = replace(data_uri, ?, ?)", (f"{old}/", f"{new}/"))
        (n_left,) = connection.execute("SELECT count(*) FROM assets WHERE instr(data_uri, ?)", (_STAGE,)).fetchone()
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    if n_left:
        raise CatalogError(f"{n_left} addresses in {database} are not understood; the old catalog is kept")


def _swap(stage: Layout, layout: Layout) -> None:
    """Put the new catalog in the place of the old one, which goes."""
    if _exchange(stage.catalog, layout.catalog):
        return  # the old one is in the stage now, and is removed with it
    old = layout.folder / _OLD
    layout.catalog.rename(old)
    stage.catalog.rename(layout.catalog)
    shutil.rmtree(old, ignore_errors=True)


def _exchange(first: Path, second: Path) -> bool:
    """Give each of two folders the name of the other, in one step; False where system or file system cannot."""
    try:
        renameat2 = ctypes.CDLL(None, use_errno=True).renameat2
    except (AttributeError, OSError):  # not Linux, or a C library from before 2018
        return False
    done = renameat2(_HERE, os.fsencode(first), _HERE, os.fsencode(second), _EXCHANGE)
    if done == 0:
        return True
    number = ctypes.get_errno()
    if number in (errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP):
        return False
    raise OSError(number, os.strerror(number), str(first), None, str(second))
