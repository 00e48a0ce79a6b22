"""To wait in a test for what another thread or process brings about."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


def until(is_true: Callable[[], object], timeout_s: float = 20.0, *, every_s: float = 0.005) -> None:
    """Wait until something becomes true.

    Raises:
        AssertionError: it does not.
    """
    pause = threading.Event()
    deadline_s = time.monotonic() + timeout_s
    while not is_true():
        assert time.monotonic() < deadline_s, "it did not become true"
        pause.wait(every_s)
