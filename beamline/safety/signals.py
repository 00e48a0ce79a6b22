"""Turns Ctrl-C, SIGTERM and SIGHUP into an orderly abort of the engine, for nights with nobody there.

At the instrument the engine's own handler (pause first) is the right one; an unattended night has nobody to answer a pause.
The abort runs the plan's clean-up, so that the safe state is reached and the open run is closed with `exit_status="abort"`.
"""

from __future__ import annotations

import contextlib
import signal
import threading
from types import FrameType, TracebackType
from typing import Any, Self

from bluesky.utils import TransitionError

__all__ = ["AbortOnSignal", "describe_signal"]

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class AbortOnSignal:
    """For `RunEngine(context_managers=[AbortOnSignal()])`: the engine calls it with itself at each start of a plan.

    The handler itself only starts a thread: `RunEngine.abort` waits for the engine's loop, which a signal handler must not.
    Repeated signals change nothing: the clean-up is already under way, and it is short.

    Attributes:
        received: the signal that the last plan was aborted by, or None.
    """

    def __init__(self) -> None:
        self.received: signal.Signals | None = None
        self._engine: Any = None
        self._previous: dict[signal.Signals, Any] = {}

    def __call__(self, engine: Any) -> Self:
        """Take the engine whose plan is about to start."""
        self._engine = engine
        return self

    def __enter__(self) -> Self:
        self.received = None
        if threading.current_thread() is threading.main_thread():  # elsewhere Python allows no handlers
            for number in _SIGNALS:
                self._previous[number] = signal.signal(number, self._on_signal)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        self._previous.clear()

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        if self.received is not None:
            return
        self.received = signal.Signals(number)
        threading.Thread(
            target=self._abort, args=(describe_signal(self.received),), name="abort-on-signal", daemon=True
        ).start()

    def _abort(self, reason: str) -> None:
        with contextlib.suppress(TransitionError):  # the plan ended by itself in the meantime
            self._engine.abort(reason)


def describe_signal(number: signal.Signals) -> str:
    """The reason that goes into the records: what a person would call the signal."""
    return "stopped by Ctrl-C" if number == signal.SIGINT else f"stopped by {number.name}"
