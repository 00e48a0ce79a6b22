"""Unpacking a zip that somebody sent: never more than is allowed, and never out of the folder that it goes into."""

from __future__ import annotations

import shutil
import stat
import zipfile
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Final

__all__ = ["ArchiveRefusedError", "unpack"]

MAX_FILES: Final = 200_000
"""A campaign of ten thousand runs has some thirty thousand files."""
_PIECE_BYTES: Final = 1 << 20


class ArchiveRefusedError(ValueError):
    """A zip is not unpacked, and why.

    To do: do not trust it; ask who sent it for another.
    """


def unpack(archive: zipfile.ZipFile, folder: Path, *, max_bytes: float) -> None:
    """Unpack all files of a zip.

    Args:
        archive: open for reading.
        folder: that exists.
        max_bytes: of all contents, unpacked; what the zip says of itself is not relied upon.

    Raises:
        ArchiveRefusedError: there is too much in it, or a name leads out of the folder, or is that of a link.
        zipfile.BadZipFile: it is damaged.
    """
    members = archive.infolist()
    if len(members) > MAX_FILES:
        raise ArchiveRefusedError(f"it holds {len(members)} files; at most {MAX_FILES} are unpacked")
    declared = sum(member.file_size for member in members)
    free = shutil.disk_usage(folder).free
    if declared > max_bytes:
        raise ArchiveRefusedError(_too_large(f"its contents are {declared / 1e9:.3g} GB", max_bytes))
    if declared > free:
        raise ArchiveRefusedError(f"its contents are {declared / 1e9:.3g} GB; {free / 1e9:.3g} GB are free in {folder}")
    for member in members:
        _refuse_bad_name(member)
    n_bytes = 0
    for member in members:
        target = folder / member.filename
        if member.is_dir():
            target.mkdir(parents=True, exist_ok=True)
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        with archive.open(member) as source, target.open("wb") as file:
            while piece := source.read(_PIECE_BYTES):
                n_bytes += len(piece)
                if n_bytes > max_bytes:
                    raise ArchiveRefusedError(
                        _too_large(f"more than {max_bytes / 1e9:.3g} GB come out of it", max_bytes)
                    )
                file.write(piece)


def _too_large(what: str, max_bytes: float) -> str:
    return f"{what}; at most {max_bytes / 1e9:.3g} GB are unpacked: allow more with --max-GB, if you trust who made it"


def _refuse_bad_name(member: zipfile.ZipInfo) -> None:
    name = member.filename
    path = PurePosixPath(name)
    if path.is_absolute() or PureWindowsPath(name).drive or "\\" in name or ".." in path.parts:
        raise ArchiveRefusedError(f"the name {name!r} in it leads out of its folder")
    if stat.S_ISLNK(member.external_attr >> 16):
        raise ArchiveRefusedError(f"{name!r} in it is a link")
