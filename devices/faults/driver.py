"""A driver that fails by a schedule: over any driver of a role, on any clock, it never blocks.

Failures look as the drivers of the instruments let them look (`devices.drivers.lane`): a command that is not answered
fails whoever looks at the state, until the next command; a state that is older than `stale_s` is not served.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from devices.errors import CommunicationError, DeadlineError, DeviceError, RefusedError

from .injector import Injector, Met
from .roles import Acknowledged, Command, Reading, RoleFaults

__all__ = ["RESTART_S", "FaultyDriver"]

RESTART_S = 10.0
"""Time from a restart until an instrument answers again, s, if the fault does not say longer."""
RECONNECT_S = 1.0
"""The same for a connection that was dropped."""
UNKNOWN = "whether it was carried out is not known; check power and cable, and look at the instrument before going on"


class FaultyDriver:
    """Offers what the driver offers.

    Args:
        driver: the driver that works.
        role: what faults need to know of it.
        injector: says what fails.
    """

    def __init__(self, driver: Any, role: RoleFaults, injector: Injector) -> None:
        self._driver = driver
        self._role = role
        self._injector = injector
        self._clock = injector.clock
        self._rng = injector.rng(role.name)
        self._failure: tuple[DeviceError, float] | None = None
        self._busy_until_s = 0.0
        self._down: tuple[float, float, str | None] | None = None
        self._acknowledged: Acknowledged = {}
        self._frozen: dict[tuple[Any, ...], Any] = {}
        for i, entry in enumerate(injector.schedule.entries):
            if entry.role == role.name and entry.kind == "restart" and entry.at_s is not None and not entry.command:
                met = Met(i, entry, entry.at_s)
                self._clock.call_later(max(entry.at_s - injector.now_s, 0.0), partial(self._restart_unasked, met))

    @property
    def underneath(self) -> Any:
        """The driver that works: what is really so."""
        return self._driver

    def __getattr__(self, name: str) -> Any:
        # Called only for what is not found here: the driver's commands, readings, and what it states of itself.
        if name.startswith("__"):
            raise AttributeError(name)
        if name in self._role.commands:
            return partial(self._command, name, self._role.commands[name])
        if name in self._role.readings:
            reading = self._role.readings[name]
            return partial(self._read, name, reading) if reading.is_method else self._read(name, reading)
        return getattr(self._driver, name)

    # ------------------------------------------------------------------------------------------------------ commands
    def _command(self, name: str, command: Command, *args: Any, **kwargs: Any) -> float | None:
        values = (*args, *kwargs.values())
        words = command.words.format(*values)
        what = f"{self._role.name}: {words}"
        makes_safe = command.makes_safe(values)
        self._failure, self._busy_until_s, self._acknowledged = None, 0.0, {}
        if not makes_safe:
            self._check_connection(what)
        call = partial(getattr(self._driver, name), *args, **kwargs)
        met = self._injector.meet(self._role.name, name, words, is_command=True, makes_safe=makes_safe)
        if met is None:
            return self._result(call())
        return self._fail_command(met, command, what, values, call)

    def _fail_command(
        self, met: Met, command: Command, what: str, values: tuple[Any, ...], call: Callable[[], Any]
    ) -> float | None:
        now_s, timeout_s = self._clock.now_s, self._role.timeout_s
        match met.entry.kind:
            case "silent":
                return self._lost(command, f"{what}: no reply within {timeout_s:g} s; {UNKNOWN}")
            case "late":
                expected_s = self._result(call())
                if met.entry.delay_s > timeout_s:
                    return self._lost(command, f"{what}: no reply within {timeout_s:g} s, it came later; {UNKNOWN}")
                self._busy_until_s = now_s + met.entry.delay_s
                return expected_s
            case "garbage":
                if self._rng.random() < 0.5:
                    call()
                noise = self._rng.randbytes(6)
                raise CommunicationError(f"{what}: the reply {noise!r} is not understood; {UNKNOWN}")
            case "refuse":
                raise RefusedError(
                    f"{what}: refused, the device does not take it in its present state; nothing happened; look at its "
                    "panel for the reason, and try again"
                )
            case "stuck":
                self._acknowledged = command.acknowledges(self._driver, values, self._clock)
                return None if command.expected_s is None else command.expected_s(self._driver, values)
            case "drop":
                call()
                self._down = now_s, now_s + max(met.entry.duration_s, RECONNECT_S), None
                raise CommunicationError(f"{what}: the connection was dropped before the reply; {UNKNOWN}")
            case "restart":
                self._restart(met)
                raise CommunicationError(f"{what}: the device hung up and restarts; {UNKNOWN}")
            case _:  # a drift is of readings
                return self._result(call())

    def _lost(self, command: Command, text: str) -> float | None:
        """The failure comes when the reply should have come; the command says nothing."""
        at_s = self._clock.now_s + self._role.timeout_s
        self._failure = CommunicationError(text), at_s
        self._busy_until_s = at_s
        return None if command.expected_s is None else self._role.timeout_s

    def _check_connection(self, what: str) -> None:
        if self._down is None or self._clock.now_s >= self._down[1]:
            return
        since_s, _, refusal = self._down
        if refusal is not None:
            raise RefusedError(f"{what}: refused, {refusal}")
        raise CommunicationError(
            f"{what}: no connection for {self._clock.now_s - since_s:.1f} s; nothing happened; check power and cable; "
            "it goes on by itself when answers come again"
        )

    def _restart(self, met: Met) -> None:
        now_s = self._clock.now_s
        self._role.restart(self._driver)
        self._down = now_s, now_s + max(met.entry.duration_s, RESTART_S), self._role.after_restart

    def _restart_unasked(self, met: Met) -> None:
        met_now = self._injector.meet(self._role.name, "restart", "between two calls", is_command=True)
        if met_now is not None and met_now.index == met.index:
            self._restart(met)

    # ------------------------------------------------------------------------------------------------------ readings
    def _read(self, name: str, reading: Reading, *args: Any) -> Any:
        now_s = self._clock.now_s
        if self._failure is not None and now_s >= self._failure[1]:
            raise type(self._failure[0])(*self._failure[0].args)
        if self._down is not None and self._down[2] is None and now_s < self._down[1]:
            self._check_age(now_s - self._down[0])
        words = f"read {name}{f' of {args[0]}' if args else ''}"
        met = self._injector.meet(self._role.name, name, words, is_command=False)
        if reading.is_busy_flag and now_s < self._busy_until_s:
            return True
        value = self._live(name, args)
        return value if met is None else self._spoil(met, name, reading, args, value)

    def _live(self, name: str, args: tuple[Any, ...]) -> Any:
        if name in self._acknowledged:
            return self._acknowledged[name]()
        value = getattr(self._driver, name)
        return value(*args) if callable(value) else value

    def _spoil(self, met: Met, name: str, reading: Reading, args: tuple[Any, ...], value: Any) -> Any:
        age_s = self._injector.now_s - met.begin_s
        match met.entry.kind:
            case "silent" | "drop":
                self._check_age(age_s)
            case "late":
                self._check_age(min(age_s, met.entry.delay_s))
            case "garbage":
                return self._garbage(reading, value)
            case "stuck" if reading.kind != "flag" and name not in self._acknowledged:
                return self._frozen.setdefault((met.index, met.begin_s, name, args), value)
            case "drift":
                return _drifted(reading, value, met.entry.size * age_s / 60.0)
            case "restart":
                if self._down is None or self._down[0] < self._clock.now_s - age_s:
                    self._restart(met)
            case _:
                pass
        return value

    def _check_age(self, age_s: float) -> None:
        if age_s > self._role.stale_s:
            raise DeadlineError(
                f"{self._role.name}: read: no good answer for {age_s:.1f} s, {self._role.stale_s:g} s are allowed; check "
                "power and cable; it goes on by itself when answers come again"
            )

    def _garbage(self, reading: Reading, value: Any) -> Any:
        bad: dict[str, list[Any]] = {
            "number": [float("nan"), float("inf"), float("-inf"), 1e30, -1e30, "#####"],
            "flag": [None, 173, "?"],
            "array": [np.full(np.shape(value), np.nan), np.zeros(3), np.full(np.shape(value), -1e9), "#####"],
            "word": ["", "\x00\x7f", None],
            "words": [None, (None,), "\x00"],
        }
        if reading.kind == "histogram":
            return self._rng.choice([None, np.zeros(3), *(_with_counts(value, bad) for bad in (math.nan, -7.0, 1e30))])
        return self._rng.choice(bad[reading.kind])

    @staticmethod
    def _result(expected_s: Any) -> float | None:
        return None if expected_s is None else float(expected_s)


def _with_counts(histogram: Any, count: float) -> Any:
    """The same histogram with a count in every bin."""
    return replace(histogram, counts=np.full(histogram.counts.shape, count))


def _drifted(reading: Reading, value: Any, minutes: float) -> Any:
    if reading.kind == "word":
        words = reading.words_allowed
        return words[(words.index(value) + 1) % len(words)] if reading.drift_min and value in words else value
    if reading.kind not in {"number", "array"} or not reading.drift_min:
        return value
    change = reading.drift_min * minutes
    return value * (1.0 + change) if reading.is_relative else value + change
