"""What somebody asks of a night from another terminal or a page: to pause, to stop. A small file beside its state.

The night looks at it; whoever asks writes it, and takes a pause back by removing it. It is honoured by whoever may write
into the records folder, and by nobody else.
"""

from __future__ import annotations

import getpass
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from beamline.campaign.state_file import state_path
from beamline.recipe import Frozen

__all__ = ["Request", "ask", "read_request", "request_path", "take_back"]


class Request(Frozen):
    """What is asked, by whom, when (wall time with its zone), and why where that was said."""

    action: Literal["pause", "stop"]
    by: str
    at: str
    reason: Annotated[str, Field(max_length=1000)] = ""

    def __str__(self) -> str:
        done = {"pause": "paused", "stop": "stopped"}[self.action]
        return f"{done} by {self.by}" + (f": {self.reason}" if self.reason else "")


def request_path(folder: Path, campaign_uid: str) -> Path:
    """Where what is asked of a campaign lies."""
    return state_path(folder, campaign_uid).with_suffix(".request")


def ask(folder: Path, campaign_uid: str, action: Literal["pause", "stop"], reason: str = "") -> Request:
    """Ask; a later word replaces an earlier one.

    Raises:
        OSError: it cannot be written.
    """
    now = datetime.now(UTC).astimezone().isoformat(timespec="seconds")
    request = Request(action=action, by=getpass.getuser(), at=now, reason=reason)
    path = request_path(folder, campaign_uid)
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(f".{os.getpid()}.draft")
    draft.write_text(request.to_json() + "\n", encoding="utf-8")
    draft.replace(path)
    return request


def read_request(folder: Path, campaign_uid: str) -> Request | None:
    """What is asked now; None where nothing is, or what is there cannot be read."""
    try:
        return Request.model_validate_json(request_path(folder, campaign_uid).read_bytes())
    except (OSError, ValidationError):
        return None


def take_back(folder: Path, campaign_uid: str) -> None:
    """Nothing is asked any more."""
    request_path(folder, campaign_uid).unlink(missing_ok=True)
