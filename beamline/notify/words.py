"""What is told, and when: from the states of a campaign to a title and a text."""

from __future__ import annotations

from dataclasses import dataclass

from beamline.campaign.state import CampaignState, Done, Failed, Paused, Stopped, Waiting
from beamline.notify.settings import Event

__all__ = ["LONGEST", "Notice", "notice_of"]

LONGEST = 1000
"""Characters of a text."""


@dataclass(frozen=True)
class Notice:
    """A message: one line of title, some lines of text."""

    event: Event
    title: str
    text: str


def notice_of(state: CampaignState, *, name: str, uid: str, instrument: str) -> Notice | None:
    """What a state is told as; None for one that nobody need be told of.

    Args:
        state: that a campaign came into.
        name: of the campaign.
        uid: of the campaign.
        instrument: its name.
    """
    hours = f"{getattr(state, 'since_s', 0.0) / 3600:.1f} h on the clock of the night"
    match state:
        case Done(reason=reason):
            return _notice("end", f"{name}: done", f"{reason}\nafter {hours}", uid, instrument)
        case Stopped(reason=reason):
            return _notice("end", f"{name}: stopped", f"{reason}\nafter {hours}", uid, instrument)
        case Failed(reason=reason):
            return _notice("failure", f"{name}: FAILED", f"{reason}\nafter {hours}", uid, instrument)
        case Waiting(reason=reason, ends_when=ends_when):
            text = f"{reason}\nIt goes on when {ends_when}.\nsince {hours}"
            return _notice("operator", f"{name}: wants its operator", text, uid, instrument)
        case Paused(reason=reason, ends_when=ends_when):
            text = f"{reason}\nIt goes on when {ends_when}.\nsince {hours}"
            return _notice("operator", f"{name}: paused", text, uid, instrument)
        case _:
            return None


def _notice(event: Event, title: str, text: str, uid: str, instrument: str) -> Notice:
    foot = f"\n{instrument}, campaign {uid[:8]}"
    return Notice(event, " ".join(title.split())[:200], text[: LONGEST - len(foot)] + foot)
