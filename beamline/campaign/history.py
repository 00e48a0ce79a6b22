"""Campaigns as the records know them: which there were, how far each came, in which state it is."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from beamline.campaign.state import (
    CampaignState,
    Fail,
    Finish,
    Planned,
    Running,
    Start,
    Stop,
    next_state,
)
from beamline.recipe import Frozen, quantity
from beamline.records import Records, Run

__all__ = ["CampaignHistory", "campaign_history", "campaign_uids"]


class CampaignHistory(Frozen):
    """How far a campaign came."""

    name: str
    uid: str
    start_time: str
    state: CampaignState
    n_coupons: Annotated[int, Field(ge=0)]
    n_coupons_max: Annotated[int, Field(ge=1)]
    n_sites_measured: Annotated[int, Field(ge=0)]
    clock_s: Annotated[float, quantity("s", "since the bench's clock was started", ge=0)]


def campaign_uids(records: Records) -> tuple[str, ...]:
    """Uids of all campaigns, oldest first."""
    return tuple(str(run.start["campaign"]["uid"]) for run in records.runs(purpose="campaign"))


def campaign_history(records: Records, campaign_uid: str) -> CampaignHistory:
    """What the records say of a campaign.

    Raises:
        LookupError: they know of none with this uid.
    """
    runs = records.runs(campaign=campaign_uid)
    first = next((run for run in runs if run.start["purpose"] == "campaign"), None)
    if first is None:
        raise LookupError(
            f"no campaign {campaign_uid!r} in {records.folder}; `vitrail campaign status` lists those there are"
        )
    file = first.start["campaign_file"]
    measured = [run for run in runs if run.start["purpose"] == "measurement" and run.stop is not None]
    n_at_hand = len(file["coupon"])
    return CampaignHistory(
        name=first.start["campaign"]["name"],
        uid=campaign_uid,
        start_time=first.start["start_time"],
        state=_state(runs),
        n_coupons=len({run.start["coupon"]["serial"] for run in runs if run.start["purpose"] == "writing"}),
        n_coupons_max=min(n_at_hand, file.get("stop", {}).get("max_coupons") or n_at_hand),
        n_sites_measured=sum((run.stop or {}).get("num_events", {}).get("spectra", 0) for run in measured),
        clock_s=max(float(run.start["clock_s"]) for run in runs),
    )


def _state(runs: list[Run]) -> CampaignState:
    """The state that the runs lead to; how a run ended is in its stop document."""
    begin_s = float(runs[0].start["clock_s"])
    state: CampaignState = next_state(Planned(), Start())
    for run in runs:
        at_s = float(run.start["clock_s"]) - begin_s
        stop = run.stop or {}
        if run.start["purpose"] == "decision" and run.start["verdict"] == "stop":
            state = next_state(state, Finish(at_s=at_s, reason=run.start["reason"]))
        elif stop.get("exit_status") == "abort":
            state = next_state(state, Stop(at_s=at_s, reason=stop.get("reason") or "aborted"))
        elif stop.get("exit_status") == "fail":
            state = next_state(state, Fail(at_s=at_s, reason=stop.get("reason") or "failed"))
        if not isinstance(state, Running):
            break
    return state
