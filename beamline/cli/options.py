"""What commands share: the options that name a record folder and ask for JSON, and how bad input is refused."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click
from click.core import ParameterSource

if TYPE_CHECKING:
    from beamline.physics.prior import Prior

__all__ = [
    "BAD_INPUT",
    "FAILED",
    "FILE",
    "FOLDER",
    "as_json_option",
    "campaign_option",
    "data_option",
    "instrument_option",
    "must_be_there_if_named",
    "parameters_option",
    "prior_of",
    "records_option",
    "refuse",
    "refuse_folder",
    "tell",
    "writing",
]

FAILED, BAD_INPUT = 1, 2
FILE, FOLDER = (click.Path(path_type=Path, dir_okay=dir_okay, file_okay=not dir_okay) for dir_okay in (False, True))
"""Types of options that name what is read or written; a folder where a file is wanted, or the reverse, is refused."""

Command = TypeVar("Command", bound=Callable[..., Any])


def _data_option(
    callback: Callable[[click.Context, click.Parameter, Path], Path] | None = None,
) -> Callable[[Command], Command]:
    return click.option(
        "--data",
        type=FOLDER,
        default=Path("vitrail-data"),
        envvar="VITRAIL_DATA",
        show_default=True,
        callback=callback,
        help="Folder of records and reports.",
    )


def must_be_there_if_named(ctx: click.Context, data: Path) -> None:
    """End with the exit code of bad input where `--data` or the environment names a folder that is not there.

    What was asked for by name and is not there is a slip of the pen, and not an empty answer.
    """
    source = ctx.get_parameter_source("data")
    if source is not ParameterSource.DEFAULT and not data.is_dir():
        refuse_folder(f"VITRAIL_DATA={data}" if source is ParameterSource.ENVIRONMENT else f"--data {data}")


def _there(ctx: click.Context, _param: click.Parameter, data: Path) -> Path:
    if not ctx.resilient_parsing:
        must_be_there_if_named(ctx, data)
    return data


data_option = _data_option()
"""Of what begins records, or looks at where they shall be: the folder need not be there yet."""
records_option = _data_option(_there)
"""Of what reads records: a folder that was named must be there; the default may hold nothing yet."""

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


def parameters_option(help_text: str) -> Callable[[Command], Command]:
    """`--parameters FILE`, a physics prior in place of the package's own, passed as `edited`; `prior_of` reads it.

    Args:
        help_text: what becomes of it.
    """
    return click.option("--parameters", "edited", type=FILE, help=help_text)


@contextmanager
def writing(option: str, path: Path) -> Iterator[None]:
    """What the disk refuses to take ends the command with the exit code for bad input.

    Args:
        option: that named the path, or what else a person knows it by.
        path: of the file, or of the folder of several.
    """
    try:
        yield
    except OSError as error:
        why = error.strerror or error
        refuse(
            f"{option} {path}: cannot be written: {why}; name one in a folder that is there and that you may write to"
        )


def tell(plain: Any, text: str, *, as_json: bool) -> None:
    """The result of a command on standard output: as one JSON document, or in words."""
    click.echo(json.dumps(plain, indent=2, ensure_ascii=False) if as_json else text)


def refuse(message: str) -> NoReturn:
    """End with the exit code for bad input."""
    click.echo(message, err=True)
    raise SystemExit(BAD_INPUT)


def refuse_folder(named: str) -> NoReturn:
    """End because there are no records where they were looked for, which is `named`, such as "--data FOLDER"."""
    refuse(f"{named}: there is no such folder; give that of a night, or begin one with `vitrail campaign run`")


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
