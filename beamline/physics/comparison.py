"""Paper against model, row by row. The rows themselves are in `quantities`.

A row is "fitted" (solved to a number of the paper), "set" (solved to a number of ours, where the paper has none) or
"predicted" (not solved for). As many parameters are solved as there are fitted and set rows: their agreement is a fit,
not a validation.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from beamline.physics.experiments import Results, run_experiments
from beamline.physics.parameters import nominal
from beamline.physics.quantities import QUANTITIES
from beamline.physics.quantity import Quantity

__all__ = ["Row", "compare", "format_rows", "judge"]


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the comparison.

    Attributes:
        quantity: what is compared.
        model: the model's numbers.
        agrees: within tolerance, or the statement holds.
    """

    quantity: Quantity
    model: tuple[float, ...]
    agrees: bool

    @property
    def paper(self) -> str:
        """The paper's number or statement, for printing."""
        if self.quantity.target is None:
            return self.quantity.says
        return f"{self.quantity.target:g}"

    @property
    def shown(self) -> str:
        """The model's numbers, to the digits that the tolerance makes meaningful, for printing."""
        if self.quantity.target is None:
            return " / ".join(f"{value:.3g}" for value in self.model)
        digits = max(0, math.ceil(-math.log10(self.quantity.tolerance)))
        return " / ".join(f"{value:.{digits}f}" for value in (round(v, digits) + 0.0 for v in self.model))

    @property
    def verdict(self) -> str:
        """In words: whether it agrees, and what that is worth."""
        if self.agrees:
            return {"fitted": "fitted", "set": "set (no number in the paper)", "predicted": "agrees"}[
                self.quantity.kind
            ]
        return f"cannot: {self.quantity.cannot}" if self.quantity.cannot else "differs"


def judge(quantity: Quantity, results: Results) -> Row:
    """Compares one quantity."""
    values = tuple(float(value) for value in quantity.model(results))
    if quantity.target is not None:
        agrees = all(abs(value - quantity.target) <= quantity.tolerance for value in values)
    else:
        agrees = quantity.holds is not None and bool(quantity.holds(values))
    return Row(quantity, values, agrees)


def compare(parameters: NDArray[np.void] | None = None) -> tuple[Row, ...]:
    """The whole table under one parameter set.

    Args:
        parameters: (1,) of `parameter_dtype`; the nominal set by default.

    Returns:
        One row per quantity, in the order of the facts.
    """
    results = run_experiments(nominal() if parameters is None else parameters)[0]
    return tuple(judge(quantity, results) for quantity in QUANTITIES)


def format_rows(rows: Sequence[Row]) -> str:
    """The table as text, one row a line."""
    lines = [f"{'':4} {'quantity':62} {'paper':>22} {'model':>34}  verdict"]
    for row in rows:
        name = f"{row.quantity.name}, {row.quantity.unit}"
        lines.append(f"{row.quantity.fact:4} {name:62} {row.paper:>22} {row.shown:>34}  {row.verdict}")
    return "\n".join(lines)
