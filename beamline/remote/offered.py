"""The plans that the queue offers: a campaign's night, and the experiments that are done by hand."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, get_type_hints

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


def offered_plans(held: QueueSession) -> dict[str, Any]:
    """All of them by name, for the worker's session."""
    made = {
        name: exposed(getattr(plans, name), held.experiment_on, leave_out=leave_out)
        for name, leave_out in EXPERIMENTS.items()
    }
    return {"campaign_night": _campaign_night(held), "heat_coupon": _heat_coupon(held), **made}


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
