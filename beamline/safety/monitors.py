"""What holds a plan up, or ends it, when the bench is not as it must be: looked at before each message that it concerns.

Bluesky's suspenders are told of a change, and three things go wrong with that: a change while the loop is blocked is lost, a
plan starts although the condition stood already, and the rewind to a checkpoint fires a second time. Here nothing is told:
the plan itself looks, right before it acts, waits where it stands, and does not go back. A condition that comes and goes
between two looks is kept by the monitor (`keep_watch`), for the clocks of the wall. Decision 020.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Protocol

from bluesky.utils import Msg, MsgGenerator, ensure_generator

from devices import Clock, DeviceError, RealClock

__all__ = ["Finding", "Monitor", "MonitorError", "Monitors", "Pause", "guarded"]

_logger = logging.getLogger(__name__)


class MonitorError(DeviceError):
    """A monitor ends the plan: what it found cannot be waited out, or was waited for too long.

    To do: mend what the monitor watches (chiller, interlock, temperature, disk), then `vitrail campaign
    resume`.
    """


@dataclass(frozen=True)
class Finding:
    """What is not as it must be.

    Attributes:
        reason: in words, with values, units and what is allowed.
        ends: what ends it, for whoever reads it at night.
        can_wait: the plan may go on when it is over; else it ends.
        is_by_person: somebody has asked for it and ends it: it is waited for by the wall, whatever the bench's clock is, and
            is over at once.
        patience_s: longest pause; None: that of the monitors.
    """

    reason: str
    ends: str
    can_wait: bool = True
    is_by_person: bool = False
    patience_s: float | None = None


class Monitor(Protocol):
    """One condition of the bench."""

    name: str
    again_s: float
    """Time between two looks while the plan waits, s."""

    def concerns(self, msg: Msg) -> bool:
        """Whether the condition must hold before this message is carried out."""

    def look(self, msg: Msg | None) -> Finding | None:
        """None where all is well; `msg` is what is to be carried out, None at the first check. Must not block."""

    def keep_watch(self) -> None:
        """Called again and again beside the plan: keep what would be gone by the next look. Must not block."""


@dataclass(frozen=True)
class Pause:
    """The plan waits.

    Attributes:
        monitor: that holds it up.
        reason: as of the finding.
        ends: the same.
        since: by the wall, ISO 8601.
        since_s: by the bench's clock.
        at_most_s: after which the plan ends.
        waited_s: how long it took; None while it lasts.
    """

    monitor: str
    reason: str
    ends: str
    since: str
    since_s: float
    at_most_s: float
    waited_s: float | None = None

    def __str__(self) -> str:
        if self.waited_s is not None:
            return f"goes on after {self.waited_s:.0f} s: {self.monitor} is in order again"
        return (
            f"paused since {self.since} by {self.monitor}: {self.reason}. It goes on when {self.ends}; after "
            f"{self.at_most_s / 60:.0f} min of waiting the plan ends"
        )


class Monitors:
    """The monitors of a session.

    Args:
        clock: of the bench.
        monitors: in the order in which they are asked.
        patience_s: longest pause.
        steady_s: how long a condition must have been over before the plan goes on.
        on_pause: told of each pause when it begins and when it ends.
    """

    period_s = 0.2
    """Between two times that the monitors keep watch beside the plan, s."""

    def __init__(
        self,
        clock: Clock,
        monitors: Sequence[Monitor],
        *,
        patience_s: float = 3600.0,
        steady_s: float = 5.0,
        on_pause: Callable[[Pause], None] | None = None,
    ) -> None:
        self._clock = clock
        self.monitors = tuple(monitors)
        self.patience_s = patience_s
        self.steady_s = steady_s
        self.on_pause = on_pause
        self.pauses: list[Pause] = []
        self._is_watching = False

    def first_check(self) -> tuple[tuple[str, Finding], ...]:
        """What each monitor finds before anything has begun; empty where a plan may start."""
        found = ((monitor.name, self._look(monitor, None)) for monitor in self.monitors)
        return tuple((name, finding) for name, finding in found if finding is not None)

    def gate(self, msg: Msg) -> Iterator[Msg]:
        """Messages to be carried out before `msg`: none where all is well.

        Raises:
            MonitorError: a condition cannot be waited out, or was waited for longer than `patience_s`.
        """
        has_waited = True
        while has_waited:  # what was in order before a pause may no longer be after it
            has_waited = False
            for monitor in self.monitors:
                finding = self._look(monitor, msg) if monitor.concerns(msg) else None
                if finding is not None:
                    yield from self._wait(monitor, msg, finding)
                    has_waited = True

    def watch(self) -> None:
        """Keep watch beside the plan, until `rest`; on a discrete-event clock nothing happens beside it."""
        # There each event is one that the plan waits for, and one that came again for ever would hide that a wait has no end.
        if isinstance(self._clock, RealClock) and not self._is_watching:
            self._is_watching = True
            self._clock.call_later(self.period_s, self._keep_watch)

    def rest(self) -> None:
        """Watch no longer."""
        self._is_watching = False

    def _keep_watch(self) -> None:
        if not self._is_watching:
            return
        for monitor in self.monitors:
            try:
                monitor.keep_watch()
            except DeviceError:
                continue  # what does not answer is found by the plan
        self._clock.call_later(self.period_s, self._keep_watch)

    def _look(self, monitor: Monitor, msg: Msg | None) -> Finding | None:
        try:
            return monitor.look(msg)
        except DeviceError:
            return None  # the device that the message is for does not answer either, and its own error says more

    def _wait(self, monitor: Monitor, msg: Msg, finding: Finding) -> Iterator[Msg]:
        if not finding.can_wait:
            raise MonitorError(f"{monitor.name}: {finding.reason}; {finding.ends}")
        begin_s = self._clock.now_s
        since = datetime.now(UTC).astimezone().isoformat(timespec="seconds")
        patience_s = self.patience_s if finding.patience_s is None else finding.patience_s
        pause = Pause(monitor.name, finding.reason, finding.ends, since, begin_s, patience_s)
        self._tell(pause)
        if finding.is_by_person:
            waited_s = yield from self._wait_for_person(monitor, msg, patience_s)
            self._tell(replace(pause, waited_s=waited_s))
            return
        clear_since_s: float | None = None
        while clear_since_s is None or self._clock.now_s - clear_since_s < self.steady_s:
            waited_s = self._clock.now_s - begin_s
            if waited_s > patience_s:
                raise MonitorError(_too_long(monitor, finding, waited_s, patience_s))
            yield Msg(
                "sleep", None, min(monitor.again_s, self.steady_s) if clear_since_s is not None else monitor.again_s
            )
            now = self._look(monitor, msg)
            if now is not None and not now.can_wait:
                raise MonitorError(f"{monitor.name}: {now.reason}; {now.ends}")
            if now is not None:
                clear_since_s = None
            elif clear_since_s is None:
                clear_since_s = self._clock.now_s
        self._tell(replace(pause, waited_s=self._clock.now_s - begin_s))

    def _wait_for_person(self, monitor: Monitor, msg: Msg, patience_s: float) -> Generator[Msg, Any, float]:
        """Wait by the wall; on a discrete-event clock nothing happens meanwhile, and a night that re-lives it is the same."""
        wall = RealClock()
        while (finding := self._look(monitor, msg)) is not None:
            if wall.now_s > patience_s:
                raise MonitorError(_too_long(monitor, finding, wall.now_s, patience_s))
            yield Msg("wait_for", None, [lambda: asyncio.sleep(monitor.again_s)])
        return wall.now_s

    def _tell(self, pause: Pause) -> None:
        _logger.warning("%s", pause)
        if pause.waited_s is None:
            self.pauses.append(pause)
        else:
            self.pauses[-1] = pause
        if self.on_pause is not None:
            try:
                self.on_pause(pause)
            except Exception:  # whoever is told may fail by anything; the plan waits, or goes on, all the same
                _logger.exception("a pause could not be shown")


def _too_long(monitor: Monitor, finding: Finding, waited_s: float, patience_s: float) -> str:
    return f"{monitor.name}: {finding.reason}; waited {waited_s:.0f} s for it, {patience_s:.0f} s are allowed"


def guarded(plan: Any, monitors: Monitors) -> MsgGenerator[Any]:
    """The plan, held up or ended by the monitors; what ends it is raised inside it, so that its clean-up runs.

    Raises:
        MonitorError: a condition stands at the beginning: nothing of the plan was carried out.
    """
    if found := monitors.first_check():
        raise MonitorError("; ".join(f"{name}: {finding.reason}; {finding.ends}" for name, finding in found))
    monitors.watch()
    inner = ensure_generator(plan)
    try:
        return (yield from _guarded(inner, monitors))
    finally:
        monitors.rest()
        inner.close()


def _guarded(inner: Any, monitors: Monitors) -> MsgGenerator[Any]:
    try:
        msg = next(inner)
        while True:
            try:
                yield from monitors.gate(msg)
                result = yield msg
            except GeneratorExit:
                raise
            except BaseException as error:  # noqa: BLE001  # whatever ends it is for the plan to clean up after
                msg = inner.throw(error)
            else:
                msg = inner.send(result)
    except StopIteration as end:
        return end.value
