"""The heat history of a coupon, as few isothermal steps as its chemistry can tell apart."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["HeatHistory"]

STEP_WIDTH_C = 12.0
"""Samples within this of a step's first one join it, degC. On a ramp near 550 degC, with 1.3 eV, the mean of the rate over
such a step is 0.3 % above the rate at its mean temperature: (E dT / k T^2)^2 / 24."""
COLD_C = 150.0
"""Below this nothing happens in a night, and one step is as good as many."""


class HeatHistory:
    """Steps of [mean temperature in degC, duration in s], to which samples are added at the end."""

    def __init__(self) -> None:
        self._steps: list[list[float]] = []
        self._first_C = float("nan")
        self._is_cut = True

    def __len__(self) -> int:
        return len(self._steps)

    def add(self, temperature_C: float, duration_s: float) -> None:
        """Append a sample; it joins the last step where it can."""
        joins = not self._is_cut and (
            abs(temperature_C - self._first_C) <= STEP_WIDTH_C or max(temperature_C, self._first_C) < COLD_C
        )
        if joins:
            step = self._steps[-1]
            total_s = step[1] + duration_s
            step[0] += (temperature_C - step[0]) * duration_s / total_s
            step[1] = total_s
        else:
            self._steps.append([temperature_C, duration_s])
            self._first_C = temperature_C
            self._is_cut = False

    def cut(self) -> int:
        """End the last step, so that what is added later is not part of it; returns the number of steps so far."""
        self._is_cut = True
        return len(self._steps)

    def since(self, start: int) -> NDArray[np.float64]:
        """Steps from number `start` on, shape (k, 2)."""
        return np.array(self._steps[start:], dtype=np.float64).reshape(-1, 2)
