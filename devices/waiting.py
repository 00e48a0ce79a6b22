"""The status of something that takes time on a clock: it looks whether it is done, and gives up at a deadline.

ophyd's own `Status(timeout=...)` is wall time and costs a thread each; here everything is a call on the `Clock`.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable

from ophyd.status import StatusBase
from ophyd.utils import InvalidState

from .errors import DeadlineError, StoppedError
from .protocols import Clock

__all__ = ["Waiting"]

SHORTEST_S = 1e-6
"""A deadline that is nearer than this has passed: a call so soon might not move a clock of 64 bits, for ever."""


class Waiting(StatusBase):  # type: ignore[misc]  # ophyd ships no types
    """Done when `is_done()` says so; failed by what it raises, by the deadline, or by `end`.

    Args:
        what: device, action and unit in words, for messages: "stage_x_mm: move to 12 mm".
        clock: whose seconds count.
        is_done: quick check; what it raises fails the status.
        expected_s: when to look first; 0 looks at once.
        poll_s: time between the looks after the first.
        deadline_s: from now; later than this the status fails with `DeadlineError`.
        on_failure: called before the status fails by an error or the deadline: bring the device to rest.
        watch: called every `watch_every_s` until the first look; what it raises fails the status.
        watch_every_s: in seconds of the clock.
        advice: what to do when the deadline has passed.
    """

    def __init__(
        self,
        what: str,
        clock: Clock,
        is_done: Callable[[], bool],
        *,
        expected_s: float,
        poll_s: float,
        deadline_s: float,
        on_failure: Callable[[], object] = lambda: None,
        watch: Callable[[], object] | None = None,
        watch_every_s: float = math.inf,
        advice: str = "look at the device",
    ) -> None:
        self._what = what  # first: ophyd's own constructor asks for the repr
        super().__init__()
        self._clock = clock
        self._is_done = is_done
        self._poll_s = poll_s
        self._start_s = clock.now_s
        self._deadline_s = deadline_s
        self._on_failure = on_failure
        self._watch = watch
        self._watch_every_s = watch_every_s
        self._expected_s = expected_s
        self._advice = advice
        if expected_s > 0:
            clock.call_later(expected_s, self._look)
            self._watch_later()
        else:
            self._look()

    def __str__(self) -> str:
        return self._what

    __repr__ = __str__

    def end(self, *, success: bool) -> None:
        """Finish from outside, because the device was stopped; does nothing if it is done."""
        self._settle(None if success else StoppedError(f"{self._what}: stopped before its end"))

    def _watch_later(self) -> None:
        left_s = self._start_s + self._expected_s - self._clock.now_s
        if self._watch is not None and left_s > self._watch_every_s:
            self._clock.call_later(self._watch_every_s, self._look_on)

    def _look_on(self) -> None:
        """A look on the way."""
        if self.done or self._watch is None:
            return
        try:
            self._watch()
        except Exception as error:  # noqa: BLE001  # as below
            self._fail(error)
            return
        self._watch_later()

    def _look(self) -> None:
        if self.done:
            return
        try:
            is_done = self._is_done()
        except Exception as error:  # noqa: BLE001  # whatever fails here is the status's failure, and ends the wait
            self._fail(error)
            return
        elapsed_s = self._clock.now_s - self._start_s
        left_s = self._deadline_s - elapsed_s
        if is_done:
            self._settle(None)
        elif left_s < SHORTEST_S:
            self._fail(
                DeadlineError(
                    f"{self._what}: not done after {elapsed_s:.1f} s; {self._deadline_s:.1f} s were allowed; {self._advice}"
                )
            )
        else:
            self._clock.call_later(min(self._poll_s, left_s), self._look)

    def _fail(self, error: Exception) -> None:
        try:
            self._on_failure()
        except Exception as second:  # noqa: BLE001  # the first error is the one to report; the second goes with it
            error.add_note(f"and bringing the device to rest failed: {second!r}")
        self._settle(error)

    def _settle(self, error: Exception | None) -> None:
        # The clock's thread and the engine's may both come here; ophyd takes the first.
        with contextlib.suppress(InvalidState):
            if error is None:
                self.set_finished()
            else:
                self.set_exception(error)
