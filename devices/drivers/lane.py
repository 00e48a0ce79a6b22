"""A thread of its own for a wire: it carries out commands, polls between them, and serves the last value at once.

Nothing that an engine calls may block for more than 50 ms, and a wire may. A driver hands its commands to a `Lane` and
waits at most `PATIENCE_S` for the answer: a refusal that comes by then is raised where the command was given. One that
comes later is raised by every look at the state until the next command, so no failure is lost.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from devices.errors import CommunicationError, DeadlineError, DeviceError, RefusedError

__all__ = ["PATIENCE_S", "Lane"]

log = logging.getLogger(__name__)

PATIENCE_S = 0.04
"""Longest time that a command waits for its answer, s: below the 50 ms that nothing may block for."""

S = TypeVar("S")


@dataclass(eq=False)
class _Job:
    what: str
    work: Callable[[], object]
    answered: threading.Event = field(default_factory=threading.Event)
    error: DeviceError | None = None
    is_abandoned: bool = False


class Lane(Generic[S]):
    """One connection served by one daemon thread.

    Args:
        name: the device with its address, for messages.
        poll: reads the state over the wire; raises a `DeviceError`.
        poll_s: time between two polls, s.
        stale_s: a state older than this is not served: looking at it raises.
        deadline_s: a command that takes longer than this fails whoever looks at the state.
    """

    def __init__(
        self, name: str, poll: Callable[[], S], *, poll_s: float, stale_s: float = 2.0, deadline_s: float = 5.0
    ) -> None:
        self.name = name
        self._poll = poll
        self._poll_s = poll_s
        self._stale_s = stale_s
        self._deadline_s = deadline_s
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._n_open = 0
        self._failure: DeviceError | None = None
        self._running: tuple[str, float] | None = None
        self._state: tuple[S, float] | None = None
        self._poll_error: DeviceError | None = None
        self._needs_poll = False
        self._has_state = threading.Event()
        self._is_stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"vitrail-{name}", daemon=True)

    # ------------------------------------------------------------------------------------------- from the user's side
    def start(self, timeout_s: float) -> None:
        """Begin to poll; returns when the first state is there. This is the one call that may take long.

        Raises:
            CommunicationError: no state within `timeout_s`; the thread is ended.
            RefusedError: the first poll found that it must not be used as it is; the same.
        """
        self._thread.start()
        has_answer = self._has_state.wait(timeout_s)
        if self._state is None:
            self.stop()
            if has_answer and self._poll_error is not None:
                raise RefusedError(*self._poll_error.args) from self._poll_error
            raise CommunicationError(
                f"{self.name}: connect: nothing that it understands within {timeout_s:g} s ({self._poll_error}); check "
                "power, cable, address and model"
            ) from self._poll_error

    def stop(self) -> None:
        """End the thread after what it is doing; waits a moment for it."""
        self._is_stopped.set()
        self._jobs.put(None)
        if self._thread.is_alive() and threading.current_thread() is not self._thread:
            self._thread.join(1.0)

    @property
    def age_s(self) -> float:
        """How old the last state is, s; infinite before the first."""
        state = self._state
        return float("inf") if state is None else time.monotonic() - state[1]

    @property
    def is_pending(self) -> bool:
        """Whether a command is not carried out, or the state from after it is not yet read."""
        with self._lock:
            return self._n_open > 0 or self._needs_poll

    @property
    def state(self) -> S:
        """The last state.

        Raises:
            DeviceError: what the last command failed with after it was no longer waited for.
            DeadlineError: a command takes too long, or the state is older than `stale_s`.
        """
        with self._lock:
            failure, running = self._failure, self._running
        if failure is not None:
            raise type(failure)(*failure.args) from failure.__cause__  # each raise would lengthen one's traceback
        if running is not None and time.monotonic() - running[1] > self._deadline_s:
            raise DeadlineError(
                f"{self.name}: {running[0]}: not answered after {self._deadline_s:g} s; check power and cable, and look "
                "at the instrument before going on: whether it was carried out is not known"
            )
        return self.last_state

    @property
    def last_state(self) -> S:
        """The last state, whatever became of the last command.

        Raises:
            DeadlineError: it is older than `stale_s`.
        """
        state = self._state
        if state is None or self.age_s > self._stale_s:
            raise DeadlineError(
                f"{self.name}: read: no good answer for {self.age_s:.1f} s, {self._stale_s:g} s are allowed (last: "
                f"{self._poll_error}); check power and cable; it goes on by itself when answers come again"
            ) from self._poll_error
        return state[0]

    def submit(self, what: str, work: Callable[[], object], *, patience_s: float = PATIENCE_S) -> None:
        """Carry out `work()` on the thread; waits a moment for it.

        Args:
            what: the command with its value and unit, for messages.
            work: talks over the wire; raises a `DeviceError`. It is never repeated.
            patience_s: how long to wait; 0 for a caller on another lane's thread.

        Raises:
            DeviceError: what `work` raised, if it did so in time, with device and command named.
        """
        job = _Job(what, work, is_abandoned=patience_s == 0)
        with self._lock:
            self._failure = None
            self._n_open += 1
        self._jobs.put(job)
        if job.is_abandoned:
            return
        if not job.answered.wait(patience_s):
            with self._lock:
                job.is_abandoned = not job.answered.is_set()
        if job.answered.is_set() and job.error is not None:
            raise job.error

    def fail(self, what: str, error: DeviceError) -> None:
        """Let every look at the state raise `error` until the next command."""
        with self._lock:
            self._failure = type(error)(f"{self.name}: {what}: {error}")

    def refresh(self) -> None:
        """Count the state as old until it is read again."""
        with self._lock:
            self._needs_poll = True
        self._jobs.put(None)

    # ------------------------------------------------------------------------------------------------- on the thread
    def _run(self) -> None:
        while not self._is_stopped.is_set():
            self._read()
            try:
                job = self._jobs.get(timeout=self._poll_s)
            except queue.Empty:
                continue
            if job is not None:
                self._do(job)

    def _do(self, job: _Job) -> None:
        with self._lock:
            self._running = job.what, time.monotonic()
        error = self._outcome(job.what, job.work)
        with self._lock:
            self._running = None
            self._needs_poll = True
        if error is None:
            self._read()
        with self._lock:
            job.error = error
            self._n_open -= 1
            if error is not None and job.is_abandoned:
                self._failure = error
            job.answered.set()

    def _read(self) -> None:
        states: list[S] = []
        error = self._outcome("read", lambda: states.append(self._poll()))
        self._poll_error = error
        if error is None:
            self._state = states[0], time.monotonic()
            with self._lock:
                self._needs_poll = False
            self._has_state.set()
        elif isinstance(error, RefusedError) and self._state is None:
            self._has_state.set()  # it answers, and not as it must: there is nothing to wait for

    def _outcome(self, what: str, work: Callable[[], object]) -> DeviceError | None:
        try:
            work()
        except DeviceError as error:
            named = type(error)(f"{self.name}: {what}: {error}")
            named.__cause__ = error
            return named
        except Exception as error:  # a fault of ours must not end the thread: it is reported like one of the wire
            log.exception("%s: %s", self.name, what)
            named = CommunicationError(f"{self.name}: {what}: the driver failed with {error!r}; please report it")
            named.__cause__ = error
            return named
        return None
