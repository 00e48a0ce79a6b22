"""Checks of what is asked, compiled into the prediction: whether all is valid. What is wrong, and why, the slow checks say.

One prediction is a few microseconds, and numpy takes longer to look at its settings. `check_settings`, `check_steps` and
`check_axis` say the same in words; a property test holds the two to each other.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from beamline.physics.jit import compiled
from beamline.physics.records import Record
from beamline.physics.setting_table import SETTING_RANGES
from beamline.physics.steps import STEP_TEMPERATURES_C, LONGEST_STEP_s

__all__ = ["parameters_are_valid", "settings_are_valid", "steps_are_valid", "wavelengths_are_valid"]


class _Ends(NamedTuple):
    """Of a range; both are inside."""

    low: float
    high: float


class _Ranges(NamedTuple):
    """One for each of `SETTING_RANGES`."""

    iodide_fraction: _Ends
    pulse_energy_uJ: _Ends
    repetition_rate_kHz: _Ends
    pulse_duration_fs: _Ends
    numerical_aperture: _Ends
    depth_mm: _Ends
    exposure_s: _Ends
    speed_mm_s: _Ends
    power_at_sample_W: _Ends
    n_passes: _Ends


_RANGES: Final = _Ranges(**{name: _Ends(float(r.low), float(r.high)) for name, r in SETTING_RANGES.items()})
_TEMPERATURES_C: Final = _Ends(*STEP_TEMPERATURES_C)
_DURATIONS_s: Final = _Ends(0.0, LONGEST_STEP_s)


@compiled
def _within(value: float, ends: _Ends) -> bool:
    return ends.low <= value <= ends.high  # a NaN is not


@compiled
def _is_valid(setting: Record) -> bool:
    return (
        (_within(setting.exposure_s, _RANGES.exposure_s) or setting.is_line)
        and (_within(setting.speed_mm_s, _RANGES.speed_mm_s) or not setting.is_line)
        and _within(setting.iodide_fraction, _RANGES.iodide_fraction)
        and _within(setting.pulse_energy_uJ, _RANGES.pulse_energy_uJ)
        and _within(setting.repetition_rate_kHz, _RANGES.repetition_rate_kHz)
        and _within(setting.pulse_duration_fs, _RANGES.pulse_duration_fs)
        and _within(setting.numerical_aperture, _RANGES.numerical_aperture)
        and _within(setting.depth_mm, _RANGES.depth_mm)
        and _within(setting.power_at_sample_W, _RANGES.power_at_sample_W)
        and _within(setting.n_passes, _RANGES.n_passes)
    )


@compiled
def settings_are_valid(settings: NDArray[np.void]) -> bool:
    """Whether `check_settings` would find nothing in (m,) of `setting_dtype`."""
    valid = True
    for j in range(settings.size):
        valid &= _is_valid(settings[j])
    return valid


@compiled
def steps_are_valid(steps: NDArray[np.float64]) -> bool:
    """Whether `check_steps` would find nothing in (1 or m, k, 2)."""
    valid = True
    for j in range(steps.shape[0]):
        for s in range(steps.shape[1]):
            valid &= _within(steps[j, s, 0], _TEMPERATURES_C) and _within(steps[j, s, 1], _DURATIONS_s)
    return valid


@compiled
def parameters_are_valid(numbers: NDArray[np.float64]) -> bool:
    """Whether all numbers of the parameter sets are finite."""
    valid = True
    for i in range(numbers.size):
        valid &= abs(numbers[i]) < math.inf
    return valid


@compiled
def wavelengths_are_valid(wavelength_nm: NDArray[np.float64]) -> bool:
    """Whether `check_axis` would find nothing in (w,)."""
    valid = True
    for i in range(wavelength_nm.size):
        valid &= 0.0 < wavelength_nm[i] < math.inf
    return valid
