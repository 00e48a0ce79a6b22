"""A choice among names that only the driver knows: filters of a wheel, lights of a camera."""

from __future__ import annotations

from typing import Any

from ophyd.status import StatusBase

from .errors import CommunicationError
from .soft_signals import Choice

__all__ = ["Named"]


class Named(Choice):
    """Which of some things is in use.

    Args:
        one: the driver's property that names it.
        among: the driver's property that names all of them.
        command: the driver's method that changes to another and returns the expected time, s.
        look_at: what to look at when it reads a name that there is not.

    Attributes:
        wanted: what it was changed to last; None when it was not, or when that was forgotten.
    """

    def __init__(self, *, one: str, among: str, command: str, look_at: str, **kwargs: Any) -> None:
        super().__init__(
            choices=(),
            read=lambda driver: getattr(driver, one),
            command=lambda role, name: float(getattr(role.driver, command)(name)),
            **kwargs,
        )
        self.wanted: str | None = None
        self._look_at = look_at
        self._choices = getattr(self.parent.driver, among)

    def get(self, **_: Any) -> str:
        """Its name.

        Raises:
            CommunicationError: there is none of that name.
        """
        name = super().get()
        if name not in self._choices:
            raise CommunicationError(
                f"{self.name}: reads {name!r}, which is none of {', '.join(self._choices)}; look at {self._look_at}"
            )
        return name

    def set(self, value: Any, **kwargs: Any) -> StatusBase:
        """Change to another; the status is done when it reads back.

        Raises:
            ValueError: there is none of that name.
            RefusedError: the driver does not take it now.
        """
        self.check_value(value)
        self.wanted = None
        status = super().set(value, **kwargs)
        self.wanted = str(value)
        return status
