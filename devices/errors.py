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
    """A device did not do what it was asked; the base of the others.

    To do: read the rest of the message: it ends with what to look at. The bench is in its safe state when a
    night has ended by it.
    """


class RefusedError(DeviceError):
    """A device is in a state in which it does not take the command; nothing happened.

    To do: bring it into the state that the message names, and ask again.
    """


class CommunicationError(DeviceError):
    """A device gave no answer, or one that is none of its protocol; whether a command was carried out is not known.

    To do: look at the device itself before going on; then cable, address, and `vitrail bench smoke`.
    """


class DeadlineError(DeviceError):
    """A device did not finish in the time that physics allows it.

    To do: look whether it still moves; if it does, its times in the instrument file are too short, else it
    needs a hand.
    """


class StoppedError(DeviceError):
    """A move was stopped before its end.

    To do: nothing, where somebody stopped it; else look at the emergency stop and the device's own panel.
    """


class SensorError(DeviceError):
    """A sensor reads nothing that can be trusted.

    To do: do not go on by its number; check sensor and cable, then read it with `vitrail bench smoke`.
    """


class StuckError(DeviceError):
    """A device took a command, and what it moves does not follow.

    To do: look at the device: interlock, panel, something in its way; then set it anew. If it happens again
    call whoever looks after it.
    """


class DriftError(DeviceError):
    """A value is no longer what it was set to: it wandered off, or the device has restarted.

    To do: set it anew; if the laser's power has drifted, look at the optics first and take a new reference with
    `calibrate_power`.
    """


class ClockStalledError(DeviceError):
    """Somebody waits, and a discrete-event clock has no event left that could end the waiting.

    To do: report it with the records: it is a mistake of a plan or of a simulated device.
    """
