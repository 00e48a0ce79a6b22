"""One lock around a twin: its drivers know no threads, but its servers and its clock have several."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from devices.protocols import Clock, ScheduledCall

__all__ = ["LOOPBACK", "Shared"]

LOOPBACK = "127.0.0.1"
"""The one address that servers listen at."""


class Shared:
    """A `Clock` whose calls hold a lock; servers hold the same while they use a driver: `with shared.lock: ...`.

    Args:
        clock: that makes the time pass.
    """

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.lock = threading.RLock()

    @property
    def now_s(self) -> float:
        """Seconds since the clock was made."""
        return self.clock.now_s

    def call_later(self, delay_s: float, function: Callable[[], object]) -> ScheduledCall:
        """Call `function()` later, with the lock held."""

        def locked() -> None:
            with self.lock:
                function()

        return self.clock.call_later(delay_s, locked)

    def install(self, engine: Any) -> None:
        """As the clock does."""
        self.clock.install(engine)
