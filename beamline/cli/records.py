"""`vitrail records`: prove the records of a folder, make their catalog anew, find runs."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from beamline.cli.offline import TECHNIQUES, attach, compare
from beamline.cli.options import FAILED, as_json_option, records_option, refuse, tell
from beamline.cli.records_serve import COMMANDS, connect_to_server

if TYPE_CHECKING:
    from beamline.records import CheckReport

__all__ = ["records"]

N_SHOWN = 50
"""Differences that are shown one by one."""


@click.group()
def records() -> None:
    """The records of nights: prove them, make their catalog anew, find runs in them."""


for _command in (*COMMANDS, attach, compare):
    records.add_command(_command)


@records.command()
@records_option
@click.option("--catalog/--logs-only", default=True, help="Compare the catalog with the logs.  [default: yes]")
@click.option(
    "--to",
    "url",
    metavar="URL",
    help="Compare with the catalog of this server, to which the runs were migrated; its key is in $VITRAIL_API_KEY.",
)
@as_json_option
def check(*, data: Path, catalog: bool, url: str | None, as_json: bool) -> None:
    """Prove that every log is whole and that the catalog says the same: run by run, event by event, array by array.

    It may be asked while a night runs; runs that have not ended are counted, and their turn comes later. Finished runs that
    the catalog does not have yet are taken in first, into a server's by `migrate`. Exit code 1 where anything is damaged
    or different.
    """
    from beamline.records import BY_NATURE, CatalogError, CatalogOwner, check_catalog, check_logs, open_catalog

    _need_logs(data)
    if not catalog and url is not None:
        refuse("--logs-only asks no catalog, and --to names one: give one of the two")
    if not catalog:
        report = check_logs(data)
    elif url is not None:
        report = check_catalog(data, connect_to_server(url), is_shared=True)
    else:
        owner = CatalogOwner(data)
        try:
            owner.wait_ready(120.0)
            owner.flush()
            report = check_catalog(data, open_catalog(data))
        except CatalogError as error:
            click.echo(
                f"{error}\n`vitrail records rebuild --data {data}` makes the catalog anew from the logs", err=True
            )
            raise SystemExit(FAILED) from None
        finally:
            owner.stop()
    if as_json:
        click.echo(json.dumps({**asdict(report), "is_good": report.is_good, "by_nature": BY_NATURE}, indent=2))
    else:
        _say(report, catalog=catalog)
    raise SystemExit(0 if report.is_good else FAILED)


def _say(report: CheckReport, *, catalog: bool) -> None:
    from beamline.records import BY_NATURE

    for line in [*report.damage, *map(str, report.differences[:N_SHOWN])]:
        click.echo(line)
    if len(report.differences) > N_SHOWN:
        click.echo(f"... and {len(report.differences) - N_SHOWN} more; --json has them all")
    click.echo(
        f"logs:     {report.n_runs} runs, {report.n_running} of them still being written, {len(report.damage)} damages"
    )
    if not catalog:
        return
    click.echo(
        f"compared: {report.n_compared} runs, {report.n_documents} start, stop and descriptor documents, "
        f"{report.n_events} events, {report.n_values} values, {report.n_arrays} of them arrays"
    )
    if report.n_external:
        click.echo(f"          not compared: {report.n_external} documents of data in outside files")
    click.echo(f"          left out by name: {', '.join(BY_NATURE)}")
    n = len(report.differences)
    click.echo("catalog:  equal to the logs" if n == 0 else f"catalog:  {n} difference{'' if n == 1 else 's'}")


@records.command()
@records_option
@as_json_option
def rebuild(*, data: Path, as_json: bool) -> None:
    """Make the catalog anew from the logs, beside the old one, and put it in its place when it is whole."""
    from beamline.records import CatalogError, rebuild_catalog

    _need_logs(data)
    try:
        made = rebuild_catalog(data)
    except CatalogError as error:
        refuse(str(error))
    wrong = [*made.flush.failed, *made.flush.damaged]
    lines = [f"run {entry.uid}: {entry.status}: {entry.reason}" for entry in wrong]
    lines += [f"{made.flush.n_in} runs are in the new catalog, {len(made.flush.failed)} failed"]
    plain = {
        "n_in": made.flush.n_in,
        "n_failed": len(made.flush.failed),
        "runs": [{"uid": entry.uid, "status": entry.status, "reason": entry.reason} for entry in wrong],
    }
    tell(plain, "\n".join(lines), as_json=as_json)
    raise SystemExit(FAILED if made.flush.failed else 0)


class _Range(click.ParamType):  # type: ignore[type-arg]  # generic in newer releases of click only
    """`KEY=LOW..HIGH`, or `LOW..HIGH` where the key is known."""

    name = "range"

    def __init__(self, *, has_key: bool) -> None:
        self._has_key = has_key

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """(key, (low, high)), or (low, high)."""
        key, _, ends = value.rpartition("=")
        low, dots, high = ends.partition("..")
        try:
            numbers = (float(low), float(high or low))
        except ValueError:
            numbers = (1.0, 0.0)
        if bool(key) != self._has_key or (dots and not high) or not numbers[0] <= numbers[1]:
            form = "KEY=LOW..HIGH, such as pulse_energy_uJ=100..200" if self._has_key else "LOW..HIGH, such as 620..640"
            self.fail(f"{value!r}: give {form}", param, ctx)
        return (key, numbers) if self._has_key else numbers


@records.command("list")
@records_option
@click.option("--campaign", help="Its name or uid.")
@click.option("--coupon", help="Its serial.")
@click.option("--glass", help="Its name.")
@click.option("--site", help="Its name.")
@click.option("--purpose", help="campaign, decision, writing, heat_treatment, measurement, characterisation, ...")
@click.option("--technique", type=click.Choice(TECHNIQUES), help="Characterisations by this one.")
@click.option("--recipe", multiple=True, type=_Range(has_key=True), help="KEY=LOW..HIGH; may be repeated.")
@click.option(
    "--outcome",
    type=click.Choice(["luminescence", "no_luminescence", "saturated", "failed"]),
    help="Measurements with such a site.",
)
@click.option("--red-peak-nm", type=_Range(has_key=False), help="LOW..HIGH: measurements with a red peak in there.")
@click.option("--since", type=click.DateTime(), help="Local time.")
@click.option("--until", type=click.DateTime(), help="Local time.")
@as_json_option
def list_(
    *,
    data: Path,
    recipe: tuple[tuple[str, tuple[float, float]], ...],
    outcome: Any,
    red_peak_nm: tuple[float, float] | None,
    since: datetime | None,
    until: datetime | None,
    as_json: bool,
    **wanted: str | None,
) -> None:
    """List the runs that meet all that is asked; without options all of them."""
    from beamline.campaign.search import OutcomeCriterion, with_outcome
    from beamline.records import Criteria, Records, find_runs

    criteria = Criteria(
        **wanted,
        recipe=_known_fields(dict(recipe)),
        since=since.astimezone().timestamp() if since else None,
        until=until.astimezone().timestamp() if until else None,
    )
    found = find_runs(Records(data), criteria)
    sites = {run.uid: criteria.sites_of(run.start) for run in found}
    if outcome or red_peak_nm:
        sites = with_outcome(found, criteria, OutcomeCriterion(outcome, red_peak_nm))
        found = [run for run in found if run.uid in sites]
    rows = [
        {
            "uid": run.uid,
            "time": datetime.fromtimestamp(run.start["time"], UTC).astimezone().isoformat(timespec="seconds"),
            "purpose": run.start.get("purpose") or run.start.get("plan_name", ""),
            "campaign": (run.start.get("campaign") or {}).get("name", ""),
            "coupon": (run.start.get("coupon") or {}).get("serial", ""),
            "state": (run.stop or {}).get("exit_status", run.state),
            "sites": list(sites[run.uid]),
        }
        for run in found
    ]
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    for row in rows:
        names = " ".join(row["sites"]) if criteria.site or criteria.recipe or outcome or red_peak_nm else ""
        click.echo(
            f"{row['uid'][:8]}  {row['time']}  {row['purpose']:<15} {row['campaign']:<14} {row['coupon']:<8} "
            f"{row['state']:<8} {names}".rstrip()
        )
    click.echo(f"{len(rows)} runs", err=True)


def _known_fields(ranges: dict[str, tuple[float, float]]) -> dict[str, tuple[float, float]]:
    """The ranges; a field that no recipe has would find nothing, and say nothing."""
    from beamline.recipe import Dot, HeatTreatment, Line

    known = {**Dot.model_fields, **Line.model_fields, **HeatTreatment.model_fields}.keys() - {"mode"}
    for name in ranges:
        if name not in known:
            refuse(f"--recipe {name}: no such field; there are {', '.join(sorted(known))}")
    return ranges


def _need_logs(data: Path) -> None:
    from beamline.records import Records

    if not Records(data).runs_and_wrecks():
        refuse(f"{data} holds no logs of runs; give the folder of a night with --data")
