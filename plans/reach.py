"""What a bench allows of places that are looked at and of how, before anything moves."""

from __future__ import annotations

from collections.abc import Iterable

from beamline.recipe import HeatTreatment, Measurement
from devices import Bench
from plans.anneal import furnace_setpoint
from plans.calibrating import within

__all__ = ["check_heating", "check_measuring", "check_under_head"]


def check_under_head(name: str, bench: Bench, places_mm: Iterable[tuple[float, float]]) -> None:
    """Refuse a place of the coupon that the stage cannot bring under the spectrometer's head.

    Raises:
        ExperimentRefusedError: with the first of them.
    """
    limits, geometry = bench.geometry.limits, bench.geometry
    for place in places_mm:
        x_mm, y_mm, z_mm = geometry.under_spectrometer(*place)
        where = f"{name}: stage {{}} under the spectrometer for ({place[0]:g}, {place[1]:g}) mm"
        within(where.format("x"), [x_mm], limits.x_mm, "mm")
        within(where.format("y"), [y_mm], limits.y_mm, "mm")
        within(where.format("z"), [z_mm], limits.z_mm, "mm")


def check_measuring(name: str, bench: Bench, measurement: Measurement) -> None:
    """Refuse a measurement that the spectrometer of this bench cannot be set to.

    Raises:
        ExperimentRefusedError: integration time, or number of averages, outside its limits.
    """
    limits = bench.geometry.limits
    within(f"{name}: integration time", [measurement.integration_s], limits.integration_s, "s")
    within(f"{name}: exposures averaged", [float(measurement.n_averages)], limits.n_averages, "exposures")


def check_heating(name: str, bench: Bench, treatment: HeatTreatment) -> None:
    """Refuse a heat treatment that the furnace of this bench cannot be set to, its offset taken off.

    Raises:
        ExperimentRefusedError: temperature or ramp outside its limits.
    """
    within(f"{name}: ramp", [treatment.ramp_C_min], bench.geometry.limits.furnace_ramp_C_min, "degC/min")
    furnace_setpoint(bench, treatment.temperature_C)
