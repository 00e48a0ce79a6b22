"""What a row of the comparison is about: a quantity that the paper and the model both speak of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from beamline.physics.experiments import Results

__all__ = ["Quantity"]


@dataclass(frozen=True, slots=True)
class Quantity:
    """Something that the paper and the model both say.

    Attributes:
        fact: id of the fact in `paper.FACTS`.
        name: what it is, and of which experiment.
        unit: of the numbers.
        kind: "fitted", "set" or "predicted": see `comparison`.
        model: one or more numbers from the results of all experiments.
        target: the number to agree with; None where the paper makes a statement instead.
        tolerance: half width within which the number agrees.
        says: the paper's statement; of a "set" target, why that number.
        holds: whether the model's numbers bear the statement out.
        cannot: why this row cannot agree; empty where it can.
    """

    fact: str
    name: str
    unit: str
    model: Callable[[Results], Sequence[float]]
    kind: Literal["fitted", "set", "predicted"] = "predicted"
    target: float | None = None
    tolerance: float = 0.0
    says: str = ""
    holds: Callable[[Sequence[float]], bool] | None = None
    cannot: str = ""

    def __post_init__(self) -> None:
        if (self.target is None) == (self.holds is None):
            raise ValueError(f"{self.fact} {self.name!r}: give either a target or a statement with `holds`")
