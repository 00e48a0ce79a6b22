"""Several nights beside each other: a row of numbers for each, and how each came to its result by coupons and by hours."""

from __future__ import annotations

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
    """Probability that the target is reached, after each coupon, against coupons and against hours: PNG, SVG and CSV.

    Args:
        nights: what is compared; the bench's hours are those of its clock.
        out: folder; made where it is missing.
    """
    out.mkdir(parents=True, exist_ok=True)
    with styled():
        return write_drawing(_drawing(nights), out)[1]


def _drawing(nights: Sequence[NightData]) -> Drawing:
    figure = new_figure(3.6)
    by_coupons, by_hours = figure.subplots(1, 2, sharey=True)
    table: dict[str, list[object]] = {"campaign": [], "coupons": [], "clock_h": [], "p_reached": []}
    for number, night in enumerate(nights):
        hours = [decision.clock_s / 3600.0 for decision in night.decisions]
        p_reached = [decision.status.p_reached for decision in night.decisions]
        coupons = [decision.status.n_coupons for decision in night.decisions]
        label = f"{night.name} {night.uid[:8]} ({night.campaign.optimizer.kind}, seed {night.seed})"
        look = {"color": COLOURS[number % len(COLOURS)], "marker": MARKERS[number % len(MARKERS)], "markersize": 4.5}
        for axes, x in ((by_coupons, coupons), (by_hours, hours)):
            axes.plot(x, p_reached, drawstyle="steps-post", label=label, lw=1.3, **look)
        table["campaign"] += [night.uid] * len(hours)
        table["coupons"] += coupons
        table["clock_h"] += hours
        table["p_reached"] += p_reached
    by_coupons.set(xlabel="coupons measured", ylabel="P(target reached)", ylim=(-0.04, 1.06), title="by coupons")
    by_hours.set(xlabel="hours on the bench's clock", title="by hours")
    by_coupons.xaxis.get_major_locator().set_params(integer=True)
    by_hours.legend(loc="best", fontsize=7)
    return Drawing(
        name="comparison",
        title="Nights compared",
        caption="Probability that the best site truly meets the specification, as each optimiser believed it.",
        figure=figure,
        table=table,
        footer=Footer(
            runs=tuple(night.uid for night in nights),
            n=f"n = {len(nights)} nights",
            errors="as believed by each optimiser",
            code_version=nights[0].code_version,
        ),
    )
