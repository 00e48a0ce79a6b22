"""`vitrail campaign run`: a night with its display, its report, its catalog, and its last words."""

from __future__ import annotations

import contextlib
import io
import logging
import shlex
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO, cast

if TYPE_CHECKING:
    from rich.console import Console

    from beamline.campaign import Campaign
    from beamline.campaign.state import CampaignState
    from beamline.cli.progress import NightDisplay
    from beamline.instrument import Instrument
    from beamline.night import NightOutcome
    from beamline.preflight import Check

__all__ = ["report_folder", "resume_campaign", "run_campaign"]

DONE, FAILED, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130
CATALOG_TIMEOUT_S = 120.0

_logger = logging.getLogger(__name__)


def run_campaign(
    plan: Campaign,
    instrument: Instrument,
    data: Path,
    *,
    after: str | None,
    catalog: bool,
    with_report: bool,
    again: Sequence[str],
) -> tuple[int, dict[str, Any]]:
    """Run a campaign for somebody at a terminal.

    Args:
        plan: the campaign.
        instrument: on which.
        data: folder of records and reports; it exists.
        after: uid of the campaign to go on from.
        catalog: whether finished runs go into the catalog.
        with_report: whether the report is written at the end.
        again: the words of the command, for the advice how to go on.

    Returns:
        The exit code, and what happened as plain JSON types.
    """
    from beamline.night import preflight_of
    from beamline.session import open_session

    def opened() -> Any:
        return open_session(
            instrument,
            coupons=plan.coupons,
            data=data,
            seed=plan.seed,
            unattended=True,
            catalog=catalog,
            faults=plan.faults,
        )

    def lived(console: Console, session: Any, checks: Sequence[Check]) -> NightOutcome:
        return _night(console, session, plan, after, checks)

    return _from_a_terminal(
        plan.name,
        data,
        opened,
        lived,
        checked=lambda session: preflight_of(session, plan, after),
        with_report=with_report,
        again=again,
        action="run",
    )


def resume_campaign(
    instrument: Instrument,
    data: Path,
    campaign_uid: str,
    *,
    instrument_file: Path | None,
    catalog: bool,
    with_report: bool,
) -> tuple[int, dict[str, Any]]:
    """Go on with a campaign for somebody at a terminal; the rest is as `run_campaign` has it."""
    from beamline.decisions import campaign_of
    from beamline.records import RecordError, Records
    from beamline.resume import open_resumed, preflight_of_rest, resume_night

    try:
        plan, _first = campaign_of(Records(data), campaign_uid)
    except RecordError as error:
        sys.stderr.write(f"{error}\n")
        return BAD_INPUT, {"error": str(error)}

    def lived(console: Console, session: Any, checks: Sequence[Check]) -> NightOutcome:
        with _display(console, session, plan) as display:
            return resume_night(
                session,
                campaign_uid,
                checks=checks,
                subscribers=[display],
                watchers=[_says_that_it_waits(console)],
            )

    again = [
        *("vitrail", "campaign", "resume", campaign_uid[:8], "--data", str(data)),
        *(() if instrument_file is None else ("--instrument", str(instrument_file))),
    ]
    return _from_a_terminal(
        plan.name,
        data,
        lambda: open_resumed(instrument, data, campaign_uid, catalog=catalog),
        lived,
        checked=lambda session: preflight_of_rest(session, campaign_uid),
        with_report=with_report,
        again=again,
        action="resume",
    )


def _from_a_terminal(
    name: str,
    data: Path,
    opened: Callable[[], Any],
    lived: Callable[[Console, Any, Sequence[Check]], NightOutcome],
    *,
    checked: Callable[[Any], Sequence[Check]],
    with_report: bool,
    again: Sequence[str],
    action: str,
) -> tuple[int, dict[str, Any]]:
    """A night with its session, its pre-flight, its last words, its report and its catalog."""
    from rich.console import Console

    from beamline.audit import note_action
    from beamline.hardware import InstrumentConnectError
    from beamline.preflight import as_text, refusals
    from beamline.records import RecordError, keep_warnings
    from beamline.resume import ResumeError
    from beamline.session import SessionBusyError
    from beamline.watchdog import WatchdogError

    console = Console(file=cast("TextIO", _Terminal(sys.stderr)))
    note_action(data, "command", action, campaign=name)
    try:
        keep_warnings(data)
        session = opened()
    except (SessionBusyError, RecordError, ResumeError, InstrumentConnectError, WatchdogError) as error:
        console.print(str(error), markup=False, highlight=False, soft_wrap=True)
        note_action(data, "command", f"{action} refused", campaign=name)
        return BAD_INPUT, {"error": str(error)}
    problems: list[str] = []
    page: Path | None = None
    with session:
        session.monitors.on_pause = lambda pause: console.print(
            str(pause), markup=False, highlight=False, soft_wrap=True
        )
        checks = checked(session)
        console.print(as_text(checks), markup=False, highlight=False, soft_wrap=True)
        if refused := refusals(checks):
            console.print("the night is not begun: see NO above", style="bold red")
            note_action(data, "command", f"{action} refused", campaign=name)
            return BAD_INPUT, {"error": "pre-flight", "preflight": [asdict(check) for check in refused]}
        outcome = lived(console, session, checks)
        note_action(
            data, "command", f"{action} ended", campaign=name, uid=outcome.campaign_uid, how=outcome.exit_status
        )
        _last_words(console, outcome, name, data, again)
        if with_report and outcome.n_coupons:
            from beamline.report import write_report

            folder = report_folder(data, name, outcome.campaign_uid)
            uid = outcome.campaign_uid
            page = _step(
                console,
                "writing the report",
                lambda: write_report(session.records, uid, folder),
                problems,
                f"`vitrail campaign report {uid[:8]} --data {shlex.quote(str(data))}` makes it again",
            )
        if (owner := session.catalog) is not None:
            advice = "the logs are whole; the catalog takes them in with the next session"
            _step(
                console, "waiting for the catalog", lambda: owner.flush(timeout_s=CATALOG_TIMEOUT_S), problems, advice
            )
    if page is not None:
        console.print(f"report:  {page}", markup=False, highlight=False, soft_wrap=True)
    summary = {
        "campaign": {"name": name, "uid": outcome.campaign_uid},
        "exit_status": outcome.exit_status,
        "reason": outcome.reason,
        "n_coupons": outcome.n_coupons,
        "simulated_h": round(outcome.simulated_s / 3600, 3),
        "safe_state": [{"step": s.name, "error": s.error} for s in outcome.safe_steps],
        "records": str(data),
        "report": str(page) if page else None,
        "problems": problems,
    }
    codes = {"success": FAILED if problems else DONE, "abort": INTERRUPTED, "fail": FAILED}
    return codes[outcome.exit_status], summary


def report_folder(data: Path, name: str, uid: str) -> Path:
    """Where the report of a campaign lies."""
    return data / "reports" / f"{name}-{uid[:8]}"


def _night(console: Console, session: Any, plan: Campaign, after: str | None, checks: Sequence[Check]) -> NightOutcome:
    from beamline.night import remaining, run_night, unused_coupons

    left = remaining(plan, unused_coupons(session.records, plan, after))
    with _display(console, session, left) as display:
        return run_night(
            session, plan, after=after, subscribers=[display], checks=checks, watchers=[_says_that_it_waits(console)]
        )


def _says_that_it_waits(console: Console) -> Callable[[CampaignState], None]:
    def watcher(state: CampaignState) -> None:
        if state.kind == "waiting":
            text = f"waits: {state.reason}. It goes on when {state.ends_when}"
            console.print(text, markup=False, highlight=False, soft_wrap=True)

    return watcher


def _display(console: Console, session: Any, plan: Campaign) -> NightDisplay:
    from beamline.campaign import estimate_night
    from beamline.cli.progress import NightDisplay

    start = datetime.now(UTC).astimezone()
    return NightDisplay(
        console,
        objective=plan.objective,
        n_coupons=plan.n_coupons_max,
        expected_s=estimate_night(plan, session.instrument.times, start).expected.duration_s,
        now_s=lambda: session.bench.clock.now_s,
    )


def _step(console: Console, what: str, action: Callable[[], Any], problems: list[str], advice: str) -> Any:
    """Something after the night; where it fails the night is over all the same, and this says so in one line."""
    try:
        with console.status(what):
            return action()
    except Exception as error:
        _logger.exception("%s failed", what)
        problems.append(f"{what}: {type(error).__name__}: {error}")
        first_line = next(iter(str(error).splitlines()), "")
        console.print(
            f"{what} failed: {type(error).__name__}: {first_line}",
            style="red",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )
        console.print(f"         {advice}", markup=False, highlight=False, soft_wrap=True)
        return None


def _last_words(console: Console, outcome: NightOutcome, name: str, data: Path, again: Sequence[str]) -> None:
    """How the night ended, for a person."""
    from beamline.cli.table import hours_text

    def say(text: str, style: str = "") -> None:
        # Reasons and paths come from instruments and people: a bracket in them is a bracket, and no mark-up.
        console.print(text, style=style, markup=False, highlight=False, soft_wrap=True)

    words, colour = {"success": ("done", "green"), "abort": ("stopped", "yellow"), "fail": ("failed", "red")}[
        outcome.exit_status
    ]
    n_coupons = f"{outcome.n_coupons} coupon{'' if outcome.n_coupons == 1 else 's'}"
    took = f"{n_coupons}, {hours_text(outcome.simulated_s)} on the bench's clock"
    say(f"{name} {words}: {outcome.reason} ({took})", f"bold {colour}")
    failed = [step for step in outcome.safe_steps if step.error]
    if outcome.exit_status != "success" or failed:
        say("bench:   " + "; ".join(map(str, outcome.safe_steps)), "bold red" if failed else "")
        if outcome.is_recorded:
            say(f"records: closed; nothing that was emitted is lost; details in {data / 'vitrail.log'}")
        else:
            say(
                "records: NOT WRITTEN to their end, see above; what the log holds is closed at the next start",
                "bold red",
            )
        if again[:3] == ["vitrail", "campaign", "run"]:
            instrument = again[i : i + 2] if (i := _index(again, "--instrument")) is not None else ()
            resume = ["vitrail", "campaign", "resume", outcome.campaign_uid[:8], "--data", str(data), *instrument]
            say(f"go on:   {shlex.join(resume)}")
            say("         (does what is left of this night, with the coupon in hand)")
            say(f"or:      {shlex.join([*again, '--after', outcome.campaign_uid[:8]])}")
            say("         (learns what this night has measured, and leaves out the coupons that it has begun)")
        else:
            say(f"go on:   {shlex.join(again)}")
    say(f"campaign {outcome.campaign_uid[:8]}, records in {data}")


def _index(words: Sequence[str], word: str) -> int | None:
    return list(words).index(word) if word in words else None


class _Terminal(io.TextIOBase):
    """A stream that falls silent when the terminal behind it is gone: a night must not end because nobody looks."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    @property
    def encoding(self) -> str:  # type: ignore[override]  # read only here
        """That of the terminal."""
        return self._stream.encoding

    def isatty(self) -> bool:
        """Whether somebody may be looking."""
        with contextlib.suppress(OSError, ValueError):
            return self._stream.isatty()
        return False

    def fileno(self) -> int:
        """That of the terminal, by which its size is asked for."""
        return self._stream.fileno()

    def write(self, text: str) -> int:
        """Write, or not."""
        with contextlib.suppress(OSError, ValueError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Flush, or not."""
        with contextlib.suppress(OSError, ValueError):
            self._stream.flush()
