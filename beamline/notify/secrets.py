"""Secrets by name: from the environment, else from the keyring of the system where the package `keyring` is installed."""

from __future__ import annotations

import importlib
import logging
import os
from collections.abc import Mapping

__all__ = ["SERVICE", "Secret", "SecretMissingError", "find_secret"]

SERVICE = "vitrail"
"""Under which the keyring has our entries: `keyring set vitrail VITRAIL_NOTIFY_...`."""

_logger = logging.getLogger(__name__)


class SecretMissingError(RuntimeError):
    """A secret that the settings name is neither in the environment nor in the keyring.

    To do: set the environment variable that is named, or store it in the keyring.
    """


class Secret:
    """A text that shows itself only to who asks for it by `reveal`."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def __repr__(self) -> str:
        return "Secret(***)"

    def __reduce__(self) -> tuple[type[Secret], tuple[str]]:
        raise TypeError("a secret is not written anywhere")

    def reveal(self) -> str:
        """The text."""
        return self._value

    def hidden_in(self, text: str) -> str:
        """A text without the secret."""
        return text.replace(self._value, "***") if self._value else text


def find_secret(name: str, environment: Mapping[str, str] = os.environ) -> Secret:
    """The secret of a name.

    Raises:
        SecretMissingError: there is none.
    """
    if value := environment.get(name, ""):
        return Secret(value)
    try:
        keyring = importlib.import_module("keyring")
        value = keyring.get_password(SERVICE, name) or ""
    except ImportError:
        value = ""
    except Exception as error:  # noqa: BLE001  # a keyring that is locked, or of no system that it knows
        _logger.warning("the keyring does not answer: %s", type(error).__name__)
        value = ""
    if not value:
        raise SecretMissingError(
            f"{name} is neither in the environment nor in the keyring; export it, or `keyring set {SERVICE} {name}`"
        )
    return Secret(value)
