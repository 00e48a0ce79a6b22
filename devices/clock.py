"""The clocks: a heap of events for simulated nights, the wall's for the bench, and the wall's scaled for wire servers.

A nine-hour anneal passes in milliseconds on the `DiscreteEventClock` and in nine hours on the `RealClock`, through the
same plan and the same device classes. Why, and how a RunEngine is made to live by it: docs/decisions/001-clock.md.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import logging
import math
import threading
import time
from collections.abc import Callable, Collection
from typing import Any

from .errors import ClockStalledError

__all__ = ["DiscreteEventClock", "RealClock", "ScaledClock"]

log = logging.getLogger(__name__)

EVENTS_PER_SLICE = 16
"""Events that are played before the engine's loop is served: an abort or a pause takes effect between two slices."""


class _Call:
    """A scheduled call, ordered by due time, then by the order of asking."""

    __slots__ = ("due_s", "function", "order")

    def __init__(self, due_s: float, order: int, function: Callable[[], object]) -> None:
        self.due_s = due_s
        self.order = order
        self.function: Callable[[], object] | None = function

    def cancel(self) -> None:
        """Take the call back; does nothing if it was made or taken back already."""
        self.function = None

    def __lt__(self, other: _Call) -> bool:
        return (self.due_s, self.order) < (other.due_s, other.order)


def _checked_delay(delay_s: float) -> float:
    if not (math.isfinite(delay_s) and delay_s >= 0):
        raise ValueError(f"{delay_s=} s: a delay is finite and not negative")
    return float(delay_s)


class DiscreteEventClock:
    """Simulated time: it stands still until somebody waits, then jumps from event to event.

    Installed in a RunEngine, it plays its events while a plan waits for statuses or sleeps, a few at a time, so that an
    abort, a pause or Ctrl-C takes effect between them. Outside an engine, `advance` plays them. It is used from one
    thread at a time: the engine's while a plan runs.
    """

    def __init__(self) -> None:
        self._now_s = 0.0
        self._heap: list[_Call] = []
        self._order = itertools.count()
        self._chained_hook: Callable[[Any], object] | None = None
        self._waited_for: Collection[Any] = ()
        self._is_playing = False

    def __repr__(self) -> str:
        return f"DiscreteEventClock(now_s={self._now_s:.3f}, n_events={len(self._heap)})"

    @property
    def now_s(self) -> float:
        """Simulated seconds since the clock was made."""
        return self._now_s

    def call_later(self, delay_s: float, function: Callable[[], object]) -> _Call:
        """Call `function()` when `delay_s` simulated seconds have passed; calls due together keep the order of asking.

        Raises:
            ValueError: `delay_s` is negative or not finite.
        """
        call = _Call(self._now_s + _checked_delay(delay_s), next(self._order), function)
        heapq.heappush(self._heap, call)
        return call

    def advance(self, duration_s: float) -> None:
        """Play every event of the next `duration_s` seconds; for use outside an engine.

        Raises:
            ValueError: `duration_s` is negative or not finite.
        """
        end_s = self._now_s + _checked_delay(duration_s)
        while self._heap and self._heap[0].due_s <= end_s:
            self._play_one()
        self._now_s = end_s

    def install(self, engine: Any) -> None:
        """Make a RunEngine wait and sleep by this clock.

        A waiting hook that is already there (a progress bar) is called first at every wait. A hook that is set
        afterwards would replace this one: set it before, or install again.

        Args:
            engine: a `bluesky.RunEngine`.
        """
        if engine.waiting_hook != self._on_wait:
            self._chained_hook = engine.waiting_hook
            engine.waiting_hook = self._on_wait
        engine.register_command("sleep", self._sleep)

    # ------------------------------------------------------------------------------------------------ playing events
    def _play_one(self) -> None:
        call = heapq.heappop(self._heap)
        if call.function is not None:
            self._now_s = call.due_s
            function, call.function = call.function, None
            function()

    def _play_slice(self, is_over: Callable[[], bool]) -> bool:
        """Play some events; True when `is_over()` or no event is left."""
        for _ in range(EVENTS_PER_SLICE):
            if is_over() or not self._heap:
                return True
            self._play_one()
        return is_over()

    # ------------------------------------------------------------------------------------------------ in a RunEngine
    def _on_wait(self, statuses: Collection[Any] | None) -> None:
        """The engine's waiting hook: the statuses when a wait begins, None when it ends, also by an abort."""
        if self._chained_hook is not None:
            self._chained_hook(statuses)
        self._waited_for = statuses or ()
        if self._waited_for and not self._is_playing:
            self._is_playing = True
            # Not played here: the hook runs inside the engine's loop, and no abort could arrive before the last event.
            asyncio.get_running_loop().call_soon(self._play_while_waiting)

    def _is_wait_over(self) -> bool:
        return all(status.done for status in self._waited_for) or any(
            status.done and not status.success for status in self._waited_for
        )

    def _play_while_waiting(self) -> None:
        self._is_playing = False
        try:
            ended = self._play_slice(self._is_wait_over)
        except Exception as error:  # noqa: BLE001  # an event's failure is the waiting plan's, which would hang otherwise
            self._fail_wait(error)
            return
        if not ended:
            self._is_playing = True
            asyncio.get_running_loop().call_soon(self._play_while_waiting)
        elif not self._is_wait_over():
            names = ", ".join(sorted(str(status) for status in self._waited_for if not status.done))
            self._fail_wait(
                ClockStalledError(
                    f"at {self._now_s:.1f} s of simulated time a plan waits for {names}, and no event is left that "
                    "could finish it; every wait must end by a call that a device asked of this clock (call_later)"
                )
            )

    def _fail_wait(self, error: Exception) -> None:
        unfinished = [status for status in self._waited_for if not status.done]
        for status in unfinished:
            if hasattr(status, "set_exception"):
                status.set_exception(error)
        if not any(hasattr(status, "set_exception") for status in unfinished):
            raise error  # reaches the loop's exception handler, which logs it

    async def _sleep(self, msg: Any) -> None:
        """The engine's `sleep` command."""
        (duration_s,) = msg.args
        is_awake = False

        def wake() -> None:
            nonlocal is_awake
            is_awake = True

        call = self.call_later(duration_s, wake)
        try:
            while not self._play_slice(lambda: is_awake):  # noqa: ASYNC110  # it is this loop that makes the time pass
                await asyncio.sleep(0)  # here an abort or a pause arrives
        finally:
            call.cancel()


class RealClock:
    """Wall time, by the monotonic clock, with one daemon thread that makes the calls.

    Args:
        begin_s: what it reads now: 0, or later where it goes on for a clock that has ended.
    """

    _speed = 1.0

    def __init__(self, begin_s: float = 0.0) -> None:
        self._begin_s = begin_s
        self._start_s = time.monotonic()
        self._heap: list[_Call] = []
        self._order = itertools.count()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def __repr__(self) -> str:
        return f"{type(self).__name__}(now_s={self.now_s:.3f}, n_events={len(self._heap)})"

    @property
    def now_s(self) -> float:
        """Seconds since the clock was made, on top of those that it began with."""
        return self._begin_s + (time.monotonic() - self._start_s) * self._speed

    def call_later(self, delay_s: float, function: Callable[[], object]) -> _Call:
        """Call `function()` on the clock's thread when `delay_s` seconds have passed; it must not block.

        Raises:
            ValueError: `delay_s` is negative or not finite.
        """
        call = _Call(self.now_s + _checked_delay(delay_s), next(self._order), function)
        with self._changed:
            heapq.heappush(self._heap, call)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="vitrail-clock", daemon=True)
                self._thread.start()
            self._changed.notify()
        return call

    def install(self, engine: Any) -> None:
        """Nothing to do: a RunEngine waits and sleeps by wall time already."""

    def _next_due(self) -> _Call:
        """Block until the first call is due, and take it off the heap."""
        with self._changed:
            while True:
                if not self._heap:
                    self._changed.wait()
                elif (left_s := self._heap[0].due_s - self.now_s) > 0:
                    self._changed.wait(left_s / self._speed)
                else:
                    return heapq.heappop(self._heap)

    def _run(self) -> None:
        while True:
            call = self._next_due()
            if (function := call.function) is not None:
                call.function = None
                try:
                    function()
                except Exception:
                    log.exception("a call that was due at %.3f s failed; the clock goes on", call.due_s)


class ScaledClock(RealClock):
    """Wall time that passes `speed` times as fast: for servers that imitate an instrument, and demonstrations.

    It drifts behind above some 4,000 times real time, and what happens depends on the load of the machine: a simulated
    night wants the `DiscreteEventClock`.

    Args:
        speed: seconds of this clock in a second of the wall.
        begin_s: what it reads now.

    Raises:
        ValueError: `speed` is not finite and positive.
    """

    def __init__(self, speed: float, begin_s: float = 0.0) -> None:
        if not (math.isfinite(speed) and speed > 0):
            raise ValueError(f"{speed=}: a scaled clock runs at a finite, positive multiple of wall time")
        super().__init__(begin_s)
        self._speed = float(speed)

    def install(self, engine: Any) -> None:
        """Make a RunEngine's `sleep` last by this clock; its waits end when the statuses do, which live by it already."""

        async def sleep(msg: Any) -> None:
            (duration_s,) = msg.args
            await asyncio.sleep(_checked_delay(duration_s) / self._speed)

        engine.register_command("sleep", sleep)
