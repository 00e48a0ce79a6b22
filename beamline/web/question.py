"""What a night asks about its next coupon, for the page: the suggestion, what was said before, what may be changed."""

from __future__ import annotations

from typing import Any

from beamline.campaign.question import Question
from beamline.web.belief import suggestion_plain

__all__ = ["question_plain"]


def question_plain(question: Question) -> dict[str, Any]:
    """A question as plain JSON types; the keys of `edit` are those of `beamline.optimize.edits`."""
    space, heat = question.space, question.suggestion.heat_treatment
    is_line = space.mode == "line"
    pace, pace_ends = ("speed_mm_s", space.speed_mm_s) if is_line else ("exposure_s", space.exposure_s)
    return {
        "number": question.number,
        "n_coupon": question.n_coupon,
        "since": question.since,
        "until": question.until,
        "then": question.then,
        "p_reached": question.status.p_reached,
        "n_observations": question.status.n_observations,
        "suggestion": suggestion_plain(question.suggestion, "", is_next=False),
        "before": [
            {"coupon": one.suggestion.coupon.serial, "by": one.decision.by, "note": one.decision.note}
            for one in question.before
        ],
        "edit": {
            "heat": [
                _field("temperature_C", "Temperature", "°C", space.temperature_C) | {"value": heat.temperature_C},
                _field("hold_s", "Hold", "s", space.hold_s) | {"value": heat.hold_s},
            ],
            "writing": [
                _field("pulse_energy_uJ", "Energy", "µJ", space.pulse_energy_uJ),
                _field(pace, *(("Speed", "mm/s") if is_line else ("Exposure", "s")), pace_ends),
                _field("n_passes", "Passes", "", space.n_passes) | {"step": 1},
            ],
            "sites": [
                {
                    "name": one.site.name,
                    "pulse_energy_uJ": one.writing.pulse_energy_uJ,
                    "n_passes": one.writing.n_passes,
                }
                | {pace: getattr(one.writing, pace)}
                for one in question.suggestion.sites
            ],
        },
    }


def _field(key: str, label: str, unit: str, ends: tuple[float, float]) -> dict[str, Any]:
    return {"key": key, "label": label, "unit": unit, "low": ends[0], "high": ends[1], "step": "any"}
