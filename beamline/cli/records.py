"""`vitrail records`: prove the records of a folder, make their catalog anew, find runs."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from beamline.cli.options import FAILED, as_json_option, data_option, refuse

if TYPE_CHECKING:
    from beamline.records import CheckReport

__all__ = ["records"]

N_SHOWN = 50
"""Differences that are shown one by one."""


@click.group()
def records() -> None:
    """The records of nights: prove them, make their catalog anew, find runs in them."""


@records.command()
@data_option
@click.option("--catalog/--logs-only", default=True, help="Compare the catalog with the logs.  [default: yes]")
@as_json_option
def check(*, data: Path, catalog: bool, as_json: bool) -> None:
    """Prove that every log is whole and that the catalog says the same: run by run, event by event, array by array.

    It may be asked while a night runs; runs that have not ended are counted, and their turn comes later. Finished runs that
    the catalog does not have yet are taken in first. Exit code 1 where anything is damaged or different.
    """
    from beamline.records import BY_NATURE, CatalogError, CatalogOwner, check_catalog, check_logs, open_catalog

    _need_logs(data)
    if not catalog:
        report = check_logs(data)
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
@data_option
def rebuild(data: Path) -> None:
    """Make the catalog anew from the logs, beside the old one, and put it in its place when it is whole."""
    from beamline.records import CatalogError, rebuild_catalog

    _need_logs(data)
    try:
        made = rebuild_catalog(data)
    except CatalogError as error:
        refuse(str(error))
    for entry in (*made.flush.failed, *made.flush.damaged):
        click.echo(f"run {entry.uid}: {entry.status}: {entry.reason}")
    click.echo(f"{made.flush.n_in} runs are in the new catalog, {len(made.flush.failed)} failed")
    raise SystemExit(FAILED if made.flush.failed else 0)


def _need_logs(data: Path) -> None:
    from beamline.records import Records

    if not Records(data).runs_and_wrecks():
        refuse(f"{data} holds no logs of runs; give the folder of a night with --data")
