"""The reference page of the commands, made from the commands: `python -m beamline.cli.reference`."""

from __future__ import annotations

import re
from collections.abc import Iterator

import click

__all__ = ["reference_page"]

HEAD = """# Commands

Made from the code by `python -m beamline.cli.reference`; a test holds it current. `vitrail COMMAND --help` says the same.

## Exit codes

| | |
|---|---|
| 0 | done |
| 1 | it failed, or what was looked at wants attention; the message says what to do |
| 2 | the input is wrong, or what was asked for does not fit the state of things; nothing was written |
| 130 | a night was stopped, by Ctrl-C, by a signal or by `vitrail campaign stop`: instrument safe, records closed |

A folder that `--data` or `VITRAIL_DATA` names must be there for every command that reads records: else exit code 2. The default
folder may be missing before the first night: lists are then empty, and the exit code is 0. Commands that begin records make their
folder; `vitrail doctor` and `campaign check` look at one that is still to be made.

`campaign run` and `campaign resume` end with 0 where a stop rule ended the night, 1 where an error did, 130 where somebody did.

## Colours, terminals, JSON

Messages go to standard error, results to standard output. Colours and live displays are for terminals only; `NO_COLOR` switches
colours off. With `--json` standard output is one JSON document and nothing else.
Every command has it but two: `completion`, whose output is a script, and `shell`, which is for people. What serves (`web`,
`queue start`, `records serve`, `twin serve`) writes one as soon as it can be reached, saying where.

`VITRAIL_DATA` and `VITRAIL_INSTRUMENT` take the place of `--data` and `--instrument`, `VITRAIL_CAMPAIGN` that of the
shell's `--campaign`. `vitrail completion bash`, `zsh` or `fish` writes what
makes a shell complete commands and options by Tab.
"""


def reference_page() -> str:
    """The page, as Markdown."""
    from beamline.cli import main

    return "\n".join([HEAD, *_sections(main, "vitrail")]).rstrip() + "\n"


def _sections(command: click.Command, path: str) -> Iterator[str]:
    context = click.Context(command, info_name=path)
    if path != "vitrail":
        usage = " ".join(command.collect_usage_pieces(context))
        yield f"{'##' if path.count(' ') == 1 else '###'} {path}\n"
        yield f"`{path} {usage}`\n"
        yield _prose(command.help or "") + "\n"
        options = [one for one in command.params if isinstance(one, click.Option) and not one.hidden]
        if options:
            yield "| option | |\n|---|---|"
            for option in options:
                yield _row(option, context)
            yield ""
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            sub = command.get_command(context, name)
            if sub is not None and not sub.hidden:
                yield from _sections(sub, f"{path} {name}")


def _row(option: click.Option, context: click.Context) -> str:
    record = option.get_help_record(context)
    names, about = record if record is not None else (", ".join(option.opts), "")
    names, about = (re.sub(r"\s+", " ", text).replace("|", "\\|") for text in (names, about))
    return f"| `{names}` | {about} |"


def _prose(text: str) -> str:
    paragraphs = re.split(r"\n\s*\n", text.strip())
    return "\n\n".join(re.sub(r"\s+", " ", one).replace("\b", "").strip() for one in paragraphs)


if __name__ == "__main__":
    click.echo(reference_page(), nl=False)
