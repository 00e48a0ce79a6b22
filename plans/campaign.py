"""The closed loop of a night: suggest a coupon with its sites -> write -> heat-treat -> measure -> analyse -> ingest.

Everything that was decided, and on what grounds, is in the documents: a `decision` run before each coupon and one at the end.

Duration: the phases of each coupon, as `estimate_night` adds them up, and the optimiser's thinking.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import bluesky.plan_stubs as bps
import bluesky.preprocessors as bpp
from bluesky.utils import MsgGenerator

from beamline.campaign import Campaign, InstrumentTimes, suggestion_phases
from beamline.campaign.left import CouponLeft, NightLeft
from beamline.campaign.observations import coupon_observations
from beamline.campaign.state import CampaignEvent, Resume
from beamline.optimize import Optimizer
from beamline.optimize.decide import Decided, words_of
from beamline.recipe import Coupon, HeatTreatment, Observation, Suggestion, as_plain
from beamline.records import KeepOut, Ledger, RecordError, Records, refusals
from beamline.safety import safe_state_plan
from devices import Bench
from plans.anneal import heat_treat_coupon
from plans.documents import CouponInHand, NightLabel
from plans.measure import measure_coupon
from plans.policy import FaultKeeper, LeftOutError
from plans.review import Reviewer, Standing, reviewed
from plans.threads import in_thread
from plans.write import empty_stage, load_on_stage, write_coupon

__all__ = ["Night", "campaign_plan", "coupon_plan", "first_run_plan"]

_logger = logging.getLogger(__name__)


@dataclass
class Night:
    """A campaign on a bench, and how far it got.

    Attributes:
        deadline_s: clock time from which on no coupon is started; None for none.
        metadata: goes into the start document of the night's first run (campaign file, physics parameters, instrument).
        earlier: observations of an earlier night that this one goes on from, ingested before the first decision.
        coupons: those that may still be used, in the order of the campaign file.
        start_s: clock at which the campaign began; None: it begins now.
        n_done: coupons that were begun.
        left: of a night that is resumed: what is left to do; None for one that begins.
        n_faults: that it has met.
        review: a plan that asks a person about each suggestion; None where nobody is asked. The bench's safety monitors go
            on meanwhile. What it gives is recorded with the decision.
    """

    bench: Bench
    campaign: Campaign
    optimizer: Optimizer
    records: Records
    label: NightLabel
    times: InstrumentTimes
    deadline_s: float | None
    metadata: dict[str, Any]
    coupons: list[Coupon]
    earlier: Sequence[Observation] = ()
    start_s: float | None = None
    n_done: int = 0
    left: NightLeft | None = None
    review: Reviewer | None = None
    verdict: str = field(default="not started", init=False)
    keeper: FaultKeeper = field(init=False)

    def __post_init__(self) -> None:
        n_faults = self.left.n_faults if self.left else 0
        self.keeper = FaultKeeper(self.bench, self.campaign.policy, self.label, n_faults)

    def listen(self, tell: Callable[[CampaignEvent], None]) -> None:
        """Say who is told of the states that the night goes through on account of faults."""
        self.keeper.tell = tell

    def observations(self, serial: str) -> tuple[Observation, ...]:
        """Of a coupon of this night, analysed from the records."""
        return coupon_observations(self.records, self.label.campaign_uid, serial)

    def seen_light(self, hand: CouponInHand) -> tuple[str, ...]:
        """The sites of a coupon that were fired at, or may have been; the others give no light."""
        runs = self.records.runs(campaign=self.label.campaign_uid, coupon=hand.coupon.serial, purpose="writing")
        fired = {str(e["data"]["site_name"]) for run in runs for e in run.events("intents")}
        return tuple(name for name in hand.sites if name in fired)

    def refuse_second_exposures(self, hand: CouponInHand) -> None:
        """Ask the ledger before anything is fired.

        A twin makes its coupons anew for each campaign: what an earlier one did to one of the same serial was done to another.

        Raises:
            RecordError: a site has been exposed, or lies too near to one that has, or to the edge, or the coupon is damaged.
        """
        grid, serial = self.campaign.sites, hand.coupon.serial
        is_twin = self.metadata.get("instrument", {}).get("kind") == "twin"
        scope: dict[str, Any] = {"campaign": self.label.campaign_uid} if is_twin else {}
        ledger = Ledger.of(self.records.runs(coupon=serial, **scope))
        found = refusals(ledger, serial, hand.sites, hand.recipes, KeepOut(grid.spacing_mm, grid.margin_mm))
        if found:
            raise RecordError(f"the coupon is not written: {'; '.join(found[:5])}")


def campaign_plan(night: Night) -> MsgGenerator[None]:
    """The whole night. However it ends, the bench ends in its safe state."""
    yield from bpp.finalize_wrapper(_loop(night), lambda: safe_state_plan(night.bench))


def first_run_plan(night: Night) -> MsgGenerator[None]:
    """An empty run that says what the night is, or goes on from."""
    purpose = "campaign" if night.left is None else "resume"
    yield from bps.open_run({**night.label.metadata(purpose, night.bench.clock.now_s), **night.metadata})
    yield from bps.close_run()


def _loop(night: Night) -> MsgGenerator[None]:
    now_s = night.bench.clock.now_s
    start_s = now_s if night.start_s is None else night.start_s
    yield from first_run_plan(night)
    observations = night.earlier
    if night.left is not None:
        night.keeper.tell(Resume(at_s=now_s))
    if night.left is not None and night.left.suggestion is not None:
        observations = yield from coupon_plan(night, night.left.suggestion, night.left.coupon)
    while True:
        suggestion = yield from _decide(night, observations, start_s)
        if suggestion is None:
            return
        observations = yield from coupon_plan(night, suggestion)


def _decide(night: Night, observations: Sequence[Observation], start_s: float) -> MsgGenerator[Suggestion | None]:
    """Let the optimiser learn and suggest, and put both into a run; None when the night is over."""
    if observations:
        yield from in_thread(lambda: night.optimizer.ingest(observations))
    status = yield from in_thread(night.optimizer.status)
    night.verdict = _stop_reason(night, status.p_reached, night.bench.clock.now_s - start_s)
    told: tuple[Decided, ...] = ()
    if night.verdict:
        proposal = yield from in_thread(lambda: _what_next(night))
    else:
        standing = Standing(status, tuple(observations))
        proposal, told, night.verdict = yield from reviewed(night, standing, lambda it: _too_dear(night, it))
        if told and not night.verdict:  # while somebody thought about it the time may have run out
            night.verdict = _stop_reason(night, status.p_reached, night.bench.clock.now_s - start_s)
    suggestion = None if night.verdict else proposal
    metadata: dict[str, Any] = {
        **night.label.metadata("decision", night.bench.clock.now_s),
        "n_coupon": night.n_done + (suggestion is not None),
        "ingested": [as_plain(observation) for observation in observations],
        "state": as_plain(status),
        "verdict": "continue" if suggestion else "stop",
        "reason": suggestion.reason if suggestion else night.verdict,
    }
    if told:
        metadata["human"] = words_of(told)
    if night.verdict and proposal:
        metadata["next_suggestion"] = as_plain(proposal)
    if suggestion:
        phases = suggestion_phases(suggestion, night.campaign.measuring, night.times)
        metadata["coupon"] = as_plain(suggestion.coupon)
        metadata["suggestion"] = as_plain(suggestion)
        metadata["planned"] = {phase.name: phase.duration_s for phase in phases}
    yield from bps.open_run(metadata)
    yield from bps.close_run()
    return suggestion


def _what_next(night: Night) -> Suggestion | None:
    """What would be done if the night went on; that it cannot be said does not spoil a night that is over."""
    if not night.coupons:
        return None
    try:
        return night.optimizer.suggest(night.coupons)
    except Exception:
        _logger.exception("the optimiser has no suggestion for after the night")
        return None


def _stop_reason(night: Night, p_reached: float, elapsed_s: float) -> str:
    """Why no further coupon is started; empty where one is."""
    stop = night.campaign.stop
    confidence = stop.target_reached_confidence
    if confidence is not None and p_reached >= confidence:
        return (
            f"target reached: a site meets the specification with probability {p_reached:.3f} (asked: {confidence:g})"
        )
    if night.n_done >= night.campaign.n_coupons_max:
        return f"{night.n_done} coupon{'' if night.n_done == 1 else 's'} used, as many as the campaign allows"
    if not night.coupons:
        return "no coupon left in the rack"
    if night.deadline_s is not None and elapsed_s >= night.deadline_s:
        return f"time is up: {elapsed_s / 3600:.2g} h of {night.deadline_s / 3600:.2g} h"
    return ""


def _too_dear(night: Night, proposal: Suggestion) -> str:
    """Why the next coupon is not worth its hours; empty where it is, and where the optimiser expects nothing in numbers."""
    price = night.campaign.stop.least_gain_per_hour
    is_foreseen = all(site.predictions for site in proposal.sites)
    if price is None or not is_foreseen or (night.n_done == 0 and not night.earlier):
        return ""
    gain = sum(site.acquisition for site in proposal.sites)
    phases = suggestion_phases(proposal, night.campaign.measuring, night.times)
    hours = sum(phase.duration_s for phase in phases) / 3600
    if gain >= price * hours:
        return ""
    return (
        f"not worth it: the next coupon is expected to raise the best site's score by {gain:.2g} in {hours:.2g} h, "
        f"{gain / hours:.2g} per hour (asked: {price:g})"
    )


def coupon_plan(
    night: Night, suggestion: Suggestion, left: CouponLeft | None = None
) -> MsgGenerator[tuple[Observation, ...]]:
    """One coupon through the bench, or what is left of its way; its observations, analysed from the records."""
    coupon = suggestion.coupon
    left = left or CouponLeft.whole(suggestion)
    night.n_done += 1
    night.coupons[:] = [c for c in night.coupons if c.serial != coupon.serial]
    hand = CouponInHand(
        label=night.label,
        coupon=coupon,
        n_coupon=night.n_done,
        suggestion_id=suggestion.suggestion_id,
        sites={s.site.name: s.site for s in suggestion.sites},
        recipes=suggestion.recipes(),
    )
    try:
        yield from _way(night, hand, suggestion.heat_treatment, left)
    except LeftOutError as left_out:
        _logger.warning("coupon %s is left out: %s", coupon.serial, left_out)
    if night.bench.changer.in_furnace.get() == coupon.serial:
        yield from _carried(night, lambda: load_on_stage(night.bench, coupon.serial))
    yield from _carried(night, lambda: empty_stage(night.bench))
    observations = yield from in_thread(lambda: night.observations(coupon.serial))
    return observations


def _carried(night: Night, make: Callable[[], MsgGenerator[None]]) -> MsgGenerator[None]:
    yield from night.keeper.attempt("carry", make, in_run=False)


def _way(night: Night, hand: CouponInHand, treatment: HeatTreatment, left: CouponLeft) -> MsgGenerator[None]:
    """On the stage, into the furnace, on the stage again: what is left of it."""
    bench, keeper = night.bench, night.keeper
    if left.to_write:
        to_write = hand.only(left.to_write)
        night.refuse_second_exposures(to_write)
        yield from _carried(night, lambda: load_on_stage(bench, hand.coupon.serial))
        yield from write_coupon(bench, to_write, keeper)
    if left.heat == "whole" and not (yield from in_thread(lambda: night.seen_light(hand))):
        return  # nothing was written
    if left.heat != "none":
        part = left.heat
        try:
            yield from heat_treat_coupon(bench, hand, treatment, keeper, part=part, hold_left_s=left.hold_left_s)
        except LeftOutError as left_out:
            if left_out.then != "measure":
                raise
    if left.is_left_out:
        return
    to_measure = yield from in_thread(lambda: night.seen_light(hand))
    names = tuple(n for n in to_measure if left.to_measure is None or n in left.to_measure)
    if names or left.darks_s or left.to_count:
        yield from _carried(night, lambda: load_on_stage(bench, hand.coupon.serial))
        yield from measure_coupon(
            bench,
            hand.only(names),
            night.campaign.measuring,
            keeper,
            more_darks_s=left.darks_s,
            more_decays=tuple(hand.only(left.to_count).sites.values()),
        )
