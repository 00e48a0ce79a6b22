"""A list of checksums beside the files, and the check that they are still what they were.

`manifest-sha256.txt` has the form of `sha256sum`'s and of BagIt's lists (RFC 8493): `HASH  PATH`, paths from the folder, with
`%`, line feed and carriage return written as BagIt writes them. `sha256sum -c manifest-sha256.txt` checks it too.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

__all__ = ["MANIFEST", "Discrepancy", "sha256_of", "verify", "write_manifest"]

MANIFEST = "manifest-sha256.txt"

_LINE = re.compile(r"([0-9a-f]{64}) [ *](.+)")
_ESCAPES = {"%": "%25", "\n": "%0A", "\r": "%0D"}


@dataclass(frozen=True, slots=True)
class Discrepancy:
    """A file that is not as the list says; `path` from the folder."""

    path: str
    kind: Literal["changed", "missing", "extra", "bad line"]
    text: str

    def __str__(self) -> str:
        return f"{self.path}: {self.kind}: {self.text}"


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_manifest(folder: Path) -> Path:
    """List every file below a folder but the list itself."""
    manifest = folder / MANIFEST
    lines = [f"{sha256_of(folder / path)}  {_escaped(path)}\n" for path in _files(folder)]
    manifest.write_text("".join(lines), encoding="utf-8")
    return manifest


def verify(folder: Path) -> list[Discrepancy]:
    """What differs from the list; empty where every file is as it was and none is missing or new.

    A link is not followed: what it leads to is not in the folder.

    Raises:
        FileNotFoundError: there is no list in the folder.
    """
    found: list[Discrepancy] = []
    listed: dict[str, str] = {}
    for number, line in enumerate((folder / MANIFEST).read_text(encoding="utf-8").splitlines(), start=1):
        match = _LINE.fullmatch(line)
        path = _unescaped(match[2]) if match else ""
        if match is None or path in listed or not _is_inside(path):
            found.append(Discrepancy(MANIFEST, "bad line", f"line {number} is no checksum of a file in the folder"))
        else:
            listed[path] = match[1]
    present = set(_files(folder))
    for path, expected in listed.items():
        if path not in present:
            found.append(Discrepancy(path, "missing", "it is in the list, and not in the folder"))
        elif (folder / path).is_symlink():
            found.append(Discrepancy(path, "changed", "a link stands in its place"))
        elif (now := sha256_of(folder / path)) != expected:
            found.append(Discrepancy(path, "changed", f"SHA-256 was {expected[:12]}..., is {now[:12]}..."))
    extra = sorted(present - set(listed))
    return found + [Discrepancy(path, "extra", "it is in the folder, and not in the list") for path in extra]


def _files(folder: Path) -> list[str]:
    """Files and links below a folder, without the list; links to folders are not entered."""
    return sorted(
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if (path.is_symlink() or not path.is_dir()) and path != folder / MANIFEST
    )


def _is_inside(path: str) -> bool:
    pure = PurePosixPath(path)
    return bool(path) and not pure.is_absolute() and ".." not in pure.parts


def _escaped(path: str) -> str:
    return "".join(_ESCAPES.get(c, c) for c in path)


def _unescaped(path: str) -> str:
    for plain, escape in reversed(_ESCAPES.items()):
        path = path.replace(escape, plain)
    return path
