"""The stage as a Bluesky device: three axes that move together, and straight lines at constant speed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, cast, get_args

from ophyd import Component, Kind
from ophyd.status import StatusBase

from .checks import flag, sane, within
from .errors import StuckError
from .protocols import AxisName, HomingDriver, StageDriver
from .role import Role
from .signals import Described, Setting
from .soft_signals import Choice

__all__ = ["Axis", "LineMove", "Stage"]


AXES: tuple[AxisName, ...] = get_args(AxisName)


def _gate(driver: StageDriver) -> str:
    return "open" if flag("stage_gate", driver.is_gate_open) else "shut"


def _reference(driver: StageDriver) -> str:
    if any(flag("stage_reference", driver.is_moving(axis)) for axis in AXES):
        return "moving"
    if "home" not in driver.capabilities:
        return "homed"  # what cannot be homed is as its maker left it
    return "homed" if flag("stage_reference", cast("HomingDriver", driver).is_homed) else "lost"


def _home(stage: Stage, _: str) -> float:
    stage.require("home", purpose="homing")
    stage.forget()
    return cast("HomingDriver", stage.driver).start_home()


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
            attr=f"position_mm({axis})",
            command="start_move",
            limit=f"{axis}_mm",
            unit="mm",
            tolerance=0.002,
            stands=0.01,
            plausible=(-1e3, 1e3),
            **kwargs,
        )
        self._axis: AxisName = axis

    def get(self, **_: Any) -> float:
        """Where the axis is, mm."""
        return sane(self.name, self.parent.driver.position_mm(self._axis), self._plausible, self.egu)

    def _start(self, target: float) -> float:
        driver: StageDriver = self.parent.driver
        return driver.start_move(self._axis, target)

    def _is_busy(self) -> bool:
        return flag(self.name, self.parent.driver.is_moving(self._axis))


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
        """Move along the line; done when the end is reached. On the way the stage must keep up: the laser may be open.

        Raises:
            ophyd.utils.LimitError: end or speed outside the limits; nothing moved.
            RefusedError: an axis moves.
        """
        self.check_value(value)
        stage: Stage = self.parent
        driver: StageDriver = stage.driver
        x_mm, y_mm = stage.x_mm.get(), stage.y_mm.get()
        length_mm = math.hypot(value.x_mm - x_mm, value.y_mm - y_mm)
        what = f"{self.name}: {length_mm:g} mm at {value.speed_mm_s:g} mm/s"
        begin_s = stage.clock.now_s
        stage.x_mm.target = stage.y_mm.target = None
        expected_s = driver.start_line(value.x_mm, value.y_mm, value.speed_mm_s)
        self._readback = float(value.speed_mm_s)

        def left_mm() -> float:
            return math.hypot(value.x_mm - stage.x_mm.get(), value.y_mm - stage.y_mm.get())

        def keeps_up() -> None:
            driven_mm = (stage.clock.now_s - begin_s) * value.speed_mm_s
            behind_mm = abs(left_mm() - max(length_mm - driven_mm, 0.0))
            if behind_mm > stage.following_mm + stage.following_s * value.speed_mm_s:
                raise StuckError(
                    f"{what}: the stage is {behind_mm:.3g} mm from where it should be after {driven_mm:.3g} mm; {stage.advice}"
                )

        def is_done() -> bool:
            if flag(self.name, driver.is_moving("x")) or flag(self.name, driver.is_moving("y")):
                return False
            if left_mm() > stage.line_end_mm:
                raise StuckError(
                    f"{what}: the stage stands {left_mm():.3g} mm from the end, {stage.line_end_mm:g} mm are allowed; "
                    f"{stage.advice}"
                )
            stage.x_mm.target, stage.y_mm.target = value.x_mm, value.y_mm
            return True

        return stage.begin(what, is_done, expected_s=expected_s, watch=keeps_up, watch_every_s=stage.following_every_s)

    def stop(self, *, success: bool = False) -> None:
        """Stop the whole stage."""
        self.parent.stop(success=success)


class Stage(Role):
    """Carries the coupon, under the laser or under the spectrometer (`Geometry` says where that is)."""

    driver: StageDriver
    advice = "close the laser, look whether the stage is free, powered and homed, then move it anew"
    following_mm = 0.05
    """Following error that is allowed on a line, mm, besides what it drives in `following_s`."""
    following_s = 0.3
    """Age that a driver's position may have, s."""
    following_every_s = 0.25
    """Time between two looks at the following error, s."""
    line_end_mm = 0.005
    """Distance from the end of a line at which it counts as reached, mm."""

    late_by = ("following_s",)

    x_mm = Component(Axis, axis="x", kind=Kind.hinted, labels={"motors"}, doc="where the axis is")
    y_mm = Component(Axis, axis="y", kind=Kind.hinted, labels={"motors"}, doc="where the axis is")
    z_mm = Component(Axis, axis="z", labels={"motors"}, doc="where the axis is; greater is nearer the objective")
    line = Component(
        LineAxis,
        unit="mm/s",
        kind=Kind.omitted,
        doc="set to a `LineMove`: to its place at constant speed; reads the speed",
    )
    gate = Component(
        Choice,
        choices=("shut", "open"),
        read=_gate,
        command=lambda stage, state: stage.driver.switch_gate(state == "open"),
        kind=Kind.omitted,
        doc="in the beam: open for dots, left to the triggers on a line",
    )

    reference = Component(
        Choice,
        choices=("homed",),
        read=_reference,
        command=_home,
        kind=Kind.omitted,
        doc="whether the axes know where they are; set to homed, they look for their reference switches",
    )

    def __init__(self, *, labels: set[str] | None = None, **kwargs: Any) -> None:
        super().__init__(labels=labels or {"stages"}, **kwargs)

    def _bring_to_rest(self) -> None:
        self.driver.stop()
