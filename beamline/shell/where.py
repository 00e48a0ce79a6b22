"""`%wa`: where everything is, grouped by device, in units, with what it may be set to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from beamline.shell.paint import paint
from beamline.shell.signals import bounds_words, parts
from devices import Bench
from devices.errors import why

__all__ = ["where_text"]


def where_text(bench: Bench, roles: Sequence[str] = (), *, is_coloured: bool | None = None) -> str:
    """A table for each device, or those of these roles; what cannot be read says why, and the rest is read all the same.

    Raises:
        ValueError: the bench has no such role.
    """
    devices = bench.roles
    if unknown := [role for role in roles if role not in devices]:
        raise ValueError(f"%wa: no device {', '.join(unknown)}; there are {', '.join(devices)}")
    chosen = {role: device for role, device in devices.items() if not roles or role in roles}
    rows = {role: [_row(name or f"(%mov {role})", signal) for name, signal in parts(d)] for role, d in chosen.items()}
    everything = [row for group in rows.values() for row in group]
    widths = [max(len(row[i]) for row in everything) for i in range(3)]
    head = f"  {'':<{widths[0]}}  {'value':>{widths[1]}}  {'unit':<{widths[2]}}  may be"
    lines = [paint(head, "dim", is_on=is_coloured)]
    for role, group in rows.items():
        lines.append(paint(role, "bold", is_on=is_coloured))
        for name, value, unit, bounds, fault in group:
            line = f"  {name:<{widths[0]}}  {value:>{widths[1]}}  {unit:<{widths[2]}}  {bounds}".rstrip()
            lines.append(line)
            if fault:
                lines.append(paint(f"    ! {fault}", "red", is_on=is_coloured))
    return "\n".join(lines)


def _row(name: str, signal: Any) -> tuple[str, str, str, str, str]:
    unit, bounds = getattr(signal, "egu", ""), bounds_words(signal)
    try:
        value = signal.position if hasattr(signal, "position") else signal.get()
    except Exception as error:  # noqa: BLE001  # one instrument that does not answer must not hide the others
        return name, "?", unit, bounds, why(error)
    return name, _value_words(value), unit, bounds, ""


def _value_words(value: Any) -> str:
    if isinstance(value, np.ndarray):
        if value.size == 0:
            return "no numbers"
        return f"{value.size} from {value.min():.4g} to {value.max():.4g}"
    if isinstance(value, float | np.floating):
        return f"{float(value):.10g}" if value == round(value, 4) else f"{float(value):.5g}"
    return str(value) if value != "" else "-"
