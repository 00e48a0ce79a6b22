"""`vitrail notify`: whether messages arrive."""

from __future__ import annotations

import json
from pathlib import Path

import click

from beamline.cli.options import FAILED, as_json_option, instrument_option

__all__ = ["notify"]


@click.group()
def notify() -> None:
    """Messages of a night: by e-mail, webhook, ntfy, as `[notify]` of the instrument file says."""


@notify.command()
@instrument_option("instrument.toml with a table [notify].", is_required=True)
@as_json_option
def test(instrument_file: Path, *, as_json: bool) -> None:
    """Send a message by each way that is given, now. Exit code 0: all were taken; 1: one was not; 2: none is given."""
    from beamline.instrument import InstrumentFileError, load_instrument
    from beamline.notify import Notice, NotifyError, send
    from beamline.notify.channels import name_of

    try:
        instrument = load_instrument(instrument_file)
    except InstrumentFileError as error:
        raise click.UsageError(str(error)) from error
    settings = instrument.notify
    if not settings.channels:
        raise click.UsageError(f"{instrument_file}: no [notify.email], [notify.webhook] or [notify.ntfy] is given")
    notice = Notice("end", "vitrail: a test", f"Messages of {instrument.name} arrive here.")
    ways = []
    for channel in settings.channels:
        try:
            send(channel, notice, timeout_s=settings.timeout_s)
            way = {"name": name_of(channel), "taken": True, "reason": ""}
        except NotifyError as error:
            way = {"name": name_of(channel), "taken": False, "reason": str(error)}
        ways.append(way)
        if not as_json:
            click.echo(f"{way['name']}: taken" if way["taken"] else f"NOT SENT: {way['reason']}")
    if as_json:
        click.echo(json.dumps({"channels": ways}, indent=2))
    if not all(way["taken"] for way in ways):
        raise SystemExit(FAILED)
