"""`vitrail physics explore`: a picture of an observable over one or two settings."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from beamline.cli.options import FOLDER, as_json_option, parameters_option, prior_of, refuse, writing

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["explore"]


@click.command()
@click.argument("observable")
@click.option(
    "--vary", "vary", metavar="NAME[=LOW:HIGH]", multiple=True, required=True, help="One setting, or two (repeat it)."
)
@click.option("--set", "held", metavar="NAME=VALUE", multiple=True, help="Hold a setting at a value; repeat as needed.")
@click.option("--draws", type=click.IntRange(10, 20_000), help="Draws of the prior.  [default: 2000, or 300 for two]")
@parameters_option("A parameter file in place of the table.")
@click.option("--scale", type=click.FloatRange(0.0, 2.0, min_open=True), default=1.0, help="Factor on all spreads.")
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), default=0, show_default=True, help="Of the draws.")
@click.option("--points", type=click.IntRange(2, 2000), help="Along each setting.  [default: 81, or 31 for two]")
@click.option(
    "--out",
    type=FOLDER,
    default=Path("physics"),
    show_default=True,
    help="Folder for the PNG, SVG and CSV.",
)
@as_json_option
def explore(
    *,
    observable: str,
    vary: tuple[str, ...],
    held: tuple[str, ...],
    draws: int | None,
    edited: Path | None,
    scale: float,
    seed: int,
    points: int | None,
    out: Path,
    as_json: bool,
) -> None:
    """Plot OBSERVABLE over one or two settings with the spread of the prior.

    Without speed_mm_s or exposure_s it is a line at 0.4 mm/s; temperature_C adds a hold of the furnace.

    \b
    vitrail physics explore red_peak_nm --vary temperature_C --set hold_s=3600
    vitrail physics explore size_um --vary pulse_energy_uJ=50:300 --vary exposure_s
    """  # noqa: D301  # \b is click's
    from beamline.cli.exploration import draw_exploration
    from beamline.physics.explore import ExploreError
    from beamline.physics.explore import explore as predict_over
    from beamline.report.style import styled, write_drawing
    from beamline.versions import code_version

    prior = prior_of(edited)
    try:
        varied = dict(_axis_values(text, points or (81 if len(vary) == 1 else 31)) for text in vary)
        if len(varied) < len(vary):
            raise ExploreError("a setting can be varied only once")
        fixed = dict(_held_value(text) for text in held)
        n_draws = draws or (2000 if len(vary) == 1 else 300)
        found = predict_over(observable, varied, fixed, n_draws=n_draws, scale=scale, seed=seed, prior=prior)
    except ValueError as error:
        refuse(str(error))
    with writing("--out", out), styled():
        out.mkdir(parents=True, exist_ok=True)
        _, paths = write_drawing(draw_exploration(found, code_version(), scale=scale, seed=seed), out)
    if as_json:
        click.echo(
            json.dumps({"files": [str(path) for path in paths], "held": found.held, "unit": found.unit}, indent=2)
        )
    else:
        click.echo("\n".join(str(path) for path in paths))


def _axis_values(text: str, points: int) -> tuple[str, NDArray[np.float64]]:
    """`NAME` or `NAME=LOW:HIGH` as a name with its values."""
    import numpy as np

    from beamline.physics.explore import AXES, ExploreError

    name, given, span = text.partition("=")
    if name not in AXES:
        raise ExploreError(f"no setting {name!r}; there are: {', '.join(AXES)}")
    axis = AXES[name]
    low, high = axis.low, axis.high
    if given:
        ends = [_number(name, part) for part in span.split(":")]
        if len(ends) != 2 or not ends[0] < ends[1]:
            raise ExploreError(f"--vary {text}: expected {name}=LOW:HIGH in {axis.unit}, with LOW below HIGH")
        low, high = ends
    if name == "n_passes":
        return name, np.arange(np.ceil(low), np.floor(high) + 1.0)
    return name, np.geomspace(low, high, points) if axis.is_log and low > 0.0 else np.linspace(low, high, points)


def _held_value(text: str) -> tuple[str, float]:
    from beamline.physics.explore import ExploreError

    name, given, value = text.partition("=")
    if not given:
        raise ExploreError(f"--set {text}: expected NAME=VALUE")
    return name, _number(name, value)


def _number(name: str, text: str) -> float:
    from beamline.physics.explore import ExploreError

    try:
        return float(text)
    except ValueError as error:
        raise ExploreError(f"{name}={text!r} is not a number") from error
