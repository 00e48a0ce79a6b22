"""Several nights beside each other: what each reached line by line, and how it came to that by coupons and by hours."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from beamline.records import Records
from beamline.report.assemble import night_data
from beamline.report.data import NightData
from beamline.report.page import rendered, source_of
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
from beamline.report.words import probability

__all__ = ["compared_nights", "write_comparison"]

PAGE = "comparison.html"

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


def write_comparison(nights: Sequence[NightData], summaries: Sequence[Summary], out: Path) -> tuple[Path, ...]:
    """Write the page of a comparison, to be read on a screen or printed, and its figure as PNG, SVG and CSV.

    The figure: score of the best site and probability that it meets the target, against coupons and hours of the bench's clock.

    Args:
        nights: what is compared.
        summaries: of each.
        out: folder; made where it is missing.

    Returns:
        The page, then the figure's files.
    """
    out.mkdir(parents=True, exist_ok=True)
    with styled():
        drawing = _drawing(nights)
        svg, files = write_drawing(drawing, out)
    page = out / PAGE
    page.write_text(
        rendered(
            "comparison.html.jinja",
            nights=summaries,
            lines=_lines(summaries),
            figure=drawing,
            source=source_of(svg),
            is_one_target=len({summary.target for summary in summaries}) == 1,
        ),
        encoding="utf-8",
    )
    return page, *files


def _lines(summaries: Sequence[Summary]) -> list[tuple[str, list[str]]]:
    """What is compared, and its cell for each night; lines that no night has are left out."""

    def row(what: str, cell: Callable[[Summary], str]) -> tuple[str, list[str]]:
        return what, [cell(summary) or "–" for summary in summaries]

    def of_best(what: str, cells: Callable[[Summary], Mapping[str, str]]) -> tuple[str, list[str]]:
        return row(f"its {what}", lambda one: cells(one).get(what, ""))

    def measured(one: Summary) -> Mapping[str, str]:
        return {quantity.name: quantity.text for quantity in one.best_measured}

    def recipe(one: Summary) -> Mapping[str, str]:
        return dict(one.best_recipe)

    lines = [
        row("began", lambda one: one.start_time[:16].replace("T", " ")),
        row("instrument", lambda one: f"{one.instrument} ({one.kind})"),
        row("wanted", lambda one: one.target),
        row("optimiser, seed", lambda one: f"{one.optimizer}, {one.seed}"),
        row("verdict", lambda one: one.verdict),
        row("target reached", lambda one: "" if one.p_reached is None else probability(one.p_reached)),
        row("on a fresh coupon", lambda one: "" if one.p_fresh_coupon is None else probability(one.p_fresh_coupon)),
        row("hours", lambda one: f"{one.hours:.1f}"),
        row("coupons used", lambda one: f"{one.n_coupons} of {one.n_coupons_at_hand}"),
        row("sites observed", lambda one: str(one.n_sites)),
        row("of them within the specification", lambda one: str(one.n_within)),
        row("best site", lambda one: one.best_site or ""),
        *(of_best(name, measured) for name in dict.fromkeys(name for one in summaries for name in measured(one))),
        *(of_best(name, recipe) for name in dict.fromkeys(name for one in summaries for name in recipe(one))),
        row("failures", lambda one: str(len(one.failures))),
        row("how it ended", lambda one: one.ended),
        row("code", lambda one: one.code_version),
    ]
    return [(what, cells) for what, cells in lines if set(cells) != {"–"}]


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
    figure.legend(*panels[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=2, fontsize=7)
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
