"""Campaigns as the records know them: which there were, how far each came, in which state it is."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from beamline.campaign.left import GIVEN_UP
from beamline.campaign.state import (
    CampaignState,
    Done,
    Fail,
    Finish,
    Planned,
    Recover,
    Resume,
    Start,
    Stop,
    is_final,
    next_state,
)
from beamline.campaign.state_file import read_state
from beamline.recipe import Frozen, quantity
from beamline.records import Records, Run, is_held, session_lock

__all__ = ["CampaignHistory", "campaign_history", "campaign_uids", "find_campaign", "first_run"]

NO_WORD = "its process ended without a word"
_FIRST = frozenset({"campaign", "import"})
"""Purposes of the run that a campaign begins with: of a night, or of manual runs that were brought in."""


class CampaignHistory(Frozen):
    """How far a campaign came."""

    name: str
    uid: str
    start_time: str
    state: CampaignState
    n_coupons: Annotated[int, Field(ge=0)]
    n_coupons_max: Annotated[int, Field(ge=1)]
    n_sites_measured: Annotated[int, Field(ge=0)]
    clock_s: Annotated[float, quantity("s", "simulated time that the campaign has taken so far", ge=0)]


def campaign_uids(records: Records) -> tuple[str, ...]:
    """Uids of all campaigns, oldest first; manual runs that were imported together are one."""
    return tuple(str(run.start["campaign"]["uid"]) for run in records.runs(purpose=_FIRST.__contains__))


def first_run(records: Records, campaign_uid: str) -> Run:
    """The run that a campaign began with: what was planned, or from which files it was imported.

    Raises:
        LookupError: the records know of none with this uid.
    """
    found = records.runs(campaign=campaign_uid, purpose=_FIRST.__contains__)
    if not found:
        raise LookupError(
            f"no campaign {campaign_uid!r} in {records.folder}; `vitrail campaign status` lists those there are"
        )
    return found[0]


def find_campaign(records: Records, name: str | None) -> str:
    """Uid of the newest campaign of a name, or of the one whose uid begins so; None means the newest of all.

    Raises:
        LookupError: there is none, or more than one; the message lists the newest.
    """
    first = {str(run.start["campaign"]["uid"]): run for run in records.runs(purpose=_FIRST.__contains__)}
    if name is None:
        found = list(first)[-1:]
    else:
        found = [uid for uid, run in first.items() if run.start["campaign"]["name"] == name][-1:]
        found = found or [uid for uid in first if name and uid.startswith(name)]
    if len(found) != 1:
        if not first:
            asked = f"no campaign {name}" if name else "no campaign"
            raise LookupError(f"{asked} in {records.folder}: it holds none yet; `vitrail campaign run FILE` makes one")
        known = ", ".join(uid[:8] for uid in list(first)[-5:])
        what = "no campaign" if not name else f"{len(found) or 'no'} campaign{'s' if found else ''} {name}"
        raise LookupError(f"{what} in {records.folder}; give a name or enough of a uid; the newest there are: {known}")
    return found[0]


def campaign_history(records: Records, campaign_uid: str) -> CampaignHistory:
    """What the records say of a campaign.

    Raises:
        LookupError: they know of none with this uid.
    """
    first = first_run(records, campaign_uid)
    runs = records.runs(campaign=campaign_uid)
    n_coupons = len({run.start["coupon"]["serial"] for run in runs if run.start["purpose"] == "writing"})
    measured = [run for run in runs if run.start["purpose"] == "measurement" and run.stop is not None]
    is_alive = is_held(session_lock(records.folder)) and campaign_uids(records)[-1] == campaign_uid
    state = _state(runs, is_alive=is_alive)
    note = read_state(records.folder, campaign_uid) if is_alive else None
    if note is not None and not is_final(state) and not is_final(note.state):
        state = note.state  # what no document says: that it waits, and for what
    return CampaignHistory(
        name=first.start["campaign"]["name"],
        uid=campaign_uid,
        start_time=first.start["start_time"],
        state=state,
        n_coupons=n_coupons,
        n_coupons_max=_n_coupons_max(first.start.get("campaign_file")) or max(1, n_coupons),  # its log may be damaged
        n_sites_measured=sum((run.stop or {}).get("num_events", {}).get("spectra", 0) for run in measured),
        clock_s=_last_clock_s(runs[-1]) - float(first.start["clock_s"]),
    )


def _n_coupons_max(file: dict[str, Any] | None) -> int:
    """How many coupons a campaign file allows; 0 without a file."""
    n_at_hand = len(file["coupon"]) if file else 0
    return min(n_at_hand, (file or {}).get("stop", {}).get("max_coupons") or n_at_hand)


def _last_clock_s(run: Run) -> float:
    """The latest reading of the bench's clock in a run."""
    clocks = (run.table(stream)["clock_s"] for stream in run.streams)
    return max((float(clock[-1]) for clock in clocks if len(clock)), default=float(run.start["clock_s"]))


def _state(runs: list[Run], *, is_alive: bool) -> CampaignState:
    """The state that the runs lead to: the night's last run says it; without one, how its runs ended and who lives.

    Args:
        runs: of the campaign, in order.
        is_alive: whether the session that runs it still lives.
    """
    state = next_state(Planned(), Start())
    begin_s = float(runs[0].start["clock_s"])
    for run in runs:
        at_s = max(float(run.start["clock_s"]) - begin_s, getattr(state, "since_s", 0.0))
        if run.start["purpose"] == "resume":
            if not is_final(state):
                state = next_state(state, Stop(at_s=at_s, reason=NO_WORD))
            if not isinstance(state, Done):
                again = Recover(at_s=at_s, reason="taken up again", ends_when="what was interrupted is made good")
                state = next_state(next_state(state, again), Resume(at_s=at_s))
        elif not is_final(state) and (event := _end(run, at_s)) is not None:
            state = next_state(state, event)
    if is_alive or is_final(state):
        return state
    at_s = max(_last_clock_s(runs[-1]) - begin_s, getattr(state, "since_s", 0.0))
    return next_state(state, Stop(at_s=at_s, reason=NO_WORD))


def _end(run: Run, at_s: float) -> Stop | Fail | Finish | None:
    """The event that a run ends a night with, or None where the night goes on."""
    stop, is_end = run.stop or {}, run.start["purpose"] == "end"
    said = run.start if is_end else stop
    status, reason = said.get("exit_status"), said.get("reason")
    if status == "abort":
        return Stop(at_s=at_s, reason=reason or "aborted")
    if status == "fail" and not str(reason).startswith(GIVEN_UP):
        return Fail(at_s=at_s, reason=reason or "failed")
    if is_end or (run.start["purpose"] == "decision" and run.start["verdict"] == "stop"):
        return Finish(at_s=at_s, reason=str(run.start["reason"]))
    return None
