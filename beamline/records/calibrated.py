"""What a run's own calibrations make of its numbers.

A run says under `calibrations`, by kind, which calibration was valid when it began, with its values: what is worked out from
the run needs no other run, and comes out the same in ten years.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from beamline.analysis.axis import axis_error_nm
from beamline.records.run import Run

__all__ = [
    "FURNACE_OFFSET",
    "RESPONSE",
    "WAVELENGTH",
    "axis_of",
    "corrected_axis",
    "response_of",
    "true_temperature_C",
    "turned_back",
    "used_calibrations",
]

Floats = NDArray[np.float64]

WAVELENGTH: Final = "spectrometer_wavelength"
RESPONSE: Final = "spectrometer_response"
FURNACE_OFFSET: Final = "furnace_offset"
STATED: Final = "spectrometer_wavelength_nm"


def used_calibrations(start: Mapping[str, Any]) -> Mapping[str, Mapping[str, Any]]:
    """What a start document says of calibrations, by kind; empty where none was valid."""
    found: Mapping[str, Mapping[str, Any]] = start.get("calibrations") or {}
    return found


def axis_of(run: Run, stream: str = "spectra") -> Floats:
    """The wavelength axis of a stream, nm, corrected by the run's own calibration, shape (w,).

    Raises:
        RecordError: the run has no such stream.
        KeyError: its configuration has no axis.
    """
    return corrected_axis(run.start, run.config(stream)[STATED])


def corrected_axis(start: Mapping[str, Any], stated_nm: ArrayLike) -> Floats:
    """The same of an axis as the instrument states it, for a start document."""
    stated = np.asarray(stated_nm, dtype=float)
    known = used_calibrations(start).get(WAVELENGTH)
    return stated if known is None else stated - axis_error_nm(stated, known["coefficients_nm"])


def response_of(start: Mapping[str, Any], wavelength_nm: ArrayLike) -> Floats | None:
    """Response of the spectrometer, 1 where it is largest, NaN where it is not known; None: the run has no calibration of it.

    Args:
        start: the start document.
        wavelength_nm: corrected axis, shape (w,).
    """
    known = used_calibrations(start).get(RESPONSE)
    if known is None:
        return None
    return np.asarray(
        np.interp(
            np.asarray(wavelength_nm, dtype=float), known["wavelength_nm"], known["response"], left=np.nan, right=np.nan
        )
    )


def true_temperature_C(start: Mapping[str, Any], sensor_C: ArrayLike) -> Floats:
    """What a reference where the coupon lies would have read, degC, shape as `sensor_C`; the sensor's own without calibration."""
    sensor = np.asarray(sensor_C, dtype=float)
    known = used_calibrations(start).get(FURNACE_OFFSET)
    return sensor if known is None else sensor + np.interp(sensor, known["temperature_C"], known["offset_C"])


def turned_back(start: Mapping[str, Any], x_mm: ArrayLike, y_mm: ArrayLike) -> tuple[Floats, Floats]:
    """Ways of the stage from the coupon's corner as places on the coupon, mm, for one that a run knew to lie turned."""
    x, y = np.asarray(x_mm, dtype=float), np.asarray(y_mm, dtype=float)
    turn_rad = float(start.get("coupon_turn_rad", 0.0))
    if turn_rad == 0.0:
        return x, y
    c, s = math.cos(turn_rad), math.sin(turn_rad)
    return c * x + s * y, c * y - s * x
