"""Gantt of the night: what happened when to each coupon, and what the estimate had said."""

from __future__ import annotations

from typing import TYPE_CHECKING

from beamline.report.data import NightData
from beamline.report.phases import INTERRUPTED, PHASE_NAMES
from beamline.report.style import (
    BLUE,
    GREEN,
    GREY,
    INK,
    LIGHT,
    ORANGE,
    PURPLE,
    RED,
    SKY,
    Absent,
    Drawing,
    Footer,
    new_figure,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_gantt"]

NAME, TITLE = "gantt", "The night, hour by hour"

COLOURS = {
    "load": GREY,
    "write": PURPLE,
    "carry": INK,
    "ramp_up": ORANGE,
    "hold": RED,
    "cool": SKY,
    "measure": GREEN,
    "unload": BLUE,
    INTERRUPTED: LIGHT,
}
IN_WORDS = {"ramp_up": "ramp up", "cool": "cool down"}


def draw_gantt(night: NightData) -> Drawing | Absent:
    """Left: a row a coupon, actual above planned; right: hours by phase."""
    coupons = [c for c in night.coupons if c.phases]
    if not coupons:
        return Absent(NAME, TITLE, "nothing was begun")
    figure = new_figure(1.3 + 0.38 * max(len(coupons), 4))
    axes, totals = figure.subplots(1, 2, width_ratios=[3.4, 1])
    for row, coupon in enumerate(coupons):
        y = len(coupons) - row
        for phase in coupon.phases:
            axes.barh(
                y + 0.12,
                (phase.end_s - phase.begin_s) / 3600,
                left=phase.begin_s / 3600,
                height=0.42,
                color=COLOURS[phase.name],
                lw=0,
            )
        at_s = coupon.phases[0].begin_s
        for name in PHASE_NAMES:
            planned_s = coupon.planned_s.get(name, 0.0)
            axes.barh(y - 0.24, planned_s / 3600, left=at_s / 3600, height=0.2, color=COLOURS[name], alpha=0.45, lw=0)
            at_s += planned_s
    axes.set_yticks([len(coupons) - i for i in range(len(coupons))], [c.coupon.serial for c in coupons])
    axes.set_ylim(0.4, len(coupons) + 0.6)
    axes.grid(visible=False, axis="y")
    planned_end_s = max(c.phases[0].begin_s + sum(c.planned_s.values()) for c in coupons)
    axes.set_xlim(0, max(night.duration_s, planned_end_s, 36.0) / 3600 * 1.01)
    began = f" after {night.start_time[:16].replace('T', ' ')}" if night.start_time else ""
    axes.set_xlabel(f"hours{began}" + (" (simulated)" if night.instrument.get("kind") == "twin" else ""))
    axes.set_title("actual (broad), planned (narrow)")
    names = (*PHASE_NAMES, *([INTERRUPTED] if any(p.name == INTERRUPTED for c in coupons for p in c.phases) else []))
    actual = {n: sum(p.end_s - p.begin_s for c in coupons for p in c.phases if p.name == n) / 3600 for n in names}
    planned = {n: sum(c.planned_s.get(n, 0.0) for c in coupons) / 3600 for n in names}
    _totals(totals, actual, planned)
    rows = [(c, p) for c in coupons for p in c.phases]
    return Drawing(
        name=NAME,
        title=TITLE,
        caption=(
            f"{night.duration_s / 3600:.1f} h from first to last"
            + (f"; estimated beforehand {night.expected_s / 3600:.1f} h" if night.expected_s else "")
            + ". The plan of a coupon is drawn from the moment at which it was suggested. Loading, writing, carrying and "
            "measuring take about a minute each and are hardly visible beside the furnace."
        ),
        figure=figure,
        table={
            "coupon": [c.coupon.serial for c, _ in rows],
            "phase": [p.name for _, p in rows],
            "begin_h": [p.begin_s / 3600 for _, p in rows],
            "end_h": [p.end_s / 3600 for _, p in rows],
            "planned_s": [c.planned_s.get(p.name) for c, p in rows],
        },
        footer=Footer(tuple(n.uid for n in night.runs), f"n = {len(coupons)} coupons", "", night.code_version),
    )


def _totals(axes: Axes, actual: dict[str, float], planned: dict[str, float]) -> None:
    """Hours by phase, actual and planned, with the numbers."""
    longest = max(*actual.values(), *planned.values(), 0.01)
    for i, name in enumerate(actual):
        y = len(actual) - i
        axes.barh(y + 0.14, actual[name], height=0.42, color=COLOURS[name], lw=0)
        axes.barh(y - 0.24, planned[name], height=0.2, color=COLOURS[name], alpha=0.45, lw=0)
        axes.annotate(
            f"{actual[name]:.2f} / {planned[name]:.2f}",
            (max(actual[name], planned[name]) + 0.03 * longest, y),
            va="center",
            fontsize=7,
        )
    axes.set_yticks([len(actual) - i for i in range(len(actual))], [IN_WORDS.get(n, n) for n in actual], fontsize=7.5)
    axes.set_xlim(0, 1.6 * longest)
    axes.grid(visible=False, axis="y")
    axes.set_xlabel("hours, actual / planned")
    axes.set_title("in all")
