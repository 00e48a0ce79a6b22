"""What keeps the best site from the specification, in words."""

from __future__ import annotations

import math

from beamline.optimize.targets import FAR
from beamline.report.data import NightData
from beamline.report.measured import measured, sample_of

__all__ = ["what_misses"]

_TARGETS = {
    "green_peak_nm": "green peak",
    "colour": "colour",
    "red_rate_counts_s": "red light",
    "green_rate_counts_s": "green light",
    "light_counts_s": "light",
    "red_lifetime_ns": "red lifetime",
    "green_lifetime_ns": "green lifetime",
}


def what_misses(night: NightData) -> str:
    """Which target the best site misses, and by how much."""
    status, objective = night.status, night.campaign.objective
    if status is None or status.best is None:
        return ""
    number, missed = measured(status.best.observation, objective), []
    if (
        objective.red_peak_nm
        and abs(number.red_peak_nm - objective.red_peak_nm.target) > objective.red_peak_nm.tolerance
    ):
        off = number.red_peak_nm - objective.red_peak_nm.target
        missed.append(f"its red peak lies {off:+.1f} nm from the target")
    if objective.green_red_ratio:
        off = (
            math.log(number.green_red_ratio / objective.green_red_ratio.target)
            if number.green_red_ratio > 0
            else math.nan
        )
        if math.isfinite(off) and abs(off) > math.log(objective.green_red_ratio.factor):
            missed.append(f"its green : red is {math.exp(off):.2g} times the target")
        elif not math.isfinite(off):
            missed.append("one of the two phases was not seen")
    others = [key for key in objective.targets() if key not in {"red_peak_nm", "green_red_ratio"}]
    off_by = dict(zip(objective.targets(), objective.deviations(sample_of(status.best.observation)), strict=True))
    missed += [
        f"its {_TARGETS[key]} was not found"
        if abs(off_by[key]) >= FAR
        else f"its {_TARGETS[key]} is {abs(off_by[key]):.2g} tolerances off"
        for key in others
        if abs(off_by[key]) > 1
    ]
    told = " and ".join(missed) or "its measured values lie within the specification, but not surely enough"
    return f"The best site falls short because {told}."
