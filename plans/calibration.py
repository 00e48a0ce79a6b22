"""Calibrations of the laser, the furnace and the stage: power at the sample, offset of the furnace's sensor, homing.

Each is one run of `purpose="calibration"`. What they mean is worked out from the runs by `beamline.experiments`.

Duration: power: a second for each energy; furnace: ramps at its own rate and hold_s at each temperature, and as long as the
person takes who reads the reference; homing: the way of the slowest axis.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import pairwise
from typing import Annotated

import bluesky.plan_stubs as bps
from bluesky.utils import MsgGenerator
from pydantic import Field

from beamline.recipe import quantity
from devices import CAPABILITIES, Bench
from devices.errors import StuckError
from devices.notes import Noted
from plans.anneal import ramp_to
from plans.calibrating import calibration_run, within
from plans.documents import NightLabel, event_of
from plans.experiment import ExperimentRefusedError, checked
from plans.threads import in_thread
from plans.write import empty_stage

__all__ = ["calibrate_furnace", "calibrate_power", "home_stage"]

MOVED_MM = 0.005
AT_AN_END_MM = 0.1

Energies = Annotated[
    Sequence[Annotated[float, quantity("uJ", "set, before the optics", ge=1, le=400)]],
    Field(min_length=2, max_length=50),
]
Temperatures = Annotated[
    Sequence[Annotated[float, quantity("degC", "of the furnace", ge=30, le=560)]], Field(min_length=1, max_length=20)
]


@checked
def calibrate_power(
    bench: Bench,
    label: NightLabel,
    pulse_energies_uJ: Energies = (20.0, 50.0, 100.0, 200.0),
    *,
    repetition_rate_kHz: Annotated[float, quantity("kHz", "of the pulses", ge=0.001, le=1000)] = 10.0,
    exposure_s: Annotated[float, quantity("s", "of each", ge=0.1, le=60)] = 1.0,
) -> MsgGenerator[str]:
    """Power at the sample against set energy (P3): stream `power`, an event for each. The stage is emptied: light goes nowhere.

    What the laser took as its reference before is forgotten.

    Returns:
        uid of the run.

    Raises:
        ExperimentRefusedError: at the call, for an energy or a rate above the limits of the bench.
    """
    limits, laser = bench.geometry.limits, bench.laser
    within("calibrate_power: pulse energy", pulse_energies_uJ, limits.pulse_energy_uJ, "uJ")
    within("calibrate_power: repetition rate", [repetition_rate_kHz], limits.repetition_rate_kHz, "kHz")
    within("calibrate_power: exposure", [exposure_s], limits.exposure_s, "s")

    def begin() -> MsgGenerator[None]:
        yield from empty_stage(bench)
        laser.recalibrate()

    def steps() -> MsgGenerator[None]:
        yield from bps.mv(laser.repetition_rate_kHz, repetition_rate_kHz, laser.exposure_s, exposure_s)
        for energy_uJ in pulse_energies_uJ:
            yield from bps.mv(laser.pulse_energy_uJ, energy_uJ)
            yield from bps.trigger(laser, wait=True)
            yield from event_of("power", bench.clock_s, laser)

    energies = list(pulse_energies_uJ)
    return calibration_run(bench, label, "power_at_sample", "laser", steps, begin=begin, pulse_energies_uJ=energies)


@checked
def calibrate_furnace(
    bench: Bench,
    label: NightLabel,
    temperatures_C: Temperatures,
    *,
    reference_C: Callable[[float], float],
    hold_s: Annotated[float, quantity("s", "at each before the reference is read", ge=0, le=36000)] = 1200.0,
) -> MsgGenerator[str]:
    """Offset of the furnace's sensor against a reference thermometer where the coupon lies: streams `furnace` and `reference`.

    However it ends, the heater is in standby.

    Args:
        bench: the devices.
        label: of the run.
        temperatures_C: rising.
        reference_C: called with the furnace's target at each, in a thread beside the engine; gives what the reference reads,
            typed by a person, or from a file.
        hold_s: s.

    Returns:
        uid of the run.

    Raises:
        ExperimentRefusedError: at the call: temperatures that do not rise or are outside the limits, or a coupon in the furnace;
            within the run: the reference gives no finite number.
    """
    within("calibrate_furnace: temperature", temperatures_C, bench.geometry.limits.furnace_temperature_C, "degC")
    if any(b <= a for a, b in pairwise(temperatures_C)):
        raise ExperimentRefusedError(f"calibrate_furnace: {list(temperatures_C)} degC must rise; nothing has moved")
    inside = bench.changer.in_furnace.get()
    if inside:
        raise ExperimentRefusedError(
            f"calibrate_furnace: coupon {inside} is in the furnace, and would be heated; take it out; nothing has moved"
        )
    reference = Noted(name="reference_temperature_C", unit="degC")

    def steps() -> MsgGenerator[None]:
        for temperature_C in temperatures_C:
            yield from ramp_to(bench, temperature_C)
            yield from bps.sleep(hold_s)
            read_C = yield from in_thread(partial(reference_C, temperature_C))
            if not math.isfinite(read_C):
                raise ExperimentRefusedError(
                    f"calibrate_furnace: the reference gave {read_C!r} at {temperature_C:g} degC"
                )
            reference.say(read_C)
            yield from event_of("reference", bench.clock_s, bench.furnace, reference)

    def standby() -> MsgGenerator[None]:
        # by the driver: the device would end a ramp in flight as failed, and turn an abort into a failure of the furnace
        yield from bps.null()
        bench.furnace.driver.standby()

    temperatures = list(temperatures_C)
    return calibration_run(
        bench, label, "furnace_offset", "furnace", steps, end=standby, temperatures_C=temperatures, hold_s=hold_s
    )


@checked
def home_stage(bench: Bench, label: NightLabel) -> MsgGenerator[str]:
    """Drive every axis to its reference, with the laser closed: stream `stage`, an event before and one after.

    Precondition: the way to the reference is free. A coupon on the stage goes along; what was found about how it lies is
    forgotten with the old reference.

    Returns:
        uid of the run.

    Raises:
        ExperimentRefusedError: at the call: the driver cannot home the stage, or the laser's output is open.
        StuckError: within the run: it says that it is homed, and no axis has moved, from a place within its travel.
    """
    if "home" not in bench.stage.capabilities:
        raise ExperimentRefusedError(
            f"home_stage: {type(bench.stage.driver).__name__} has no 'home' ({CAPABILITIES['stage']['home']}); home it with its "
            "maker's program; nothing has moved"
        )
    if bench.laser.output.get() != "closed":
        raise ExperimentRefusedError("home_stage: the laser's output is open, and would write on the way; close it")

    def steps() -> MsgGenerator[None]:
        begin_mm = _places_mm(bench)
        yield from event_of("stage", bench.clock_s, bench.stage)
        yield from bps.mv(bench.stage.reference, "homed")
        _check_homed(bench, begin_mm)
        bench.changer.begin_placement()
        yield from event_of("stage", bench.clock_s, bench.stage)

    return calibration_run(bench, label, "stage_home", "stage", steps)


def _places_mm(bench: Bench) -> dict[str, float]:
    stage = bench.stage
    return {"x": float(stage.x_mm.get()), "y": float(stage.y_mm.get()), "z": float(stage.z_mm.get())}


def _check_homed(bench: Bench, begin_mm: Mapping[str, float]) -> None:
    """A stage that was homed before says so whether it obeys or not; but then it moves, or stood at an end of its travel.

    Raises:
        StuckError: neither is so.
    """
    limits, end_mm = bench.geometry.limits, _places_mm(bench)
    ends = {"x": limits.x_mm, "y": limits.y_mm, "z": limits.z_mm}
    has_moved = any(abs(end_mm[axis] - place_mm) > MOVED_MM for axis, place_mm in begin_mm.items())
    is_within = any(
        min(abs(place_mm - end) for end in ends[axis]) > AT_AN_END_MM for axis, place_mm in begin_mm.items()
    )
    if is_within and not has_moved:
        places = ", ".join(f"{axis} {place_mm:g}" for axis, place_mm in begin_mm.items())
        raise StuckError(
            f"stage: home: it says that it is homed, and no axis has moved from {places} mm; {bench.stage.advice}; if its "
            "references are there, move it away from them and home it again"
        )
