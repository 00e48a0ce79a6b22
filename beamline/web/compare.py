"""Campaigns side by side: the list of those there were, and what each reached."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from beamline.campaign.check import duration_text
from beamline.campaign.history import campaign_history, campaign_uids
from beamline.records import Records
from beamline.report.words import probability
from beamline.web.night import NightReader

__all__ = ["compared", "listed", "report_file", "report_folder_of"]


def report_folder_of(folder: Path, name: str, uid: str) -> Path:
    """Where the report of a campaign lies, whether or not there is one."""
    return folder / "reports" / f"{name}-{uid[:8]}"


def report_file(folder: Path, name: str, uid: str, file: str) -> Path | None:
    """A file of a campaign's report; None for what is not there, or would lead out of the report's folder."""
    home = report_folder_of(folder, name, uid)
    try:
        path = next((path for path in home.iterdir() if path.name == file and not path.is_symlink()), None)
    except OSError:
        return None
    return path if path is not None and path.is_file() else None


def listed(records: Records) -> list[dict[str, Any]]:
    """All campaigns, newest first."""
    found = []
    for uid in reversed(campaign_uids(records)):
        history = campaign_history(records, uid)
        last = next(reversed(records.runs(campaign=uid, purpose="decision")), None)
        p = float(last.start["state"]["p_reached"]) if last is not None else math.nan
        found.append(
            {
                "uid": uid,
                "name": history.name,
                "start_time": history.start_time[:16].replace("T", " "),
                "state": history.state.kind,
                "reason": getattr(history.state, "reason", ""),
                "n_coupons": history.n_coupons,
                "n_coupons_max": history.n_coupons_max,
                "n_sites": history.n_sites_measured,
                "took": duration_text(history.clock_s),
                "p_reached": probability(p) if math.isfinite(p) else "–",
                "has_report": report_file(records.folder, history.name, uid, "report.html") is not None,
            }
        )
    return found


def compared(readers: list[NightReader]) -> dict[str, Any]:
    """What each campaign reached, line by line, and the curves to lay over each other."""
    nights = [reader.snapshot() for reader in readers]
    lines: list[tuple[str, list[str]]] = [
        ("started", [n["start_time"][:16].replace("T", " ") for n in nights]),
        ("instrument", [f"{n['instrument']['name']} ({n['instrument']['kind']})" for n in nights]),
        ("wanted", [(n["objective"] or {}).get("text", "–") for n in nights]),
        (
            "optimiser, seed",
            [f"{n['optimizer'] or '–'}, {n['seed'] if n['seed'] is not None else '–'}" for n in nights],
        ),
        ("state", [n["state"]["kind"] for n in nights]),
        ("time on the bench", [duration_text(n["clock_s"]) for n in nights]),
        ("coupons", [f"{n['n_coupons']} of {n['n_coupons_max']}" for n in nights]),
        ("sites learnt from", [str(len(n["convergence"]["points"])) for n in nights]),
        ("sites within the specification", [_share_inside(n) for n in nights]),
        ("target reached", [(n["best"] or {}).get("p_reached_text", "–") for n in nights]),
        ("on a fresh coupon", [(n["best"] or {}).get("p_fresh_text") or "–" for n in nights]),
        ("best site", [f"{n['best']['site']} on {n['best']['coupon']}" if n["best"] else "–" for n in nights]),
    ]
    seen = [
        {what: f"{text} {unit}".strip() for what, text, unit in n["best"]["measured"]["lines"]} if n["best"] else {}
        for n in nights
    ]
    recipes = [dict(n["best"]["recipe"]) if n["best"] else {} for n in nights]
    lines += [
        (f"its {what}", [one.get(what, "–") for one in seen]) for what in ("red peak", "green : red", "red light")
    ]
    for what in ("glass", "pulse energy", "speed", "exposure", "passes", "heat treatment"):
        row = [one.get(what, "–") for one in recipes]
        if set(row) != {"–"}:
            lines.append((f"its {what}", row))
    curves = [
        {
            "name": n["name"],
            "uid": n["uid"][:8],
            "trace": _trace(n),
        }
        for n in nights
    ]
    return {"nights": nights, "lines": lines, "curves": json.dumps(curves).replace("<", "\\u003c")}


def _share_inside(night: dict[str, Any]) -> str:
    points = night["convergence"]["points"]
    return f"{sum(p['is_inside'] for p in points)} of {len(points)}"


def _trace(night: dict[str, Any]) -> list[dict[str, Any]]:
    """Probability against sites and hours: after each coupon, when its last site had been measured."""
    points = night["convergence"]["points"]
    hours = [p["hours"] for p in points]
    found = []
    for entry in night["convergence"]["trace"]:
        upto = [h for h in hours[: entry["n"]] if h is not None]
        found.append({"n": entry["n"], "hours": max(upto) if upto else None, "p": entry["p_reached"]})
    return found
