"""`vitrail twin`: the simulated instrument for other programs."""

from __future__ import annotations

import json
import signal
import threading
from pathlib import Path
from types import FrameType
from typing import NoReturn

import click

from beamline.cli.options import FAILED, as_json_option, instrument_option, tell

__all__ = ["wire"]

_port = click.IntRange(0, 65535)


@click.group("twin")
def wire() -> None:
    """The simulated instrument: put it on the wire."""


@wire.command()
@click.argument("roles", nargs=-1)
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), default=1, show_default=True, help="Of garbage and chance.")
@as_json_option
def faults(roles: tuple[str, ...], *, seed: int, as_json: bool) -> None:
    """Let every device fail in every way, on simulated benches, and print what comes of it.

    ROLES: laser, stage, furnace, spectrometer, lifetime, camera, changer; none means all. Exit code 1 if a bench does not end
    safe.
    """
    from beamline.cli.fault_table import fault_rows, print_fault_table
    from beamline.fault_matrix import WORK

    if unknown := [role for role in roles if role not in WORK]:
        raise click.UsageError(f"no role {', '.join(unknown)}; there are {', '.join(WORK)}")
    if as_json:
        rows = list(fault_rows(roles, seed=seed))
        click.echo(json.dumps(rows, indent=2))
        raise SystemExit(FAILED if any(row["shortcomings"] for row in rows) else 0)
    if not print_fault_table(roles, seed=seed):
        raise click.ClickException("at least one bench did not end as it must; see the table")


@wire.command()
@instrument_option()
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), default=1, show_default=True, help="Of its hidden truth.")
@click.option(
    "--speed",
    type=click.FloatRange(0, 4000, min_open=True),
    default=1.0,
    show_default=True,
    help="How many times faster than real its time runs.",
)
@click.option("--laser-port", type=_port, default=20022, show_default=True, help="0: any that is free.")
@click.option("--furnace-port", type=_port, default=5020, show_default=True, help="Of Modbus TCP. 0: any that is free.")
@click.option("--stage-port", type=_port, default=55550, show_default=True, help="0: any that is free.")
@click.option("--spectrometer-port", type=_port, default=57357, show_default=True, help="0: any that is free.")
@click.option(
    "--carousel-port", type=_port, default=5021, show_default=True, help="Of Modbus TCP. 0: any that is free."
)
@click.option(
    "--lifetime-folder",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Answer requests for decays in this folder; without it, the counter is not served.",
)
@click.option(
    "--coupons",
    "n_coupons",
    type=click.IntRange(0, 100),
    default=4,
    show_default=True,
    help="In the rack, C01 and so on, of Br and I alike.",
)
@as_json_option
def serve(
    instrument_file: Path | None,
    *,
    seed: int,
    speed: float,
    laser_port: int,
    furnace_port: int,
    stage_port: int,
    spectrometer_port: int,
    carousel_port: int,
    lifetime_folder: Path | None,
    n_coupons: int,
    as_json: bool,
) -> None:
    """Serve the instrument by the instruments' own protocols, on this machine alone, until Ctrl-C."""
    from beamline.instrument import Instrument, InstrumentFileError, load_instrument
    from beamline.recipe import Coupon, Glass
    from beamline.session import twin_on_the_wire

    def end(_signal: int, _frame: FrameType | None) -> NoReturn:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, end)
    try:
        glass = Glass(name="BrI", bromide=1.5, iodide=1.5)
        instrument = Instrument() if instrument_file is None else load_instrument(instrument_file)
        with twin_on_the_wire(
            instrument,
            seed=seed,
            speed=speed,
            laser_port=laser_port,
            furnace_port=furnace_port,
            stage_port=stage_port,
            spectrometer_port=spectrometer_port,
            carousel_port=carousel_port,
            lifetime_folder=lifetime_folder,
            coupons=[Coupon(serial=f"C{n + 1:02d}", glass=glass) for n in range(n_coupons)],
        ) as addresses:
            lines = [*(f"{what}: {where}" for what, where in addresses.items())]
            lines += [f"Time runs at {speed:g} times real time. Ctrl-C ends it."]
            tell({"speed": speed, "addresses": dict(addresses)}, "\n".join(lines), as_json=as_json)
            threading.Event().wait()
    except InstrumentFileError as error:
        raise click.UsageError(str(error)) from error
    except OSError as error:
        raise click.ClickException(
            f"{error}: another program listens there; choose other ports, or 0 for any"
        ) from error
    except ModuleNotFoundError as error:
        raise click.ClickException(f"{error}; the wire needs more packages: pip install 'vitrail[hardware]'") from error
    except KeyboardInterrupt:
        click.echo("Ended; the laser's output is closed.", err=as_json)
