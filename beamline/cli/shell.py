"""`vitrail shell`: an IPython session at the instrument."""

from __future__ import annotations

import os
from pathlib import Path

import click

from beamline.cli.options import campaign_option, data_option, instrument_option, refuse

__all__ = ["shell"]


@click.command()
@instrument_option()
@campaign_option("A campaign file: its coupons lie in the rack, and %suggest asks its optimiser.")
@click.option(
    "--profile",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="Folder of an IPython profile; without it `profile` of the clone, where there is one.",
)
@data_option
@click.argument("code", required=False)
def shell(
    *, instrument_file: Path | None, campaign_file: Path | None, profile: Path | None, data: Path, code: str | None
) -> None:
    """Work at the instrument in IPython; with CODE run that and leave.

    Leaving, however it happens, makes the bench safe.
    """
    try:
        import IPython  # noqa: F401
    except ModuleNotFoundError:
        refuse("IPython is not installed; pip install 'vitrail[session]' brings it")
    from beamline.shell import abandon, prepare
    from beamline.shell.start import in_words, refusals

    os.environ["VITRAIL_DATA"] = str(data)
    for name, file in (("VITRAIL_INSTRUMENT", instrument_file), ("VITRAIL_CAMPAIGN", campaign_file)):
        if file is not None:
            os.environ[name] = str(file)
    try:
        prepare()
    except refusals() as error:
        refuse(in_words(error))
    try:
        _start(profile, data, code)
    finally:
        abandon()


def _start(profile: Path | None, data: Path, code: str | None) -> None:
    from IPython.terminal.ipapp import TerminalIPythonApp
    from traitlets.config import Config

    from beamline.shell import configure
    from beamline.shell.typed import shell_folder

    config = Config()
    configure(config)
    folder = profile or _profile_of_the_clone()
    if folder is None:  # installed from a wheel: the same two calls, and a profile folder for what IPython keeps
        folder = shell_folder(data) / "profile"
        folder.mkdir(exist_ok=True, mode=0o700)
        config.InteractiveShellApp.exec_lines = [
            "from beamline.shell import begin; globals().update(begin(get_ipython()))"
        ]
    words = [f"--profile-dir={folder}"] + ([] if code is None else ["-c", code])
    app = TerminalIPythonApp.instance(config=config)
    app.initialize(words)  # type: ignore[no-untyped-call]  # IPython's own
    app.start()  # type: ignore[no-untyped-call]  # as above


def _profile_of_the_clone() -> Path | None:
    import beamline

    folder = Path(beamline.__file__).parents[1] / "profile"
    return folder if (folder / "ipython_config.py").is_file() else None
