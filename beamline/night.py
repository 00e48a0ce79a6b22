"""Runs a campaign on a session from start to end, and says how it ended. Faces call this; so may a script or a notebook."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from bluesky.utils import RunEngineInterrupted

from beamline.campaign import Campaign, estimate_night
from beamline.campaign.observations import coupon_observations
from beamline.optimize import Optimizer, make_optimizer
from beamline.physics import PARAMETERS
from beamline.recipe import Observation, as_plain
from beamline.records import Records
from beamline.safety import SafeStep, describe_signal, make_safe
from beamline.session import Session
from beamline.versions import versions
from plans import Night, NightLabel, campaign_plan

_logger = logging.getLogger(__name__)

__all__ = ["NightOutcome", "earlier_observations", "optimizer_of", "run_night", "used_serials"]


@dataclass(frozen=True)
class NightOutcome:
    """How a night ended.

    Attributes:
        exit_status: "success" where a stop rule ended it, "abort" where a person or a signal did, "fail" where an error did.
        reason: which rule, signal or error.
        n_coupons: coupons that were begun.
        simulated_s: what the bench's clock counted.
        safe_steps: the steps to the safe state, tried once more after the engine was done, and how each went.
    """

    campaign_uid: str
    exit_status: Literal["success", "abort", "fail"]
    reason: str
    n_coupons: int
    simulated_s: float
    safe_steps: tuple[SafeStep, ...]


def optimizer_of(campaign: Campaign) -> Optimizer:
    """The optimiser that a campaign file asks for."""
    return make_optimizer(
        campaign.optimizer.kind,
        space=campaign.space,
        objective=campaign.objective,
        layout=campaign.layout,
        seed=campaign.seed,
    )


def run_night(
    session: Session,
    campaign: Campaign,
    *,
    campaign_uid: str | None = None,
    optimizer: Optimizer | None = None,
    earlier: Sequence[Observation] = (),
    used: frozenset[str] = frozenset(),
    subscribers: Sequence[Callable[[str, dict[str, Any]], None]] = (),
) -> NightOutcome:
    """Run a campaign.

    Args:
        session: the instrument, unattended.
        campaign: what to do.
        campaign_uid: what the records call it; made here where it is None.
        optimizer: None for the one that the campaign asks for.
        earlier: observations to learn from before the first decision.
        used: serials of coupons that an earlier night has used up.
        subscribers: callbacks for the documents, after the log; one that fails is dropped, and the night goes on.
    """
    start = datetime.now(UTC).astimezone()
    uid = campaign_uid or str(uuid.uuid4())
    night = Night(
        bench=session.bench,
        campaign=campaign,
        optimizer=optimizer or optimizer_of(campaign),
        records=session.records,
        label=NightLabel(campaign.name, uid, versions()),
        times=session.instrument.times,
        deadline_s=campaign.stop.deadline_s(start),
        metadata=_metadata(session, campaign, start, [o.site.coupon for o in earlier]),
        coupons=[coupon for coupon in campaign.coupons if coupon.serial not in used],
        earlier=earlier,
    )
    start_s = session.bench.clock.now_s
    tokens = [session.RE.subscribe(_harmless(subscriber)) for subscriber in subscribers]
    exit_status: Literal["success", "abort", "fail"] = "success"
    try:
        session.RE(campaign_plan(night))
        reason = night.verdict
    except RunEngineInterrupted:
        received = session.signals.received if session.signals else None
        exit_status, reason = "abort", describe_signal(received) if received else "aborted"
    except Exception as error:  # noqa: BLE001  # a night ends with its safe state and its report, whatever went wrong
        exit_status, reason = "fail", f"{type(error).__name__}: {error}"
    finally:
        safe_steps = make_safe(session.bench)
        for token in tokens:
            session.RE.unsubscribe(token)
    return NightOutcome(uid, exit_status, reason, night.n_done, session.bench.clock.now_s - start_s, safe_steps)


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


def _metadata(session: Session, campaign: Campaign, start: datetime, earlier: Sequence[str]) -> dict[str, Any]:
    estimate = estimate_night(campaign, session.instrument.times, start)
    return {
        "campaign_file": as_plain(campaign),
        "physics_parameters": {
            p.name: {"nominal": p.nominal, "spread": p.spread, "prior": p.prior, "unit": p.unit} for p in PARAMETERS
        },
        "instrument": {"name": session.instrument.name, "kind": session.instrument.kind},
        "seed": campaign.seed,
        "start_time": start.isoformat(timespec="seconds"),
        "expected_s": estimate.expected.duration_s,
        "learnt_from": sorted(set(earlier)),
    }


def used_serials(records: Records, campaign_uid: str) -> frozenset[str]:
    """Coupons on which a campaign has begun to write, whether or not it came to an end."""
    runs = records.runs(campaign=campaign_uid, purpose="writing")
    return frozenset(str(run.start["coupon"]["serial"]) for run in runs)


def earlier_observations(records: Records, campaign_uid: str) -> tuple[Observation, ...]:
    """All that a campaign has observed, coupon by coupon, analysed anew from the records."""
    serials = dict.fromkeys(
        run.start["coupon"]["serial"] for run in records.runs(campaign=campaign_uid, purpose="writing")
    )
    return tuple(o for serial in serials for o in coupon_observations(records, campaign_uid, serial))
