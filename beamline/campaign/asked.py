"""What somebody asks of a night that runs, from another process: to wait, to go on, to end. A small file beside the records.

Whoever asks writes the file; the process of the night looks at it again and again (`beamline.safety.asked`). Nothing else
passes between the two: no socket leads to the engine. What was asked before a night began is not asked of it.
"""

from __future__ import annotations

import contextlib
import os
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from beamline.campaign.state import is_final
from beamline.recipe import Frozen

__all__ = ["Ask", "Asked", "AskedError", "ask", "asked_path", "forget_asked", "may_ask", "read_asked"]

Ask = Literal["pause", "go on", "stop"]
"""To wait at the next place where nothing is under light and nothing heats, to go on, to end in good order."""


MOST_LETTERS = 200
"""Of a reason."""


class AskedError(ValueError):
    """What is asked cannot be done to this campaign as it is; the message says why.

    To do: look at `vitrail campaign status`, and ask for what fits the state.
    """


class Asked(Frozen):
    """What the file holds.

    Attributes:
        number: by which two that say the same are told apart.
        what: is asked.
        at: wall time with its zone.
        interface: it came by: "web", "command", ...
        reason: in the words of whoever asked; empty where there is none.
    """

    number: str
    what: Ask
    at: str
    interface: Annotated[str, Field(max_length=40)]
    reason: Annotated[str, Field(max_length=MOST_LETTERS)] = ""

    @property
    def words(self) -> str:
        """For the records: who asked, and why."""
        why = f": {self.reason}" if self.reason else ""
        return f"asked for by {self.interface} at {self.at[11:19]}{why}"


def asked_path(folder: Path, campaign_uid: str) -> Path:
    """Where it lies."""
    return folder / "state" / f"{campaign_uid}.asked.json"


def may_ask(state_kind: str, before: Asked | None) -> tuple[Ask, ...]:
    """What can be asked of a campaign in a state, where `before` has been asked already; empty where it is over.

    Args:
        state_kind: of a `CampaignState`.
        before: what stands.
    """
    if state_kind in ("planned", "stopped", "done", "failed") or (before is not None and before.what == "stop"):
        return ()
    if before is not None and before.what == "pause":
        return ("go on", "stop")
    return ("pause", "stop")


def ask(folder: Path, campaign_uid: str, what: Ask, *, interface: str, reason: str = "") -> Asked:
    """Ask it of the night that runs.

    Args:
        folder: of the records.
        campaign_uid: of the campaign.
        what: is asked.
        interface: by which it comes.
        reason: in any words; kept is one line of `MOST_LETTERS`, for no words may keep a night from being stopped.

    Raises:
        AskedError: the campaign does not run, or this cannot be asked of it now.
        LookupError: there is no such campaign.
        OSError: the file cannot be written.
    """
    from beamline.campaign.history import campaign_history  # noqa: PLC0415  # reads all runs; only who asks needs it
    from beamline.records import Records  # noqa: PLC0415

    history = campaign_history(Records(folder), campaign_uid)
    if is_final(history.state):
        raise AskedError(
            f"{history.name} does not run: it is {history.state.kind}; `vitrail campaign resume {campaign_uid[:8]}` goes on "
            "with it"
        )
    before = read_asked(folder, campaign_uid)
    allowed = may_ask(history.state.kind, before)
    if what not in allowed:
        stands = f"{before.what!r} stands, {before.words}" if before else "nothing stands that it could go on from"
        raise AskedError(f"{what!r} cannot be asked now: {stands}; can be asked: {', '.join(allowed) or 'nothing'}")
    now = datetime.now(UTC).astimezone().isoformat(timespec="seconds")
    asked = Asked(number=str(uuid.uuid4()), what=what, at=now, interface=interface, reason=_line(reason))
    path = asked_path(folder, campaign_uid)
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(f".{os.getpid()}.{asked.number[:8]}.draft")
    draft.write_text(asked.to_json() + "\n", encoding="utf-8")
    draft.replace(path)
    return asked


def _line(text: str) -> str:
    """A text as one line that can be written, and shown on a terminal: what cannot be is a question mark."""
    words = " ".join(text.split()).encode(errors="replace").decode()
    line = "".join(letter if letter.isprintable() else "?" for letter in words)
    return line if len(line) <= MOST_LETTERS else line[: MOST_LETTERS - 1] + "\u2026"


def read_asked(folder: Path, campaign_uid: str) -> Asked | None:
    """What was asked last; None where nothing was, or nobody can read it."""
    try:
        return Asked.model_validate_json(asked_path(folder, campaign_uid).read_bytes())
    except (OSError, ValidationError):
        return None


def forget_asked(folder: Path, campaign_uid: str) -> None:
    """It is done, or of no account any more."""
    with contextlib.suppress(OSError):
        asked_path(folder, campaign_uid).unlink(missing_ok=True)
