"""Heat histories as arrays: isothermal steps of [temperature_C, duration_s]."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    from beamline.recipe import HeatStep

__all__ = ["STEP_TEMPERATURES_C", "LONGEST_STEP_s", "check_steps", "shaped_steps", "steps_array"]

STEP_TEMPERATURES_C: Final = (-20.0, 700.0)
"""Validity of furnace steps, degC."""

LONGEST_STEP_s: Final = 1e9
"""And their longest duration."""

_LOWEST: Final = np.array([STEP_TEMPERATURES_C[0], 0.0])
_HIGHEST: Final = np.array([STEP_TEMPERATURES_C[1], LONGEST_STEP_s])


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


def shaped_steps(steps: ArrayLike, n_settings: int | None = None) -> NDArray[np.float64]:
    """Steps as (1 or m, k, 2), contiguous float64, their values not looked at.

    Raises:
        ValueError: wrong shape.
    """
    array = np.ascontiguousarray(steps, dtype=np.float64)
    if array.ndim == 2:
        array = array[np.newaxis]
    if array.ndim != 3 or array.shape[2] != 2 or (n_settings is not None and array.shape[0] not in {1, n_settings}):
        settings_axis = "m" if n_settings is None else str(n_settings)
        raise ValueError(f"steps have shape {np.shape(steps)}; expected (k, 2) or ({settings_axis}, k, 2)")
    return array


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
    array = shaped_steps(steps, n_settings)
    if ((array >= _LOWEST) & (array <= _HIGHEST)).all():
        return array
    fields = (("temperature_C", *STEP_TEMPERATURES_C, "degC"), ("duration_s", 0.0, LONGEST_STEP_s, "s"))
    for column, (name, low, high, unit) in enumerate(fields):
        values = array[..., column]
        bad = np.argwhere(~((values >= low) & (values <= high)))
        if bad.size:
            row, step = bad[0]
            where = f"step {step}" if array.shape[0] == 1 else f"step {step} of setting {row}"
            raise ValueError(f"{name}={float(values[row, step])!r} in {where} is outside {low:g} to {high:g} {unit}")
    return array
