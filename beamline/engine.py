"""The engine of a session: Bluesky's, with an end, and with checkpoints that come back.

A `RunEngine` keeps its event loop, the loop's thread and three open files for as long as the process lives. A process that
opens many sessions one after the other, as a study or a server does, would run out of them.

After `clear_checkpoint`, which a plan sends before it fires, Bluesky's engine takes no further checkpoint until the plan ends: a
Ctrl-C or a pause hours after the first exposure would end the plan instead of pausing it. A session's takes the next one.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from typing import Any

from bluesky import RunEngine

__all__ = ["SessionClosedError", "SessionEngine"]

END_S = 5.0
"""Longest time that the loop may take to end what is left on it, and its thread to end after that."""

_logger = logging.getLogger(__name__)


class SessionClosedError(RuntimeError):
    """The engine of a session that has ended was asked for something.

    To do: open a new session.
    """

    def __init__(self) -> None:
        super().__init__(
            "this session is closed: its bench is in the safe state, and nothing runs on its engine any more; open another one"
        )


class _NoLoop:
    """In the place of a loop that has ended."""

    def __getattr__(self, name: str) -> Any:
        raise SessionClosedError

    def is_running(self) -> bool:
        """It does not."""
        return False

    def call_soon_threadsafe(self, callback: Callable[..., object], *_: object, **__: object) -> None:
        """Only the end of a device's move may come, which nobody waits for any more."""
        if getattr(callback, "__func__", None) is not RunEngine._status_object_completed:  # noqa: SLF001  # Bluesky's own
            raise SessionClosedError


class SessionEngine(RunEngine):  # type: ignore[misc]  # Bluesky ships no types
    """A `RunEngine` that can be ended; takes what Bluesky's takes.

    Attributes:
        is_ended: whether it was; then every plan is refused with a `SessionClosedError`.
    """

    is_ended = False
    _loop: Any
    _msg_cache: deque[Any] | None

    def __call__(self, *args: Any, **metadata: Any) -> Any:
        """Run a plan.

        Raises:
            SessionClosedError: the session has ended.
        """
        if self.is_ended:
            raise SessionClosedError
        return super().__call__(*args, **metadata)

    async def _checkpoint(self, msg: Any) -> None:
        """As Bluesky's, and also where `clear_checkpoint` came before it."""
        if self._msg_cache is None:
            self._msg_cache = deque()
        await super()._checkpoint(msg)

    def end(self) -> None:
        """End the loop and its thread; an engine that runs a plan is left as it is. May be called again."""
        loop, thread = self._loop, self._th
        if self.is_ended:
            return
        if self.state not in {"idle", "panicked"}:
            _logger.warning("the engine is %s while its session ends: its event loop is left behind", self.state)
            return
        self.is_ended = True
        self._loop = _NoLoop()
        if thread.is_alive():
            try:
                asyncio.run_coroutine_threadsafe(_end_all(loop), loop).result(END_S)
            except TimeoutError:
                _logger.warning("the engine's event loop hangs: it is left behind")
                return
            loop.call_soon_threadsafe(loop.stop)
            thread.join(END_S)
        if not thread.is_alive():
            loop.close()


async def _end_all(loop: asyncio.AbstractEventLoop) -> None:
    """End whatever is left on the loop this runs on, and the threads it has started."""
    left = asyncio.all_tasks() - {asyncio.current_task()}
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)
    await loop.shutdown_asyncgens()
    await loop.shutdown_default_executor()
