"""Where a coupon lies, from runs of pictures: the height of what is sharp, and the marks that were written on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from beamline.analysis.focus import FocusError, best_focus, sharpness
from beamline.analysis.marks import Lying, MarksError, find_lying, find_spots
from beamline.experiments.calibrations import CalibrationError
from beamline.experiments.photographs import photographs_of
from beamline.records import Run

__all__ = ["Focus", "RegisteredCoupon", "focus_of", "registration_of"]

WINDOW_mm = 0.8
"""Side of the square in the middle of a picture in which its sharpness is measured."""


@dataclass(frozen=True)
class Focus:
    """The height at which a place is sharpest.

    Attributes:
        z_mm: of the stage.
        z_sd_mm: one sigma of it.
        off_mm: that height above the one at which it was expected.
    """

    z_mm: float
    z_sd_mm: float
    off_mm: float


@dataclass(frozen=True)
class RegisteredCoupon:
    """How a coupon lay when its marks were looked at.

    Attributes:
        serial: of the coupon.
        lying: where it was.
        placement: of the changer then.
        run: uid.
    """

    serial: str
    lying: Lying
    placement: str
    run: str


def _about(run: Run, name: str) -> dict[str, Any]:
    experiment: dict[str, Any] = run.start.get("experiment") or {}
    if experiment.get("name") != name:
        raise CalibrationError(
            f"run {run.uid[:8]} is of {experiment.get('name') or run.start.get('purpose')!r}, and not of {name!r}"
        )
    parameters: dict[str, Any] = experiment["parameters"]
    return parameters


def focus_of(run: Run) -> Focus:
    """The best height from a run of `find_focus`.

    Raises:
        CalibrationError: another run, or nothing there gets sharper.
        RecordError: it lacks a dark or the flat.
    """
    asked = _about(run, "find_focus")
    pictures = photographs_of(run)
    table = run.table("pictures")
    heights = dict(zip(table["site_name"].tolist(), np.asarray(table["stage_z_mm"], dtype=float), strict=True))
    by_height: dict[float, list[np.ndarray[Any, Any]]] = {}
    for (name, _, _), one in pictures.items():
        half = round(0.5 * WINDOW_mm / one.pixel_mm)
        row, column = (n // 2 for n in one.rates.shape[:2])
        middle = one.rates[max(row - half, 0) : row + half, max(column - half, 0) : column + half].sum(axis=2)
        by_height.setdefault(round(float(heights[name]), 6), []).append(middle)
    pairs = {z: two for z, two in by_height.items() if len(two) == 2}
    try:
        z_mm, sd_mm = best_focus(list(pairs), [sharpness(*two) for two in pairs.values()])
    except FocusError as error:
        raise CalibrationError(f"run {run.uid[:8]}: {error}") from error
    return Focus(z_mm, sd_mm, z_mm - float(asked["expected_z_mm"]))


def registration_of(run: Run) -> RegisteredCoupon:
    """How the coupon lay, from a run of `register_coupon`.

    Raises:
        CalibrationError: another run, marks that are not found, or that lie otherwise than they were written by more than the
            tolerance that was asked for.
        RecordError: it lacks a dark or the flat.
    """
    asked = _about(run, "register_coupon")
    pictures = {name: one for (name, _, _), one in photographs_of(run).items()}
    written, spots = [], []
    for name, place in asked["marks_mm"].items():
        if name not in pictures:
            raise CalibrationError(f"run {run.uid[:8]} has no picture of mark {name}: it was ended before")
        one = pictures[name]
        found = find_spots(one.rates.sum(axis=2), pixel_mm=one.pixel_mm)
        written.append(place)
        spots.append(np.column_stack([one.x_mm + one.pixel_mm * found[:, 0], one.y_mm - one.pixel_mm * found[:, 1]]))
    try:
        lying = find_lying(written, spots, tolerance_mm=float(asked["tolerance_mm"]))
    except MarksError as error:
        raise CalibrationError(f"run {run.uid[:8]}, marks {', '.join(asked['marks_mm'])}: {error}") from error
    return RegisteredCoupon(run.start["coupon"]["serial"], lying, str(run.start["placement"]), run.uid)
