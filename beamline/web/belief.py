"""What the optimiser believes, for the page: how the night converges, the best recipe, the next coupon and why."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from beamline.campaign import Campaign
from beamline.optimize import Objective, OptimizerStatus
from beamline.recipe import Dot, HeatTreatment, Line, Observation, Suggestion
from beamline.records import Run
from beamline.report.measured import measured
from beamline.report.words import heat_words, number, plus_minus, probability, recipe_words
from beamline.web.plain import NAMES, numbers_plain

__all__ = ["best_plain", "convergence_plain", "suggestion_plain"]


def convergence_plain(
    runs: Sequence[Run],
    statuses: Sequence[OptimizerStatus],
    seen: Sequence[Observation],
    campaign: Campaign | None,
    begin_s: float,
) -> dict[str, Any]:
    """Every site that was learnt from, in order, and the probability that the target is reached after each coupon."""
    objective = campaign.objective if campaign else None
    hours = _hours(runs, begin_s)
    points = [
        {
            "n": n,
            "coupon": o.site.coupon,
            "site": o.site.name,
            "hours": hours.get((o.site.coupon, o.site.name)),
            **{key: value for key, value in numbers_plain(measured(o, objective)).items() if key != "lines"},
        }
        for n, o in enumerate(seen, start=1)
        if objective is not None
    ]
    trace = statuses[-1].trace if statuses else ()
    return {
        "points": points,
        "trace": [{"coupon": entry.coupon, "n": entry.n_observations, "p_reached": entry.p_reached} for entry in trace],
        "asked_p": campaign.stop.target_reached_confidence if campaign else None,
    }


def _hours(runs: Sequence[Run], begin_s: float) -> dict[tuple[str, str], float]:
    """When each site was measured, h since the campaign began."""
    found = {}
    for run in runs:
        if run.start["purpose"] == "measurement":
            serial = str(run.start["coupon"]["serial"])
            for event in run.events("spectra"):
                data = event["data"]
                found[serial, str(data["site_name"])] = (float(data["clock_s"]) - begin_s) / 3600.0
    return found


def best_plain(
    status: OptimizerStatus | None, runs: Sequence[Run], objective: Objective | None
) -> dict[str, Any] | None:
    """The best site so far with its recipe, its numbers, and what is expected of the recipe on a fresh coupon."""
    if status is None or status.best is None or objective is None:
        return None
    seen = status.best.observation
    was_set = next(
        (
            HeatTreatment.model_validate(run.start["heat_treatment"])
            for run in reversed(runs)
            if run.start.get("heat_treatment") and run.start["coupon"]["serial"] == seen.site.coupon
        ),
        None,
    )
    return {
        "coupon": seen.site.coupon,
        "site": seen.site.name,
        "recipe": recipe_words(seen.glass, seen.writing, was_set or status.best.heat_treatment, seen.power_at_sample_W),
        "measured": numbers_plain(measured(seen, objective)),
        "p_reached": status.p_reached,
        "p_reached_text": probability(status.p_reached),
        "p_fresh_text": None if status.p_fresh_coupon is None else probability(status.p_fresh_coupon),
        "again": [
            [NAMES[p.observable], plus_minus(p.mean, p.sd), "" if p.unit == "1" else p.unit]
            for p in status.fresh_coupon
            if p.observable in NAMES
        ],
        "n_observations": status.n_observations,
    }


def suggestion_plain(suggestion: Suggestion, verdict: str, *, is_next: bool) -> dict[str, Any]:
    """The coupon that is being made, or (`is_next`) would be made if the night went on; and why."""
    return {
        "id": suggestion.suggestion_id,
        "is_next": is_next,
        "coupon": suggestion.coupon.serial,
        "glass": suggestion.coupon.glass.name,
        "treatment": heat_words([suggestion.heat_treatment]),
        "reason": suggestion.reason,
        "verdict": verdict,
        "sites": [
            {
                "name": s.site.name,
                "energy": f"{s.writing.pulse_energy_uJ:.4g}",
                "pace": _pace(s.writing),
                "p": s.p_in_specification,
                "expected": {
                    p.observable: f"{number(p.mean)} ± {number(p.sd, 2)}"
                    for p in s.predictions
                    if p.observable == "red_peak_nm"
                },
                "why": s.reason,
            }
            for s in suggestion.sites
        ],
        "pace_name": "speed (mm/s)" if isinstance(suggestion.sites[0].writing, Line) else "exposure (s)",
    }


def _pace(writing: Dot | Line) -> str:
    return f"{writing.speed_mm_s if isinstance(writing, Line) else writing.exposure_s:.3g}"
