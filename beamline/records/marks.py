"""What a person saw of a coupon and no instrument did: it fell, it cracked, a site is not to be trusted.

A mark is a run of `purpose="mark"` without events, recorded as all others are; the ledger takes it in.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from beamline.recipe import Coupon, as_plain
from beamline.records.errors import RecordError
from beamline.records.log import LogWriter
from beamline.records.store import Records

__all__ = ["Condition", "damaged_serials", "mark"]

Condition = Literal["suspect", "damaged"]


def mark(
    folder: Path | str,
    coupon: Coupon,
    condition: Condition,
    reason: str,
    *,
    sites: Sequence[str] = (),
    at: datetime | None = None,
) -> str:
    """Record that a coupon, or some of its sites, are damaged or suspect.

    Args:
        folder: the record folder.
        coupon: which.
        condition: "damaged" is final, and nothing is ever written there; "suspect" is not to be written or trusted.
        reason: what was seen.
        sites: names; none for the whole coupon.
        at: when; now where None.

    Returns:
        uid of the run.

    Raises:
        RecordError: without a reason.
        LogWriteError: it cannot be recorded.
    """
    if not reason.strip():
        raise RecordError(f"why is {coupon.serial} {condition}? Give a reason: the next person will ask")
    uid = str(uuid.uuid4())
    time = (at or datetime.now(UTC)).timestamp()
    start = {
        "uid": uid,
        "time": time,
        "purpose": "mark",
        "plan_name": "mark",
        "plan_type": "mark",  # no plan ran and nothing was counted, but Bluesky's callbacks print both of any run
        "scan_id": 0,
        "coupon": as_plain(coupon),
        "sites": list(dict.fromkeys(sites)),
        "condition": condition,
        "reason": reason.strip(),
    }
    stop = {
        "uid": str(uuid.uuid4()),
        "time": time,
        "run_start": uid,
        "exit_status": "success",
        "reason": "",
        "num_events": {},
    }
    with LogWriter(folder) as log:
        log("start", start)
        log("stop", stop)
    return uid


def damaged_serials(records: Records, *, until: float | None = None) -> frozenset[str]:
    """Coupons that were marked as damaged as a whole, before a moment (s since 1970) or at any time."""
    marks = records.runs(until=until, purpose="mark", condition="damaged")
    return frozenset(str(run.start["coupon"]["serial"]) for run in marks if not run.start["sites"])
