"""Several nights beside each other: a row of numbers for each, and how each came to its result by coupons and by hours."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from beamline.records import Records
from beamline.report.assemble import night_data
from beamline.report.data import NightData
from beamline.report.style import (
    BLUE,
    GREEN,
    GREY,
    MARKERS,
    ORANGE,
    PURPLE,
    RED,
    SKY,
    Drawing,
    Footer,
    new_figure,
    styled,
    write_drawing,
)
from beamline.report.summary import Summary, summary_of

__all__ = ["compared_nights", "draw_comparison"]

COLOURS = (BLUE, RED, GREEN, ORANGE, PURPLE, SKY, GREY)


def compared_nights(
    records: Records, campaign_uids: Sequence[str]
) -> tuple[tuple[NightData, ...], tuple[Summary, ...]]:
    """The nights and what the first page of the report says of each, in the order asked for.

    Raises:
        LookupError: the records know no such campaign.
    """
    nights = tuple(night_data(records, uid) for uid in campaign_uids)
    return nights, tuple(summary_of(night) for night in nights)


def draw_comparison(nights: Sequence[NightData], out: Path) -> tuple[Path, ...]:
    """Score of the best site and probability that it meets the target, against coupons and hours: PNG, SVG and CSV.

    Args:
        nights: what is compared; the bench's hours are those of its clock.
        out: folder; made where it is missing.
    """
    out.mkdir(parents=True, exist_ok=True)
    with styled():
        return write_drawing(_drawing(nights), out)[1]


def _drawing(nights: Sequence[NightData]) -> Drawing:
    figure = new_figure(5.2)
    panels = figure.subplots(2, 2, sharex="col", sharey="row")
    table: dict[str, list[object]] = {"campaign": [], "coupons": [], "clock_h": [], "score": [], "p_reached": []}
    for number, night in enumerate(nights):
        hours = [decision.clock_s / 3600.0 for decision in night.decisions]
        coupons = [decision.status.n_coupons for decision in night.decisions]
        p_reached = [decision.status.p_reached for decision in night.decisions]
        traces = [decision.status.trace for decision in night.decisions]
        score = [
            trace[-1].utility if trace else math.nan for trace in traces
        ]  # before the first coupon there is no best site
        label = f"{night.name} {night.uid[:8]} ({night.campaign.optimizer.kind}, seed {night.seed})"
        colour, marker = COLOURS[number % len(COLOURS)], MARKERS[number % len(MARKERS)]
        for row, y in zip(panels, (score, p_reached), strict=True):
            for axes, x in zip(row, (coupons, hours), strict=True):
                axes.plot(
                    x, y, drawstyle="steps-post", label=label, lw=1.3, color=colour, marker=marker, ms=4.5, alpha=0.85
                )
        table["campaign"] += [night.uid] * len(hours)
        table["coupons"] += coupons
        table["clock_h"] += hours
        table["score"] += score
        table["p_reached"] += p_reached
    panels[0, 0].set(ylabel="best site's expected score", title="by coupons")
    panels[0, 1].set(title="by hours")
    panels[1, 0].set(ylabel="P(target reached)", ylim=(-0.04, 1.06), xlabel="coupons measured")
    panels[1, 1].set(xlabel="hours on the bench's clock")
    panels[1, 0].xaxis.get_major_locator().set_params(integer=True)
    panels[1, 1].legend(loc="upper left", fontsize=7)
    return Drawing(
        name="comparison",
        title="Nights compared",
        caption="Score and probability of the best site so far, as each optimiser believed them after each coupon.",
        figure=figure,
        table=table,
        footer=Footer(
            runs=(),
            n="campaigns " + ", ".join(night.uid[:8] for night in nights),
            errors="as each optimiser believed; no band, a night each",
            code_version=nights[0].code_version,
        ),
    )
