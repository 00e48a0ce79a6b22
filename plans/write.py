"""Writing: a coupon on the stage, then dots and lines, each fired once and never again.

Duration of a site: travel + n_passes x (exposure_s, or length / speed) + a second or so a pass for attenuator and output.
"""

from __future__ import annotations

from typing import Any

import bluesky.plan_stubs as bps
import bluesky.preprocessors as bpp
from bluesky.utils import MsgGenerator

from beamline.campaign.left import GIVEN_UP
from beamline.recipe import Dot, Line, Site
from devices import Bench, LineMove
from devices.errors import why
from plans.documents import CouponInHand, event_of, registered_metadata
from plans.policy import FaultKeeper, LeftOutError, NotSafeError, despite_late_failures, device_fault

__all__ = ["empty_stage", "load_on_stage", "write_coupon", "write_site"]


def load_on_stage(bench: Bench, serial: str) -> MsgGenerator[None]:
    """Bring a coupon to the stage; another one that lies there goes back to the rack first.

    Duration: one transfer; two where another coupon lies there; nothing where it is there already.
    Precondition: if the coupon is in the furnace, the furnace is below `geometry.unload_C`.

    Raises:
        RefusedError: the bench is registered for a coupon that does not lie there any more as it did.
    """
    bench.check_registration(serial)
    present = bench.changer.at_stage.get()
    if present not in ("", serial):
        yield from empty_stage(bench)
    yield from bps.mv(bench.changer.at_stage, serial)


def empty_stage(bench: Bench) -> MsgGenerator[None]:
    """Take the coupon on the stage back to the rack.

    Duration: one transfer; nothing where the stage is empty.
    """
    yield from bps.mv(bench.changer.at_stage, "")


def write_coupon(
    bench: Bench, hand: CouponInHand, keeper: FaultKeeper | None = None, *, is_rewriting: bool = False
) -> MsgGenerator[str]:
    """One run, `purpose="writing"`: every site of the coupon in hand, in the order given. The coupon lies on the stage.

    Streams: `intents`, an event before a site is fired at, and `exposures`, one after each pass. A site with an intent and
    too few exposures is suspect: how much light it got nobody knows.

    Args:
        bench: the devices.
        hand: the coupon, its sites and recipes.
        keeper: says what becomes of a site that fails; None ends the plan. A site that was fired at is never fired at again.
        is_rewriting: a further pass over sites that are written is meant, and the record says so.

    Returns:
        uid of the run.

    Raises:
        RefusedError: lines are asked for, and the stage cannot hold its speed in the dark; nothing is written.
        LeftOutError: the policy leaves out the coupon; the run has its end.
    """
    keeper = keeper or FaultKeeper(bench)
    if any(isinstance(hand.recipes[name].writing, Line) for name in hand.sites):
        bench.stage.require("lines", purpose="writing lines")
    extra: dict[str, Any] = {"is_rewriting": True} if is_rewriting else {}
    extra |= registered_metadata(bench)
    uid = yield from bps.open_run({**hand.metadata("writing", bench.clock.now_s), "notes_intents": True, **extra})
    for name, site in hand.sites.items():
        try:
            yield from write_site(bench, site, hand.recipes[name].writing, keeper)
        except LeftOutError as left_out:
            if left_out.then != "skip_site":
                yield from bps.close_run(exit_status="fail", reason=f"{GIVEN_UP}{left_out}")
                raise
    yield from bps.close_run()
    return str(uid)


def write_site(bench: Bench, site: Site, writing: Dot | Line, keeper: FaultKeeper | None = None) -> MsgGenerator[None]:
    """Write one site within an open run. It is not rewound: after a pause nothing is fired a second time.

    Raises:
        LeftOutError: the policy of `keeper` leaves the site, or the coupon, as it is.
    """
    keeper = keeper or FaultKeeper(bench)
    yield from keeper.attempt("write", lambda: _approach(bench, site, writing), in_run=True)
    # From here until the exposures are in the log the engine must not go back: a rewind would fire again.
    yield from bps.clear_checkpoint()

    def fired() -> MsgGenerator[None]:
        try:
            yield from _fire(bench, site, writing)
        except Exception as error:
            if keeper.policy is not None and device_fault(error) is not None:  # else the night ends, in its safe state
                yield from _shut(bench, error)
            raise

    yield from keeper.attempt("write", fired, in_run=True, may_repeat=False)
    yield from bps.checkpoint()


def _shut(bench: Bench, error: Exception) -> MsgGenerator[None]:
    """After a fault under light: closed, and seen to be, before anything else is thought of."""
    try:
        bench.laser.driver.close_output()
        yield from despite_late_failures(lambda: bps.mv(bench.laser.output, "closed"))
    except Exception as second:
        if device_fault(second) is None:
            raise
        raise NotSafeError(f"{why(error)}; and after it the output could not be closed: {why(second)}") from second


def _start_mm(bench: Bench, site: Site, writing: Dot | Line) -> tuple[float, float, float]:
    begin_x_mm = site.x_mm - (writing.length_mm / 2 if isinstance(writing, Line) else 0.0)
    return bench.geometry.under_laser(begin_x_mm, site.y_mm, writing.depth_mm)


def _approach(bench: Bench, site: Site, writing: Dot | Line) -> MsgGenerator[None]:
    """All that comes before the light, and may be done again."""
    laser, stage = bench.laser, bench.stage
    yield from bps.mv(laser.pulse_energy_uJ, writing.pulse_energy_uJ)
    yield from bps.mv(laser.repetition_rate_kHz, writing.repetition_rate_kHz)
    yield from bps.mv(bench.site_name, site.name)
    x_mm, y_mm, z_mm = _start_mm(bench, site, writing)
    yield from bps.mv(stage.x_mm, x_mm, stage.y_mm, y_mm, stage.z_mm, z_mm)
    bench.changer.check_stands()  # nothing is fired at a stage from which the coupon has gone


def _fire(bench: Bench, site: Site, writing: Dot | Line) -> MsgGenerator[None]:
    laser, stage = bench.laser, bench.stage
    x_mm, y_mm, _ = _start_mm(bench, site, writing)
    yield from _event(bench, "intents")
    along_x, along_y = bench.geometry.turned(writing.length_mm, 0.0) if isinstance(writing, Line) else (0.0, 0.0)
    for n_pass in range(writing.n_passes):
        if isinstance(writing, Line):
            if n_pass:
                yield from bps.mv(stage.x_mm, x_mm, stage.y_mm, y_mm)
            yield from _write_line(bench, LineMove(x_mm + along_x, y_mm + along_y, writing.speed_mm_s))
        else:
            if "gate" in stage.capabilities:
                yield from bps.mv(stage.gate, "open")  # a line before this one has left it shut
            yield from bps.mv(laser.exposure_s, writing.exposure_s)
            yield from bps.trigger(laser, wait=True)
        yield from _event(bench, "exposures")


def _write_line(bench: Bench, line: LineMove) -> MsgGenerator[None]:
    """Open, move, close; the output is closed however the move ends.

    A gate is shut before the output opens, so that nothing is written until the stage's triggers open it on the line.
    """

    def opened() -> MsgGenerator[None]:
        if "gate" in bench.stage.capabilities:
            yield from bps.mv(bench.stage.gate, "shut")
        yield from bps.mv(bench.laser.output, "open")
        yield from bps.mv(bench.stage.line, line)

    def closed() -> MsgGenerator[None]:
        yield from bps.mv(bench.laser.output, "closed")

    yield from bpp.finalize_wrapper(opened(), closed)


def _event(bench: Bench, stream: str) -> MsgGenerator[None]:
    yield from event_of(stream, bench.clock_s, bench.site_name, bench.laser, bench.stage)
