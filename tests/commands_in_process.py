"""`vitrail` without a process of its own, which would import Tiled anew: for tests in which the process is not the point."""

from __future__ import annotations

import contextlib
import logging
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from click.testing import CliRunner

from beamline.cli import main


@dataclass(frozen=True)
class Done:
    """What a command left."""

    returncode: int
    stdout: str
    stderr: str


def vitrail(*words: object, env: Mapping[str, str] | None = None) -> Done:
    """Run a command; an exception that it lets out is one of the test."""
    with clients_closed(), logging_as_it_was(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # in a process they are no errors either
        done = CliRunner().invoke(main, [*map(str, words)], env=dict(env or {}), catch_exceptions=False)
    return Done(done.exit_code, done.stdout, done.stderr)


@contextlib.contextmanager
def clients_closed() -> Iterator[None]:
    """Close the connections that Tiled's clients leave to the end of their process."""
    from tiled.client.context import Context  # heavy

    made: list[Any] = []
    begin = Context.__init__

    def begin_and_keep(context: Any, *args: Any, **kwargs: Any) -> None:
        made.append(context)  # one that is refused too
        begin(context, *args, **kwargs)

    Context.__init__ = begin_and_keep
    try:
        yield
    finally:
        Context.__init__ = begin
        for context in made:
            context.http_client.close()


@contextlib.contextmanager
def logging_as_it_was() -> Iterator[None]:
    """Take the handlers back that a command put on the root logger: their stream ends with it."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        yield
    finally:
        for handler in root.handlers:
            if handler not in handlers:
                handler.close()
        root.handlers[:] = handlers
        root.setLevel(level)
