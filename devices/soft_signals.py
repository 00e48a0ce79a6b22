"""Signals at which no number of a device moves: what a role keeps for its next action, a choice of words, the clock, the site."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ophyd.status import StatusBase

from .checks import within
from .protocols import Clock
from .signals import Described

if TYPE_CHECKING:
    from .role import Role

__all__ = ["Choice", "ClockSignal", "SiteName", "SoftSetting"]


class SoftSetting(Described):
    """A number that the role keeps for its next action; nothing moves when it is set.

    Args:
        value: to begin with.
        limit: name of the field of `devices.geometry.Limits`.
        integer: only whole numbers are taken (it is read as a float all the same).
    """

    def __init__(self, *, value: float, limit: str, integer: bool = False, **kwargs: Any) -> None:
        super().__init__(value=float(value), **kwargs)
        self._limit = limit
        self._integer = integer

    @property
    def source_name(self) -> str:
        """Where the value comes from."""
        return f"setting:{self.parent.name}.{self.attr_name}"

    @property
    def limits(self) -> tuple[float, float]:
        """Lowest and highest value, both allowed."""
        limits: tuple[float, float] = getattr(self.parent.bounds, self._limit)
        return limits

    @property
    def position(self) -> float:
        """The value."""
        return float(self.get())

    def check_value(self, value: Any) -> None:
        """Raise LimitError outside the limits, TypeError for what is no number, ValueError for a part of a whole."""
        number = within(self.name, value, self.limits, self.egu)
        if self._integer and number != round(number):
            raise ValueError(f"{self.name}: {number:g} is not a whole number of {self.egu}")

    def set(self, value: Any, **_: Any) -> StatusBase:
        """Keep the value; the status is done at once."""
        self.check_value(value)
        self._readback = float(value)
        status = StatusBase()
        status.set_finished()
        return status

    def stop(self, *, success: bool = False) -> None:
        """Stop the whole role: the engine stops what it has set, and that may be this signal only."""
        self.parent.stop(success=success)


class Choice(Described):
    """A state with a name, such as an output that is open or closed.

    Args:
        choices: the states.
        read: driver -> the present state.
        command: role, state -> expected time, s.
        margin_s: of its deadline; the role's if None.
    """

    def __init__(
        self,
        *,
        choices: tuple[str, ...],
        read: Callable[[Any], str],
        command: Callable[[Any, str], float],
        margin_s: float | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(dtype_numpy="<U16", **kwargs)
        self._choices = choices
        self._read = read
        self._command = command
        self._margin_s = margin_s

    @property
    def source_name(self) -> str:
        """Where the value comes from."""
        return f"driver:{self.parent.name}.{self.attr_name}"

    def describe(self) -> dict[str, dict[str, Any]]:
        """The data key, with the choices."""
        key = super().describe()
        key[self.name]["choices"] = list(self._choices)
        return key

    def get(self, **_: Any) -> str:
        """The state by name."""
        return self._read(self.parent.driver)

    def check_value(self, value: Any) -> None:
        """Raise ValueError for a state that does not exist."""
        if value not in self._choices:
            raise ValueError(f"{self.name}: {value!r} is none of its states: {', '.join(self._choices)}")

    def set(self, value: Any, **_: Any) -> StatusBase:
        """Change the state; the status is done when it reads back.

        Raises:
            ValueError: no such state.
            RefusedError: the driver does not take it now.
        """
        self.check_value(value)
        role: Role = self.parent
        expected_s = self._command(role, value)
        deadline_s = 1.5 * expected_s + (role.margin_s if self._margin_s is None else self._margin_s)
        return role.begin(
            f"{self.name}: change to {value}",
            lambda: self.get() == value,
            expected_s=expected_s,
            deadline_s=deadline_s,
        )

    def stop(self, *, success: bool = False) -> None:
        """Stop the whole role: the engine stops what it has set, and that may be this signal only."""
        self.parent.stop(success=success)


class ClockSignal(Described):
    """The clock as something to read in an event: document times are the wall's, this is what the plan lived by."""

    def __init__(self, *, clock: Clock, name: str = "clock_s") -> None:
        super().__init__(name=name, unit="s")
        self._clock = clock

    @property
    def source_name(self) -> str:
        """Where the value comes from."""
        return "clock"

    def get(self, **_: Any) -> float:
        """Seconds since the clock was made."""
        return float(self._clock.now_s)


class SiteName(Described):
    """The name of the site that an event is about; a plan sets it before it reads it."""

    def __init__(self, *, name: str = "site_name") -> None:
        super().__init__(name=name, value="", dtype_numpy="<U32")

    @property
    def source_name(self) -> str:
        """Where the value comes from."""
        return "plan"

    def check_value(self, value: Any) -> None:
        """Raise ValueError for what is no name of at most 32 characters."""
        if not isinstance(value, str) or len(value) > 32:
            raise ValueError(f"{self.name}: {value!r} is not a name of at most 32 characters")

    def set(self, value: Any, **_: Any) -> StatusBase:
        """Keep the name; the status is done at once."""
        self.check_value(value)
        self._readback = value
        status = StatusBase()
        status.set_finished()
        return status
