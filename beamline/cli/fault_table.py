"""The fault matrix as a table for the terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from beamline.fault_matrix import Outcome

__all__ = ["fault_rows", "print_fault_table", "shortcomings"]


def shortcomings(outcome: Outcome, deadline_s: float) -> str:
    """What is not as it must be, in words; empty where all is well."""
    found = list(outcome.unsafe)
    if not outcome.n_injected:
        found.append("no fault met anything")
    if outcome.after_s > deadline_s:
        found.append(f"later than {deadline_s:g} s")
    if outcome.n_lost or not outcome.has_ended:
        found.append("records incomplete")
    return ", ".join(found)


def fault_rows(roles: Sequence[str], *, seed: int) -> Iterator[dict[str, Any]]:
    """Run every case of these roles; a row of plain JSON types for each."""
    from beamline.fault_matrix import cases, run_case, work_for

    for entry in cases(*roles):
        outcome = run_case(entry, seed=seed)
        yield {
            "device": outcome.role,
            "fault": outcome.kind,
            "meets": outcome.how,
            "n_injected": outcome.n_injected,
            "after_s": outcome.after_s,
            "shortcomings": shortcomings(outcome, work_for(entry).deadline_s),
            "has_recovered": outcome.error is None,
            "words": outcome.words,
        }


def print_fault_table(roles: Sequence[str], *, seed: int) -> bool:
    """Run every case of these roles and print a line for each; False where one did not end as it must."""
    from rich.console import Console
    from rich.table import Table

    console = Console()
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("device", "fault", "meets", "after s", "end", "what the plan got"):
        table.add_column(
            heading, justify="right" if heading == "after s" else "left", no_wrap=heading != "what the plan got"
        )
    n_cases = n_bad = n_recovered = 0
    progress = Console(file=sys.stderr)
    with progress.status("letting devices fail"):
        for row in fault_rows(roles, seed=seed):
            bad = row["shortcomings"]
            n_cases, n_bad, n_recovered = n_cases + 1, n_bad + bool(bad), n_recovered + row["has_recovered"]
            # The words are the drivers': a bracket in them is a bracket.
            words = row["words"].replace("[", r"\[")
            cells = (row["device"], row["fault"], row["meets"], f"{row['after_s']:.1f}", bad or "safe", words)
            table.add_row(*cells, style="red" if bad else None)
    console.print(table)
    safe = f"{n_cases - n_bad} ended safe, in time and with whole records"
    console.print(
        f"{n_cases} cases: {n_recovered} recovered, {n_cases - n_recovered} with an error; {safe}", highlight=False
    )
    return n_bad == 0
