"""The stage as a Bluesky device: three axes that move together, and straight lines at constant speed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from ophyd import Component, Kind
from ophyd.status import StatusBase

from .protocols import AxisName, StageDriver
from .role import Role
from .signals import Described, Setting, within

__all__ = ["Axis", "LineMove", "Stage"]


@dataclass(frozen=True)
class LineMove:
    """A straight move from where the stage is to a point in x and y, at constant speed over the whole way."""

    x_mm: float
    y_mm: float
    speed_mm_s: float


class Axis(Setting):
    """One axis of the stage, at its travel speed."""

    def __init__(self, *, axis: AxisName, **kwargs: Any) -> None:
        super().__init__(
            attr=f"position_mm({axis})", command="start_move", limit=f"{axis}_mm", unit="mm", tolerance=0.002, **kwargs
        )
        self._axis: AxisName = axis

    def get(self, **_: Any) -> float:
        """Where the axis is, mm."""
        return float(self.parent.driver.position_mm(self._axis))

    def _start(self, target: float) -> float:
        driver: StageDriver = self.parent.driver
        return driver.start_move(self._axis, target)

    def _is_busy(self) -> bool:
        return bool(self.parent.driver.is_moving(self._axis))


class LineAxis(Described):
    """Takes a `LineMove`; reads the speed of the last one, mm/s, 0 before the first."""

    @property
    def source_name(self) -> str:
        """Where the value comes from."""
        return f"setting:{self.parent.name}.{self.attr_name}"

    def check_value(self, value: Any) -> None:
        """Raise LimitError if the end or the speed is outside the limits, TypeError if it is no `LineMove`."""
        if not isinstance(value, LineMove):
            raise TypeError(f"{self.name}: {value!r} is not a LineMove(x_mm, y_mm, speed_mm_s)")
        bounds = self.parent.bounds
        within(f"{self.name} x", value.x_mm, bounds.x_mm, "mm")
        within(f"{self.name} y", value.y_mm, bounds.y_mm, "mm")
        within(f"{self.name} speed", value.speed_mm_s, bounds.line_speed_mm_s, "mm/s")

    def set(self, value: Any, **_: Any) -> StatusBase:
        """Move along the line; done when the end is reached.

        Raises:
            ophyd.utils.LimitError: end or speed outside the limits; nothing moved.
            RefusedError: an axis moves.
        """
        self.check_value(value)
        stage: Stage = self.parent
        driver: StageDriver = stage.driver
        length_mm = math.hypot(value.x_mm - driver.position_mm("x"), value.y_mm - driver.position_mm("y"))
        expected_s = driver.start_line(value.x_mm, value.y_mm, value.speed_mm_s)
        self._readback = float(value.speed_mm_s)
        return stage.begin(
            f"{self.name}: {length_mm:g} mm at {value.speed_mm_s:g} mm/s",
            lambda: not (driver.is_moving("x") or driver.is_moving("y")),
            expected_s=expected_s,
        )

    def stop(self, *, success: bool = False) -> None:
        """Stop the whole stage."""
        self.parent.stop(success=success)


class Stage(Role):
    """Carries the coupon, under the laser or under the spectrometer (`Geometry` says where that is)."""

    driver: StageDriver

    x_mm = Component(Axis, axis="x", kind=Kind.hinted, labels={"motors"})
    y_mm = Component(Axis, axis="y", kind=Kind.hinted, labels={"motors"})
    z_mm = Component(Axis, axis="z", labels={"motors"})
    line = Component(LineAxis, unit="mm/s", kind=Kind.omitted)

    def __init__(self, *, labels: set[str] | None = None, **kwargs: Any) -> None:
        super().__init__(labels=labels or {"stages"}, **kwargs)

    def _bring_to_rest(self) -> None:
        self.driver.stop()
