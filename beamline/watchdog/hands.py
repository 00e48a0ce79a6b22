"""The watchdog's own connections: each makes one instrument safe, by the fewest requests, and sees that it is.

Not the drivers themselves: those poll and queue on threads, and here what is wanted is done at once, by whoever calls.
"""

from __future__ import annotations

from typing import Protocol

from devices.drivers.eurotherm import EurothermSettings
from devices.drivers.eurotherm_registers import MODELS
from devices.drivers.light_conversion import LightConversionSettings
from devices.drivers.light_conversion_wire import Rest, parse_basic
from devices.drivers.modbus_line import ModbusLine
from devices.errors import DeviceError

__all__ = ["FurnaceHand", "Hand", "LaserHand", "NotSafeError"]


class NotSafeError(DeviceError):
    """An instrument took the command and is not safe.

    To do: go there: shut the laser off and the furnace at their own panels.
    """


class Hand(Protocol):
    """A connection to one instrument."""

    @property
    def done(self) -> str:
        """What it does, as done."""

    @property
    def is_shared(self) -> bool:
        """Whether the engine's own connection leaves room for this one; a serial line does not."""

    def look(self) -> bool:
        """Whether the instrument is safe; raises a `DeviceError` if it does not answer."""

    def make_safe(self) -> None:
        """Make it safe and see that it is; raises a `DeviceError` if that could not be seen. May be repeated."""

    def finish(self) -> None:
        """What else belongs to the safe state once the instrument is safe; raises a `DeviceError`."""

    def close(self) -> None:
        """End the connection."""


class LaserHand:
    """Closes the output; then the attenuator goes to its minimum.

    Args:
        settings: of the laser.
    """

    done = "laser output closed"
    is_shared = True

    def __init__(self, settings: LightConversionSettings) -> None:
        self._rest = Rest(f"http://{settings.host}:{settings.port}/v1", min(settings.timeout_s, 0.5))
        self._least_percent = settings.calibration[0][0]

    def look(self) -> bool:
        """Whether the output is closed."""
        return not parse_basic(self._rest.get("/Basic")).is_output_open

    def make_safe(self) -> None:
        """Close the output."""
        self._rest.post("/Basic/CloseOutput")
        if not self.look():
            raise NotSafeError("the laser took CloseOutput, and says that its output is open")

    def finish(self) -> None:
        """Attenuator to the lowest position of its calibration."""
        self._rest.put("/Basic/TargetAttenuatorPercentage", self._least_percent)

    def close(self) -> None:
        """End the connection."""
        self._rest.close()


class FurnaceHand:
    """Switches the controller's output off: standby where it knows one, else by hand at 0 %.

    Args:
        settings: of the controller.
    """

    done = "furnace in standby"

    def __init__(self, settings: EurothermSettings) -> None:
        self._model = MODELS[settings.model]
        self._line = ModbusLine(settings.line)
        self.is_shared = settings.serial_port is None
        model = self._model
        self._off = (
            ((model.auto_manual, 1), (model.manual_output, 0))
            if model.force_standby is None
            else ((model.force_standby, 1),)
        )

    def look(self) -> bool:
        """Whether every register of the off state reads as it must."""
        return all(self._line.read(address, 1) == [word] for address, word in self._off)

    def make_safe(self) -> None:
        """Write the off state and read it back."""
        for address, word in self._off:
            self._line.write(address, [word])
        if not self.look():
            raise NotSafeError("the controller took the command, and its output is not off")

    def finish(self) -> None:
        """Nothing."""

    def close(self) -> None:
        """Hang up; the next request makes a new connection, so that a serial line is free in between."""
        self._line.hang_up()
