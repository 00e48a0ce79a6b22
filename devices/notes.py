"""Words and numbers of a plan in an event: what failed, what is done about it, what a person read."""

from __future__ import annotations

from typing import Any

from ophyd import Component, Device

from .signals import Described

__all__ = ["FaultNote", "Noted", "Words"]

LONGEST = 400
"""Characters; a message that is longer is cut, the log of the process has the whole of it."""


class Words(Described):
    """A text that a plan puts here before it reads it."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(value="", dtype_numpy=f"<U{LONGEST}", **kwargs)

    @property
    def source_name(self) -> str:
        """Where the value comes from."""
        return "plan"

    def say(self, text: str) -> None:
        """Keep a text for the next reading."""
        self._readback = text[:LONGEST]


class Noted(Described):
    """A number that a plan puts here before it reads it."""

    def __init__(self, *, unit: str, **kwargs: Any) -> None:
        super().__init__(value=0.0, unit=unit, **kwargs)

    @property
    def source_name(self) -> str:
        """Where the value comes from."""
        return "plan"

    def say(self, value: float) -> None:
        """Keep a number for the next reading."""
        self._readback = float(value)


class FaultNote(Device):  # type: ignore[misc]  # ophyd ships no types
    """One fault: its kind, in which step, what is done about it, and in the words of the device."""

    kind_of_fault = Component(Words)
    step = Component(Words)
    then = Component(Words)
    words = Component(Words)

    def __init__(self, *, name: str = "fault", **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)

    def say(self, *, fault: str, step: str, then: str, words: str) -> None:
        """What the next reading says."""
        self.kind_of_fault.say(fault)
        self.step.say(step)
        self.then.say(then)
        self.words.say(words)
