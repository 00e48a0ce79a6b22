"""The token that lets somebody pause and stop: a file of mode 0600 beside the records, the same over restarts."""

from __future__ import annotations

import hmac
import os
import re
import secrets
import stat
from pathlib import Path
from typing import Final

__all__ = ["TokenError", "is_token", "read_or_make_token", "token_path"]

N_BYTES: Final = 32
_TOKEN: Final = re.compile(r"[0-9a-f]{64}\Z")


class TokenError(RuntimeError):
    """The file of the token cannot be trusted, or not be made; the message says what to do.

    To do: make the file yours alone (mode 0600), or remove it: a new one is made.
    """


def token_path(folder: Path) -> Path:
    """Where the token of a record folder lies."""
    return folder / "web.token"


def read_or_make_token(folder: Path) -> str:
    """The token of a record folder; made where there is none.

    Raises:
        TokenError: others can read or have made the file, it holds something else, or it cannot be made.
    """
    path = token_path(folder)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        return _read(path)
    except OSError as error:
        raise TokenError(f"{path} cannot be made: {error.strerror}; give a folder that you may write to") from error
    token = secrets.token_hex(N_BYTES)
    try:
        os.fchmod(descriptor, 0o600)
        os.write(descriptor, token.encode())
    finally:
        os.close(descriptor)
    return token


def is_token(offered: str, token: str) -> bool:
    """Whether they are the same, in a time that does not tell how much of it is."""
    return hmac.compare_digest(offered.encode("utf-8", "replace"), token.encode())


def _read(path: Path) -> str:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        raise TokenError(f"{path} cannot be read: {error.strerror}; remove it, and a new one is made") from error
    try:
        status = os.fstat(descriptor)
        text = os.read(descriptor, 200).decode("ascii", "replace").strip()
    finally:
        os.close(descriptor)
    if stat.S_IMODE(status.st_mode) & 0o077 or status.st_uid != os.getuid():
        raise TokenError(
            f"{path} can be read by others (mode {stat.S_IMODE(status.st_mode):o}, owner {status.st_uid}); remove it, and a new "
            "one is made"
        )
    if not _TOKEN.match(text):
        raise TokenError(f"{path} holds no token of 64 hex digits; remove it, and a new one is made")
    return text
