"""The sites of a coupon as a table for the terminal."""

from __future__ import annotations

from rich.table import Table

from beamline.optimize import Objective
from beamline.recipe import Dot, Line, Luminescence, Observation, Phase, Suggestion
from beamline.report.measured import measured

WIDE, MEDIUM = 100, 76
"""Characters that the whole table takes, with a word of state; and that it takes without what was expected."""

__all__ = ["hours_text", "outcome_cells", "site_table"]


def hours_text(seconds: float) -> str:
    """Seconds as `h:mm`, the way a lab book has it."""
    minutes = round(seconds / 60)
    return f"{minutes // 60}:{minutes % 60:02d} h"


def _writing_cells(writing: Dot | Line) -> tuple[str, str, str]:
    pace = f"{writing.speed_mm_s:.2f} mm/s" if isinstance(writing, Line) else f"{writing.exposure_s:.1f} s"
    return f"{writing.pulse_energy_uJ:.0f}", pace, str(writing.n_passes)


def outcome_cells(observation: Observation | None, state: str) -> tuple[str, str, str, str]:
    """Red peak (nm), green:red ratio, brightness (counts/s) and a word, for one site's row.

    Args:
        observation: what came of the site; None where nothing has yet.
        state: the word for a site without an observation.
    """
    if observation is None:
        return "", "", "", f"[dim]{state}[/]"
    outcome = observation.outcome
    if not isinstance(outcome, Luminescence):
        return (
            "-",
            "-",
            "-",
            {"no_luminescence": "dark", "saturated": "saturated", "failed": "[red]failed[/]"}[outcome.kind],
        )
    red, green = outcome.band("red"), outcome.band("green")
    peak = f"{red.peak_nm:.1f} ± {red.peak_sd_nm:.1f}" if red else "-"
    ratio = f"{green.rate_counts_s / red.rate_counts_s:.2f}" if red and green and red.rate_counts_s > 0 else "-"
    total = sum(band.rate_counts_s for band in outcome.bands)
    return peak, ratio, f"{total:.3g}", "measured"


def _lifetime_cell(observation: Observation | None, phase: Phase) -> str:
    if observation is None:
        return ""
    found = observation.lifetime(phase)
    return "-" if found is None else f"{found.lifetime_ns:.1f} ± {found.lifetime_sd_ns:.1f}"


def site_table(
    suggestion: Suggestion,
    outcomes: dict[str, Observation],
    title: str,
    *,
    states: dict[str, str] | None = None,
    objective: Objective | None = None,
    width: int = 120,
) -> Table:
    """The sites of one coupon: what was chosen, what was expected, what came.

    Args:
        suggestion: the coupon's.
        outcomes: observations by site name.
        title: above the table.
        states: words for the sites without an observation, by site name.
        objective: sites that meet it are marked.
        width: of the terminal; on a narrow one what was expected is left out, then the recipe.
    """
    is_wide, has_recipes = width >= WIDE, width >= MEDIUM
    table = Table(title=title, title_justify="left", title_style="bold", header_style="bold", box=None, pad_edge=False)
    recipe = ("energy\nuJ", "pace\n") if has_recipes else ()
    chosen = (*recipe, *(("passes\n", "expected\nred nm", "P(spec)\n") if is_wide else ()))
    phases = objective.lifetime_phases() if objective else ()
    lifetimes = tuple(f"{phase} life\nns" for phase in phases)
    for heading in ("site", *chosen, *lifetimes, "red peak\nnm", "green:red\n", "rate\ncounts/s", "\n"):
        table.add_column(heading, justify="left" if heading in {"site", "\n"} else "right", no_wrap=True)
    for choice in suggestion.sites:
        observation = outcomes.get(choice.site.name)
        red = next((p for p in choice.predictions if p.observable == "red_peak_nm"), None)
        energy, pace, passes = _writing_cells(choice.writing)
        p_in = "" if choice.p_in_specification is None else f"{choice.p_in_specification:.2f}"
        expected = (passes, f"{red.mean:.0f} ± {red.sd:.0f}" if red else "", p_in)
        table.add_row(
            choice.site.name,
            *((energy, pace) if has_recipes else ()),
            *(expected if is_wide else ()),
            *(_lifetime_cell(observation, phase) for phase in phases),
            *outcome_cells(observation, (states or {}).get(choice.site.name, "waiting")),
            style="bold green" if observation and objective and measured(observation, objective).is_inside else None,
        )
    return table
