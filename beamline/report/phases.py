"""What a coupon went through and when, told from where its runs begin and end and from the furnace's samples."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from beamline.campaign.left import GIVEN_UP
from beamline.report.data import Furnace, Phase, RunNote

__all__ = ["INTERRUPTED", "PHASE_NAMES", "hold_span_s", "phases_of"]

PHASE_NAMES = ("load", "write", "carry", "ramp_up", "hold", "cool", "measure", "unload")
"""In the order in which a coupon goes through them; the words of the time estimate."""

INTERRUPTED = "interrupted"
"""From the end of a run that broke off to the beginning of the one that went on."""

IN_BAND_C = 3.0
"""The hold begins when the sensor is this near to its temperature."""

_BEFORE = {"writing": "load", "heat_treatment": "carry", "measurement": "measure"}


def phases_of(notes: Sequence[RunNote], furnaces: Sequence[Furnace], end_s: float | None) -> tuple[Phase, ...]:
    """The phases of one coupon.

    Args:
        notes: the coupon's runs, in order; its decision first.
        furnaces: its heat treatment, a part for each of its runs.
        end_s: when the next decision was taken, which ends the unloading; None where there was none.
    """
    phases: list[Phase] = []
    by_uid = {furnace.uid: furnace for furnace in furnaces}
    at_s, is_broken = notes[0].begin_s, False
    for note in notes:
        if note.purpose in _BEFORE:
            phases.append(Phase(INTERRUPTED if is_broken else _BEFORE[note.purpose], at_s, note.begin_s))
        if note.purpose == "writing":
            phases.append(Phase("write", note.begin_s, note.end_s))
        elif note.purpose == "measurement":
            phases.append(Phase("measure", note.begin_s, note.end_s))
        elif note.purpose == "heat_treatment":
            phases += _heating(note, by_uid.get(note.uid))
        at_s = note.end_s
        is_broken = note.exit_status != "success" and not note.reason.startswith(GIVEN_UP)
    if end_s is not None and notes[-1].purpose == "measurement":
        phases.append(Phase("unload", at_s, end_s))
    return tuple(p for p in phases if p.end_s > p.begin_s)


def _heating(note: RunNote, furnace: Furnace | None) -> list[Phase]:
    if furnace is None:
        return []
    begin_s, end_s = hold_span_s(furnace)
    return [
        Phase("ramp_up", note.begin_s, begin_s),
        Phase("hold", begin_s, end_s),
        Phase("cool", end_s, note.end_s),
    ]


def hold_span_s(furnace: Furnace) -> tuple[float, float]:
    """When the hold began and ended; both the last sample's time where it was never reached."""
    target_C = furnace.treatment.temperature_C
    last_s = float(furnace.clock_s[-1])
    near = np.flatnonzero(np.abs(furnace.temperature_C - target_C) <= IN_BAND_C)
    if not len(near):
        return last_s, last_s
    begin = int(near[0])
    falling = np.flatnonzero(furnace.setpoint_C[begin:] < target_C - 0.5)
    end = begin + int(falling[0]) - 1 if len(falling) else len(furnace.clock_s) - 1
    return float(furnace.clock_s[begin]), float(furnace.clock_s[max(end, begin)])
