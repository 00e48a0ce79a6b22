"""A suggestion, and a night's question about one, as text: for the command and for the shell."""

from __future__ import annotations

from collections.abc import Callable

from beamline.campaign.question import Question
from beamline.cli.table import hours_text
from beamline.recipe import Line, Suggestion

__all__ = ["question_text", "suggestion_text"]


def suggestion_text(suggestion: Suggestion, faint: Callable[[str], str] = str) -> str:
    """Coupon, heat treatment, sites, each with its reason.

    Args:
        suggestion: to be shown.
        faint: how the head of the table is painted.
    """
    treatment, coupon = suggestion.heat_treatment, suggestion.coupon
    lines = [
        (
            f"  {coupon.serial} ({coupon.glass.name}): {treatment.temperature_C:.0f} degC for {hours_text(treatment.hold_s)}, "
            f"{treatment.ramp_C_min:g} degC/min"
        ),
        f"  why: {suggestion.reason}",
    ]
    is_line = isinstance(suggestion.sites[0].writing, Line)
    head = ("site", "energy uJ", "mm/s" if is_line else "s", "passes", "red peak nm", "P(spec)", "why")
    rows = [head]
    for site in suggestion.sites:
        writing = site.writing
        red = next((p for p in site.predictions if p.observable == "red_peak_nm"), None)
        rows.append(
            (
                site.site.name,
                f"{writing.pulse_energy_uJ:.1f}",
                f"{writing.speed_mm_s:.3f}" if isinstance(writing, Line) else f"{writing.exposure_s:.2f}",
                str(writing.n_passes),
                f"{red.mean:.1f} ± {red.sd:.1f}" if red else "-",
                "-" if site.p_in_specification is None else f"{site.p_in_specification:.2f}",
                site.reason,
            )
        )
    widths = [max(len(row[i]) for row in rows) for i in range(len(head) - 1)]
    for number, row in enumerate(rows):
        cells = [
            f"{cell:<{w}}" if i == 0 else f"{cell:>{w}}" for i, (cell, w) in enumerate(zip(row, widths, strict=False))
        ]
        line = "  " + "  ".join([*cells, row[-1]]).rstrip()
        lines.append(faint(line) if number == 0 else line)
    return "\n".join(lines)


def question_text(question: Question, faint: Callable[[str], str] = str) -> str:
    """The question with the reasons of the suggestion, and the bounds within which it may be edited; `faint` as above."""
    source = f"{question.name} {question.campaign_uid[:8]}"
    asks = f"{source} asks about its coupon {question.n_coupon}"
    lines = [
        f"{asks} (question {question.number[:8]}, since {question.since[11:19]}; {question.then})",
        f"  P(target reached) = {question.status.p_reached:.2f}, learnt from {question.status.n_observations} sites",
        suggestion_text(question.suggestion, faint),
    ]
    lines += [
        f"  before: {one.suggestion.coupon.serial} rejected by {one.decision.by}: {one.decision.note}"
        for one in question.before
    ]
    space = question.space
    bounds = [("temperature_C", space.temperature_C, "degC"), ("hold_s", space.hold_s, "s")]
    bounds += [("pulse_energy_uJ", space.pulse_energy_uJ, "uJ")]
    bounds += (
        [("speed_mm_s", space.speed_mm_s, "mm/s")] if space.mode == "line" else [("exposure_s", space.exposure_s, "s")]
    )
    lines.append("  may be: " + ", ".join(f"{key} {low:g} to {high:g} {unit}" for key, (low, high), unit in bounds))
    return "\n".join(lines)
