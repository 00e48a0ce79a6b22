"""What the roles share: a driver, a clock, limits; and that `stop` does nothing unless something moves."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from ophyd import Device

from .capabilities import CAPABILITIES, Capability
from .errors import CommunicationError, RefusedError
from .geometry import Limits
from .protocols import Clock
from .signals import Setting
from .soft_signals import SoftSetting
from .waiting import Waiting

__all__ = ["Role"]


class Role(Device):  # type: ignore[misc]  # ophyd ships no types
    """An ophyd device over a plain driver.

    Args:
        name: first part of every data key; `laser`, `stage`, `furnace`, `spectrometer`,
            `lifetime`, `camera` or `changer` in our documents.
        driver: the instrument's or the twin's.
        clock: by which everything that takes time is awaited.
        limits: of its settings.
    """

    poll_s = 0.05
    """Time between two looks at something that takes longer than expected, s."""
    margin_s = 5.0
    """A deadline is 1.5 times the expected time, and this, s."""
    longest_s = 86_400.0
    """A driver that expects anything to take longer than this, s, is not believed."""
    late_by: tuple[str, ...] = ()
    """Attributes besides `margin_s` that allow for a wire that is late."""
    advice = "look at the device"
    """What to do when it does not do what it was asked; ends the message."""

    def __init__(self, *, name: str, driver: Any, clock: Clock, limits: Limits | None = None, **kwargs: Any) -> None:
        self.driver = driver
        self.clock = clock
        self.bounds = limits or Limits()
        self._in_flight: list[Waiting] = []
        self._kept: dict[SoftSetting, float] = {}
        super().__init__("", name=name, **kwargs)

    @property
    def capabilities(self) -> frozenset[Capability]:
        """What the driver has of `devices.capabilities.CAPABILITIES`."""
        has: frozenset[Capability] = self.driver.capabilities
        return has

    def require(self, *needed: Capability, purpose: str) -> None:
        """Refuse if the driver lacks one of these.

        Args:
            needed: capabilities of this role.
            purpose: what they are needed for, in words.

        Raises:
            RefusedError: it lacks one; the message says which, and what it has.
        """
        meanings = CAPABILITIES[type(self).__name__.lower()]
        for capability in needed:
            if capability not in self.capabilities:
                has = ", ".join(sorted(self.capabilities)) or "nothing beyond its role"
                raise RefusedError(
                    f"{self.name}: {purpose} needs {capability!r} ({meanings[capability]}), which "
                    f"{type(self.driver).__name__} lacks; it has: {has}. Change what is asked for, or the instrument"
                )

    def begin(
        self,
        what: str,
        is_done: Callable[[], bool],
        *,
        expected_s: float,
        deadline_s: float | None = None,
        watch: Callable[[], object] | None = None,
        watch_every_s: float = math.inf,
    ) -> Waiting:
        """The status of something that the driver has begun; until it is done, `stop` has something to stop.

        Raises:
            CommunicationError: the driver's expected time is no time.
        """
        if not 0 <= expected_s <= self.longest_s:  # NaN is not
            self._bring_to_rest()
            raise CommunicationError(
                f"{what}: the driver expects it to take {expected_s!r} s; allowed are 0 to {self.longest_s:g} s; {self.advice}"
            )
        waiting = Waiting(
            what,
            self.clock,
            is_done,
            expected_s=expected_s,
            poll_s=self.poll_s,
            deadline_s=1.5 * expected_s + self.margin_s if deadline_s is None else deadline_s,
            on_failure=self._bring_to_rest,
            watch=watch,
            watch_every_s=watch_every_s,
            advice=self.advice,
        )
        self._in_flight = [other for other in self._in_flight if not other.done]
        if not waiting.done:
            self._in_flight.append(waiting)
        return waiting

    def allow_for_lateness(self, speed: float) -> None:
        """Take seconds that a wire and this machine are late by for `speed` times as many, as a clock that runs faster does.

        Args:
            speed: of the clock, times real; 1 and below change nothing.
        """
        for name in ("margin_s", *self.late_by):
            setattr(self, name, getattr(self, name) * max(speed, 1.0))

    @property
    def is_in_flight(self) -> bool:
        """Whether something that was begun is not done."""
        return any(not waiting.done for waiting in self._in_flight)

    def stage(self) -> list[object]:
        """Note the soft settings (exposure, integration, ramp), so that `unstage` gives back what was there before.

        What stands in hardware, such as an energy, a place, a temperature, is not moved back: that would be a move nobody asked
        for.
        """
        staged: list[object] = super().stage()
        parts = (getattr(self, name) for name in self.component_names)
        self._kept = {part: part.position for part in parts if isinstance(part, SoftSetting)}
        return staged

    def unstage(self) -> list[object]:
        """Give back the soft settings that `stage` noted; does nothing to those of a device that was not staged."""
        for setting, value in self._kept.items():
            setting.set(value)
        self._kept = {}
        unstaged: list[object] = super().unstage()
        return unstaged

    def stop(self, *, success: bool = False) -> None:
        """Bring the device to rest if something is in flight, and end that; else do nothing.

        The engine calls it on everything it has set, at a normal end too: a furnace that holds must go on holding.
        What was set is no longer watched: a hand at the device is no drift.
        """
        self.forget()
        self.end_in_flight(success=success)

    def forget(self) -> None:
        """From here on the device may be in any state; what is set anew is watched again."""
        for signal in self._signals.values():
            if isinstance(signal, Setting):
                signal.target = None

    def end_in_flight(self, *, success: bool) -> None:
        """Bring the device to rest if something is in flight, and end that."""
        if self.is_in_flight:
            try:
                self._bring_to_rest()
            finally:
                for waiting in self._in_flight:
                    waiting.end(success=success)
                self._in_flight.clear()

    def _bring_to_rest(self) -> None:
        """What `stop` and a missed deadline do to the driver."""
        raise NotImplementedError
