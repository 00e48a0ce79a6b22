"""Heat histories as arrays: isothermal steps of [temperature_C, duration_s]."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    from beamline.recipe import HeatStep

__all__ = ["STEP_TEMPERATURES_C", "check_steps", "steps_array"]

STEP_TEMPERATURES_C: Final = (-20.0, 700.0)
"""Validity of furnace steps, degC."""


_LONGEST_s: Final = 1e9
_LOWEST: Final = np.array([STEP_TEMPERATURES_C[0], 0.0])
_HIGHEST: Final = np.array([STEP_TEMPERATURES_C[1], _LONGEST_s])


def steps_array(history: Sequence[HeatStep]) -> NDArray[np.float64]:
    """A heat history as an array.

    Args:
        history: k steps, first things first.

    Returns:
        (k, 2) of [temperature_C, duration_s].

    Raises:
        ValueError: a step is outside the model's validity.
    """
    array = np.array([(step.temperature_C, step.duration_s) for step in history], dtype=np.float64).reshape(-1, 2)
    checked: NDArray[np.float64] = check_steps(array)[0]
    return checked


def check_steps(steps: ArrayLike, n_settings: int | None = None) -> NDArray[np.float64]:
    """Steps as (1 or m, k, 2), refused where outside the model's validity.

    Args:
        steps: (k, 2) for all settings, or (m, k, 2), of [temperature_C, duration_s]; a step of 0 s is padding.
        n_settings: m, where it is known.

    Returns:
        (1, k, 2) or (m, k, 2), contiguous float64.

    Raises:
        ValueError: wrong shape, or a temperature or duration outside the validity, with value, range and unit.
    """
    array = np.ascontiguousarray(steps, dtype=np.float64)
    if array.ndim == 2:
        array = array[np.newaxis]
    if array.ndim != 3 or array.shape[2] != 2 or (n_settings is not None and array.shape[0] not in {1, n_settings}):
        settings_axis = "m" if n_settings is None else str(n_settings)
        raise ValueError(f"steps have shape {np.shape(steps)}; expected (k, 2) or ({settings_axis}, k, 2)")
    if ((array >= _LOWEST) & (array <= _HIGHEST)).all():
        return array
    temperature, duration = array[..., 0], array[..., 1]
    low, high = STEP_TEMPERATURES_C
    bad = ~((temperature >= low) & (temperature <= high))
    if bad.any():
        raise ValueError(f"temperature_C={float(temperature[bad][0])!r} of a step is outside {low:g} to {high:g} degC")
    bad = ~((duration >= 0.0) & (duration <= _LONGEST_s))
    if bad.any():
        raise ValueError(f"duration_s={float(duration[bad][0])!r} of a step is outside 0 to {_LONGEST_s:g} s")
    return array
