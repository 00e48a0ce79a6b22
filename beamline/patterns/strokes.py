"""A pattern as lines along x: one per run of equal cells in a row, as long as the run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from beamline.patterns.pattern import Pattern, PatternError
from beamline.recipe import Line

__all__ = ["Stroke", "strokes"]

LONGEST_MM = 50.0


@dataclass(frozen=True, slots=True)
class Stroke:
    """A line to be written.

    Attributes:
        name: `r<row>c<column>` of its first cell.
        x_mm: of its middle, from the lower left corner of the pattern.
        y_mm: the same.
        colour: of its cells.
        line: how it is written.
    """

    name: str
    x_mm: float
    y_mm: float
    colour: int
    line: Line


def strokes(pattern: Pattern, recipes: Mapping[int, Line]) -> tuple[Stroke, ...]:
    """The lines of a pattern, row by row from the top.

    Args:
        pattern: what is to be written.
        recipes: how a line of each colour is written; its length is set here.

    Raises:
        PatternError: a colour without a recipe.
    """
    missing = [colour for colour in pattern.colours if colour not in recipes]
    if missing:
        raise PatternError(f"no recipe for the colours {missing}; there are recipes for {sorted(recipes)}")
    found: list[Stroke] = []
    most = int(LONGEST_MM / pattern.cell_mm)
    for row, cells in enumerate(pattern.cells.tolist()):
        begin = 0
        for column in range(1, len(cells) + 1):
            if column < len(cells) and cells[column] == cells[begin] and column - begin < most:
                continue
            if cells[begin] > 0:
                first, last = pattern.centre_mm(row, begin), pattern.centre_mm(row, column - 1)
                line = recipes[cells[begin]].model_copy(update={"length_mm": (column - begin) * pattern.cell_mm})
                found.append(Stroke(f"r{row}c{begin}", 0.5 * (first[0] + last[0]), first[1], cells[begin], line))
            begin = column
    return tuple(found)
