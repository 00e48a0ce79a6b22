"""What the driver of a Zaber controller must know of it, and its microsteps as millimetres."""

from __future__ import annotations

import math
from dataclasses import dataclass

__all__ = ["ZaberSettings"]


@dataclass(frozen=True)
class ZaberSettings:
    """What the driver must know of the controller and its stages.

    Attributes:
        host: address for TCP; None for a serial port.
        port: of TCP.
        serial_port: device file; None for TCP.
        baud_rate: of the serial port.
        device: number of the controller.
        microstep_um: of x, y and z, from the data sheets of the stages; x and y must be alike.
        origin_mm: stage coordinate at which x, y and z read 0.
        gate_output: digital output of the controller that opens the laser's gate; None: there is no gate.
        settle_s: added to the expected time of a move.
        poll_s: time between two polls.
        timeout_s: for one reply.
        stale_s: age above which a reading is not served.
    """

    microstep_um: tuple[float, float, float]
    host: str | None = None
    port: int = 55550
    serial_port: str | None = None
    baud_rate: int = 115200
    device: int = 1
    origin_mm: tuple[float, float, float] = (0.0, 0.0, 0.0)
    gate_output: int | None = None
    settle_s: float = 0.1
    poll_s: float = 0.05
    timeout_s: float = 0.5
    stale_s: float = 2.0

    def __post_init__(self) -> None:
        if (self.host is None) == (self.serial_port is None):
            raise ValueError("give either host (TCP) or serial_port")
        if not all(math.isfinite(um) and um > 0 for um in self.microstep_um):
            raise ValueError(f"microstep_um={self.microstep_um}: finite and positive")
        if self.microstep_um[0] != self.microstep_um[1]:
            raise ValueError(f"microstep_um={self.microstep_um}: a straight line needs x and y alike")

    @property
    def address(self) -> str:
        """For messages."""
        where = f"{self.host}:{self.port}" if self.host is not None else f"{self.serial_port}"
        return f"stage at {where}, device {self.device}"

    def steps(self, i: int, position_mm: float) -> int:
        """Microsteps of axis `i` at a stage coordinate."""
        return round((position_mm - self.origin_mm[i]) * 1e3 / self.microstep_um[i])

    def mm(self, i: int, steps: float) -> float:
        """Stage coordinate of axis `i` at a number of microsteps."""
        return self.origin_mm[i] + steps * self.microstep_um[i] * 1e-3
