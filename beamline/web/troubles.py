"""Faults, pauses, and whatever else did not go as planned, as the records tell it; newest first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from beamline.records import Run

__all__ = ["troubles_plain"]


def troubles_plain(runs: Sequence[Run], coupons: Sequence[dict[str, Any]], begin_s: float) -> list[dict[str, Any]]:
    """What went wrong or was waited for: hours since the campaign began, what, why.

    Args:
        runs: of the campaign.
        coupons: as the page has them; their suspect sites are named.
        begin_s: clock at the campaign's beginning.
    """
    found: list[dict[str, Any]] = []
    for run in runs:
        found += _of_run(run, begin_s)
    for coupon in coupons:
        suspect = [site["name"] for site in coupon["sites"] if site["state"] in ("suspect", "damaged")]
        if suspect:
            found.append(
                {
                    "hours": None,
                    "what": "suspect sites",
                    "why": f"{coupon['serial']}: {', '.join(suspect)}; not used again",
                }
            )
    return sorted(found, key=lambda one: -1.0 if one["hours"] is None else -one["hours"])


def _of_run(run: Run, begin_s: float) -> list[dict[str, Any]]:
    start, purpose = run.start, str(run.start["purpose"])
    hours = (float(start.get("clock_s", begin_s)) - begin_s) / 3600.0
    found: list[dict[str, Any]] = []
    if purpose == "fault":
        found.append(_fault(hours, start))
    if "faults" in run.streams:
        for event in run.events("faults"):
            data = event["data"]
            at = (float(data.get("clock_s", begin_s)) - begin_s) / 3600.0
            about = {key.removeprefix("fault_"): value for key, value in data.items()}
            found.append(_fault(at, {**about, "fault": about.get("kind_of_fault", "")}))
    if purpose == "resume":
        found.append({"hours": hours, "what": "taken up again", "why": str(start.get("interrupted") or "")})
    for pause in start.get("pauses") or ():
        waited_s = pause.get("waited_s")
        began_h = (float(pause.get("since_s", begin_s)) - begin_s) / 3600.0
        waited = "" if waited_s is None else f", {float(waited_s):.0f} s"
        found.append({"hours": began_h, "what": f"paused{waited}", "why": f"{pause['monitor']}: {pause['reason']}"})
    stop = run.stop
    if stop is not None and stop.get("exit_status") != "success":
        doing = {"writing": "writing", "heat_treatment": "heating", "measurement": "measuring"}.get(purpose, purpose)
        serial = (start.get("coupon") or {}).get("serial", "")
        why = str(stop.get("reason") or "the records give no reason")
        found.append({"hours": hours, "what": f"{doing} {serial}: {stop.get('exit_status')}", "why": why})
    found += [{"hours": hours, "what": "a log is damaged", "why": str(d)} for d in run.damage if stop is not None]
    return found


def _fault(hours: float, about: dict[str, Any]) -> dict[str, Any]:
    what = f"fault while {about.get('step', 'at work')}: {about.get('fault', '')}".rstrip(": ")
    then = about.get("then")
    return {"hours": hours, "what": what, "why": f"{about.get('words', '')}{f' (then: {then})' if then else ''}"}
