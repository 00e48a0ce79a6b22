"""What went wrong in a night, and how it ended, as far as its records know."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from beamline.campaign.left import GIVEN_UP
from beamline.recipe import Failed
from beamline.records import SiteState
from beamline.report.data import NightData

__all__ = ["Failure", "failures_of", "how_ended"]


@dataclass(frozen=True, slots=True)
class Failure:
    """Something that went wrong: where, what, and why as far as the records know."""

    where: str
    what: str
    why: str


def how_ended(night: NightData) -> str:
    """Why the night is over, in words."""
    last = night.decisions[-1] if night.decisions else None
    if last is not None and last.verdict == "stop":
        return last.reason
    broken = [r for r in night.runs if r.exit_status != "success" and not r.reason.startswith(GIVEN_UP)]
    if night.ended:
        return night.ended
    cut = broken[-1] if broken else None
    if cut is None:
        return "the records end without a last decision: the night was interrupted, or still goes on"
    why = f": {cut.reason}" if cut.reason else ""
    return (
        f"interrupted while {_DOING.get(cut.purpose, cut.purpose)} {cut.coupon}".strip() + f" ({cut.exit_status}{why})"
    )


_DOING = {"writing": "writing", "heat_treatment": "heating", "measurement": "measuring", "decision": "deciding"}


def failures_of(night: NightData) -> tuple[Failure, ...]:
    """All that failed, run by run, then site by site, then in the records."""
    found = [
        Failure(
            f"{_DOING.get(run.purpose, run.purpose)} {run.coupon}".strip(),
            f"run {run.uid[:8]} ended with {run.exit_status!r}",
            run.reason or "the records give no reason",
        )
        for run in night.runs
        if run.exit_status != "success"
    ]
    for coupon in night.coupons:
        why: dict[tuple[str, str], list[str]] = {}
        for site in coupon.sites:
            if site.state is SiteState.SUSPECT:
                why.setdefault(("suspect: not to be used again", site.reason), []).append(site.site.name)
            if site.observation and isinstance(site.observation.outcome, Failed):
                why.setdefault(("no outcome", site.observation.outcome.reason), []).append(site.site.name)
        found += [
            Failure(f"{coupon.coupon.serial} {_sites(names)}", what, reason) for (what, reason), names in why.items()
        ]
    found += [Failure("records", "damaged", line) for line in night.problems]
    return tuple(found)


def _sites(names: Sequence[str]) -> str:
    shown = ", ".join(names[:6])
    return shown if len(names) <= 6 else f"{shown} and {len(names) - 6} more"
