"""Where a coupon lies: the height at which a place is sharp, marks that are written on it, and the coupon found again by them.

Duration: focus: two pictures at each height; marks: as of `dot_matrix` for so many dots; registration: a picture for each mark.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import numpy as np
from bluesky.utils import MsgGenerator
from pydantic import Field

from beamline.experiments import registration_of
from beamline.recipe import Dot, quantity
from devices import Bench, Registration
from plans.experiment import Experiment, ExperimentRefusedError, checked
from plans.imaging import DAYLIGHT, ULTRAVIOLET, Shot, imaging_run
from plans.write import load_on_stage, write_coupon

__all__ = ["find_focus", "marks_of", "register_coupon", "registered_bench", "write_marks"]

MARK = Dot(pulse_energy_uJ=200.0, exposure_s=6.0)
"""Bright as it is written, and after any heat treatment."""
SHORTEST_mm = 3.0
"""Between two marks: 10 um at both ends of it are a turn of 5 mrad, 0.1 mm over a coupon of 20 mm."""

Names = Annotated[Sequence[str], Field(min_length=2, max_length=6)]


@checked
def find_focus(
    experiment: Experiment,
    place_mm: tuple[float, float],
    *,
    depth_mm: Annotated[float, quantity("mm", "at which the thing is expected; 0: the surface", ge=0, le=2)] = 0.0,
    span_mm: Annotated[float, quantity("mm", "of the stage's height, that is scanned", ge=0.05, le=4)] = 0.8,
    n_heights: Annotated[int, Field(strict=True, ge=7, le=101, json_schema_extra={"unit": "heights"})] = 17,
    shot: Shot = DAYLIGHT,
) -> MsgGenerator[str]:
    """The height at which something is sharp: two pictures at each of some heights around where it is expected.

    By daylight the bevelled edge of the coupon is what can be focused on, at its surface: a place on the edge is asked for. Under
    ultraviolet light a written track is, at its depth. One run, `purpose="imaging"`, as of `image_sites`.

    Args:
        experiment: whose coupon is looked at.
        place_mm: in the middle of the picture.
        depth_mm: of what is looked at.
        span_mm: from the lowest height to the highest.
        n_heights: so many.
        shot: light, filter, exposure.

    Returns:
        uid of the run; `beamline.experiments.focus_of` says the height.

    Raises:
        ExperimentRefusedError: at the call, for a place outside the coupon, heights out of reach, or a light or exposure that
            there is not.
        RefusedError: the instrument has no camera.
    """
    coupon, bench = experiment.coupon, experiment.bench
    bench.need_camera()
    if "z" not in bench.stage.capabilities:
        raise ExperimentRefusedError("find_focus: the stage has no third axis ('z'); focus by hand; nothing has moved")
    if not (0 <= place_mm[0] <= coupon.width_mm and 0 <= place_mm[1] <= coupon.height_mm):
        raise ExperimentRefusedError(
            f"find_focus: place ({place_mm[0]:g}, {place_mm[1]:g}) mm lies outside the coupon of {coupon.width_mm:g} x "
            f"{coupon.height_mm:g} mm; nothing has moved"
        )
    heights = np.linspace(-0.5 * span_mm, 0.5 * span_mm, n_heights)
    depths = {
        f"z{i}{which}": depth_mm + float(height) * bench.geometry.refractive_index
        for i, height in enumerate(heights)
        for which in "ab"
    }
    parameters = {
        "place_mm": list(place_mm),
        "span_mm": span_mm,
        "expected_z_mm": bench.geometry.under_camera(*place_mm, depth_mm)[2],
    }
    places = dict.fromkeys(depths, place_mm)
    return imaging_run(
        experiment, "find_focus", places, [shot], depth_mm=depth_mm, parameters=parameters, depths_mm=depths
    )


@checked
def write_marks(
    experiment: Experiment,
    *,
    inset_mm: Annotated[float, quantity("mm", "of the marks from the coupon's edges", ge=0.5, le=10)] = 1.5,
) -> MsgGenerator[str]:
    """Three dots, `M0` to `M2`, at three corners of the coupon, by which it is found again. They are sites as others are.

    Returns:
        uid of the writing run.

    Raises:
        ExperimentRefusedError: at the call, as of `Experiment.place`, or for a coupon too small for them.
    """
    coupon = experiment.coupon
    right, top = coupon.width_mm - inset_mm, coupon.height_mm - inset_mm
    if min(right, top) - inset_mm < SHORTEST_mm:
        raise ExperimentRefusedError(
            f"write_marks: {inset_mm:g} mm from the edges of {coupon.width_mm:g} x {coupon.height_mm:g} mm the marks are less "
            f"than {SHORTEST_mm:g} mm apart; nothing has moved"
        )
    corners = {"M0": (inset_mm, inset_mm), "M1": (right, inset_mm), "M2": (inset_mm, top)}
    hand = experiment.place(
        "write_marks", {name: (x, y, MARK) for name, (x, y) in corners.items()}, parameters={"inset_mm": inset_mm}
    )

    def plan() -> MsgGenerator[str]:
        yield from load_on_stage(experiment.bench, coupon.serial)
        return (yield from write_coupon(experiment.bench, hand))

    return plan()


def marks_of(experiment: Experiment, names: Names) -> dict[str, tuple[float, float]]:
    """Places of marks on the coupon, mm, as its records have them.

    Raises:
        ExperimentRefusedError: fewer than two, one that is not written, or two too near to each other.
    """
    ledger, found = experiment.ledger(), {}
    for name in names:
        record = ledger.site(experiment.coupon.serial, name)
        if record.site is None:
            raise ExperimentRefusedError(
                f"marks: {experiment.coupon.serial} {name} is not written; write_marks first; nothing has moved"
            )
        found[name] = (record.site.x_mm, record.site.y_mm)
    places = np.array(list(found.values())).reshape(-1, 2)
    over_mm = float(np.hypot(*np.ptp(places, axis=0))) if len(places) else 0.0
    if over_mm < SHORTEST_mm:
        raise ExperimentRefusedError(
            f"marks: {len(found)} given, over {over_mm:.2g} mm; two or more over at "
            f"least {SHORTEST_mm:g} mm are needed; nothing has moved"
        )
    return found


@checked
def register_coupon(
    experiment: Experiment,
    names: Names = ("M0", "M1", "M2"),
    *,
    tolerance_mm: Annotated[float, quantity("mm", "that marks may lie off, rms", gt=0, le=0.5)] = 0.02,
    shot: Shot = ULTRAVIOLET,
) -> MsgGenerator[str]:
    """Look for the marks of a coupon where they would be if it lay as it is meant to: a picture of each.

    One run, `purpose="imaging"`, as of `image_sites`. `registered_bench` is this with what follows from it.

    Args:
        experiment: whose coupon it is, on the stage or in the rack.
        names: of the marks: sites that are written, dots with nothing as bright within some 0.2 mm.
        tolerance_mm: beyond which the marks are not believed.
        shot: light, filter, exposure.

    Returns:
        uid of the run; `beamline.experiments.registration_of` says how the coupon lies.

    Raises:
        ExperimentRefusedError: at the call: marks that are not written, or what `image_sites` refuses.
        RefusedError: the instrument has no camera.
    """
    marks = marks_of(experiment, names)
    plain = experiment.on(experiment.bench.unregistered())
    parameters = {"marks_mm": {name: list(place) for name, place in marks.items()}, "tolerance_mm": tolerance_mm}
    return imaging_run(plain, "register_coupon", marks, [shot], depth_mm=MARK.depth_mm, parameters=parameters)


def registered_bench(
    experiment: Experiment, names: Names = ("M0", "M1", "M2"), *, tolerance_mm: float = 0.02, shot: Shot = ULTRAVIOLET
) -> MsgGenerator[Bench]:
    """`register_coupon`, and the bench on which places of the coupon are where it lies.

    What is done with that bench writes down how the coupon lay, and refuses once the coupon has been carried.

    Returns:
        the bench, for `Experiment.on`.

    Raises:
        ExperimentRefusedError: as of `register_coupon`.
        CalibrationError: the marks are not found, or lie otherwise by more than the tolerance.
    """
    uid = yield from register_coupon(experiment, names, tolerance_mm=tolerance_mm, shot=shot)
    found = registration_of(experiment.records.run(uid))
    lying = found.lying
    registration = Registration(found.serial, *lying.shift_mm, lying.turn_rad, found.run, found.placement)
    return experiment.bench.registered(registration)
