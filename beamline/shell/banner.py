"""What a session says first: which instrument, twin or bench, where the records are, what is at hand."""

from __future__ import annotations

from beamline.session import Session
from beamline.shell.paint import paint

__all__ = ["banner"]


def banner(session: Session, *, is_coloured: bool | None = None) -> str:
    """Some lines; the first one says twin or bench, on green or on red."""
    instrument = session.instrument
    if instrument.kind == "twin":
        kind = paint(" TWIN ", "on green", is_on=is_coloured)
        about = "its hours pass in seconds, nothing real moves"
    else:
        kind = paint(" BENCH ", "on red", is_on=is_coloured)
        about = "REAL INSTRUMENTS: laser, furnace and stage move"
    lines = [
        f"{paint('vitrail', 'bold', is_on=is_coloured)}  {kind} {instrument.name}  {about}",
        f"records  {session.records.folder}",
        "devices  " + ", ".join(session.bench.roles),
        "also     RE, cat (records), bec (table and plots), bps, bp, plans, make_safe(bench)",
        "magics   %wa  %mov  %movr  %ct  %coupon  %site  %suggest  %accept  %edit  %reject   (%mov? explains)",
        "Ctrl-C   pauses a plan, twice at once; exit makes the bench safe",
    ]
    lines += [paint(f"watchdog {text}", "yellow", is_on=is_coloured) for text in session.watchdog_did]
    return "\n".join(lines)
