"""A Tiled profile, so that `databroker.catalog["vitrail"]` and `tiled.client.from_profile("vitrail")` open the records.

A profile names an address and no key. For the catalog of a folder the address refers to `$VITRAIL_READER_KEY`, which Tiled
fills in and hands to no other server; for a server of a group, Tiled takes the key from `$TILED_API_KEY`.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from beamline.records.access import ReaderAccess
from beamline.records.errors import RecordError
from beamline.records.served import READER_KEY

__all__ = ["install_profile", "profile_of_folder", "profile_of_server", "profiles_folder"]

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


def profile_of_folder(name: str, access: ReaderAccess) -> str:
    """Text of a profile of the catalog that is embedded in a record folder.

    Raises:
        RecordError: the name is not one to be part of a file name.
    """
    return _profile(name, f"{access.url}?api_key=${{{READER_KEY}}}")


def profile_of_server(name: str, url: str) -> str:
    """Text of a profile of a Tiled server.

    Raises:
        RecordError: the name is not one to be part of a file name, or the address is none of a server, or has a key in it.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise RecordError(f"{url!r}: must be http://HOST:PORT or https://HOST")
    if parts.query or parts.username or parts.password:
        raise RecordError(
            "an address in a profile holds no key: leave it out, and set TILED_API_KEY in the environment"
        )
    return _profile(name, url)


def profiles_folder() -> Path:
    """Where Tiled looks for the profiles of this user: `$TILED_PROFILES`, else `~/.config/tiled/profiles`."""
    named = os.environ.get("TILED_PROFILES")
    return Path(named) if named else Path.home() / ".config" / "tiled" / "profiles"


def install_profile(name: str, text: str, *, may_replace: bool = False) -> Path:
    """Write a profile where Tiled finds it; returns the file.

    Raises:
        FileExistsError: there is one of that name that says something else, and it must not be replaced.
        OSError: the folder cannot be made or written.
    """
    path = profiles_folder() / f"{name}.yml"
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return path
    if path.exists() and not may_replace:
        raise FileExistsError(f"{path} is there, and says something else; give another --name, or --replace")
    draft = path.with_name(f".{path.name}.draft")
    draft.write_text(text, encoding="utf-8")
    draft.rename(path)
    return path


def _profile(name: str, uri: str) -> str:
    if not _NAME.fullmatch(name):
        raise RecordError(f"name {name!r}: allowed are 1 to 64 letters, digits, '-' and '_', a letter or digit first")
    return f"{name}:\n  uri: {uri}\n"
