"""`vitrail watchdog`: make laser and furnace safe from another terminal, and read what watchdogs did."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from beamline.cli.options import as_json_option, instrument_option, records_option

if TYPE_CHECKING:
    from beamline.watchdog.hands import Hand

__all__ = ["watchdog"]

WAIT_S = 10.0


@click.group()
def watchdog() -> None:
    """The process beside the engine that closes the laser and switches the furnace off. A session at a bench starts one."""


@watchdog.command()
@instrument_option('instrument.toml of kind "bench".', is_required=True)
@as_json_option
def safe(instrument_file: Path, *, as_json: bool) -> None:
    """Close the laser's output and put the furnace in standby, now, whatever else is connected.

    On connections of its own, beside a session that runs or one that hangs. A furnace on a serial line that a session holds
    cannot be reached. Exit code 0: both have confirmed it; 1: something has not.
    """
    from beamline.instrument import InstrumentFileError, load_instrument
    from beamline.watchdog.hands import FurnaceHand, LaserHand

    try:
        settings = load_instrument(instrument_file).bench
    except InstrumentFileError as error:
        raise click.UsageError(str(error)) from error
    if settings is None:
        raise click.UsageError(f'{instrument_file}: a file of kind "bench" is wanted; this is the simulated bench')
    hands: list[Hand] = []
    if settings.laser.light_conversion is not None:
        hands.append(LaserHand(settings.laser.light_conversion))
    if settings.furnace.eurotherm is not None:
        hands.append(FurnaceHand(settings.furnace.eurotherm))
    done = [_make_safe(hand, as_json=as_json) for hand in hands]
    if as_json:
        click.echo(json.dumps([asdict(one) for one in done], indent=2))
    if failed := [one.what for one in done if not one.is_done]:
        raise click.ClickException(f"NOT DONE: {', '.join(failed)}; press the emergency stop")


@dataclass(frozen=True)
class MadeSafe:
    """What became of one instrument: what was to be done, whether it is, after how long; why not."""

    what: str
    is_done: bool
    after_s: float
    reason: str = ""


def _make_safe(hand: Hand, *, as_json: bool) -> MadeSafe:
    """Try for `WAIT_S`; says how it went, at once where a person reads it."""
    from devices import DeviceError

    begin_s = time.monotonic()
    while True:
        try:
            hand.make_safe()
        except DeviceError as error:
            if (after_s := time.monotonic() - begin_s) > WAIT_S:
                click.echo(f"NOT DONE: {hand.done}: {error}", err=True)
                return MadeSafe(hand.done, is_done=False, after_s=after_s, reason=str(error))
            threading.Event().wait(0.2)
        else:
            after_s = time.monotonic() - begin_s
            if not as_json:
                click.echo(f"{hand.done}, {after_s:.2f} s")
            return MadeSafe(hand.done, is_done=True, after_s=after_s)
        finally:
            hand.close()


@watchdog.command()
@records_option
@as_json_option
def log(data: Path, *, as_json: bool) -> None:
    """What the watchdogs of the sessions on these records did, oldest first."""
    from beamline.safety import watchdog_journal

    entries = watchdog_journal(data).entries()
    if as_json:
        click.echo(json.dumps([asdict(entry) for entry in entries], indent=2))
        return
    for entry in entries:
        click.echo(f"{entry.time}  {entry.event:<9} {entry.text}")
    if not entries:
        click.echo(f"no watchdog has run on {data}")
