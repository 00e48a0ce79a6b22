"""The prompt, which says twin or bench at every line."""

from __future__ import annotations

from typing import Any

from IPython.terminal.prompts import Prompts
from pygments.token import Token  # type: ignore[import-untyped]  # ships no types

__all__ = ["KindPrompts"]


class KindPrompts(Prompts):
    """IPython's, behind the kind of the instrument.

    Args:
        shell: IPython's.
        kind: `twin` or `bench`.
    """

    def __init__(self, shell: Any, kind: str) -> None:
        super().__init__(shell)
        self._kind = kind

    def in_prompt_tokens(self) -> list[tuple[Any, str]]:
        """As `twin In [1]: `."""
        token = Token.Prompt if self._kind == "twin" else Token.OutPrompt
        tokens: list[tuple[Any, str]] = super().in_prompt_tokens()  # type: ignore[no-untyped-call]  # IPython's own
        return [(token, f"{self._kind} "), *tokens]
