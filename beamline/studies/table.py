"""What a study says of each optimiser on each campaign: at which coupon it was there, and how good its forecasts were."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from typing import Any

from beamline.recipe import Frozen
from beamline.studies.night import CONFIDENCE, NightRow

__all__ = ["ArmResult", "arm_results", "as_text"]

FORESEEN = ("red_peak_eV", "green_peak_eV", "ln_red_rate", "ln_green_rate", "ln_red_lifetime", "ln_green_lifetime")


class Coverage(Frozen):
    """Coupons against what was predicted before they were seen: rms z and shares within 1 and 2 sd (1, 68 %, 95 %)."""

    observable: str
    z_rms: float
    share_within_1_sd: float
    share_within_2_sd: float
    n: int


class ArmResult(Frozen):
    """One optimiser on one campaign.

    Attributes:
        n_reached: nights that reached the target.
        median_coupon: at which it was reached; None where half of the nights or more did not.
        hours: mean of the bench's clock.
    """

    campaign: str
    arm: str
    n_nights: int
    n_reached: int
    median_coupon: float | None
    hours: float
    coverage: tuple[Coverage, ...]


def arm_results(rows: Sequence[NightRow]) -> tuple[ArmResult, ...]:
    """A result for each campaign and optimiser that has a night, in their order."""
    arms = dict.fromkeys((row.campaign, row.arm) for row in rows)
    return tuple(_result([row for row in rows if (row.campaign, row.arm) == arm]) for arm in arms)


def _result(rows: Sequence[NightRow]) -> ArmResult:
    needed = [row.first for row in rows]
    n_reached = sum(first is not None for first in needed)
    worst = max((first for first in needed if first), default=0) + 1
    median = statistics.median(first or worst for first in needed)
    checks = [check for row in rows for check in row.checks]
    return ArmResult(
        campaign=rows[0].campaign,
        arm=rows[0].arm,
        n_nights=len(rows),
        n_reached=n_reached,
        median_coupon=median if n_reached > len(needed) / 2 else None,
        hours=statistics.fmean(row.hours for row in rows),
        coverage=tuple(found for name in FORESEEN if (found := _coverage(name, checks)) is not None),
    )


def _coverage(name: str, checks: Sequence[dict[str, Any]]) -> Coverage | None:
    seen = [o for check in checks for o in check["observables"] if o["observable"] == name]
    n = sum(o["n"] for o in seen)
    if not n:
        return None
    one, two = (sum(o["n"] * o[f"share_within_{k}_sd"] for o in seen) / n for k in (1, 2))
    return Coverage(
        observable=name,
        z_rms=math.sqrt(sum(o["n"] * o["z_rms"] ** 2 for o in seen) / n),
        share_within_1_sd=one,
        share_within_2_sd=two,
        n=n,
    )


def as_text(results: Sequence[ArmResult]) -> str:
    """For a terminal."""
    lines = [f"target reached: a site meets the specification with p >= {CONFIDENCE} on measured outcomes"]
    for result in results:
        median = "not reached" if result.median_coupon is None else f"{result.median_coupon:g}"
        lines.append(
            f"{result.campaign}  {result.arm:8s} {result.n_reached:2d} of {result.n_nights} nights; median coupon at which it "
            f"was reached: {median}; {result.hours:.1f} h a night"
        )
        if result.coverage:
            texts = (
                f"{c.observable} {c.z_rms:.2f} {c.share_within_1_sd:.0%} {c.share_within_2_sd:.0%} of {c.n}"
                for c in result.coverage
            )
            lines.append("    foreseen, rms z and shares within 1 and 2 sd: " + "; ".join(texts))
    return "\n".join(lines)
