"""Colours of the terminal, and when there are none: not on a terminal, `NO_COLOR` set, or `TERM=dumb`."""

from __future__ import annotations

import os
import sys
from typing import TextIO

__all__ = ["has_colours", "paint"]

_CODES = {
    "red": "31",
    "green": "32",
    "yellow": "33",
    "bold": "1",
    "dim": "2",
    "on red": "1;97;41",
    "on green": "1;30;42",
}


def has_colours(stream: TextIO | None = None) -> bool:
    """Whether a stream, by default standard output, is to be written to in colour (https://no-color.org)."""
    stream = sys.stdout if stream is None else stream
    try:
        is_terminal = stream.isatty()
    except ValueError:  # closed
        is_terminal = False
    return is_terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def paint(text: str, colour: str, *, is_on: bool | None = None) -> str:
    """The text in a colour (`red`, `bold`, `on green`, ...); as it is where there are none."""
    on = has_colours() if is_on is None else is_on
    return f"\033[{_CODES[colour]}m{text}\033[0m" if on else text
