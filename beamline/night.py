"""Runs a campaign on a session from start to end, and says how it ended. Faces call this; so may a script or a notebook."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, Literal

from bluesky.utils import RunEngineInterrupted

from beamline.campaign import Campaign, InstrumentTimes, coupon_hours, estimate_night
from beamline.campaign.history import first_run
from beamline.campaign.observations import coupon_observations
from beamline.campaign.state import CampaignState
from beamline.carrying import Carried, LogStream, NightOutcome
from beamline.optimize import Optimizer, make_optimizer
from beamline.optimize.decide import Decision
from beamline.preflight import Check, preflight, refusals
from beamline.recipe import Coupon, Failed, Observation, Suggestion, as_plain
from beamline.records import LogWriteError, Records, damaged_serials
from beamline.safety import describe_signal, guarded, make_safe
from beamline.session import Session
from beamline.versions import versions
from devices.errors import why
from plans import Night, NightLabel
from plans.review import by_callable

__all__ = [
    "NightOutcome",
    "carry_out",
    "earlier_observations",
    "lineage",
    "night_metadata",
    "night_of",
    "optimizer_of",
    "preflight_of",
    "remaining",
    "run_night",
    "unused_coupons",
    "used_serials",
]

_logger = logging.getLogger(__name__)


def optimizer_of(campaign: Campaign) -> Optimizer:
    """The optimiser that a campaign file asks for.

    It weighs hours by the default times of an instrument and not by those of the one at hand, so that the file alone says
    what is suggested, wherever its records are replayed.
    """
    return make_optimizer(
        campaign.optimizer.kind,
        space=campaign.space,
        objective=campaign.objective,
        layout=campaign.layout,
        seed=campaign.seed,
        prior=campaign.optimizer.prior,
        hours=coupon_hours(campaign, InstrumentTimes()),
    )


def run_night(
    session: Session,
    campaign: Campaign,
    *,
    campaign_uid: str | None = None,
    optimizer: Optimizer | None = None,
    after: str | None = None,
    subscribers: Sequence[Callable[[str, dict[str, Any]], None]] = (),
    checks: Sequence[Check] | None = None,
    review: Callable[[Suggestion], Decision] | None = None,
    watchers: Sequence[Callable[[CampaignState], Any]] = (),
) -> NightOutcome:
    """Run a campaign.

    Args:
        session: the instrument, unattended.
        campaign: what to do.
        campaign_uid: what the records call it; made here where it is None.
        optimizer: None for the one that the campaign asks for.
        after: uid of an earlier campaign in the same records that this one goes on from: it learns what that one, and those
            before it, have observed, and leaves out the coupons on which they have begun to write.
        subscribers: callbacks for the documents, after the log; one that fails is dropped, and the night goes on.
        review: asks a person about each suggestion (`beamline.optimize.decide`) by a call that ends by itself; None: as the
            campaign file says.
        watchers: called with each state that the campaign comes into.
        checks: of the pre-flight, where somebody has made and shown it; else it is made here.

    A pre-flight that refuses is a night that failed before its first run: nothing is in the records.
    """
    start = datetime.now(UTC).astimezone()
    if checks is None:
        checks = preflight_of(session, campaign, after)
    if refused := refusals(checks):
        reason = "not begun: " + "; ".join(f"{check.name}: {check.said}" for check in refused)
        return NightOutcome(campaign_uid or "", "fail", reason, 0, 0.0, make_safe(session.bench))
    night = night_of(
        session,
        campaign,
        checks,
        start,
        campaign_uid=campaign_uid,
        optimizer=optimizer,
        after=after,
        review=review,
    )
    return carry_out(session, night, subscribers, watchers)


def night_of(
    session: Session,
    campaign: Campaign,
    checks: Sequence[Check],
    start: datetime,
    *,
    campaign_uid: str | None = None,
    optimizer: Optimizer | None = None,
    after: str | None = None,
    review: Callable[[Suggestion], Decision] | None = None,
) -> Night:
    """A night put together, from a campaign whose pre-flight has not refused.

    Args:
        session: the instrument.
        campaign: what to do.
        checks: of the pre-flight.
        start: of the night, with its time zone.
        campaign_uid: as of `run_night`.
        optimizer: the same.
        after: the same.
        review: the same.
    """
    earlier = earlier_observations(session.records, after) if after else ()
    coupons = unused_coupons(session.records, campaign, after)
    return Night(
        bench=session.bench,
        campaign=campaign,
        optimizer=optimizer or optimizer_of(campaign),
        records=session.records,
        label=NightLabel(campaign.name, campaign_uid or str(uuid.uuid4()), versions()),
        times=session.instrument.times,
        deadline_s=campaign.stop.deadline_s(start),
        metadata=night_metadata(session, campaign, start, earlier, coupons)
        | ({"after": after} if after else {})
        | {"preflight": [asdict(check) for check in checks]},
        coupons=list(coupons),
        earlier=earlier,
        review=None if review is None else by_callable(review),
    )


def carry_out(
    session: Session,
    night: Night,
    subscribers: Sequence[Callable[[str, dict[str, Any]], None]] = (),
    watchers: Sequence[Callable[[CampaignState], Any]] = (),
) -> NightOutcome:
    """Run a night that is put together, to whatever end, and record the end. Never raises for what went wrong in it."""
    carried = Carried(session, night, subscribers, watchers)
    exit_status: Literal["success", "abort", "fail"] = "success"
    is_recorded = True
    carried.begin()
    try:
        with redirect_stdout(LogStream()):
            session.RE(guarded(carried.plan(), session.monitors))
        reason = night.verdict
    except RunEngineInterrupted:
        received = session.signals.received if session.signals else None
        exit_status, reason = "abort", describe_signal(received) if received else session.abort.reason or "aborted"
    except Exception as error:  # a night ends with its safe state and its report, whatever went wrong
        exit_status, reason = "fail", why(error)
        is_recorded = not isinstance(error, LogWriteError)
        _logger.exception("the night ended by an error")
    finally:
        carried.let_go()
    return carried.end(exit_status, reason, is_recorded=is_recorded)


def preflight_of(session: Session, campaign: Campaign, after: str | None = None) -> tuple[Check, ...]:
    """The check-list for a campaign that would begin now."""
    coupons = unused_coupons(session.records, campaign, after)
    return preflight(session, campaign, coupons, datetime.now(UTC).astimezone())


def night_metadata(
    session: Session,
    campaign: Campaign,
    start: datetime,
    earlier: Sequence[Observation],
    coupons: Sequence[Coupon],
) -> dict[str, Any]:
    """What the first run of a night says: the whole campaign file, the instrument, the prior of the physics, the estimate."""
    estimate = estimate_night(remaining(campaign, coupons), session.instrument.times, start) if coupons else None
    faults = {} if session.faults is None else {"faults": as_plain(session.faults.schedule)}
    return {
        **faults,
        "campaign_file": as_plain(campaign),
        "physics_parameters": {
            p.name: {"nominal": p.nominal, "spread": p.spread, "prior": p.prior, "unit": p.unit}
            for p in campaign.optimizer.prior.parameters
        },
        "instrument": {
            "name": session.instrument.name,
            "kind": session.instrument.kind,
            "drivers": dict(session.instrument.drivers),
        },
        "capabilities": session.bench.capabilities,
        "seed": campaign.seed,
        "start_time": start.isoformat(timespec="seconds"),
        "expected_s": estimate.expected.duration_s if estimate else 0.0,
        "learnt_from": sorted({o.site.coupon for o in earlier if not isinstance(o.outcome, Failed)}),
    }


def remaining(campaign: Campaign, coupons: Sequence[Coupon]) -> Campaign:
    """The campaign with these of its coupons only, at least one; for estimates of what is left."""
    serials = {coupon.serial for coupon in coupons}
    return campaign.model_copy(update={"coupon": tuple(c for c in campaign.coupon if c.serial in serials)})


def unused_coupons(
    records: Records, campaign: Campaign, after: str | None, *, until: float | None = None
) -> tuple[Coupon, ...]:
    """Coupons of a campaign on which neither `after` nor any campaign that it went on from has begun to write.

    Those that were marked as damaged are left out; with `until` (s since 1970), those that had been by then.
    """
    used = damaged_serials(records, until=until).union(*(used_serials(records, uid) for uid in lineage(records, after)))
    return tuple(coupon for coupon in campaign.coupons if coupon.serial not in used)


def lineage(records: Records, campaign_uid: str | None) -> tuple[str, ...]:
    """A campaign and those that it went on from, oldest first; empty for None."""
    uids: list[str] = []
    while campaign_uid is not None and campaign_uid not in uids:
        uids.append(campaign_uid)
        try:
            campaign_uid = first_run(records, campaign_uid).start.get("after")
        except LookupError:
            campaign_uid = None
    return tuple(reversed(uids))


def used_serials(records: Records, campaign_uid: str) -> frozenset[str]:
    """Coupons on which a campaign has begun to write, whether or not it came to an end."""
    runs = records.runs(campaign=campaign_uid, purpose="writing")
    return frozenset(str(run.start["coupon"]["serial"]) for run in runs)


def earlier_observations(records: Records, campaign_uid: str) -> tuple[Observation, ...]:
    """All that a campaign and those before it have observed, coupon by coupon, analysed anew from the records."""
    return tuple(
        observation
        for uid in lineage(records, campaign_uid)
        for serial in dict.fromkeys(
            run.start["coupon"]["serial"] for run in records.runs(campaign=uid, purpose="writing")
        )
        for observation in coupon_observations(records, uid, serial)
    )
