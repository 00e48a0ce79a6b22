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
    from beamline.instrument import Instrument
    from beamline.night import NightOutcome
    from beamline.preflight import Check

__all__ = ["report_folder", "run_campaign"]

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
    from rich.console import Console

    from beamline.hardware import InstrumentConnectError
    from beamline.night import preflight_of
    from beamline.preflight import as_text, refusals
    from beamline.records import RecordError
    from beamline.session import SessionBusyError, open_session
    from beamline.watchdog import WatchdogError

    console = Console(file=cast("TextIO", _Terminal(sys.stderr)))
    # Warnings and tracebacks are for whoever looks for the cause; the terminal says what happened in words.
    logging.basicConfig(filename=data / "vitrail.log", format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        session = open_session(
            instrument,
            coupons=plan.coupons,
            data=data,
            seed=plan.seed,
            unattended=True,
            catalog=catalog,
            faults=plan.faults,
        )
    except (SessionBusyError, RecordError, InstrumentConnectError, WatchdogError) as error:
        console.print(str(error), markup=False, highlight=False, soft_wrap=True)
        return BAD_INPUT, {"error": str(error)}
    problems: list[str] = []
    page: Path | None = None
    with session:
        checks = preflight_of(session, plan, after)
        console.print(as_text(checks), markup=False, highlight=False, soft_wrap=True)
        if refused := refusals(checks):
            console.print("the night is not begun: see NO above", style="bold red")
            return BAD_INPUT, {"error": "pre-flight", "preflight": [asdict(check) for check in refused]}
        outcome = _night(console, session, plan, after, checks)
        _last_words(console, outcome, plan.name, data, again)
        if with_report and outcome.n_coupons:
            from beamline.report import write_report

            folder = report_folder(data, plan.name, outcome.campaign_uid)
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
        "campaign": {"name": plan.name, "uid": outcome.campaign_uid},
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
    from beamline.campaign import estimate_night
    from beamline.cli.progress import NightDisplay
    from beamline.night import remaining, run_night, unused_coupons

    left = remaining(plan, unused_coupons(session.records, plan, after))
    start = datetime.now(UTC).astimezone()
    display = NightDisplay(
        console,
        objective=plan.objective,
        n_coupons=left.n_coupons_max,
        expected_s=estimate_night(left, session.instrument.times, start).expected.duration_s,
        now_s=lambda: session.bench.clock.now_s,
    )
    session.monitors.on_pause = lambda pause: console.print(str(pause), markup=False, highlight=False, soft_wrap=True)
    with display:
        return run_night(session, plan, after=after, subscribers=[display], checks=checks)


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
        say(f"go on:   {shlex.join([*again, '--after', outcome.campaign_uid[:8]])}")
        say("         (learns what this night has measured, and leaves out the coupons that it has begun)")
    say(f"campaign {outcome.campaign_uid[:8]}, records in {data}")


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
