"""Heat treatment: into the furnace, ramp, hold, ramp down, with the temperature in the record all the way.

Duration: (T - T_room) / ramp + hold + cooling, which near room temperature is slower than the ramp asks.
"""

from __future__ import annotations

import math
from typing import Any, Literal

import bluesky.plan_stubs as bps
import bluesky.preprocessors as bpp
import numpy as np
from bluesky.utils import Msg, MsgGenerator

from beamline.campaign.left import GIVEN_UP
from beamline.recipe import HeatTreatment, as_plain
from beamline.records.calibrated import FURNACE_OFFSET
from devices import Bench
from devices.errors import DeviceError, why
from plans.documents import CouponInHand, event_of, valid_metadata
from plans.experiment import ExperimentRefusedError
from plans.policy import FaultKeeper, LeftOutError, NotSafeError, despite_late_failures

__all__ = ["furnace_setpoint", "heat_treat_coupon", "ramp_to"]

SAMPLE_EVERY_S = 60.0
"""At 10 degC/min a sample every 10 degC: the history that the physics model is given follows the ramp to 1 %."""

UNLOAD_MARGIN_BANDS = 2.0
"""How many of the furnace's bands below the door's temperature the cooling aims, so that its end is below it for sure."""


GIVEN_UP_H = 6.0
"""Time in which a furnace that is off has come down from any temperature: ten of its time constants, and more."""


def furnace_setpoint(bench: Bench, temperature_C: float) -> tuple[float, dict[str, Any]]:
    """What the furnace is set to, so that a coupon comes to a temperature; and what a start document says of that.

    The offset that the newest valid calibration has measured is taken off; without one it is set to the temperature itself.

    Raises:
        ExperimentRefusedError: that is above, or below, what the furnace may be set to.
    """
    known = valid_metadata(bench, FURNACE_OFFSET)
    setpoint_C, words = temperature_C, f"{temperature_C:g} degC"
    if known:
        offset = known["calibrations"][FURNACE_OFFSET]
        sensor_C = np.asarray(offset["temperature_C"], dtype=float)
        true_C = sensor_C + np.asarray(offset["offset_C"], dtype=float)
        # beyond its ends the offset is as there; true temperatures rise with the sensor's, which the calibration has seen to
        setpoint_C = temperature_C - float(np.interp(temperature_C, true_C, true_C - sensor_C))
        run = str(offset["run"])[:8]
        words += f" at the coupon are {setpoint_C:.1f} degC at the furnace's sensor (calibration of run {run})"
    low, high = bench.geometry.limits.furnace_temperature_C
    if not low <= setpoint_C <= high:
        raise ExperimentRefusedError(
            f"heat treatment: {words}, allowed are {low:g} to {high:g} degC; nothing has moved"
        )
    return setpoint_C, {**known, "setpoint_C": setpoint_C} if known else {}


def heat_treat_coupon(
    bench: Bench,
    hand: CouponInHand,
    treatment: HeatTreatment,
    keeper: FaultKeeper | None = None,
    *,
    part: Literal["whole", "rest", "cool"] = "whole",
    hold_left_s: float = 0.0,
    sample_every_s: float = SAMPLE_EVERY_S,
) -> MsgGenerator[str]:
    """One run, `purpose="heat_treatment"`, stream `furnace`: the coupon in hand goes through the programme.

    The hold is counted from when the furnace came into its band. The coupon stays in the furnace, which ends cool enough
    to be opened; however the plan ends, the heater is in standby.

    Args:
        bench: the devices.
        hand: the coupon.
        treatment: the programme.
        keeper: says what becomes of it if the furnace fails; None ends the plan.
        part: "rest" goes up again and holds for `hold_left_s`; "cool" only comes down: of one that was interrupted.
        hold_left_s: s.
        sample_every_s: s.

    Returns:
        uid of the run.

    Raises:
        ExperimentRefusedError: with the offset of the furnace taken off, it may not be set so; before anything moves.
        LeftOutError: the policy gives the programme up; the furnace is off and cool, the run has its end, and its samples
            say what the coupon has been through.
    """
    keeper = keeper or FaultKeeper(bench)

    def standby() -> MsgGenerator[None]:
        # By the driver: the device would end a ramp in flight as failed, and turn an abort into a failure of the furnace.
        yield from bps.null()
        bench.furnace.driver.standby()

    hold_s = hold_left_s if part == "rest" else treatment.hold_s
    programme = _programme(bench, hand, treatment, keeper, part=part, hold_s=hold_s, sample_every_s=sample_every_s)
    return (yield from bpp.finalize_wrapper(programme, standby))


def _programme(
    bench: Bench,
    hand: CouponInHand,
    treatment: HeatTreatment,
    keeper: FaultKeeper,
    *,
    part: str,
    hold_s: float,
    sample_every_s: float,
) -> MsgGenerator[str]:
    furnace = bench.furnace
    if part == "cool":  # which is no matter of where it was to go
        setpoint_C, corrected = treatment.temperature_C, valid_metadata(bench, FURNACE_OFFSET)
    else:
        setpoint_C, corrected = furnace_setpoint(bench, treatment.temperature_C)
    yield from keeper.attempt("carry", lambda: bps.mv(bench.changer.in_furnace, hand.coupon.serial), in_run=False)
    metadata = hand.metadata("heat_treatment", bench.clock.now_s) | {"part": part}
    if part == "rest":
        metadata["hold_left_s"] = hold_s
    uid = yield from bps.open_run({**metadata, "heat_treatment": as_plain(treatment), **corrected})
    cool_C = bench.geometry.unload_C - UNLOAD_MARGIN_BANDS * furnace.band_C

    def ramp(temperature_C: float) -> MsgGenerator[None]:
        def again() -> MsgGenerator[None]:
            yield from bps.mv(furnace.ramp_C_min, treatment.ramp_C_min)
            yield from ramp_to(bench, temperature_C, sample_every_s=sample_every_s)

        yield from keeper.attempt("heat", again, in_run=True)

    def hold() -> MsgGenerator[None]:
        end_s = bench.clock.now_s + max(hold_s - furnace.settle_s, 0.0)

        has_begun = False

        def again() -> MsgGenerator[None]:
            nonlocal has_begun
            if has_begun:  # after a fault it may be anywhere
                yield from ramp_to(bench, setpoint_C, sample_every_s=sample_every_s)
            has_begun = True
            yield from _sampled_sleep(bench, max(end_s - bench.clock.now_s, 0.0), sample_every_s)

        yield from keeper.attempt("heat", again, in_run=True)

    try:
        if part != "cool":
            yield from ramp(setpoint_C)
            yield from hold()
        yield from ramp(cool_C)
        yield from keeper.attempt("heat", lambda: _off(bench), in_run=True)
    except LeftOutError as left_out:
        _switch_off(bench, left_out)
        yield from _cool_by_itself(bench, keeper, cool_C, sample_every_s)
        yield from bps.close_run(exit_status="fail", reason=f"{GIVEN_UP}{left_out}")
        raise
    yield from bps.close_run()
    return str(uid)


def _switch_off(bench: Bench, reason: Exception) -> None:
    try:
        bench.furnace.standby()
    except DeviceError as second:
        raise NotSafeError(f"{reason}; and after it the furnace could not be put in standby: {why(second)}") from second


def _off(bench: Bench) -> MsgGenerator[None]:
    yield from bps.mv(bench.furnace.heater, "standby")
    yield from _sample(bench)


def _cool_by_itself(bench: Bench, keeper: FaultKeeper, cool_C: float, sample_every_s: float) -> MsgGenerator[None]:
    """Heater off: wait until it is cool, sampling what can be read; a sensor that never reads again ends it after hours."""
    until_s = bench.clock.now_s + GIVEN_UP_H * 3600.0
    is_cool = False
    while not is_cool and bench.clock.now_s < until_s:
        yield from keeper.settle(sample_every_s)
        try:
            yield from despite_late_failures(lambda: _sample(bench))
            is_cool = bench.furnace.temperature_C.get() <= cool_C
        except DeviceError:
            continue


def ramp_to(bench: Bench, temperature_C: float, *, sample_every_s: float = SAMPLE_EVERY_S) -> MsgGenerator[None]:
    """Within an open run: ramp at the furnace's `ramp_C_min` until it has settled, sampling on the way.

    A pause stops what the engine has set, and a furnace that is stopped holds where it is, which becomes its target, and
    its status counts as done: the ramp then goes on from there.
    """
    is_there = False
    while not is_there:
        status = yield from bps.abs_set(bench.furnace, temperature_C, group="ramp")
        yield from _sample(bench)
        while not status.done:
            yield from bps.sleep(sample_every_s)
            yield from _sample(bench)
        yield from bps.wait("ramp")
        is_there = abs(bench.furnace.target_C.get() - temperature_C) <= bench.furnace.band_C


def _sampled_sleep(bench: Bench, duration_s: float, sample_every_s: float) -> MsgGenerator[None]:
    n_samples = max(math.ceil(duration_s / sample_every_s), 1)
    for _ in range(n_samples):
        yield from bps.sleep(duration_s / n_samples)
        yield from _sample(bench)


def _sample(bench: Bench) -> MsgGenerator[None]:
    yield from event_of("furnace", bench.clock_s, bench.furnace)
    # A pause during hours of heating resumes here, and not at the beginning of the ramp.
    yield Msg("checkpoint")
