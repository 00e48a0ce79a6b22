"""What can go wrong with a device, by kind: a plan tells a refusal from a failure. Limits raise ophyd's LimitError."""

from __future__ import annotations

__all__ = [
    "ClockStalledError",
    "CommunicationError",
    "DeadlineError",
    "DeviceError",
    "DriftError",
    "RefusedError",
    "SensorError",
    "StoppedError",
    "StuckError",
    "why",
]


def why(error: BaseException) -> str:
    """An error in one line: of what ends a wait of the engine, the cause, and what was waited for."""
    cause = error.__cause__
    if not isinstance(cause, DeviceError):
        return f"{type(error).__name__}: {error}"
    text, waited_for = str(cause), str(error)
    during = "" if not waited_for or waited_for in text else f" (during {waited_for})"
    return f"{type(cause).__name__}: {text}{during}"


class DeviceError(RuntimeError):
    """A device did not do what it was asked; the base of the others."""


class RefusedError(DeviceError):
    """A device is in a state in which it does not take the command; nothing happened."""


class CommunicationError(DeviceError):
    """A device gave no answer, or one that is none of its protocol; whether a command was carried out is not known."""


class DeadlineError(DeviceError):
    """A device did not finish in the time that physics allows it."""


class StoppedError(DeviceError):
    """A move was stopped before its end."""


class SensorError(DeviceError):
    """A sensor reads nothing that can be trusted."""


class StuckError(DeviceError):
    """A device took a command, and what it moves does not follow."""


class DriftError(DeviceError):
    """A value is no longer what it was set to: it wandered off, or the device has restarted."""


class ClockStalledError(DeviceError):
    """Somebody waits, and a discrete-event clock has no event left that could end the waiting."""
