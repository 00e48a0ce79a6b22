"""Heat treatment: into the furnace, ramp, hold, ramp down, with the temperature in the record all the way.

Duration: (T - T_room) / ramp + hold + cooling, which near room temperature is slower than the ramp asks.
"""

from __future__ import annotations

import math

import bluesky.plan_stubs as bps
import bluesky.preprocessors as bpp
from bluesky.utils import Msg, MsgGenerator

from beamline.recipe import HeatTreatment, as_plain
from devices import Bench
from plans.documents import CouponInHand, event_of

__all__ = ["heat_treat_coupon", "ramp_to"]

SAMPLE_EVERY_S = 60.0
"""At 10 degC/min a sample every 10 degC: the history that the physics model is given follows the ramp to 1 %."""

UNLOAD_MARGIN_BANDS = 2.0
"""How many of the furnace's bands below the door's temperature the cooling aims, so that its end is below it for sure."""


def heat_treat_coupon(
    bench: Bench, hand: CouponInHand, treatment: HeatTreatment, *, sample_every_s: float = SAMPLE_EVERY_S
) -> MsgGenerator[str]:
    """One run, `purpose="heat_treatment"`, stream `furnace`: the coupon in hand goes through the programme.

    The hold is counted from when the furnace came into its band. The coupon stays in the furnace, which ends cool enough
    to be opened; however the plan ends, the heater is in standby.

    Returns:
        uid of the run.
    """

    def standby() -> MsgGenerator[None]:
        # By the driver: the device would end a ramp in flight as failed, and turn an abort into a failure of the furnace.
        yield from bps.null()
        bench.furnace.driver.standby()

    programme = _programme(bench, hand, treatment, sample_every_s)
    return (yield from bpp.finalize_wrapper(programme, standby))


def _programme(bench: Bench, hand: CouponInHand, treatment: HeatTreatment, sample_every_s: float) -> MsgGenerator[str]:
    furnace = bench.furnace
    yield from bps.mv(bench.changer.in_furnace, hand.coupon.serial)
    metadata = hand.metadata("heat_treatment", bench.clock.now_s)
    uid = yield from bps.open_run({**metadata, "heat_treatment": as_plain(treatment)})
    yield from bps.mv(furnace.ramp_C_min, treatment.ramp_C_min)
    yield from ramp_to(bench, treatment.temperature_C, sample_every_s=sample_every_s)
    yield from _sampled_sleep(bench, max(treatment.hold_s - furnace.settle_s, 0.0), sample_every_s)
    cool_C = bench.geometry.unload_C - UNLOAD_MARGIN_BANDS * furnace.band_C
    yield from ramp_to(bench, cool_C, sample_every_s=sample_every_s)
    yield from bps.mv(furnace.heater, "standby")
    yield from _sample(bench)
    yield from bps.close_run()
    return str(uid)


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
