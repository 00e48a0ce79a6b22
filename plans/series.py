"""Heat treatment in series: one temperature a coupon, or a ladder of temperatures on one; and spectra over time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Annotated

import bluesky.plan_stubs as bps
import bluesky.preprocessors as bpp
from bluesky.utils import MsgGenerator
from pydantic import Field

from beamline.recipe import ROOM_TEMPERATURE_C, HeatTreatment, Line, Measurement, as_plain, quantity
from devices import Bench
from plans.anneal import heat_treat_coupon
from plans.documents import OF_SPECTRA, CouponInHand, event_of, registered_metadata, valid_metadata
from plans.experiment import Experiment, ExperimentRefusedError, checked
from plans.matrix import measuring_s
from plans.measure import measure_coupon
from plans.reach import check_heating, check_measuring, check_under_head
from plans.registration import marks_of, registered_bench
from plans.write import empty_stage, load_on_stage, write_coupon

__all__ = ["anneal_ladder", "anneal_series", "stability_series"]

Temperature = Annotated[float, quantity("degC", "hold temperature (P5)", ge=200, le=550)]
Temperatures = Annotated[Sequence[Temperature], Field(min_length=1)]
Hold = Annotated[float, quantity("s", "time at the hold temperature (not given in the paper)", ge=0, le=172800)]
Ramp = Annotated[float, quantity("degC/min", "rate of both ramps (not given either)", ge=0.1, le=20)]
Marks = Annotated[Sequence[str], Field(max_length=6)]
Places = Annotated[Sequence[tuple[float, float]], Field(min_length=1)]


def heating_s(treatment: HeatTreatment) -> float:
    """Ramp up, hold, and a ramp down as fast as it was up, s: a furnace near room temperature takes longer."""
    return 2 * (treatment.temperature_C - ROOM_TEMPERATURE_C) / treatment.ramp_C_min * 60.0 + treatment.hold_s


def _written(
    experiment: Experiment,
    name: str,
    places_mm: Places,
    *,
    line: Line,
    treatments: Sequence[HeatTreatment],
    measurement: Measurement,
    marks: Marks,
) -> CouponInHand:
    check_measuring(name, experiment.bench, measurement)
    for treatment in treatments:
        check_heating(name, experiment.bench, treatment)
    if marks:
        experiment.bench.need_camera()
        marks_of(experiment, marks)
    elif experiment.bench.registration is not None:
        raise ExperimentRefusedError(
            f"{name}: out of the furnace the coupon lies otherwise than it was found: give the marks by which it is found again; "
            "nothing has moved"
        )
    each_s = sum(heating_s(treatment) for treatment in treatments)
    further_s = each_s + (len(treatments) + 1) * measuring_s(experiment, len(places_mm), measurement)
    return experiment.place(
        name,
        {f"L{i}": (x, y, line) for i, (x, y) in enumerate(places_mm)},
        parameters={
            "temperatures_C": [treatment.temperature_C for treatment in treatments],
            "hold_s": treatments[0].hold_s,
            "ramp_C_min": treatments[0].ramp_C_min,
        },
        further_s=further_s,
        treatment=treatments[0] if len(treatments) == 1 else None,
    )


@checked
def anneal_series(
    experiments: Sequence[Experiment],
    temperatures_C: Temperatures,
    *,
    line: Line | None = None,
    places_mm: Places = ((10.0, 6.0), (10.0, 10.0), (10.0, 14.0)),
    hold_s: Hold = 7200.0,
    ramp_C_min: Ramp = 10.0,
    measurement: Measurement | None = None,
    marks: Marks = (),
) -> MsgGenerator[tuple[str, ...]]:
    """Fig. 3a-c: lines on several coupons, measured as written, then each coupon at its own temperature and measured again.

    With `marks`, written before, each coupon is registered whenever it comes to the stage, and measured where it was written.

    Duration: per coupon writing + two measurements + (T - 25 degC) / ramp_C_min up and down + hold_s.
    Preconditions: as many coupons as temperatures, all in the rack; their places are free.

    Returns:
        uids of the measurement runs: for each coupon as written, then annealed.

    Raises:
        ExperimentRefusedError: at the call, before anything moves.
    """
    if len(experiments) != len(temperatures_C):
        raise ExperimentRefusedError(
            f"anneal_series: {len(experiments)} coupons for {len(temperatures_C)} temperatures; give one for each"
        )
    measurement, line = measurement or Measurement(), line or Line(pulse_energy_uJ=200.0, speed_mm_s=0.4)
    treatments = [HeatTreatment(temperature_C=T, hold_s=hold_s, ramp_C_min=ramp_C_min) for T in temperatures_C]
    hands = [
        _written(
            one, "anneal_series", places_mm, line=line, treatments=[treatment], measurement=measurement, marks=marks
        )
        for one, treatment in zip(experiments, treatments, strict=True)
    ]

    def plan() -> MsgGenerator[tuple[str, ...]]:
        uids: list[str] = []
        for one, hand, treatment in zip(experiments, hands, treatments, strict=True):
            uids += yield from _anneal(one, hand, [treatment], measurement, marks)
            yield from empty_stage(one.bench)
        return tuple(uids)

    return plan()


@checked
def anneal_ladder(
    experiment: Experiment,
    temperatures_C: Temperatures,
    *,
    line: Line | None = None,
    places_mm: Places = ((10.0, 6.0), (10.0, 10.0), (10.0, 14.0)),
    hold_s: Hold = 7200.0,
    ramp_C_min: Ramp = 10.0,
    measurement: Measurement | None = None,
    marks: Marks = (),
) -> MsgGenerator[tuple[str, ...]]:
    """The same on one coupon: each temperature acts on what the one before has left. They must rise.

    Duration, preconditions and refusals as of `anneal_series`.

    Returns:
        uids of the measurement runs: as written, then after each step.
    """
    if any(b <= a for a, b in pairwise(temperatures_C)):
        raise ExperimentRefusedError(f"anneal_ladder: {list(temperatures_C)} degC must rise from step to step")
    measurement, line = measurement or Measurement(), line or Line(pulse_energy_uJ=200.0, speed_mm_s=0.4)
    treatments = [HeatTreatment(temperature_C=T, hold_s=hold_s, ramp_C_min=ramp_C_min) for T in temperatures_C]
    hand = _written(
        experiment, "anneal_ladder", places_mm, line=line, treatments=treatments, measurement=measurement, marks=marks
    )
    return _anneal(experiment, hand, treatments, measurement, marks)


def _anneal(
    experiment: Experiment,
    hand: CouponInHand,
    treatments: Sequence[HeatTreatment],
    measurement: Measurement,
    marks: Marks,
) -> MsgGenerator[tuple[str, ...]]:
    plain = experiment.bench.unregistered()  # what it was registered for ends in the furnace

    def on_stage() -> MsgGenerator[Bench]:
        yield from load_on_stage(plain, experiment.coupon.serial)
        return (yield from registered_bench(experiment.on(plain), marks)) if marks else plain

    bench = yield from on_stage()
    yield from write_coupon(bench, hand)
    uids = [(yield from measure_coupon(bench, hand, measurement))]
    for treatment in treatments:
        step = replace(hand, experiment={**hand.experiment, "temperature_C": treatment.temperature_C})
        yield from heat_treat_coupon(plain, step, treatment)
        bench = yield from on_stage()
        uids.append((yield from measure_coupon(bench, step, measurement)))
    return tuple(uids)


@checked
def stability_series(
    experiment: Experiment,
    place_mm: tuple[float, float],
    *,
    n_spectra: Annotated[int, Field(strict=True, ge=2, le=10000)] = 60,
    every_s: Annotated[float, quantity("s", "from spectrum to spectrum", ge=0, le=86400)] = 60.0,
    measurement: Measurement | None = None,
) -> MsgGenerator[str]:
    """Fig. S12: the spectrum of one place again and again, with the lamp on all the time; a dark at the end.

    One run, `purpose="stability"`, streams `spectra` and `dark`. Duration: n_spectra x max(every_s, an acquisition).
    Precondition: the coupon is on the stage, or in the rack.

    Returns:
        uid of the run.

    Raises:
        ExperimentRefusedError: at the call, for a place outside the coupon.
    """
    measurement = measurement or Measurement()
    coupon, bench = experiment.coupon, experiment.bench
    x_mm, y_mm = place_mm
    if not (0 <= x_mm <= coupon.width_mm and 0 <= y_mm <= coupon.height_mm):
        raise ExperimentRefusedError(
            f"stability_series: place ({x_mm:g}, {y_mm:g}) mm lies outside the coupon of {coupon.width_mm:g} x "
            f"{coupon.height_mm:g} mm; nothing has moved"
        )
    check_measuring("stability_series", bench, measurement)
    check_under_head("stability_series", bench, [place_mm])
    acquisition_s = measurement.n_averages * (measurement.integration_s + experiment.times.readout_s)
    about = {
        "name": "stability_series",
        "parameters": {"place_mm": [x_mm, y_mm], "n_spectra": n_spectra, "every_s": every_s},
        "estimated_s": n_spectra * max(every_s, acquisition_s),
    }

    def plan() -> MsgGenerator[str]:
        yield from load_on_stage(bench, coupon.serial)
        head = bench.geometry.under_spectrometer(x_mm, y_mm)
        yield from bps.mv(bench.stage.x_mm, head[0], bench.stage.y_mm, head[1], bench.stage.z_mm, head[2])
        start = experiment.label.metadata("stability", bench.clock.now_s)
        uid = yield from bps.open_run(
            {
                **start,
                "coupon": as_plain(coupon),
                "measurement": as_plain(measurement),
                "experiment": about,
                **valid_metadata(bench, *OF_SPECTRA),
                **registered_metadata(bench),
            }
        )
        settings = (
            bench.spectrometer.integration_s,
            measurement.integration_s,
            bench.spectrometer.n_averages,
            measurement.n_averages,
        )
        yield from bps.mv(*settings)

        def lit() -> MsgGenerator[None]:
            yield from bps.mv(bench.spectrometer.lamp, "on")
            for i in range(n_spectra):
                if i:
                    yield from bps.sleep(max(every_s - acquisition_s, 0.0))
                yield from bps.trigger(bench.spectrometer, wait=True)
                yield from event_of("spectra", bench.clock_s, bench.spectrometer, bench.stage)
                yield from bps.checkpoint()

        def lamp_off() -> MsgGenerator[None]:
            yield from bps.mv(bench.spectrometer.lamp, "off")

        yield from bpp.finalize_wrapper(lit(), lamp_off)
        yield from bps.trigger(bench.spectrometer, wait=True)
        yield from event_of("dark", bench.clock_s, bench.spectrometer, bench.stage)
        yield from bps.close_run()
        return str(uid)

    return plan()
