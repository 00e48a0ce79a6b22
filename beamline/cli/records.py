"""`vitrail records`: look after a record folder."""

from __future__ import annotations

from pathlib import Path

import click

from beamline.cli.options import FAILED, data_option

__all__ = ["records"]


@click.group()
def records() -> None:
    """The records of nights: prove them, make their catalog anew, find runs in them."""


@records.command()
@data_option
def check(data: Path) -> None:
    """Read every log of the folder; say what is damaged, with file and offset (exit code 1)."""
    from beamline.records import Records

    found = Records(data)
    problems = found.problems()
    for line in problems:
        click.echo(line)
    click.echo(f"{len(found.runs())} runs, {len(problems)} problems")
    raise SystemExit(FAILED if problems else 0)
