"""A map of photoluminescence: a spectrum at each point of a raster, at rest or on the fly.

Duration: n_x n_y x (integration_s + read-out) x n_averages; at rest 0.1 s and the travel of a step more a point; on the fly
the way back to begin of each row is saved, for rows are gone to and fro.
"""

from __future__ import annotations

import math
from typing import Annotated, Literal

import bluesky.plan_stubs as bps
import bluesky.preprocessors as bpp
from bluesky.utils import MsgGenerator
from pydantic import Field

from beamline.recipe import Measurement, as_plain, quantity
from devices import LineMove
from plans.documents import OF_SPECTRA, event_of, registered_metadata, valid_metadata
from plans.experiment import Experiment, ExperimentRefusedError, checked
from plans.order import boustrophedon
from plans.reach import check_measuring
from plans.write import load_on_stage

__all__ = ["pl_map"]

Count = Annotated[int, Field(strict=True, ge=1, le=2000, json_schema_extra={"unit": "points"})]
RUN_UP_MM = 0.05
"""On the fly, a row begins this much before its first point: the stage is then at speed."""


@checked
def pl_map(  # noqa: C901, PLR0915  # its parts share what the call has checked
    experiment: Experiment,
    corner_mm: tuple[float, float],
    *,
    n_x: Count,
    n_y: Count,
    step_mm: Annotated[float, quantity("mm", "from point to point", ge=0.001, le=10)] = 0.2,
    mode: Literal["raster", "step", "fly"] = "step",
    measurement: Measurement | None = None,
) -> MsgGenerator[str]:
    """One run, `purpose="map"`: stream `spectra`, an event a point with the place of the stage; stream `dark`, one event.

    Args:
        experiment: whose coupon is mapped.
        corner_mm: x and y of the first point on the coupon.
        n_x: points in a row.
        n_y: rows.
        step_mm: between points, and between rows.
        mode: "step" rests at each point and goes rows to and fro; "raster" rests and goes every row the same way, so that
            backlash is the same everywhere; "fly" takes spectra while the stage goes along a row at constant speed.
        measurement: integration time and averages of a point.

    Returns:
        uid of the run.

    Raises:
        ExperimentRefusedError: at the call: the raster leaves the coupon or the reach of the stage, or flying is too fast.
    """
    measurement = measurement or Measurement(integration_s=0.05, n_averages=1)
    bench, coupon, geometry = experiment.bench, experiment.coupon, experiment.bench.geometry
    check_measuring("pl_map", bench, measurement)
    x0, y0 = corner_mm
    run_up_mm = RUN_UP_MM if mode == "fly" else 0.0
    x1, _ = _far_corner(experiment, corner_mm, (n_x, n_y), step_mm, run_up_mm=run_up_mm)
    point_s = measurement.n_averages * (measurement.integration_s + experiment.times.readout_s)
    speed_mm_s = step_mm / point_s
    if mode == "fly":
        _check_flight(experiment, speed_mm_s)
    rest_s = 0.0 if mode == "fly" else experiment.times.settle_s + step_mm / experiment.times.travel_mm_s
    about = {
        "name": "pl_map",
        "parameters": {"corner_mm": [x0, y0], "n_x": n_x, "n_y": n_y, "step_mm": step_mm, "mode": mode},
        "estimated_s": n_x * n_y * (point_s + rest_s),
    }
    corner = geometry.under_spectrometer(0.0, 0.0)

    def event(stream: str) -> MsgGenerator[None]:
        yield from event_of(stream, bench.clock_s, bench.spectrometer, bench.stage)

    def at_rest() -> MsgGenerator[None]:
        places = boustrophedon(n_x, n_y) if mode == "step" else [(i, j) for j in range(n_y) for i in range(n_x)]
        for i, j in places:
            x_mm, y_mm, _ = geometry.under_spectrometer(x0 + i * step_mm, y0 + j * step_mm)
            yield from bps.mv(bench.stage.x_mm, x_mm, bench.stage.y_mm, y_mm)
            yield from bps.trigger(bench.spectrometer, wait=True)
            yield from event("spectra")
            yield from bps.checkpoint()

    def on_the_fly() -> MsgGenerator[None]:
        for j in range(n_y):
            ends = (x0 - run_up_mm, x1 + run_up_mm)
            begin, end = ends if j % 2 == 0 else ends[::-1]
            begin_mm = geometry.under_spectrometer(begin, y0 + j * step_mm)
            yield from bps.mv(bench.stage.x_mm, begin_mm[0], bench.stage.y_mm, begin_mm[1])
            yield from bps.clear_checkpoint()  # half a row cannot be resumed
            end_mm = geometry.under_spectrometer(end, y0 + j * step_mm)
            status = yield from bps.abs_set(bench.stage.line, LineMove(end_mm[0], end_mm[1], speed_mm_s), group="row")
            while not status.done:
                yield from bps.trigger(bench.spectrometer, wait=True)
                yield from event("spectra")
            yield from bps.wait("row")
            yield from bps.checkpoint()

    def plan() -> MsgGenerator[str]:
        bench.spectrometer.require("lamp", purpose="photoluminescence with darks")
        yield from load_on_stage(bench, coupon.serial)
        yield from bps.mv(bench.stage.z_mm, corner[2])
        yield from bps.mv(
            bench.spectrometer.integration_s,
            measurement.integration_s,
            bench.spectrometer.n_averages,
            measurement.n_averages,
        )
        uid = yield from bps.open_run(
            {
                **experiment.label.metadata("map", bench.clock.now_s),
                "coupon": as_plain(coupon),
                "measurement": as_plain(measurement),
                "experiment": about,
                "coupon_corner_mm": [corner[0], corner[1]],
                **valid_metadata(bench, *OF_SPECTRA),
                **registered_metadata(bench),
                "exposure_travel_mm": speed_mm_s * point_s if mode == "fly" else 0.0,
            }
        )

        def lit() -> MsgGenerator[None]:
            yield from bps.mv(bench.spectrometer.lamp, "on")
            yield from on_the_fly() if mode == "fly" else at_rest()

        def lamp_off() -> MsgGenerator[None]:
            yield from bps.mv(bench.spectrometer.lamp, "off")

        yield from bpp.finalize_wrapper(lit(), lamp_off)
        n_dark = max(1, math.ceil(math.sqrt(n_x * n_y)))  # its noise is in every point
        yield from bps.mv(bench.spectrometer.n_averages, min(measurement.n_averages * n_dark, 1000))
        yield from bps.trigger(bench.spectrometer, wait=True)
        yield from event("dark")
        yield from bps.close_run()
        return str(uid)

    return plan()


def _far_corner(
    experiment: Experiment, corner_mm: tuple[float, float], n: tuple[int, int], step_mm: float, *, run_up_mm: float
) -> tuple[float, float]:
    """The last point, once all of the raster is on the coupon and within reach of the stage."""
    (x0, y0), coupon, geometry = corner_mm, experiment.coupon, experiment.bench.geometry
    x1, y1 = x0 + (n[0] - 1) * step_mm, y0 + (n[1] - 1) * step_mm
    if x0 < 0 or y0 < 0 or x1 > coupon.width_mm + 1e-9 or y1 > coupon.height_mm + 1e-9:
        raise ExperimentRefusedError(
            f"pl_map: {n[0]} x {n[1]} points, {step_mm:g} mm apart from ({x0:g}, {y0:g}) mm on, end at ({x1:g}, {y1:g}) mm; "
            f"the coupon has {coupon.width_mm:g} x {coupon.height_mm:g} mm; nothing has moved"
        )
    first, last = geometry.under_spectrometer(x0 - run_up_mm, y0), geometry.under_spectrometer(x1 + run_up_mm, y1)
    for i, (axis, (low, high)) in enumerate((("x", geometry.limits.x_mm), ("y", geometry.limits.y_mm))):
        if first[i] < low or last[i] > high:
            raise ExperimentRefusedError(
                f"pl_map: stage {axis} {first[i]:g} to {last[i]:g} mm, allowed are {low:g} to {high:g} mm; nothing has moved"
            )
    return x1, y1


def _check_flight(experiment: Experiment, speed_mm_s: float) -> None:
    experiment.bench.stage.require("lines", purpose="a map on the fly")
    low, high = experiment.bench.geometry.limits.line_speed_mm_s
    if not low <= speed_mm_s <= high:
        raise ExperimentRefusedError(
            f"pl_map: a step an exposure is {speed_mm_s:.3g} mm/s, allowed are {low:g} to {high:g} mm/s; change the step or "
            "the integration time, or do not fly; nothing has moved"
        )
