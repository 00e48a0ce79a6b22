"""A thread for each instrument of a watchdog: one that does not answer keeps the other from nothing."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

from beamline.watchdog.hands import Hand
from beamline.watchdog.journal import Journal
from devices.errors import DeviceError

__all__ = ["Worker"]

AGAIN_S = 0.1
"""Between two attempts that failed, at first; it doubles up to `LONGEST_S`."""
LONGEST_S = 2.0
GUARD_EVERY_S = 0.2
"""How often it looks whether what was made safe stays so: a request of the engine may have been under way."""
GUARD_S = 3.0
"""How long it looks after an engine that is gone."""


@dataclass(frozen=True, eq=False)
class _Order:
    """One wish that the instrument be safe; another one, be it of the same words, is another one."""

    since_s: float


class Worker:
    """Looks after one instrument.

    Args:
        hand: its connection.
        journal: what it does goes there.
        look_every_s: how often it tries whether the instrument answers.
        reach_within_s: how long it tries at first, more often, before it says that it does not.
    """

    def __init__(self, hand: Hand, journal: Journal, look_every_s: float, reach_within_s: float) -> None:
        self._hand = hand
        self._journal = journal
        self._look_every_s = look_every_s
        self._reach_until_s = time.monotonic() + reach_within_s
        self._changed = threading.Condition()
        self._order: _Order | None = None
        self._is_ended = False
        self.is_safe = False
        """Made safe and seen to be, and has stayed so for `GUARD_S`."""
        self.is_done = False
        """Made safe since it was wanted last."""
        self.problem = "not looked at yet"
        """Why the instrument cannot be reached; empty where it can, or where only an act can tell."""
        self.has_looked = threading.Event()
        """It has answered, or was tried for long enough."""
        self._thread = threading.Thread(target=self._run, name=f"watchdog-{hand.done}", daemon=True)
        self._thread.start()

    @property
    def done(self) -> str:
        """What the instrument's act is called."""
        return self._hand.done

    @property
    def is_shared(self) -> bool:
        """As of the hand."""
        return self._hand.is_shared

    @property
    def is_wanted(self) -> bool:
        """Whether it is to be made safe and kept so."""
        return self._order is not None and not self._is_ended

    def want(self, since_s: float) -> None:
        """Make it safe, and keep it so until `relax`; `since_s` is when on the monotonic clock the engine fell silent."""
        with self._changed:
            if self._order is None:
                self._order = _Order(since_s)
                self.is_safe = self.is_done = False
                self._changed.notify()

    def relax(self) -> None:
        """The engine is back: leave the instrument to it."""
        with self._changed:
            self._order = None

    def end(self) -> None:
        """End the thread and the connection."""
        with self._changed:
            self._is_ended = True
            self._changed.notify()
        self._thread.join(2.0)

    # ------------------------------------------------------------------------------------------------- on the thread
    def _run(self) -> None:
        while not self._is_ended:
            order = self._order
            if order is not None:
                self._act(order)
                continue
            self._look()
            is_first = bool(self.problem) and not self.has_looked.is_set() and time.monotonic() < self._reach_until_s
            if not is_first:
                self.has_looked.set()
            with self._changed:
                if self._order is None and not self._is_ended:
                    self._changed.wait(AGAIN_S if is_first else self._look_every_s)
        self._hand.close()

    def _look(self) -> None:
        problem = ""
        if self._hand.is_shared:
            try:
                self._hand.look()
            except DeviceError as error:
                problem = str(error)
            except Exception as error:  # noqa: BLE001  # whatever an instrument answers must not end this thread
                problem = repr(error)
        self.problem = problem

    def _stands(self, order: _Order) -> bool:
        return self._order is order and not self._is_ended

    def _act(self, order: _Order) -> None:
        """Until it is safe, and then for as long as the order stands."""
        if not self._until_safe(order):
            return
        try:
            self._hand.finish()
        except Exception as error:  # noqa: BLE001  # what matters is done
            self._note("failed", f"after {self._hand.done}: {error}")
        begin_s = time.monotonic()
        while self._stands(order):
            self._pause(GUARD_EVERY_S)
            if not self._is_still_safe():
                self.is_safe = False
                self._until_safe(order)
                begin_s = time.monotonic()
            with self._changed:
                if self._stands(order) and time.monotonic() - begin_s >= GUARD_S:
                    self.is_safe = True

    def _until_safe(self, order: _Order) -> bool:
        pause_s, n_failed = AGAIN_S, 0
        while self._stands(order):
            try:
                self._hand.make_safe()
            except Exception as error:  # noqa: BLE001  # it is tried again, whatever it was
                n_failed += 1
                if n_failed in {1, 5, 50}:
                    self._note("failed", f"not yet {self._hand.done}, attempt {n_failed}: {error}")
                self._pause(pause_s)
                pause_s = min(2 * pause_s, LONGEST_S)
            else:
                after_s = time.monotonic() - order.since_s
                with self._changed:
                    self.is_done = self._stands(order)
                self._note(
                    "done", f"{self._hand.done}, {after_s:.3f} s after the engine was heard last", after_s=after_s
                )
                return True
            finally:
                if not self._hand.is_shared:
                    self._hand.close()
        return False

    def _is_still_safe(self) -> bool:
        try:
            return self._hand.look()
        except Exception:  # noqa: BLE001  # not known is not safe
            return False
        finally:
            if not self._hand.is_shared:
                self._hand.close()

    def _pause(self, pause_s: float) -> None:
        with self._changed:
            if self.is_wanted:
                self._changed.wait(pause_s)

    def _note(self, event: str, text: str, **figures: float) -> None:
        try:
            self._journal.write(event, text, **figures)
        except OSError:  # a full disk must not keep an output open
            return
