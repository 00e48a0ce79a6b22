"""The state of a campaign as other processes may read it: a small JSON file beside the records, replaced at each step.

The records are the truth of how a campaign ended; this file says what they cannot while no document comes: that it waits,
for what, since when.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError

from beamline.campaign.state import (
    CampaignEvent,
    CampaignState,
    Fail,
    Finish,
    Planned,
    Recover,
    Start,
    Stop,
    Stopped,
    TransitionError,
    next_state,
)
from beamline.recipe import Frozen

__all__ = ["StateKeeper", "StateNote", "read_state", "state_path"]

_logger = logging.getLogger(__name__)


class StateNote(Frozen):
    """What the file holds; `since` is wall time with its zone."""

    name: str
    uid: str
    since: str
    state: CampaignState = Field(discriminator="kind")


def state_path(folder: Path, campaign_uid: str) -> Path:
    """Where the state of a campaign lies."""
    return folder / "state" / f"{campaign_uid}.json"


def read_state(folder: Path, campaign_uid: str) -> StateNote | None:
    """The state that was last written, or None where there is none that can be read."""
    try:
        return StateNote.model_validate_json(state_path(folder, campaign_uid).read_bytes())
    except (OSError, ValidationError):
        return None


class StateKeeper:
    """Takes the events of a campaign and keeps the file. What fails here is logged and stops no night.

    Args:
        folder: of the records.
        name: of the campaign.
        uid: of the campaign.
        begin_s: the bench's clock when the campaign began.
        listeners: called with each new state.
    """

    def __init__(
        self,
        folder: Path,
        name: str,
        uid: str,
        *,
        begin_s: float = 0.0,
        listeners: tuple[Callable[[CampaignState], Any], ...] = (),
    ) -> None:
        self._path = state_path(folder, uid)
        self._name, self._uid = name, uid
        self._begin_s = begin_s
        self._listeners = listeners
        self.state: CampaignState = Planned()

    def begin(self, interrupted: str | None, now_s: float) -> None:
        """A night begins, or (`interrupted`: in which kind of run, or "") is taken up again."""
        if interrupted is None:
            self.take(Start(at_s=now_s))
            return
        where = f"in a run of {interrupted.replace('_', ' ')}" if interrupted else "between two runs"
        self.state = Stopped(since_s=0.0, reason=f"interrupted {where}")
        self.take(
            Recover(at_s=now_s, reason=f"it was interrupted {where}", ends_when="the coupon in hand is gone on with")
        )

    def end(self, exit_status: str, reason: str, now_s: float) -> None:
        """The night has ended."""
        why = reason or exit_status
        if exit_status == "success":
            self.take(Finish(at_s=now_s, reason=why))
        else:
            self.take(Stop(at_s=now_s, reason=why) if exit_status == "abort" else Fail(at_s=now_s, reason=why))

    def take(self, event: CampaignEvent) -> None:
        """One step; `at_s` is what the bench's clock says."""
        at_s = max(event.at_s - self._begin_s, getattr(self.state, "since_s", 0.0))
        try:
            self.state = next_state(self.state, event.model_copy(update={"at_s": at_s}))
        except TransitionError:
            _logger.exception("the state of the campaign stays as it is")
            return
        self._write()
        for listener in self._listeners:
            try:
                listener(self.state)
            except Exception:  # whoever is told may fail by anything: a display, a message, a page; no night ends by it
                _logger.exception("%r failed on a state; the night goes on", listener)

    def _write(self) -> None:
        now = datetime.now(UTC).astimezone().isoformat(timespec="seconds")
        note = StateNote(name=self._name, uid=self._uid, since=now, state=self.state)
        draft = self._path.with_suffix(f".{os.getpid()}.draft")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            draft.write_text(json.dumps(json.loads(note.to_json()), indent=1) + "\n", encoding="utf-8")
            draft.replace(self._path)
        except OSError:
            _logger.exception("%s could not be written", self._path)
