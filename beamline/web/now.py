"""What the bench does now, and how long it will go on."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from beamline.campaign.history import CampaignHistory
from beamline.records import Run

__all__ = ["now_plain", "time_plain"]

_BETWEEN: Final = {
    "campaign": "deciding on the first coupon",
    "resume": "going on with what was interrupted",
    "decision": "carrying {coupon} to the stage",
    "writing": "carrying {coupon} to the furnace",
    "heat_treatment": "carrying {coupon} to the spectrometer",
    "measurement": "learning from {coupon}, and deciding on the next coupon",
    "fault": "making good a fault",
}
_STREAM: Final = {"writing": "intents", "measurement": "spectra"}


def now_plain(runs: Sequence[Run], *, is_over: bool) -> dict[str, Any]:
    """The last run: what it does, on which coupon, at which site, how far; in words in `text`."""
    run = next((run for run in reversed(runs) if run.start["purpose"] != "mark"), None)
    if run is None:
        return {"text": "", "purpose": None, "coupon": None, "site": None}
    purpose = str(run.start["purpose"])
    coupon = (run.start.get("coupon") or {}).get("serial")
    plain: dict[str, Any] = {"purpose": purpose, "coupon": coupon, "site": None, "is_between": run.stop is not None}
    if is_over:
        return plain | {"text": ""}
    if run.stop is not None:
        return plain | {"text": _BETWEEN.get(purpose, "").format(coupon=coupon)}
    if purpose in _STREAM:
        names = [str(event["data"]["site_name"]) for event in run.events(_STREAM[purpose])]
        n_sites = len(run.start.get("sites") or ())
        site = names[-1] if names else None
        n_done = len(set(names))
        verb = "writing" if purpose == "writing" else "measuring"
        where = f"{verb} {site} on {coupon}" if site else f"{verb} {coupon}"
        return plain | {
            "site": site,
            "n_done": n_done,
            "n_sites": n_sites,
            "text": f"{where}, site {n_done} of {n_sites}",
        }
    if purpose == "heat_treatment":
        return plain | _heating(run, str(coupon))
    return plain | {"text": purpose.replace("_", " ")}


def _heating(run: Run, coupon: str) -> dict[str, Any]:
    target_C = float((run.start.get("heat_treatment") or {}).get("temperature_C", float("nan")))
    events = run.events("furnace")
    if not events:
        return {"text": f"heating {coupon}"}
    read_C, set_C = (float(events[-1]["data"][f"furnace_{key}_C"]) for key in ("temperature", "setpoint"))
    highest_C = max(float(event["data"]["furnace_setpoint_C"]) for event in events)
    if set_C >= target_C - 0.5:
        phase = "holding" if abs(read_C - target_C) <= 3.0 else "heating"
    else:
        phase = "cooling" if highest_C >= target_C - 0.5 else "heating"
    return {
        "temperature_C": read_C,
        "setpoint_C": set_C,
        "text": f"{phase} {coupon}: {read_C:.0f} °C of {target_C:.0f} °C",
    }


def time_plain(runs: Sequence[Run], history: CampaignHistory, first: Run, now: dict[str, Any]) -> dict[str, Any]:
    """How long it has taken, and what is left where all coupons are used: at most, for a stop rule may end it sooner.

    After the first coupon the mean of those that are done is what the others are expected to take; before it, the estimate
    that was made at the start.
    """
    elapsed_s = history.clock_s
    expected_s = float(first.start.get("expected_s") or 0.0)
    kind = (first.start.get("instrument") or {}).get("kind", "")
    plain: dict[str, Any] = {"elapsed_s": elapsed_s, "expected_s": expected_s or None, "is_simulated": kind == "twin"}
    if now["text"] == "":
        return plain | {"left_s": None, "end_time": None}
    begins_s = [float(run.start["clock_s"]) for run in runs if run.start["purpose"] == "decision"]
    n_done, n_left = len(begins_s) - 1, history.n_coupons_max - max(len(begins_s) - 1, 0)
    if n_done >= 1:
        each_s = (begins_s[-1] - begins_s[0]) / n_done
        in_hand_s = float(first.start["clock_s"]) + elapsed_s - begins_s[-1]
        left_s = max(n_left * each_s - in_hand_s, 0.0)
    else:
        left_s = max(expected_s - elapsed_s, 0.0)
    end = None
    if kind != "twin":
        end = (datetime.now(UTC) + timedelta(seconds=left_s)).astimezone().isoformat(timespec="minutes")
    return plain | {"left_s": left_s, "end_time": end}
