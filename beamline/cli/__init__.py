"""The command `vitrail`.

Each command's work is imported when it runs, so that a help text does not wait for numba, Bluesky or Tiled.
Exit codes: 0 done; 1 it failed; 2 the input is wrong and nothing was written;
130 stopped by Ctrl-C or a signal, instrument safe, records closed.
"""

from __future__ import annotations

from importlib.metadata import version

import click

from beamline.cli.bench import bench
from beamline.cli.campaign import campaign
from beamline.cli.completion import completion
from beamline.cli.coupons import coupons
from beamline.cli.doctor import doctor
from beamline.cli.export import export
from beamline.cli.importing import importing
from beamline.cli.notify import notify
from beamline.cli.physics import physics
from beamline.cli.picture import picture
from beamline.cli.queue import queue
from beamline.cli.records import records
from beamline.cli.replay import replay
from beamline.cli.reproducing import reproduce
from beamline.cli.shell import shell
from beamline.cli.study import study
from beamline.cli.watchdog import watchdog
from beamline.cli.web import web
from beamline.cli.wire import wire

__all__ = ["main"]


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(version("vitrail"), prog_name="vitrail")
def main() -> None:
    """Runs a femtosecond-laser bench that writes perovskite quantum dots into glass."""


main.add_command(bench)
main.add_command(campaign)
main.add_command(completion)
main.add_command(coupons)
main.add_command(doctor)
main.add_command(export)
main.add_command(importing)
main.add_command(notify)
main.add_command(physics)
main.add_command(picture)
main.add_command(queue)
main.add_command(records)
main.add_command(replay)
main.add_command(reproduce)
main.add_command(shell)
main.add_command(study)
main.add_command(watchdog)
main.add_command(web)
main.add_command(wire)
