"""Ends the plan that runs, in good order, from anywhere: with its clean-up, and with the reason in the records."""

from __future__ import annotations

import logging
import threading
from typing import Any

from bluesky.utils import TransitionError

__all__ = ["EngineAbort"]

_RETRY_S = 0.02

_logger = logging.getLogger(__name__)


class EngineAbort:
    """Aborts what an engine runs; calling it does not block, and what runs is aborted once.

    Args:
        engine: a `bluesky.RunEngine`.

    Attributes:
        reason: of the last abort, or None.
    """

    def __init__(self, engine: Any) -> None:
        self.reason: str | None = None
        self._engine = engine
        self._thread: threading.Thread | None = None

    def __call__(self, reason: str) -> bool:
        """Abort; False where nothing runs, or an abort is under way."""
        if self._engine.state == "idle" or (self._thread is not None and self._thread.is_alive()):
            return False
        self.reason = reason
        # `abort` waits for the engine's loop, which may be the caller.
        self._thread = threading.Thread(target=self._abort, args=(reason,), name="abort", daemon=True)
        self._thread.start()
        return True

    def _abort(self, reason: str) -> None:
        pause = threading.Event()
        while self._engine.state != "idle":
            try:
                self._engine.abort(reason)
            except TransitionError:  # it has not begun yet, or is ending already
                pause.wait(_RETRY_S)
            except Exception:  # what the plan's clean-up fails with comes out here; the plan is to end all the same
                _logger.exception("the engine could not be aborted; it is asked again")
                pause.wait(_RETRY_S)
            else:
                return
