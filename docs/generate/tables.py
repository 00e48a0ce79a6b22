"""What the generated pages share: how a table and a sentence are written."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

__all__ = ["cell", "first_paragraph", "one_line", "table"]


def one_line(text: str) -> str:
    """Text without line breaks."""
    return re.sub(r"\s+", " ", text).strip()


def cell(text: str) -> str:
    """Text as it may stand between the bars of a table."""
    return one_line(text).replace("|", "\\|")


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of Markdown."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(cell(one) for one in line)} |" for line in lines) + "\n"


def first_paragraph(text: str) -> str:
    """The first paragraph of a docstring, in one line, without the full stop at its end."""
    return one_line(text.split("\n\n", maxsplit=1)[0]).removesuffix(".")
