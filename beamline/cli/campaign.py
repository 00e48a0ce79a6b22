"""`vitrail campaign`: check, run, resume, status, report, audit; what else there is of nights comes from files beside this."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from beamline.cli.comparing import compare
from beamline.cli.deciding import decide
from beamline.cli.learned import learned
from beamline.cli.new_campaign import new
from beamline.cli.night_control import pause, stop
from beamline.cli.options import BAD_INPUT, as_json_option, data_option, instrument_option, records_option, refuse

if TYPE_CHECKING:
    from beamline.campaign import Campaign
    from beamline.instrument import Instrument
    from beamline.records import Records

__all__ = ["campaign"]


_seed = click.option("--seed", type=click.IntRange(0, 2**32 - 1), help="Instead of the seed in the file.")
_file = click.argument("file", type=click.Path(path_type=Path))


@click.group()
def campaign() -> None:
    """Autonomous nights: check a campaign file, run it, see how far it is, write its report."""


@campaign.command()
@_file
@instrument_option()
@data_option
@click.option(
    "--preflight", "with_preflight", is_flag=True, help="Open the instrument too, and go through the check-list."
)
@as_json_option
def check(file: Path, instrument_file: Path | None, data: Path, *, with_preflight: bool, as_json: bool) -> None:
    """Say what FILE would do, how long it takes and when it ends, starting now; refuse it if it is wrong (exit code 2)."""
    from beamline.campaign import describe, describe_json, estimate_night

    plan, instrument = _load_both(file, instrument_file)
    if with_preflight:
        _preflight(plan, instrument, data, as_json=as_json)
        return
    estimate = estimate_night(plan, instrument.times, datetime.now(UTC).astimezone())
    click.echo(json.dumps(describe_json(plan, estimate), indent=2) if as_json else describe(plan, estimate))


@campaign.command()
@_file
@data_option
@instrument_option()
@_seed
@click.option("--optimizer", type=click.Choice(["physics", "skopt", "random"]), help="Instead of the one in the file.")
@click.option(
    "--after", metavar="CAMPAIGN", help="Go on from an earlier campaign: learn its outcomes, leave out its coupons."
)
@click.option(
    "--catalog/--no-catalog", default=True, help="Take finished runs into the databroker catalog.  [default: yes]"
)
@click.option("--report/--no-report", "with_report", default=True, help="Write the report at the end.  [default: yes]")
@as_json_option
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
    from beamline.cli.running import run_campaign

    plan, instrument = _load_both(file, instrument_file, seed=seed, optimizer=optimizer)
    after_uid = _go_on_from(plan, data, after) if after is not None else None
    try:
        data.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        refuse(f"--data {data}: cannot be made: {error.strerror}; give a folder that you may write to")
    again = [
        *("vitrail", "campaign", "run", str(file), "--data", str(data)),
        *(() if instrument_file is None else ("--instrument", str(instrument_file))),
        *(() if seed is None else ("--seed", str(seed))),
        *(() if optimizer is None else ("--optimizer", optimizer)),
    ]
    code, summary = run_campaign(
        plan, instrument, data, after=after_uid, catalog=catalog, with_report=with_report, again=again
    )
    if as_json:
        click.echo(json.dumps(summary, indent=2))
    raise SystemExit(code)


def _preflight(plan: Campaign, instrument: Instrument, data: Path, *, as_json: bool) -> None:
    """The check-list of a night that would begin now; exit code 2 where it would not be begun."""
    from dataclasses import asdict

    from beamline.hardware import InstrumentConnectError
    from beamline.night import preflight_of
    from beamline.preflight import as_text, refusals
    from beamline.records import RecordError
    from beamline.session import SessionBusyError, open_session
    from beamline.watchdog import WatchdogError

    try:
        session = open_session(
            instrument, coupons=plan.coupons, data=data, seed=plan.seed, unattended=False, catalog=False
        )
    except (SessionBusyError, RecordError, InstrumentConnectError, WatchdogError) as error:
        refuse(str(error))
    with session:
        checks = preflight_of(session, plan)
    click.echo(json.dumps([asdict(check) for check in checks], indent=2) if as_json else as_text(checks))
    if refusals(checks):
        raise SystemExit(BAD_INPUT)


def _go_on_from(plan: Campaign, data: Path, after: str) -> str:
    """Uid of the campaign to go on from; ends with exit code 2 where there is none, or no coupon is left."""
    from beamline.night import lineage, unused_coupons
    from beamline.records import Records

    records = Records(data)
    uid = _find(records, after)
    if twice := [one for one in lineage(records, uid) if one in plan.optimizer.prior.learned_from]:
        refuse(
            f"--after {after}: the prior {plan.optimizer.parameters} was learnt from {', '.join(one[:8] for one in twice)} "
            "already, and what was seen would count twice; leave out one of the two"
        )
    if not unused_coupons(records, plan, uid):
        refuse(f"--after {after}: every coupon of the file has been used; put new ones into the rack and into the file")
    return uid


@campaign.command()
@click.argument("name", required=False)
@records_option
@instrument_option()
@click.option(
    "--catalog/--no-catalog", default=True, help="Take finished runs into the databroker catalog.  [default: yes]"
)
@click.option("--report/--no-report", "with_report", default=True, help="Write the report at the end.  [default: yes]")
@as_json_option
def resume(
    *, name: str | None, data: Path, instrument_file: Path | None, catalog: bool, with_report: bool, as_json: bool
) -> None:
    """Go on with campaign NAME (a name, or the beginning of a uid; without it the newest) where it was interrupted.

    A night that runs and was paused by `vitrail campaign pause` is let go on where it runs.
    """
    from beamline.cli.night_control import lift_pause
    from beamline.cli.running import resume_campaign
    from beamline.instrument import Instrument, load_instrument
    from beamline.problems import BadFileError
    from beamline.records import Records

    uid = _find(Records(data), name)
    if lift_pause(data, uid):
        click.echo(json.dumps({"campaign": uid, "state": "running"}) if as_json else f"{uid[:8]} goes on")
        return
    try:
        instrument = Instrument() if instrument_file is None else load_instrument(instrument_file)
    except BadFileError as error:
        refuse(str(error))
    code, summary = resume_campaign(
        instrument, data, uid, instrument_file=instrument_file, catalog=catalog, with_report=with_report
    )
    if as_json:
        click.echo(json.dumps(summary, indent=2))
    raise SystemExit(code)


@campaign.command()
@records_option
@as_json_option
def audit(data: Path, *, as_json: bool) -> None:
    """Say who did what, when, from which interface."""
    from beamline.audit import read_audit

    entries = read_audit(data)
    if as_json:
        click.echo(json.dumps(entries, indent=2))
        return
    for entry in entries:
        about = " ".join(
            f"{key}={value}" for key, value in entry.items() if key not in ("time", "user", "interface", "action")
        )
        click.echo(f"{entry['time']}  {entry['user']:<12} {entry['interface']:<8} {entry['action']:<14} {about}")
    if not entries:
        click.echo(f"nothing has been done in {data}")


@campaign.command()
@click.argument("name", required=False)
@records_option
@as_json_option
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
        if ends_when := getattr(h.state, "ends_when", ""):
            reason += f" (since {hours_text(getattr(h.state, 'since_s', 0.0))} on its clock; ends when {ends_when})"
        click.echo(
            f"{h.uid[:8]}  {h.start_time}  {h.name:<16} {h.state.kind:<10} coupon {h.n_coupons} of {h.n_coupons_max}, "
            f"{h.n_sites_measured} sites measured, {hours_text(h.clock_s)}{'; ' + reason if reason else ''}"
        )


@campaign.command()
@click.argument("name", required=False)
@records_option
@as_json_option
def report(name: str | None, data: Path, *, as_json: bool) -> None:
    """Write the report of campaign NAME (a name, or the beginning of a uid; without it the newest) from the records."""
    from beamline.campaign.history import campaign_history, first_run
    from beamline.cli.running import report_folder
    from beamline.records import Records
    from beamline.report import write_report

    records = Records(data)
    uid = _find(records, name)
    if first_run(records, uid).start["purpose"] == "import":
        refuse(f"{uid[:8]} holds manual runs, and no night to report on; `vitrail export csv {uid[:8]}` lists them")
    page = write_report(records, uid, report_folder(data, campaign_history(records, uid).name, uid))
    if as_json:  # the numbers of the page, with where it lies
        click.echo(
            json.dumps({"report": str(page), **json.loads((page.parent / "report.json").read_text("utf-8"))}, indent=2)
        )
        return
    click.echo(page)


campaign.add_command(compare)
campaign.add_command(decide)
campaign.add_command(learned)
campaign.add_command(new)
campaign.add_command(pause)
campaign.add_command(stop)


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
        refuse(str(error))
    changes: dict[str, Any] = {}
    if seed is not None:
        changes["seed"] = seed
    if optimizer is not None:
        changes["optimizer"] = OptimizerChoice.model_validate({"kind": optimizer})
    return plan.model_copy(update=changes), instrument


def _find(records: Records, name: str | None) -> str:
    """`find_campaign`; where there is none the command ends with exit code 2."""
    from beamline.campaign.history import find_campaign

    try:
        return find_campaign(records, name)
    except LookupError as error:
        refuse(str(error.args[0]))
