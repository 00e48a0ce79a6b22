"""`vitrail queue`: the bench behind a queue that other processes fill."""

from __future__ import annotations

import json
import signal
import threading
from pathlib import Path
from typing import Any

import click

from beamline.cli.options import BAD_INPUT, as_json_option, campaign_option, data_option, instrument_option, refuse

__all__ = ["queue"]


@click.group()
def queue() -> None:
    """The bench behind a queue: campaigns and experiments that other processes send (bluesky-queueserver)."""


@queue.command()
@instrument_option()
@campaign_option("A campaign file: its coupons lie in the rack. The campaigns themselves are sent to the queue.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=60615,
    show_default=True,
    help="Of the control socket, on loopback; 0 takes one that is free.",
)
@click.option("--redis", help="[:PASSWORD@]HOST:PORT of a Redis that runs; without it, one is started on loopback.")
@data_option
@as_json_option
def start(
    *,
    instrument_file: Path | None,
    campaign_file: Path | None,
    port: int,
    redis: str | None,
    data: Path,
    as_json: bool,
) -> None:
    """Start the queue server, and run it until Ctrl-C or SIGTERM.

    At the end a plan that runs is aborted, and the bench is safe. What was not run stays in the queue.
    """
    _check_installed()
    from beamline.audit import note_action
    from beamline.remote.server import QueueServerError, serve

    environment = _environment(instrument_file, campaign_file, data)
    asked_to_end = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: asked_to_end.set())
    note_action(data, "command", "queue start")
    try:
        with serve(data, environment=environment, control_port=port, redis=redis) as server:
            _say(server, as_json=as_json)
            while not asked_to_end.wait(0.2):
                if server.process.poll() is not None:
                    break
    except QueueServerError as error:
        refuse(str(error))
    note_action(data, "command", "queue ended")
    if not asked_to_end.is_set() and server.process.returncode:
        click.echo(f"the queue server ended by itself with exit code {server.process.returncode}", err=True)
        raise SystemExit(1)


def _say(server: Any, *, as_json: bool) -> None:
    if as_json:
        said = {"address": server.address, "client_file": str(server.client_file), "pid": server.process.pid}
        click.echo(json.dumps(said))
        return
    click.echo(f"queue server at {server.address}, on this machine alone; Ctrl-C ends it")
    click.echo(f"clients:  set -a; . {server.client_file}; set +a")


def _check_installed() -> None:
    from importlib.util import find_spec

    if not all(find_spec(name) for name in ("bluesky_queueserver", "bluesky_queueserver_api")):
        refuse("bluesky-queueserver is not installed; pip install 'vitrail[queue]' brings it")


def _environment(instrument_file: Path | None, campaign_file: Path | None, data: Path) -> dict[str, str]:
    """What the worker will open, looked at now: a mistake is said here, and not in its log."""
    from beamline.campaign import load_campaign
    from beamline.instrument import load_instrument
    from beamline.problems import BadFileError
    from beamline.records import is_held, session_lock

    try:
        instrument = load_instrument(instrument_file) if instrument_file is not None else None
        if campaign_file is not None:
            load_campaign(campaign_file)
    except BadFileError as error:
        refuse(str(error))
    if instrument is not None and instrument.bench is not None and instrument.bench.changer.manual is not None:
        refuse(
            f"{instrument_file}: a person carries the coupons ([bench.changer.manual]), and a queue has nobody at its "
            "terminal; use a carousel, or `vitrail campaign run`"
        )
    try:
        data.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        refuse(f"--data {data}: cannot be used: {error.strerror}; give a folder that you may write to")
    if is_held(session_lock(data)):
        click.echo(
            f"another session works with {data}; one at a time drives an instrument: let it end, or give another --data",
            err=True,
        )
        raise SystemExit(BAD_INPUT)
    environment = {"VITRAIL_DATA": str(data.resolve())}
    for name, file in (("VITRAIL_INSTRUMENT", instrument_file), ("VITRAIL_CAMPAIGN", campaign_file)):
        if file is not None:
            environment[name] = str(file.resolve())
    return environment
