"""Passwords and keys out of what is written for people: messages, and the log of a server that prints its addresses."""

from __future__ import annotations

import copy
import logging
import re
from typing import Any, Final

__all__ = ["HideSecrets", "server_logging", "without_secrets"]

_PASSWORD: Final = re.compile(r"(\w+://[^:/@\s]*):[^/\s]*@")
_KEY: Final = re.compile(r"(?i)(api_?key[=\s]+)[A-Za-z0-9]+")


def without_secrets(text: str) -> str:
    """A text in which no address shows its password, nor any key that is part of an address."""
    return _KEY.sub(r"\1***", _PASSWORD.sub(r"\1:***@", text))


class HideSecrets(logging.Filter):
    """Lets every record of a logger pass, without its secrets. Tiled logs the address of its database as it starts."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Take them out."""
        if isinstance(record.msg, str):
            record.msg = without_secrets(record.msg)
        if isinstance(record.args, tuple):
            record.args = tuple(
                arg if isinstance(arg, int | float | None) else without_secrets(str(arg)) for arg in record.args
            )
        return True


def server_logging() -> dict[str, Any]:
    """Tiled's own settings of its log, with `HideSecrets` before each handler."""
    from tiled.server.logging_config import LOGGING_CONFIG  # noqa: PLC0415  # the server side

    settings: dict[str, Any] = copy.deepcopy(LOGGING_CONFIG)
    settings["filters"]["secrets"] = {"()": f"{HideSecrets.__module__}.{HideSecrets.__qualname__}"}
    for handler in settings["handlers"].values():
        handler["filters"].append("secrets")
    return settings
