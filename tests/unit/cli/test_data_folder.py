"""A record folder that is named and is not there is bad input; the default one may be missing before the first night."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from beamline.cli import main

MAY_MAKE_IT = {
    "campaign check",  # of a night that is still to come
    "campaign run",
    "doctor",  # asked before the first night too
    "import",
    "picture",
    "queue start",
    "records serve-config",  # names where a server shall keep arrays
    "reproduce",
    "shell",
}
NOTHING_YET = {
    "campaign audit": "nothing has been done",
    "campaign status": "no campaign in",
    "coupons": "no coupon in",
    "doctor": "not there yet",
    "records list": "0 runs",
    "watchdog log": "no watchdog has run",
}


def commands(command: click.Command = main, words: tuple[str, ...] = ()) -> Iterator[tuple[str, click.Command]]:
    """Every command that does something by itself."""
    if not isinstance(command, click.Group) or command.invoke_without_command:
        yield " ".join(words), command
    if isinstance(command, click.Group):
        for name, sub in command.commands.items():
            yield from commands(sub, (*words, name))


WITH_DATA = {name for name, command in commands() if any(param.name == "data" for param in command.params)}


def test_those_that_may_make_a_folder_are_commands() -> None:
    assert MAY_MAKE_IT < WITH_DATA
    assert NOTHING_YET.keys() < WITH_DATA


@pytest.mark.parametrize("how", ["--data", "VITRAIL_DATA"])
@pytest.mark.parametrize("words", sorted(WITH_DATA - MAY_MAKE_IT))
def test_a_folder_that_is_named_must_be_there(
    words: str, how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("VITRAIL_DATA", "nihgt")
    named = ["--data", "nigth"] if how == "--data" else []
    needed = [param for name, command in commands() if name == words for param in command.params if param.required]
    filler = [
        word
        for param in needed
        for word in ([] if isinstance(param, click.Argument) else [param.opts[0]])
        + [param.type.choices[0] if isinstance(param.type, click.Choice) else "x"]
    ]
    done = CliRunner().invoke(main, [*words.split(), *named, *filler], catch_exceptions=False)
    assert done.exit_code == 2, done.output
    assert f"{'--data nigth' if named else 'VITRAIL_DATA=nihgt'}: there is no such folder" in done.stderr
    assert "`vitrail campaign run`" in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("words", NOTHING_YET)
def test_the_default_folder_may_be_missing(words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("VITRAIL_DATA", raising=False)
    done = CliRunner().invoke(main, words.split(), catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert NOTHING_YET[words] in done.output
    assert list(tmp_path.iterdir()) == []
