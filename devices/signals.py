"""The signals of which the roles are made: read from a driver, with unit, fixed type and limits, moved by the clock.

Every scalar number is a float, every array has a fixed shape, and `describe()` says so (`dtype_numpy`, `shape`,
`units`, `limits`), because a table that begins with an integer or a shorter array breaks later.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from ophyd import Kind, Signal
from ophyd.status import StatusBase
from ophyd.utils import ReadOnlyError

from .checks import flag, sane, within
from .errors import DeviceError, DriftError, SensorError, StuckError

if TYPE_CHECKING:
    from .role import Role

__all__ = [
    "Described",
    "Reading",
    "Setting",
]


class Described(Signal):  # type: ignore[misc]  # ophyd ships no types
    """A signal with a fixed data key; `get` computes the value."""

    def __init__(
        self,
        *,
        unit: str | None = None,
        dtype_numpy: str = "<f8",
        kind: Kind = Kind.normal,
        **kwargs: Any,
    ) -> None:
        super().__init__(kind=kind, **kwargs)
        self._unit = unit
        self._dtype_numpy = dtype_numpy

    @property
    def egu(self) -> str:
        """The unit, or ''."""
        return self._unit or ""

    @property
    def timestamp(self) -> float:
        """Wall time of the reading, s since 1970: drivers serve their last value, so it is now."""
        return dt.datetime.now(tz=dt.UTC).timestamp()

    @property
    def _shape(self) -> tuple[int, ...]:
        return ()

    def describe(self) -> dict[str, dict[str, Any]]:
        """The data key: type, shape, unit, and the limits where there are any."""
        is_text = self._dtype_numpy.startswith("<U")
        key: dict[str, Any] = {
            "source": self.source_name,
            "dtype": "array" if self._shape else "string" if is_text else "number",
            "dtype_numpy": self._dtype_numpy,
            "shape": list(self._shape),
        }
        if self._unit is not None:
            key["units"] = self._unit
        if self.limits != (0, 0):  # ophyd's word for "none"
            low, high = self.limits
            key["limits"] = {"control": {"low": low, "high": high}}
        return {self.name: key}

    def put(self, value: Any, **_: Any) -> None:
        """Not offered: a value is moved with `set`, which can be waited for."""
        raise ReadOnlyError(f"{self.name} takes no put({value!r}); move it with a plan: yield from bps.mv(...)")

    def set(self, value: Any, **_: Any) -> StatusBase:
        """Refused, unless a kind of signal that moves says otherwise."""
        raise ReadOnlyError(f"{self.name} is read only; {value!r} cannot be set")


class Reading(Described):
    """A value of the parent's driver, read only.

    Args:
        attr: name of the driver's property.
        unit: as in the data key; None for text.
        array: the property is a one-dimensional array, of the length that it has when the device is made.
        plausible: lowest and highest number that is believed.
    """

    def __init__(
        self, *, attr: str, array: bool = False, plausible: tuple[float, float] = (-1e12, 1e12), **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self._attr = attr
        self._plausible = plausible
        self._length = len(getattr(self.parent.driver, attr)) if array else None

    @property
    def source_name(self) -> str:
        """Where the value comes from."""
        return f"driver:{self.parent.name}.{self._attr}"

    @property
    def _shape(self) -> tuple[int, ...]:
        return () if self._length is None else (self._length,)

    def get(self, **_: Any) -> Any:
        """The driver's value: a float, text, or an array of float64.

        Raises:
            SensorError: it cannot be a value of this.
        """
        value = getattr(self.parent.driver, self._attr)
        if self._length is not None:
            return self._sane_array(value, self._length)
        return value if self._dtype_numpy.startswith("<U") else sane(self.name, value, self._plausible, self.egu)

    def _sane_array(self, value: Any, length: int) -> NDArray[np.float64]:
        low, high = self._plausible
        try:
            array = np.array(value, dtype=np.float64)
        except (TypeError, ValueError):
            array = np.zeros(0)
        if array.shape == (length,) and low <= array.min() and array.max() <= high:  # NaN is not
            return array
        what = f"shape {array.shape}" if array.shape != (length,) else f"values from {array.min():g} to {array.max():g}"
        raise SensorError(
            f"{self.name}: reads {what}, which cannot be: plausible are {length} numbers from {low:g} to {high:g} {self.egu}; "
            "do not go on by it, check the detector and its cable"
        )

    @property
    def position(self) -> Any:
        """The same as `get()`, under the name that Bluesky's magics look for."""
        return self.get()


class Setting(Reading):
    """A number of the driver that can be moved: checked against limits, awaited on the clock, read back.

    Args:
        attr: name of the driver's property that reads it back.
        command: name of the driver's method that starts the move and returns the expected time, s.
        limit: name of the field of `devices.geometry.Limits`.
        tolerance: largest difference allowed between what was asked and what is read back, in the unit.
        stands: largest difference allowed later, while nothing moves it, in the unit.

    Attributes:
        target: where it was put and is to stand; None when it has not been moved, or was forgotten.
    """

    def __init__(self, *, command: str, limit: str, tolerance: float, stands: float, **kwargs: Any) -> None:
        self.target: float | None = None
        self._stands = stands
        super().__init__(**kwargs)
        self._command = command
        self._limit = limit
        self._tolerance = tolerance

    @property
    def limits(self) -> tuple[float, float]:
        """Lowest and highest value, both allowed."""
        limits: tuple[float, float] = getattr(self.parent.bounds, self._limit)
        return limits

    def check_value(self, value: Any) -> None:
        """Raise what `within` raises if the value cannot be set; a plan is checked with it before it runs."""
        within(self.name, value, self.limits, self.egu)

    def set(self, value: Any, **_: Any) -> StatusBase:
        """Move; the status is done when the driver is and the value reads back.

        Raises:
            ophyd.utils.LimitError: outside the limits; nothing moved.
            RefusedError: the driver does not take it now.
        """
        target = within(self.name, value, self.limits, self.egu)
        role: Role = self.parent
        self.target = None
        origin = self.get()

        def is_done() -> bool:
            if self._is_busy():
                return False
            if abs((readback := self.get()) - target) > self._tolerance:
                is_where_it_was = abs(readback - origin) <= self._tolerance
                kind, note = (StuckError, ", it has not moved") if is_where_it_was else (DeviceError, "")
                raise kind(
                    f"{self.name}: asked for {target:g} {self.egu}, it reads back {readback:g} {self.egu} "
                    f"(tolerance {self._tolerance:g} {self.egu}){note}; {role.advice}"
                )
            self.target = target
            return True

        return role.begin(f"{self.name}: move to {target:g} {self.egu}", is_done, expected_s=self._start(target))

    def stop(self, *, success: bool = False) -> None:
        """Stop the whole role: the engine stops what it has set, and that may be this signal only."""
        self.parent.stop(success=success)

    def read(self) -> dict[str, dict[str, Any]]:
        """The reading, of a value that stands where it was put.

        Raises:
            DriftError: it does not.
        """
        reading: dict[str, dict[str, Any]] = super().read()
        self.check_stands(reading[self.name]["value"])
        return reading

    def check_stands(self, value: float | None = None) -> None:
        """Raise DriftError if the value, read now if None, is not where it was put; a moving one may be anywhere."""
        target = self.target
        if target is None or self.parent.is_in_flight:
            return
        value = self.get() if value is None else value
        if abs(value - target) > self._stands:
            raise DriftError(
                f"{self.name}: was set to {target:g} {self.egu} and reads {value:g} {self.egu} now (allowed: "
                f"{self._stands:g} {self.egu}); it has wandered off, or the device has restarted; {self.parent.advice}"
            )

    def _start(self, target: float) -> float:
        expected_s: float = getattr(self.parent.driver, self._command)(target)
        return expected_s

    def _is_busy(self) -> bool:
        return flag(self.name, self.parent.driver.is_busy)
