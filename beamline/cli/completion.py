"""`vitrail completion`: what a shell needs to complete our commands and options."""

from __future__ import annotations

import click

__all__ = ["completion"]


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Write what makes SHELL complete `vitrail` by Tab.

    bash: put eval "$(vitrail completion bash)" into ~/.bashrc. zsh: the same into ~/.zshrc. fish: vitrail completion fish
    > ~/.config/fish/completions/vitrail.fish
    """
    from click.shell_completion import get_completion_class

    from beamline.cli import main

    found = get_completion_class(shell)
    assert found is not None
    script = found(main, {}, "vitrail", "_VITRAIL_COMPLETE")
    # click's `source()` of bash starts a bash to ask for its version first; the text alone does not need one
    click.echo(script.source_template % script.source_vars())
