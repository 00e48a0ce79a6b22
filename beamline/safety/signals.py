"""Turns Ctrl-C, SIGTERM and SIGHUP into an orderly end of the plan that runs, for nights with nobody there.

At the instrument the engine's own handler (pause first) is the right one; an unattended night has nobody to answer a pause.
The abort runs the plan's clean-up, so that the safe state is reached and the open run is closed with `exit_status="abort"`.
"""

from __future__ import annotations

import logging
import signal
import threading
from types import FrameType, TracebackType
from typing import Any, Self

import bluesky.plan_stubs as bps
from bluesky.utils import MsgGenerator, TransitionError

__all__ = ["AbortOnSignal", "describe_signal"]

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_RETRY_S = 0.02

_logger = logging.getLogger(__name__)


class AbortOnSignal:
    """Holds the signals from `install` to `remove`, and aborts what the engine runs when one comes.

    For `RunEngine(context_managers=[signals])`: the engine calls the object with itself at each start of a plan. A signal
    that comes before the plan has begun aborts it as soon as it can be aborted, which `hold` waits for; one that comes when
    no plan runs is kept for the next. Repeated signals change nothing: the clean-up is under way, and it is short. A signal
    that the process was started to ignore (`nohup`) stays ignored.

    Attributes:
        received: the first signal that came, or None.
    """

    def __init__(self) -> None:
        self.received: signal.Signals | None = None
        self._engine: Any = None
        self._previous: dict[signal.Signals, Any] = {}
        self._pending: signal.Signals | None = None  # has aborted nothing yet
        self._has_ended = threading.Event()

    # ---------------------------------------------------------------------------------------------- over a session
    def install(self) -> Self:
        """Take the signals over; does nothing outside the main thread, where Python allows no handlers."""
        if threading.current_thread() is threading.main_thread():
            for number in _SIGNALS:
                if signal.getsignal(number) is not signal.SIG_IGN:
                    self._previous[number] = signal.signal(number, self._on_signal)
        return self

    def remove(self) -> None:
        """Give the signals back; does nothing outside the main thread, as above."""
        if threading.current_thread() is not threading.main_thread():
            return
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        self._previous.clear()

    # ------------------------------------------------------------------------------------------------- over a plan
    def __call__(self, engine: Any) -> Self:
        """Take the engine whose plan is about to start."""
        self._engine = engine
        return self

    def __enter__(self) -> Self:
        self._has_ended.clear()
        if self._pending is not None:
            self._start_abort(self._pending)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._has_ended.set()

    def hold(self) -> MsgGenerator[None]:
        """Waits for its end where a signal came before the plan began: the first step of a plan that must not begin then."""
        if self._pending is not None:
            while True:
                yield from bps.sleep(_RETRY_S)

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        if self.received is not None:
            return
        self.received = self._pending = signal.Signals(number)
        if self._engine is not None and not self._has_ended.is_set():
            self._start_abort(self.received)

    def _start_abort(self, number: signal.Signals) -> None:
        # The handler itself only starts a thread: `abort` waits for the engine's loop, which a signal handler must not.
        args = (describe_signal(number),)
        threading.Thread(target=self._abort, args=args, name="abort-on-signal", daemon=True).start()

    def _abort(self, reason: str) -> None:
        while not self._has_ended.is_set():
            try:
                self._engine.abort(reason)
            except TransitionError:  # the plan has not begun yet, or has just ended
                self._has_ended.wait(_RETRY_S)
            except Exception:  # what the plan's clean-up fails with comes out here; the plan is to end all the same
                _logger.exception("the engine could not be aborted; it is asked again")
                self._has_ended.wait(_RETRY_S)
            else:
                self._pending = None
                return


def describe_signal(number: signal.Signals) -> str:
    """The reason that goes into the records: what a person would call the signal."""
    return "stopped by Ctrl-C" if number == signal.SIGINT else f"stopped by {number.name}"
