"""The engine of the queue's worker: somebody else's program calls it, and what belongs to an end happens all the same.

The queue server knows Bluesky's engine and nothing more: it calls it, pauses it, resumes, aborts, stops, halts it. So the
engine itself sees to it that a plan's end, whichever way it came, is followed by what has to follow: the safe state, above all.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from bluesky.utils import FailedPause, RunEngineInterrupted

from beamline.engine import SessionEngine

__all__ = ["End", "QueueEngine"]

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class End:
    """How a plan ended.

    Attributes:
        exit_status: "abort" also where it was stopped or halted: nothing that somebody has ended is done.
        reason: in words; empty where the plan came to its own end.
        error: that ended it, if one did.
    """

    exit_status: Literal["success", "abort", "fail"]
    reason: str = ""
    error: BaseException | None = None


class QueueEngine(SessionEngine):
    """A session's engine that is called by others.

    Attributes:
        on_end: called when a plan has ended, before whoever called the engine has it back; it may run a plan itself.
        is_at_rest: whether nothing is open, hot or lit. A pause that may wait (`defer`) waits for that: a heat treatment or
            a measurement that has begun goes to its end, as it does when the web page asks for a pause.
        is_busy: from the beginning of a plan until `on_end` is through; also while it is paused.
        is_ending: while `on_end` works.
    """

    _deferred_pause_requested: bool

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.on_end: Callable[[End], None] | None = None
        self.is_at_rest: Callable[[], bool] = lambda: True
        self.is_busy = False
        self.is_ending = False

    def __call__(self, *args: Any, **metadata: Any) -> Any:
        """Run a plan, to its end or to a pause."""
        call = super().__call__
        if self.is_ending:
            return call(*args, **metadata)
        self.is_busy = True
        return self._until_end(lambda: call(*args, **metadata), None)

    def resume(self) -> Any:
        """Go on after a pause."""
        return self._until_end(super().resume, None)

    def abort(self, reason: str = "") -> Any:
        """End the plan with its clean-up."""
        abort, was_paused = super().abort, self.state == "paused"
        why = reason or "aborted through the queue"
        return self._until_end(lambda: abort(why), why) if was_paused else abort(why)

    def stop(self) -> Any:
        """The same, but its runs end as good ones."""
        stop, was_paused = super().stop, self.state == "paused"
        return self._until_end(stop, "stopped through the queue") if was_paused else stop()

    def halt(self) -> Any:
        """End the plan without its clean-up: what makes the bench safe is then `on_end` alone."""
        halt, was_paused = super().halt, self.state == "paused"
        return self._until_end(halt, "halted through the queue") if was_paused else halt()

    async def _checkpoint(self, msg: Any) -> None:
        """As a session's; a deferred pause is deferred on until the bench is at rest."""
        if not self._deferred_pause_requested or self.is_at_rest():
            await super()._checkpoint(msg)
            return
        self._deferred_pause_requested = False
        try:
            await super()._checkpoint(msg)
        finally:
            self._deferred_pause_requested = True

    def _until_end(self, act: Callable[[], Any], ended_by: str | None) -> Any:
        try:
            given = act()
        except BaseException as error:
            self._after(ended_by, error)
            raise
        self._after(ended_by, None)
        return given

    def _after(self, ended_by: str | None, error: BaseException | None) -> None:
        """Say how it ended, unless it is only paused."""
        if self.state == "paused" or not self.is_busy:
            return
        self.is_ending = True
        try:
            if self.on_end is not None:
                self.on_end(_end_of(ended_by, error))
        except Exception:  # what the server is told is how its plan ended, and not how we wrote that down
            _logger.exception("what follows a plan failed")
        finally:
            self.is_ending = self.is_busy = False


def _end_of(ended_by: str | None, error: BaseException | None) -> End:
    if ended_by is not None:
        return End("abort", ended_by, error)
    if error is None:
        return End("success")
    if isinstance(error, FailedPause):
        return End("abort", "a pause at once was asked for where none is possible: a site was being fired at", error)
    if isinstance(error, RunEngineInterrupted):
        return End("abort", "", error)
    return End("fail", "", error)
