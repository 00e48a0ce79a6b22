"""Which call of which driver fails now: draws from the schedule, and keeps the list of what was injected."""

from __future__ import annotations

import logging
import random
from dataclasses import dataclass

from beamline.faults import FaultEntry, FaultSchedule
from devices.protocols import Clock

__all__ = ["MOST_RECORDED", "InjectedFault", "Injector", "Met"]

log = logging.getLogger(__name__)

MOST_RECORDED = 1000
"""Faults that are kept in the list; more are counted and logged only."""


@dataclass(frozen=True)
class InjectedFault:
    """A fault that began.

    Attributes:
        entry: which of the schedule, from 1.
        call: the driver's command or reading that met it first, with its value and unit.
        clock_s: when, on the clock.
    """

    entry: int
    role: str
    kind: str
    call: str
    clock_s: float


@dataclass(frozen=True)
class Met:
    """What a call meets: an entry, and when it began to fail by it."""

    index: int
    entry: FaultEntry
    begin_s: float


class _Live:
    """One entry with its chance and where it stands."""

    def __init__(self, index: int, entry: FaultEntry, seed: int) -> None:
        self.index = index
        self.entry = entry
        self._rng = random.Random(f"{seed}/{index}")  # noqa: S311  # faults, not secrets
        self._begin_s: float | None = None
        self._n_begun = 0

    def concerns(self, call: str, *, is_command: bool, makes_safe: bool) -> bool:
        entry = self.entry
        if entry.command:
            return entry.command == call
        return not makes_safe and not (entry.kind == "refuse" and not is_command)

    def met(self, now_s: float, *, may_begin: bool) -> tuple[Met | None, bool]:
        """What a call that the entry concerns meets now, and whether this has begun with it."""
        entry = self.entry
        if self._begin_s is not None:
            if now_s < self._begin_s + entry.duration_s:
                return Met(self.index, entry, self._begin_s), False
            self._begin_s = None
        begin_s = self._begins(now_s, may_begin=may_begin)
        if begin_s is None:
            return None, False
        self._n_begun += 1
        self._begin_s = begin_s if entry.duration_s else None
        return Met(self.index, entry, begin_s), True

    def _begins(self, now_s: float, *, may_begin: bool) -> float | None:
        entry = self.entry
        if entry.at_s is not None:
            if self._n_begun or now_s < entry.at_s:
                return None
            if entry.duration_s:
                return entry.at_s if now_s < entry.at_s + entry.duration_s else None
            return now_s if may_begin else None
        is_used_up = entry.at_most is not None and self._n_begun >= entry.at_most
        if not may_begin or is_used_up or self._rng.random() >= (entry.probability or 0.0):
            return None
        return now_s


class Injector:
    """A schedule at work.

    Args:
        schedule: what is to fail; the first entry that meets a call counts.
        clock: of the bench; the schedule's seconds are counted from now.

    Attributes:
        injected: what began so far, in order; at most `MOST_RECORDED`.
        n_injected: how many began.
    """

    def __init__(self, schedule: FaultSchedule, clock: Clock) -> None:
        self.schedule = schedule
        self.clock = clock
        self.injected: list[InjectedFault] = []
        self.n_injected = 0
        self._start_s = clock.now_s
        self._live = [_Live(i, entry, schedule.seed) for i, entry in enumerate(schedule.entries)]

    @property
    def now_s(self) -> float:
        """Seconds of the schedule."""
        return self.clock.now_s - self._start_s

    def rng(self, role: str) -> random.Random:
        """Chance of a role's own: garbage, and whether a lost command was carried out."""
        return random.Random(f"{self.schedule.seed}/{role}")  # noqa: S311  # as above

    def meet(self, role: str, call: str, words: str, *, is_command: bool, makes_safe: bool = False) -> Met | None:
        """What a call meets; None where it works.

        A fault without a `command` begins at commands only: how often a state is looked at is no plan's business.
        """
        for live in self._live:
            if live.entry.role != role or not live.concerns(call, is_command=is_command, makes_safe=makes_safe):
                continue
            met, has_begun = live.met(self.now_s, may_begin=is_command or bool(live.entry.command))
            if met is not None:
                if has_begun:
                    self.record(met, words)
                return met
        return None

    def record(self, met: Met, words: str) -> None:
        """Put a fault that began on the list and into the log."""
        injected = InjectedFault(met.index + 1, met.entry.role, met.entry.kind, words, round(self.clock.now_s, 3))
        self.n_injected += 1
        if len(self.injected) < MOST_RECORDED:
            self.injected.append(injected)
        log.warning("fault %d injected on purpose: %s (%s)", injected.entry, met.entry, words)
