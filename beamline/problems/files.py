"""Reading a TOML file into a model, and refusing a bad one with one clear message for each mistake.

The file is untrusted input: its size is bounded before it is parsed, and nothing in it is run.
"""

from __future__ import annotations

import stat
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from beamline.problems.explain import Problem, explain

__all__ = ["MAX_FILE_BYTES", "MAX_PROBLEMS_SHOWN", "BadFileError", "load_toml", "parse_toml"]

MAX_FILE_BYTES = 256 * 1024
"""A campaign of 1000 coupons takes about 60 kB."""

MAX_LINE_CHARACTERS = 1000
"""The parser's time grows with the square of the length of a dotted key; no line of a real file is near this."""

MAX_PROBLEMS_SHOWN = 20

Model = TypeVar("Model", bound=BaseModel)


class BadFileError(ValueError):
    """A file that cannot be used; `problems` holds one for each mistake.

    To do: mend each key that is named.
    """

    def __init__(self, source: str, problems: Sequence[Problem]) -> None:
        """Args: source: the file's name as the user gave it. problems: at least one."""
        lines = [f"{source}: {problem}" for problem in problems[:MAX_PROBLEMS_SHOWN]]
        if len(problems) > MAX_PROBLEMS_SHOWN:
            lines.append(f"{source}: and {len(problems) - MAX_PROBLEMS_SHOWN} more")
        super().__init__("\n".join(lines))
        self.source = source
        self.problems = tuple(problems)


def load_toml(path: Path | str, model: type[Model], error: type[BadFileError] = BadFileError) -> Model:
    """Read and check a file.

    Args:
        path: the file.
        model: what it must hold.
        error: what to raise.

    Raises:
        BadFileError: as `error`: it cannot be read, is not TOML, or says something that is not allowed.
    """
    source = str(path)
    try:
        text = _text(Path(path))
    except _UnusableError as refused:
        raise error(source, [Problem("", str(refused))]) from refused.__cause__
    return parse_toml(text, model, source, error)


def parse_toml(text: str, model: type[Model], source: str, error: type[BadFileError] = BadFileError) -> Model:
    """Check the text of a file; arguments as for `load_toml`, `source` is how the messages call it.

    Raises:
        BadFileError: as `error`: it is not TOML, or says something that is not allowed.
    """
    try:
        return model.model_validate(_parsed(text))
    except _UnusableError as refused:
        raise error(source, [Problem("", str(refused))]) from None
    except ValidationError as refused:
        raise error(source, explain(refused, model)) from None


class _UnusableError(Exception):
    """The whole file is of no use, for the reason given."""


def _text(path: Path) -> str:
    try:
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode):
            what = "a folder" if stat.S_ISDIR(mode) else "not a regular file"
            raise _UnusableError(f"this is {what}; give the path of a file (TOML)")
        with path.open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
    except FileNotFoundError:
        raise _UnusableError("there is no such file") from None
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the name
        raise _UnusableError(f"cannot be read: {getattr(error, 'strerror', None) or error}") from error
    if len(content) > MAX_FILE_BYTES:
        limit = f"{MAX_FILE_BYTES // 1024} KiB"
        raise _UnusableError(
            f"the file is larger than {limit}, more than any is that is meant here: is it the right one?"
        )
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _UnusableError(f"byte {error.start + 1} is not UTF-8; save the file as UTF-8 text") from None


def _parsed(text: str) -> dict[str, object]:
    if not text.strip():
        raise _UnusableError("the file is empty")
    for number, line in enumerate(text.split("\n"), start=1):
        if len(line) > MAX_LINE_CHARACTERS:
            limit = MAX_LINE_CHARACTERS
            raise _UnusableError(f"line {number} is longer than {limit} characters: is it the right file?")
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise _UnusableError("brackets are nested too deeply: is it the right file?") from None
    except tomllib.TOMLDecodeError as error:
        printable = "".join(c if c.isprintable() else repr(c)[1:-1] for c in str(error))
        raise _UnusableError(f"this is not TOML: {printable}") from None
