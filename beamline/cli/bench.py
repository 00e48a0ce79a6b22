"""`vitrail bench`: the instruments of a bench."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click

from beamline.cli.options import FAILED, as_json_option, instrument_option

__all__ = ["bench"]

ROLES = ("laser", "stage", "furnace", "spectrometer", "lifetime", "camera", "changer")


@click.group()
def bench() -> None:
    """The instruments of a bench: look at them."""


@bench.command()
@instrument_option('instrument.toml of kind "bench".', is_required=True)
@click.option(
    "--role", "roles", type=click.Choice(ROLES), multiple=True, help="Only this one; may be given more than once."
)
@as_json_option
def smoke(instrument_file: Path, *, roles: tuple[str, ...], as_json: bool) -> None:
    """Read identity, state and values of the instruments, and write nothing to them.

    Exit code 0: all answer, and nothing wants attention; 1: something does.
    """
    from beamline.instrument import InstrumentFileError, load_instrument
    from beamline.smoke import look

    try:
        instrument = load_instrument(instrument_file)
    except InstrumentFileError as error:
        raise click.UsageError(str(error)) from error
    if instrument.bench is None:
        raise click.UsageError(
            f'{instrument_file}: instrument {instrument.name} is the simulated bench; a file of kind "bench" is wanted'
        )
    findings = look(instrument.bench, roles or ROLES)
    if as_json:
        click.echo(json.dumps([asdict(finding) for finding in findings], indent=2))
        if any(finding.warning for finding in findings):
            raise SystemExit(FAILED)
        return
    widths = [max(len(getattr(finding, column)) for finding in findings) for column in ("role", "what", "value")]
    for finding in findings:
        cells = zip((finding.role, finding.what, finding.value), widths, strict=True)
        line = "  ".join(cell.ljust(width) for cell, width in cells).rstrip()
        click.echo(line + (f"\n    ! {finding.warning}" if finding.warning else ""))
    n_warnings = sum(bool(finding.warning) for finding in findings)
    if n_warnings:
        raise click.ClickException(f"{n_warnings} of {len(findings)} readings want attention")
    click.echo("All answer. Nothing was written.")
