"""`vitrail campaign pause` and `stop`: of a night that runs, from another terminal; and `resume` of one that was paused."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from beamline.cli.options import FAILED, as_json_option, records_option, refuse

if TYPE_CHECKING:
    from beamline.campaign.asked import Ask

__all__ = ["lift_pause", "pause", "stop"]

_name = click.argument("name", required=False)
_reason = click.option("--reason", default="", help="Kept in the records.")
LOOK_EVERY_S = 0.2


@click.command()
@_name
@_reason
@click.option(
    "--wait", "wait_s", type=click.FloatRange(0), default=10.0, show_default=True, help="Seconds to look for it."
)
@records_option
@as_json_option
def pause(*, name: str | None, reason: str, wait_s: float, data: Path, as_json: bool) -> None:
    """Let the night that runs wait before its next step or site. A heat treatment is finished first.

    `vitrail campaign resume` lets it go on. Exit code 0: it was asked; 2: no night runs.
    """
    uid = _running(data, name)
    _ask(data, uid, "pause", reason)
    is_paused = _wait_for(lambda: _kind(data, uid) == "paused", wait_s)
    words = (
        "paused" if is_paused else "asked; it pauses before its next step or site, a heat treatment is finished first"
    )
    _say(
        {"campaign": uid, "state": _kind(data, uid)},
        f"{uid[:8]}: {words}; `vitrail campaign resume` lets it go on",
        as_json,
    )


@click.command()
@_name
@_reason
@click.option(
    "--wait", "wait_s", type=click.FloatRange(0), default=60.0, show_default=True, help="Seconds to look for it."
)
@records_option
@as_json_option
def stop(*, name: str | None, reason: str, wait_s: float, data: Path, as_json: bool) -> None:
    """Stop the night that runs, in good order: its clean-up runs, the bench is made safe, the report is written.

    Exit code 0: it has ended (with --wait 0: it was asked); 1: it has not, in that time; 2: no night runs.
    """
    uid = _running(data, name)
    _ask(data, uid, "stop", reason)
    has_ended = _wait_for(lambda: _kind(data, uid) not in {"running", "paused", "waiting", "recovering"}, wait_s)
    words = "stopped" if has_ended else f"asked, {wait_s:g} s ago; it has not ended yet"
    _say({"campaign": uid, "state": _kind(data, uid)}, f"{uid[:8]}: {words}", as_json)
    if wait_s and not has_ended:
        click.echo(
            "Ctrl-C in its terminal does the same; if the bench must be safe now: `vitrail watchdog safe`", err=True
        )
        raise SystemExit(FAILED)


def lift_pause(data: Path, campaign_uid: str) -> bool:
    """Let a night that was asked to pause go on; False where none was, or no night runs."""
    from beamline.campaign.asked import AskedError, ask, read_asked
    from beamline.records import is_held, session_lock

    asked = read_asked(data, campaign_uid)
    if asked is None or asked.what != "pause" or not is_held(session_lock(data)):
        return False
    try:
        ask(data, campaign_uid, "go on", interface="command")
    except (AskedError, LookupError):  # it has ended meanwhile
        return False
    _note(data, campaign_uid, "go on")
    return True


def _ask(data: Path, uid: str, what: Ask, reason: str) -> None:
    from beamline.campaign.asked import AskedError, ask

    try:
        asked = ask(data, uid, what, interface="command", reason=reason)
    except AskedError as error:
        refuse(str(error))
    except OSError as error:
        refuse(f"{data}: cannot be written: {error.strerror}; whoever runs the night may stop it with Ctrl-C")
    _note(data, uid, what, asked.reason)


def _note(data: Path, uid: str, what: Ask, reason: str = "") -> None:
    from beamline.audit import note_action

    note_action(data, "command", what, uid=uid, **({"reason": reason} if reason else {}))


def _running(data: Path, name: str | None) -> str:
    """Uid of the night that runs; where none does, or another, the command ends with exit code 2."""
    from beamline.campaign.history import find_campaign
    from beamline.records import Records, is_held, session_lock

    try:
        uid = find_campaign(Records(data), name)
    except LookupError as error:
        refuse(str(error.args[0]))
    kind = _kind(data, uid)
    if not is_held(session_lock(data)) or kind not in {"running", "paused", "waiting", "recovering"}:
        refuse(f"campaign {uid[:8]} does not run: it is {kind}; `vitrail campaign status` lists all")
    return uid


def _kind(data: Path, uid: str) -> str:
    from beamline.campaign.history import campaign_history
    from beamline.records import Records

    return campaign_history(Records(data), uid).state.kind


def _wait_for(is_so: Callable[[], bool], wait_s: float) -> bool:
    """Look again and again, for some seconds by the wall; at least once."""
    until_s, pause_s = time.monotonic() + wait_s, threading.Event()
    while not is_so():
        if time.monotonic() >= until_s:
            return False
        pause_s.wait(LOOK_EVERY_S)
    return True


def _say(plain: dict[str, Any], text: str, as_json: bool) -> None:  # noqa: FBT001  # private
    click.echo(json.dumps(plain, indent=2) if as_json else text)
