"""What commands share: the options that name a record folder and ask for JSON, and how bad input is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click

if TYPE_CHECKING:
    from beamline.physics.prior import Prior

__all__ = [
    "BAD_INPUT",
    "FAILED",
    "as_json_option",
    "campaign_option",
    "data_option",
    "instrument_option",
    "prior_of",
    "refuse",
    "tell",
]

FAILED, BAD_INPUT = 1, 2

Command = TypeVar("Command", bound=Callable[..., Any])

data_option = click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("vitrail-data"),
    envvar="VITRAIL_DATA",
    show_default=True,
    help="Folder of records and reports.",
)
as_json_option = click.option("--json", "as_json", is_flag=True, help="Machine-readable output on standard output.")


def instrument_option(
    help_text: str = "instrument.toml; without it, the simulated bench with its defaults.", *, is_required: bool = False
) -> Callable[[Command], Command]:
    """`--instrument FILE`, passed as `instrument_file`; from the environment where it is not given.

    Args:
        help_text: of the option.
        is_required: where the command can do nothing at the simulated bench.
    """
    return click.option(
        "--instrument",
        "instrument_file",
        type=click.Path(path_type=Path),
        envvar="VITRAIL_INSTRUMENT",
        required=is_required,
        help=help_text,
    )


def campaign_option(help_text: str) -> Callable[[Command], Command]:
    """`--campaign FILE`, passed as `campaign_file`; from the environment where it is not given.

    Args:
        help_text: what the file is for.
    """
    return click.option(
        "--campaign",
        "campaign_file",
        type=click.Path(path_type=Path),
        envvar="VITRAIL_CAMPAIGN",
        help=help_text,
    )


def tell(plain: Any, text: str, *, as_json: bool) -> None:
    """The result of a command on standard output: as one JSON document, or in words."""
    click.echo(json.dumps(plain, indent=2, ensure_ascii=False) if as_json else text)


def refuse(message: str) -> NoReturn:
    """End with the exit code for bad input."""
    click.echo(message, err=True)
    raise SystemExit(BAD_INPUT)


def prior_of(path: Path | None) -> Prior:
    """The physics prior of a parameter file, or that of the package; a file that is wrong ends the command."""
    from beamline.physics.prior import PRIOR

    if path is None:
        return PRIOR
    from beamline.physics.parameter_file import ParameterFileError, read_prior

    try:
        return read_prior(path)
    except ParameterFileError as error:
        refuse(str(error))
