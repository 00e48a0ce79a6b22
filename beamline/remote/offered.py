"""The plans that the queue offers: a campaign's night, and the experiments that are done by hand."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, get_type_hints

import bluesky.plan_stubs as bps
from bluesky.utils import MsgGenerator

import plans
from beamline.audit import note_action
from beamline.campaign import parse_campaign
from beamline.night import night_of, preflight_of
from beamline.preflight import refusals
from beamline.recipe import HeatTreatment
from beamline.remote.exposing import COUPON, annotated, exposed, words_of
from beamline.remote.worker import QueueSession
from devices import RefusedError
from plans import CouponInHand, in_thread

__all__ = ["EXPERIMENTS", "offered_plans"]

EXPERIMENTS: Mapping[str, tuple[str, ...]] = {
    "dot_matrix": (),
    "line_series": (),
    "settings_map": (),
    "anneal_ladder": ("line", "places_mm"),
    "stability_series": (),
    "pl_map": (),
}
"""Those of `plans` that numbers, texts and lists say all about, and their parameters that stay at their defaults."""


COOLING_S = 6 * 3600.0
"""Time in which a furnace that is off has come down from any temperature, s."""
COOLING_LOOK_S = 10.0


def offered_plans(held: QueueSession) -> dict[str, Any]:
    """All of them by name, for the worker's session."""
    made = {
        name: exposed(getattr(plans, name), held.experiment_on, leave_out=leave_out)
        for name, leave_out in EXPERIMENTS.items()
    }
    own = {
        "campaign_night": _campaign_night(held),
        "heat_coupon": _heat_coupon(held),
        "clear_bench": _clear_bench(held),
    }
    return own | made


def _campaign_night(held: QueueSession) -> Any:
    session = held.session

    def campaign_night(campaign: str) -> MsgGenerator[None]:
        asked = parse_campaign(campaign, "the campaign that was sent")
        if asked.optimizer.parameters is not None and asked.optimizer.edits is None:
            raise RefusedError(
                "optimizer.parameters names a file, and the queue is sent a text: run this campaign by `vitrail campaign run`"
            )
        if asked.faults.entries:
            raise RefusedError(
                "faults on purpose are made with the session: run this campaign by `vitrail campaign run`"
            )
        note_action(session.records.folder, "queue", "run", campaign=asked.name)
        start = datetime.now(UTC).astimezone()
        checks = yield from in_thread(lambda: preflight_of(session, asked))
        if refused := refusals(checks):
            raise RefusedError("not begun: " + "; ".join(f"{check.name}: {check.said}" for check in refused))
        night = yield from in_thread(lambda: night_of(session, asked, checks, start))
        yield from held.carry(night)

    words = {"campaign": {"description": "text of a campaign file, as `vitrail campaign check` takes it"}}
    return annotated(campaign_night, "A whole campaign: pre-flight, then coupon after coupon until a stop rule.", words)


def _heat_coupon(held: QueueSession) -> Any:
    def heat_coupon(coupon: str, temperature_C: float, hold_s: float, ramp_C_min: float = 10.0) -> MsgGenerator[str]:
        treatment = HeatTreatment(temperature_C=temperature_C, hold_s=hold_s, ramp_C_min=ramp_C_min)
        experiment = held.experiment_on(coupon)
        hand = CouponInHand(held.label, experiment.coupon, 1, "heat_coupon", {}, {}, {"name": "heat_coupon"})
        uid = yield from plans.heat_treat_coupon(experiment.bench, hand, treatment)
        yield from plans.load_on_stage(experiment.bench, coupon)
        yield from plans.empty_stage(experiment.bench)
        return uid

    words = {"coupon": {"description": COUPON}, **words_of(get_type_hints(HeatTreatment, include_extras=True))}
    return annotated(heat_coupon, "One heat treatment of a coupon, which then goes back to the rack.", words)


def _clear_bench(held: QueueSession) -> Any:
    bench = held.session.bench

    def clear_bench() -> MsgGenerator[None]:
        end_s = bench.clock.now_s + COOLING_S
        serial = bench.changer.in_furnace.get()
        while serial and bench.furnace.temperature_C.get() > bench.geometry.unload_C:
            if bench.clock.now_s > end_s:
                raise RefusedError(
                    f"the furnace is not below {bench.geometry.unload_C:g} degC after {COOLING_S / 3600:g} h"
                )
            yield from bps.sleep(COOLING_LOOK_S)
        if serial:
            yield from plans.load_on_stage(bench, serial)
        if bench.changer.at_stage.get():
            yield from plans.empty_stage(bench)

    return annotated(
        clear_bench, "What a plan that was ended has left in the furnace or on the stage goes to the rack.", {}
    )
