"""One row of the table: paper, measured with uncertainty, where the number is from, verdict."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Literal

from beamline.physics.comparison import compare
from beamline.physics.paper import FACTS

__all__ = ["Reproduced", "Verdict", "judged", "model_rows", "of_number", "of_statement"]

Verdict = Literal["agrees", "contradicts", "cannot say"]
Source = Literal["bench", "model"]

AGREES_SD, CONTRADICTS_SD = 2.0, 3.0
VAGUE = 0.25


@dataclass(frozen=True, slots=True)
class Reproduced:
    """A statement of the paper against what was found.

    Attributes:
        fact: its id.
        quantity: what is compared.
        unit: of the numbers.
        paper: what the paper says.
        measured: what was found; None where nothing could be measured.
        sd: one sigma, or None.
        source: "bench" from raw data of the simulated bench's instruments; "model" from the model's outputs, for what no
            device of the bench measures.
        verdict: see `judged`.
        note: how it was found, or why not.
        runs: uids.
    """

    fact: str
    quantity: str
    unit: str
    paper: str
    measured: float | tuple[float, ...] | None
    sd: float | tuple[float, ...] | None
    source: Source
    verdict: Verdict
    note: str = ""
    runs: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Plain JSON types."""
        return asdict(self)


def judged(measured: float, sd: float, paper: float, paper_sd: float) -> Verdict:
    """Agrees within two sigma of both together, contradicts beyond three, and cannot say between.

    Nor can a measurement say anything that is itself uncertain by more than a quarter of the number.
    """
    if sd > VAGUE * abs(paper):
        return "cannot say"
    away = abs(measured - paper) / math.hypot(sd, paper_sd)
    if away <= AGREES_SD:
        return "agrees"
    return "contradicts" if away > CONTRADICTS_SD else "cannot say"


def of_number(  # noqa: PLR0917  # the row in its order
    fact: str,
    quantity: str,
    unit: str,
    found: tuple[float, float] | None,
    paper: float,
    paper_sd: float,
    *,
    note: str = "",
    runs: Iterable[str] = (),
) -> Reproduced:
    """A row for a number of the paper; `paper_sd` is what its digits leave open."""
    if found is None:
        return Reproduced(fact, quantity, unit, f"{paper:g}", None, None, "bench", "cannot say", note, tuple(runs))
    value, sd = found
    verdict = judged(value, sd, paper, paper_sd)
    return Reproduced(fact, quantity, unit, f"{paper:g}", value, sd, "bench", verdict, note, tuple(runs))


def of_statement(  # noqa: PLR0917  # the row in its order
    fact: str,
    quantity: str,
    unit: str,
    measured: tuple[float, ...],
    sd: tuple[float, ...] | None,
    verdict: Verdict,
    *,
    note: str = "",
    runs: Iterable[str] = (),
) -> Reproduced:
    """A row for a statement in words."""
    return Reproduced(fact, quantity, unit, FACTS[fact].says, measured, sd, "bench", verdict, note, tuple(runs))


_BENCH_CANNOT = {
    "P10": "XRD: no device of this bench",
    "P12": "sizes: the head's spot is wider than a dot",
    "P13": "widths: the head's spot is wider than a line",
    "P15": "absorption: no device of this bench",
    "P17": "TEM: no device of this bench",
    "P18": "TEM: no device of this bench",
    "P19": "XRD: no device of this bench",
    "P20": "XRD: no device of this bench",
    "P21": "XRD: no device of this bench",
    "P22": "Raman: no device of this bench",
    "P29": "XPS: no device of this bench",
    "P30": "temperature-dependent PL: no stage of this bench heats or cools a coupon under the head (decision 032)",
    "P31": "temperature-dependent PL: no stage of this bench heats or cools a coupon under the head (decision 032)",
}


def model_rows(facts: set[str]) -> list[Reproduced]:
    """Rows from the model for what the bench cannot measure, and said so."""
    found = []
    for row in compare():
        quantity = row.quantity
        fact = quantity.fact
        is_of_size = "diameter" in quantity.name or "width" in quantity.name
        if fact not in facts or fact not in _BENCH_CANNOT or (fact in {"P12", "P13"} and not is_of_size):
            continue
        note = f"{_BENCH_CANNOT[fact]}; {row.verdict}"
        verdict: Verdict = "agrees" if row.agrees else "contradicts"
        found.append(Reproduced(fact, quantity.name, quantity.unit, row.paper, row.model, None, "model", verdict, note))
    return found
