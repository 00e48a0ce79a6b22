"""The figure of a study: in what share of the nights each optimiser was at the target, by coupons."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from beamline.report.style import (
    BLUE,
    GREEN,
    MARKERS,
    ORANGE,
    RED,
    Drawing,
    Footer,
    new_figure,
    styled,
    write_drawing,
)
from beamline.studies.night import CONFIDENCE, NightRow

__all__ = ["draw_study"]

COLOURS = (BLUE, RED, GREEN, ORANGE)


def draw_study(rows: Sequence[NightRow], out: Path) -> tuple[Path, ...]:
    """Share of the nights that were at the target after each coupon, a panel a campaign, a curve an optimiser: PNG, SVG, CSV.

    Args:
        rows: at least one.
        out: folder; made where it is missing.
    """
    out.mkdir(parents=True, exist_ok=True)
    with styled():
        return write_drawing(_drawing(rows), out)[1]


def _drawing(rows: Sequence[NightRow]) -> Drawing:
    campaigns = list(dict.fromkeys(row.campaign for row in rows))
    arms = list(dict.fromkeys(row.arm for row in rows))
    figure = new_figure(2.9)
    panels = figure.subplots(1, len(campaigns), sharey=True, squeeze=False)[0]
    table: dict[str, list[object]] = {"campaign": [], "optimiser": [], "coupons": [], "n_reached": [], "n_nights": []}
    for axes, campaign in zip(panels, campaigns, strict=True):
        longest = max(len(row.p_reached) for row in rows if row.campaign == campaign)
        coupons = list(range(longest + 1))
        for number, arm in enumerate(arms):
            nights = [row for row in rows if (row.campaign, row.arm) == (campaign, arm)]
            if not nights:
                continue
            firsts = [row.first for row in nights]
            reached = [sum(first is not None and first <= n for first in firsts) for n in coupons]
            axes.plot(
                coupons,
                [n / len(nights) for n in reached],
                drawstyle="steps-post",
                label=f"{arm} ({len(nights)} nights)",
                color=COLOURS[number % len(COLOURS)],
                marker=MARKERS[number % len(MARKERS)],
                ms=4.5,
                lw=1.3,
                alpha=0.85,
            )
            table["campaign"] += [campaign] * len(coupons)
            table["optimiser"] += [arm] * len(coupons)
            table["coupons"] += coupons
            table["n_reached"] += reached
            table["n_nights"] += [len(nights)] * len(coupons)
        axes.set(xlabel="coupons measured", title=campaign, ylim=(-0.04, 1.06), xlim=(-0.2, longest + 0.2))
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.legend(loc="best", fontsize=7)
    panels[0].set(ylabel="share of nights at the target")
    seeds = sorted({row.seed for row in rows})
    return Drawing(
        name="study",
        title="Coupons to the target",
        caption=f"Share of the nights in which a site met the specification with p >= {CONFIDENCE}, by measured outcomes alone.",
        figure=figure,
        table=table,
        footer=Footer(
            runs=(),
            n=f"{len(rows)} simulated nights, seeds {seeds[0]} to {seeds[-1]}",
            errors="whole nights counted, no band",
            code_version=version("vitrail"),
        ),
    )
