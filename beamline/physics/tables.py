"""The model's tables as Markdown: what the explanation pages show, made from the code so that they cannot grow stale."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from beamline.physics.comparison import Row
from beamline.physics.paper import DOI, FACTS
from beamline.physics.parameters import PARAMETERS

__all__ = ["comparison_table", "fact_table", "parameter_table"]


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    lines += ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join(lines)


def comparison_table(rows: Sequence[Row]) -> str:
    """Paper against model, one line a row."""
    return _table(
        ("fact", "quantity", "unit", "paper", "model", "verdict"),
        ((r.quantity.fact, r.quantity.name, r.quantity.unit, r.paper, r.shown, r.verdict) for r in rows),
    )


def fact_table() -> str:
    """The facts of the paper."""
    return _table((f"id (doi:{DOI})", "about", "the paper says"), ((f.id, f.about, f.says) for f in FACTS.values()))


def parameter_table() -> str:
    """All parameters with their priors and sources."""
    return _table(
        ("parameter", "symbol", "unit", "nominal", "one sigma", "status", "source"),
        (
            (
                f"`{p.name}`",
                p.symbol,
                p.unit,
                f"{p.nominal:.4g}",
                f"{100 * p.spread:.3g} %" if p.prior == "lognormal" else f"{p.spread:.3g} {p.unit}".removesuffix(" 1"),
                p.status,
                p.source,
            )
            for p in PARAMETERS
        ),
    )
