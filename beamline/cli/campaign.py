"""`vitrail campaign`: check, run, status, report."""

from __future__ import annotations

import contextlib
import json
import logging
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

if TYPE_CHECKING:
    from rich.console import Console

    from beamline.campaign import Campaign
    from beamline.instrument import Instrument
    from beamline.night import NightOutcome
    from beamline.records import Records

__all__ = ["campaign"]

BAD_INPUT = 2
FAILED = 1
INTERRUPTED = 130

_data = click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("vitrail-data"),
    envvar="VITRAIL_DATA",
    show_default=True,
    help="Folder of records and reports.",
)
_instrument = click.option(
    "--instrument",
    "instrument_file",
    type=click.Path(path_type=Path),
    envvar="VITRAIL_INSTRUMENT",
    help="instrument.toml; without it, the simulated bench with its defaults.",
)
_json = click.option("--json", "as_json", is_flag=True, help="Machine-readable output on standard output.")
_seed = click.option("--seed", type=click.IntRange(0, 2**32 - 1), help="Instead of the seed in the file.")
_file = click.argument("file", type=click.Path(path_type=Path))


@click.group()
def campaign() -> None:
    """Autonomous nights: check a campaign file, run it, see how far it is, write its report."""


@campaign.command()
@_file
@_instrument
@_json
def check(file: Path, instrument_file: Path | None, *, as_json: bool) -> None:
    """Say what FILE would do, how long it takes and when it ends, starting now; refuse it if it is wrong (exit code 2)."""
    from beamline.campaign import describe, describe_json, estimate_night

    plan, instrument = _load_both(file, instrument_file)
    estimate = estimate_night(plan, instrument.times, datetime.now(UTC).astimezone())
    click.echo(json.dumps(describe_json(plan, estimate), indent=2) if as_json else describe(plan, estimate))


@campaign.command()
@_file
@_data
@_instrument
@_seed
@click.option("--optimizer", type=click.Choice(["physics", "skopt", "random"]), help="Instead of the one in the file.")
@click.option(
    "--after", metavar="CAMPAIGN", help="Go on from an earlier campaign: learn its outcomes, leave out its coupons."
)
@click.option(
    "--catalog/--no-catalog", default=True, help="Take finished runs into the databroker catalog.  [default: yes]"
)
@click.option("--report/--no-report", "with_report", default=True, help="Write the report at the end.  [default: yes]")
@_json
def run(
    *,
    file: Path,
    data: Path,
    instrument_file: Path | None,
    seed: int | None,
    optimizer: str | None,
    after: str | None,
    catalog: bool,
    with_report: bool,
    as_json: bool,
) -> None:
    """Run FILE alone to its end, then write its report. Ctrl-C stops it in good order."""
    plan, instrument = _load_both(file, instrument_file, seed=seed, optimizer=optimizer)
    # Bluesky prints to standard output, which belongs to the JSON.
    with contextlib.redirect_stdout(sys.stderr) if as_json else contextlib.nullcontext():
        summary, outcome = _run(plan, instrument, file, data, after=after, catalog=catalog, with_report=with_report)
    if as_json:
        click.echo(json.dumps(summary, indent=2))
    if outcome.exit_status != "success":
        raise SystemExit(INTERRUPTED if outcome.exit_status == "abort" else FAILED)


def _run(
    plan: Campaign,
    instrument: Instrument,
    file: Path,
    data: Path,
    *,
    after: str | None,
    catalog: bool,
    with_report: bool,
) -> tuple[dict[str, Any], NightOutcome]:
    from rich.console import Console

    from beamline.campaign import estimate_night
    from beamline.cli.progress import NightDisplay
    from beamline.night import earlier_observations, run_night, used_serials
    from beamline.records import Records
    from beamline.session import open_session

    console = Console(stderr=True)
    data.mkdir(parents=True, exist_ok=True)
    # Warnings and tracebacks of the engine are for whoever looks for the cause; the terminal says what happened in words.
    logging.basicConfig(filename=data / "vitrail.log", format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    records = Records(data)
    earlier_uid = _find(records, after) if after else None
    expected_s = estimate_night(plan, instrument.times, datetime.now(UTC).astimezone()).expected.duration_s
    with open_session(
        instrument, coupons=plan.coupons, data=data, seed=plan.seed, unattended=True, catalog=catalog
    ) as session:
        display = NightDisplay(
            console,
            objective=plan.objective,
            n_coupons=plan.n_coupons_max,
            expected_s=expected_s,
            now_s=lambda: session.bench.clock.now_s,
        )
        with display:
            outcome = run_night(
                session,
                plan,
                earlier=earlier_observations(records, earlier_uid) if earlier_uid else (),
                used=used_serials(records, earlier_uid) if earlier_uid else frozenset(),
                subscribers=[display],
            )
        page = None
        if with_report and outcome.n_coupons:
            with console.status("writing the report"):
                page = _write_report(session.records, data, plan.name, outcome.campaign_uid)
        if session.catalog is not None:
            with console.status("waiting for the catalog"):
                session.catalog.flush(timeout_s=120)
    summary = {
        "campaign": {"name": plan.name, "uid": outcome.campaign_uid},
        "exit_status": outcome.exit_status,
        "reason": outcome.reason,
        "n_coupons": outcome.n_coupons,
        "simulated_h": round(outcome.simulated_s / 3600, 3),
        "safe_state": [{"step": s.name, "error": s.error} for s in outcome.safe_steps],
        "records": str(data),
        "report": str(page) if page else None,
    }
    _say(console, outcome, name=plan.name, file=file, data=data, page=page)
    return summary, outcome


def _say(console: Console, outcome: NightOutcome, *, name: str, file: Path, data: Path, page: Path | None) -> None:
    """The last words of a night, for a person."""
    from beamline.cli.table import hours_text

    words = {"success": "[green]done[/]", "abort": "[yellow]stopped[/]", "fail": "[red]failed[/]"}[outcome.exit_status]
    n_coupons = f"{outcome.n_coupons} coupon{'' if outcome.n_coupons == 1 else 's'}"
    took = f"{n_coupons}, {hours_text(outcome.simulated_s)} on the bench's clock"
    console.print(f"[bold]{name}[/] {words}: {outcome.reason} ({took})", highlight=False, soft_wrap=True)
    failed = [step for step in outcome.safe_steps if step.error]
    if outcome.exit_status != "success" or failed:
        console.print(
            "bench: " + "; ".join(map(str, outcome.safe_steps)), style="red bold" if failed else "", highlight=False
        )
        console.print(
            f"records: closed; nothing that was emitted is lost; details in {data / 'vitrail.log'}", highlight=False
        )
        console.print(
            f"go on:   vitrail campaign run {file} --data {data} --after {outcome.campaign_uid[:8]}\n"
            "         (learns what this night has measured, and leaves out the coupons that it has begun)",
            highlight=False,
            soft_wrap=True,
        )
    console.print(f"campaign {outcome.campaign_uid[:8]}, records in {data}", highlight=False, soft_wrap=True)
    if page is not None:
        console.print(f"report:  {page}", highlight=False, soft_wrap=True)


@campaign.command()
@click.argument("name", required=False)
@_data
@_json
def status(name: str | None, data: Path, *, as_json: bool) -> None:
    """Say how far campaign NAME (a name, or the beginning of a uid) is; without NAME, all of them."""
    from beamline.campaign.history import campaign_history, campaign_uids
    from beamline.cli.table import hours_text
    from beamline.recipe import as_plain
    from beamline.records import Records

    records = Records(data)
    uids = campaign_uids(records) if name is None else (_find(records, name),)
    histories = [campaign_history(records, uid) for uid in uids]
    if as_json:
        click.echo(json.dumps([as_plain(history) for history in histories], indent=2))
        return
    if not histories:
        click.echo(f"no campaign in {data}; `vitrail campaign run FILE` makes one")
    for h in histories:
        reason = getattr(h.state, "reason", "")
        click.echo(
            f"{h.uid[:8]}  {h.start_time}  {h.name:<16} {h.state.kind:<8} coupon {h.n_coupons} of {h.n_coupons_max}, "
            f"{h.n_sites_measured} sites measured, {hours_text(h.clock_s)}{'; ' + reason if reason else ''}"
        )


@campaign.command()
@click.argument("name", required=False)
@_data
def report(name: str | None, data: Path) -> None:
    """Write the report of campaign NAME (a name, or the beginning of a uid; without it the newest) from the records."""
    from beamline.campaign.history import campaign_history
    from beamline.records import Records

    records = Records(data)
    uid = _find(records, name)
    click.echo(_write_report(records, data, campaign_history(records, uid).name, uid))


# ------------------------------------------------------------------------------------------------------------ helpers
def _load_both(
    file: Path, instrument_file: Path | None, *, seed: int | None = None, optimizer: str | None = None
) -> tuple[Campaign, Instrument]:
    """Campaign and instrument, with what the command line says instead; what cannot be done ends with exit code 2."""
    from beamline.campaign import CampaignFileError, OptimizerChoice, load_campaign
    from beamline.instrument import Instrument, beyond_reach, load_instrument
    from beamline.problems import BadFileError

    try:
        plan = load_campaign(file)
        instrument = Instrument() if instrument_file is None else load_instrument(instrument_file)
        if problems := beyond_reach(plan, instrument):
            raise CampaignFileError(str(file), problems)
    except BadFileError as error:
        _refuse(str(error))
    changes: dict[str, Any] = {}
    if seed is not None:
        changes["seed"] = seed
    if optimizer is not None:
        changes["optimizer"] = OptimizerChoice.model_validate({"kind": optimizer})
    return plan.model_copy(update=changes), instrument


def _find(records: Records, name: str | None) -> str:
    """Uid of the newest campaign of a name or with a uid that begins so; None means the newest of all."""
    from beamline.campaign.history import campaign_history, campaign_uids

    uids = campaign_uids(records)
    found = [uid for uid in uids if name is None or uid.startswith(name) or campaign_history(records, uid).name == name]
    if not found:
        known = ", ".join(uid[:8] for uid in uids[-5:]) or "none yet"
        _refuse(f"no campaign {name or ''} in {records.folder}; the newest there are: {known}")
    return found[-1]


def _write_report(records: Records, data: Path, name: str, uid: str) -> Path:
    from beamline.report import write_report

    return write_report(records, uid, data / "reports" / f"{name}-{uid[:8]}")


def _refuse(message: str) -> NoReturn:
    """End with the exit code for bad input."""
    click.echo(message, err=True)
    raise SystemExit(BAD_INPUT)
