"""Runs a campaign on a session from start to end, and says how it ended. Faces call this; so may a script or a notebook."""

from __future__ import annotations

import io
import logging
import uuid
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Literal

import bluesky.plan_stubs as bps
from bluesky.utils import MsgGenerator, RunEngineInterrupted

from beamline.campaign import Campaign, InstrumentTimes, coupon_hours, estimate_night
from beamline.campaign.history import first_run
from beamline.campaign.observations import coupon_observations
from beamline.campaign.state import CampaignState, Resume
from beamline.campaign.state import Pause as Paused
from beamline.campaign.state_file import StateKeeper
from beamline.notify import Notifier
from beamline.optimize import Optimizer, make_optimizer
from beamline.optimize.decide import Decision
from beamline.preflight import Check, preflight, refusals
from beamline.recipe import Coupon, Failed, Observation, Suggestion, as_plain
from beamline.records import LogWriteError, Records, damaged_serials
from beamline.safety import AskedMonitor, Pause, SafeStep, describe_signal, guarded, make_safe
from beamline.session import Session
from beamline.versions import versions
from devices.errors import why
from plans import Night, NightLabel, campaign_plan, first_run_plan
from plans.review import Desk, by_callable

__all__ = [
    "NightOutcome",
    "carry_out",
    "earlier_observations",
    "lineage",
    "night_metadata",
    "optimizer_of",
    "preflight_of",
    "remaining",
    "run_night",
    "unused_coupons",
    "used_serials",
]

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class NightOutcome:
    """How a night ended.

    Attributes:
        exit_status: "success" where a stop rule ended it, "abort" where a person or a signal did, "fail" where an error did.
        reason: which rule, signal or error.
        n_coupons: coupons that were begun.
        is_recorded: False where the log could not be written, which ended the night.
        simulated_s: what the bench's clock counted.
        safe_steps: the steps to the safe state, tried once more after the engine was done, and how each went.
    """

    campaign_uid: str
    exit_status: Literal["success", "abort", "fail"]
    reason: str
    n_coupons: int
    simulated_s: float
    safe_steps: tuple[SafeStep, ...]
    is_recorded: bool = True


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
    uid = campaign_uid or str(uuid.uuid4())
    earlier = earlier_observations(session.records, after) if after else ()
    coupons = unused_coupons(session.records, campaign, after)
    night = Night(
        bench=session.bench,
        campaign=campaign,
        optimizer=optimizer or optimizer_of(campaign),
        records=session.records,
        label=NightLabel(campaign.name, uid, versions()),
        times=session.instrument.times,
        deadline_s=campaign.stop.deadline_s(start),
        metadata=night_metadata(session, campaign, start, earlier, coupons)
        | ({"after": after} if after else {})
        | {"preflight": [asdict(check) for check in checks]},
        coupons=list(coupons),
        earlier=earlier,
        review=None if review is None else by_callable(review),
    )
    return carry_out(session, night, subscribers, watchers)


def carry_out(
    session: Session,
    night: Night,
    subscribers: Sequence[Callable[[str, dict[str, Any]], None]] = (),
    watchers: Sequence[Callable[[CampaignState], Any]] = (),
) -> NightOutcome:
    """Run a night that is put together, to whatever end, and record the end. Never raises for what went wrong in it."""
    uid = night.label.campaign_uid
    start_s = session.bench.clock.now_s
    begin_s = start_s if night.start_s is None else night.start_s
    name = night.label.campaign_name
    notifier = Notifier(session.instrument.notify, name=name, uid=uid, instrument=session.instrument.name)
    keeper = StateKeeper(session.records.folder, name, uid, begin_s=begin_s, listeners=(notifier, *watchers))
    night.listen(keeper.take)
    desk = Desk(session.records.folder, keeper.take, lambda: keeper.state.kind, session.abort)
    if night.review is None and night.campaign.review.ask:
        night.review = desk
    keeper.begin(night.left.interrupted if night.left is not None else None, start_s)
    shown = session.monitors.on_pause
    session.monitors.on_pause = _kept(keeper, session, shown, desk)
    monitors = session.monitors.monitors
    asked = AskedMonitor(session.records.folder, uid, session.abort)
    session.monitors.monitors = (asked, *monitors)
    tokens = [session.RE.subscribe(_harmless(subscriber)) for subscriber in subscribers]
    exit_status: Literal["success", "abort", "fail"] = "success"
    is_recorded = True
    try:
        with redirect_stdout(_LogStream()), asked:
            session.RE(guarded(_unless_ended(session, night), session.monitors))
        reason = night.verdict
    except RunEngineInterrupted:
        received = session.signals.received if session.signals else None
        exit_status, reason = "abort", describe_signal(received) if received else session.abort.reason or "aborted"
    except Exception as error:  # a night ends with its safe state and its report, whatever went wrong
        exit_status, reason = "fail", why(error)
        is_recorded = not isinstance(error, LogWriteError)
        _logger.exception("the night ended by an error")
    finally:
        safe_steps = make_safe(session.bench)
        session.monitors.on_pause = shown
        session.monitors.monitors = monitors
        for token in tokens:
            session.RE.unsubscribe(token)
    if is_recorded:
        _record_end(session, night, exit_status, reason)
    now_s = session.bench.clock.now_s
    keeper.end(exit_status, reason, now_s)
    notifier.drain()
    return NightOutcome(uid, exit_status, reason, night.n_done, now_s - start_s, safe_steps, is_recorded)


def _unless_ended(session: Session, night: Night) -> MsgGenerator[None]:
    """The night, unless a signal has come before it: then nothing of it is begun."""
    if session.signals is not None:
        yield from session.signals.hold()
    yield from campaign_plan(night)


def _kept(
    keeper: StateKeeper, session: Session, shown: Callable[[Pause], None] | None, desk: Desk | None = None
) -> Callable[[Pause], None]:
    """Pauses by monitors go into the state of the campaign, and to whoever was told of them before.

    What happens while a fault is made good is a part of that: the state stays. While a question is open a pause takes its place.
    """

    def on_pause(pause: Pause) -> None:
        now_s = session.bench.clock.now_s
        may_pause = keeper.state.kind == "running" or (desk is not None and desk.is_asking)
        if pause.waited_s is None and may_pause:
            keeper.take(Paused(at_s=now_s, reason=pause.reason, ends_when=pause.ends))
        elif pause.waited_s is not None and keeper.state.kind == "paused":
            keeper.take(Resume(at_s=now_s))
        if shown is not None:
            shown(pause)

    return on_pause


def preflight_of(session: Session, campaign: Campaign, after: str | None = None) -> tuple[Check, ...]:
    """The check-list for a campaign that would begin now."""
    coupons = unused_coupons(session.records, campaign, after)
    return preflight(session, campaign, coupons, datetime.now(UTC).astimezone())


def _record_end(session: Session, night: Night, exit_status: str, reason: str) -> None:
    """The last run of a night, empty: an end between two runs would leave no trace in the records otherwise.

    A night that a signal ended before its first run gets that too, so that it is listed, and can be gone on with.
    """
    metadata = night.label.metadata("end", session.bench.clock.now_s)
    end: dict[str, Any] = {"exit_status": exit_status, "reason": reason, "n_coupons": night.n_done}
    if session.monitors.pauses:
        end["pauses"] = [asdict(pause) for pause in session.monitors.pauses]
    if session.faults is not None:
        end["faults_injected"] = [asdict(injected) for injected in session.faults.injected]
        end["n_faults_injected"] = session.faults.n_injected

    has_begun = bool(session.records.runs(campaign=night.label.campaign_uid, purpose="campaign"))

    def plan() -> MsgGenerator[None]:
        if not has_begun:
            yield from first_run_plan(night)
        yield from bps.open_run({**metadata, **end})
        yield from bps.close_run()

    try:
        with redirect_stdout(_LogStream()):
            session.RE(plan())
    except Exception:
        _logger.exception("the end of the night could not be recorded")


class _LogStream(io.TextIOBase):
    """Where the engine's prints go: into the log of the process, for a print to a terminal that is gone would raise."""

    def write(self, text: str) -> int:
        if text.strip():
            _logger.info(text.strip())
        return len(text)


def _harmless(callback: Callable[[str, dict[str, Any]], None]) -> Callable[[str, dict[str, Any]], None]:
    """A callback whose failure is logged and ends the callback, not the night: only the log itself may do that."""
    is_dropped = False

    def guarded(name: str, doc: dict[str, Any]) -> None:
        nonlocal is_dropped
        if is_dropped:
            return
        try:
            callback(name, doc)
        except Exception:
            is_dropped = True
            _logger.exception("%r failed on a %s document and gets no more of them; the night goes on", callback, name)

    return guarded


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
