"""`vitrail replay`: recorded runs again, into tables, reports, the analysis, the optimiser."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from beamline.cli.options import BAD_INPUT, FAILED, FOLDER, as_json_option, records_option, refuse

if TYPE_CHECKING:
    from beamline.records import Records, Run

__all__ = ["replay"]

INTERRUPTED = 130
TARGETS = ("table", "bec", "log", "report", "analysis", "agent")


class _Pace(click.ParamType):  # type: ignore[type-arg]  # generic in newer releases of click only
    """`original`, `at-once`, or how many times as fast."""

    name = "pace"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The speed: 1 is the original pace, infinity at once."""
        if isinstance(value, float):
            return value
        words = {"original": 1.0, "at-once": math.inf}
        try:
            speed = words.get(value) or float(value)
        except ValueError:
            speed = math.nan
        if not speed > 0:
            self.fail(
                f"{value!r}: it is `original`, `at-once`, or a number above 0: how many times as fast", param, ctx
            )
        return speed


@click.command()
@click.argument("runs", nargs=-1, metavar="[RUN]...")
@records_option
@click.option("--campaign", metavar="NAME|UID", help="All runs of this campaign (of a name, the newest).")
@click.option("--since", type=click.DateTime(), help="All runs that began at this local time or later.")
@click.option(
    "--pace", type=_Pace(), default="at-once", show_default=True, help="`original`, `at-once`, or N times as fast."
)
@click.option(
    "--by",
    type=click.Choice(["wall", "bench"]),
    default="wall",
    show_default=True,
    help="Whose time the pace follows: of the documents, or of the bench's clock (the simulated hours of the twin).",
)
@click.option(
    "--into", type=click.Choice(TARGETS), default="table", show_default=True, help="What takes the documents."
)
@click.option("--out", type=FOLDER, help="Folder for `--into log` and `report`.")
@click.option(
    "--from-catalog", is_flag=True, help="Documents put together again from the catalog, not those of the log."
)
@click.option(
    "--analyse", is_flag=True, help="Old outcomes beside what the present analysis makes of the same spectra."
)
@click.option("--decisions", is_flag=True, help="Make the optimiser's decisions again; exit code 1 where one differs.")
@click.option("--optimizer", metavar="KIND", help="With --decisions: what another optimiser would have suggested.")
@as_json_option
def replay(
    *,
    runs: tuple[str, ...],
    data: Path,
    campaign: str | None,
    since: Any,
    pace: float,
    by: str,
    into: str,
    out: Path | None,
    from_catalog: bool,
    analyse: bool,
    decisions: bool,
    optimizer: str | None,
    as_json: bool,
) -> None:
    """Replay runs (RUN is the beginning of a uid) into what takes Bluesky documents: exactly, from the log."""
    from beamline.records import RecordError, Records

    if optimizer and not decisions:
        refuse("--optimizer asks what another optimiser would have suggested: give --decisions too")
    records = Records(data)
    try:
        if analyse or decisions:
            from beamline.cli.hindsight import show_decisions, show_reanalysis

            if runs or since:
                refuse("--analyse and --decisions are about whole nights: give --campaign, or nothing for the newest")
            uid = _campaign(records, campaign)
            say: Callable[[str], object] = (lambda _line: None) if as_json else click.echo
            plain: dict[str, Any] = {"campaign": uid}
            if analyse:
                plain["analysis"] = show_reanalysis(records, uid, say)
            if decisions:
                plain["decisions"] = show_decisions(records, uid, optimizer, say)
            if as_json:
                click.echo(json.dumps(plain, indent=2))
            raise SystemExit(0 if not decisions or plain["decisions"]["is_good"] else FAILED)
        found = _found(records, runs, campaign, since)
        made = _replay(records, found, into, out, speed=pace, times=by, from_catalog=from_catalog, as_json=as_json)
        if as_json:
            click.echo(json.dumps(made, indent=2))
    except RecordError as error:
        refuse(str(error))
    except KeyboardInterrupt:
        click.echo("stopped; the records are as they were", err=True)
        raise SystemExit(INTERRUPTED) from None


def _found(records: Records, uids: tuple[str, ...], campaign: str | None, since: Any) -> list[Run]:
    """The runs that are asked for, in the order of their start."""
    if uids and (campaign or since):
        refuse("give uids of runs, or --campaign and --since, not both")
    if uids:
        return sorted((records.run(uid) for uid in dict.fromkeys(uids)), key=lambda run: run.path.name)
    if not campaign and not since:
        refuse("which runs? give uids, --campaign or --since; `vitrail records list` shows what there is")
    wanted: dict[str, Any] = {"campaign": _campaign(records, campaign)} if campaign else {}
    found = records.runs(since=since.astimezone().timestamp() if since else None, **wanted)
    if not found:
        refuse(f"no run in {records.folder} is of this time")
    return found


def _campaign(records: Records, name: str | None) -> str:
    from beamline.campaign.history import find_campaign

    try:
        return find_campaign(records, name)
    except LookupError as error:
        click.echo(str(error.args[0]), err=True)
        raise SystemExit(BAD_INPUT) from None


def _replay(
    records: Records,
    found: list[Run],
    into: str,
    out: Path | None,
    *,
    speed: float,
    times: Any,
    from_catalog: bool,
    as_json: bool,
) -> dict[str, Any]:
    """Hand the documents over; what came of it, as plain JSON types."""
    from beamline.cli.targets import target
    from beamline.records import CatalogOwner, ReplayClock, open_catalog
    from beamline.records import replay as hand_over

    clock: ReplayClock | None = None
    owner = CatalogOwner(records.folder) if from_catalog else None
    try:
        source: list[Any] = list(found)
        if owner is not None:
            owner.wait_ready(120.0)
            owner.flush()
            client = open_catalog(records.folder)
            source = [client[run.uid] for run in found]
        with target(into, out, records, found, as_json=as_json) as (callback, made):
            n_documents = hand_over(source, callback, speed=speed, times=times, clock=clock)
            came_of_it = made()
    finally:
        if owner is not None:
            owner.stop()
    origin = "reconstructed from the catalog: equal in meaning" if from_catalog else "exactly as emitted, from the log"
    n_open = sum(run.stop is None for run in found)
    unfinished = f"; {n_open} without an end" if n_open else ""
    click.echo(f"{n_documents} documents of {len(found)} runs, {origin}{unfinished}", err=True)
    return {
        "n_documents": n_documents,
        "n_runs": len(found),
        "n_open": n_open,
        "is_exact": not from_catalog,
        "into": into,
        **came_of_it,
    }
