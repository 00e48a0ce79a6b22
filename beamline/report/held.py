"""What held a night up, from its documents: faults that the policy met, pauses of the monitors, interruptions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from beamline.records import Run
from beamline.report.data import Held

__all__ = ["held_up"]

_THEN = {
    "retry": "tried again",
    "skip_site": "went on without the site",
    "skip_coupon": "went on without the coupon",
    "measure": "measured what it had come to",
    "ask": "waited for the operator",
    "stop": "the night ended",
}


def held_up(runs: Sequence[Run], begin_s: float) -> tuple[Held, ...]:
    """All of it in the order of the clock.

    Args:
        runs: of a campaign.
        begin_s: its clock when it began.
    """
    found = [held for run in runs for held in _of(run, begin_s)]
    return tuple(sorted(found, key=lambda held: held.clock_s))


def _of(run: Run, begin_s: float) -> Iterator[Held]:
    start = run.start
    clock_s = float(start["clock_s"]) - begin_s
    serial = str(start.get("coupon", {}).get("serial", ""))
    if start["purpose"] == "fault":
        yield Held(clock_s, "fault", start["step"], start["words"], _then(start["then"]))
    for event in run.events("faults"):
        data: Mapping[str, Any] = event["data"]
        where = " ".join(filter(None, (str(data["fault_step"]), serial, str(data["site_name"]))))
        at_s = float(data["clock_s"]) - begin_s
        yield Held(at_s, "fault", where, str(data["fault_words"]), _then(str(data["fault_then"])))
    if start["purpose"] == "resume":
        where = str(start.get("interrupted", "")).replace("_", " ")
        why = f"interrupted in a run of {where}" if where else "interrupted between two runs"
        yield Held(clock_s, "gone on", "", why, f"resumed {start['resumed_time']}" if "resumed_time" in start else "")
    for pause in start.get("pauses", ()):
        waited_s = pause["waited_s"]
        then = f"went on after {waited_s:.0f} s" if waited_s is not None else "did not go on"
        yield Held(float(pause["since_s"]) - begin_s, "pause", pause["monitor"], pause["reason"], then)


def _then(word: str) -> str:
    return _THEN.get(word, word)
