"""What a value must be before it is sent to a device, and after it was read from one."""

from __future__ import annotations

from typing import Any

import numpy as np
from ophyd.utils import LimitError

from .errors import CommunicationError, SensorError

__all__ = ["flag", "sane", "within"]


def within(name: str, value: Any, limits: tuple[float, float], unit: str) -> float:
    """`value` as a float, if it is a number within `limits`.

    Raises:
        TypeError: it is not a number.
        ophyd.utils.LimitError: it is outside, or not finite.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise TypeError(f"{name}: {value!r} is not a number; give a number in {unit}")
    low, high = limits
    if not low <= value <= high:
        raise LimitError(f"{name}: {value:g} {unit} is outside its limits, {low:g} to {high:g} {unit}")
    return float(value)


def sane(name: str, value: Any, plausible: tuple[float, float], unit: str) -> float:
    """A number that a driver read, if it can be one.

    Raises:
        SensorError: it is no number, not finite, or outside what is plausible.
    """
    low, high = plausible
    is_number = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
    if is_number and low <= value <= high:
        return float(value)
    raise SensorError(
        f"{name}: reads {value!r}, which cannot be: plausible are {low:g} to {high:g} {unit}; do not go on by it, check the "
        "sensor, its cable and its controller"
    )


def flag(name: str, value: Any) -> bool:
    """A state that a driver read, if it is one.

    Raises:
        CommunicationError: it is neither true nor false.
    """
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    raise CommunicationError(
        f"{name}: reads {value!r}, which is neither true nor false; check the cable and the device"
    )
