"""Convergence: what each site gave, against the iteration and against simulated hours, and how sure the target is."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from beamline.report.data import NightData
from beamline.report.measured import Measured, measured
from beamline.report.style import (
    BLUE,
    GREY,
    INK,
    LIGHT,
    ORANGE,
    PURPLE,
    RED,
    Absent,
    Drawing,
    Footer,
    log_ticks,
    new_figure,
    spec_band,
)

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

__all__ = ["draw_convergence"]

NAME, TITLE = "convergence", "Convergence"

_MISSING = {
    "no luminescence": ("x", PURPLE),
    "green only": ("v", ORANGE),
    "red only": ("v", RED),
    "saturated": ("^", ORANGE),
    "failed": ("X", INK),
}
"""Markers of sites without the number that a panel shows; drawn along its lower edge."""


def draw_convergence(night: NightData) -> Drawing | Absent:
    """Red peak, ratio and probability, against site number (left) and hours (right)."""
    from matplotlib.ticker import MaxNLocator  # noqa: PLC0415

    rows = night.observed
    if not rows:
        return Absent(NAME, TITLE, "no site was observed")
    objective = night.campaign.objective
    numbers = [measured(o, objective) for _, _, o in rows]
    hours = np.array([_measured_at_s(night, c.coupon.serial, s.site.name) for c, s, _ in rows]) / 3600.0
    places = np.arange(1.0, len(rows) + 1.0)
    figure = new_figure(6.6)
    axes = figure.subplots(3, 2, sharey="row", sharex="col", height_ratios=[3, 3, 2])
    for column, x in enumerate((places, hours)):
        _peaks(axes[0, column], night, x, numbers)
        _ratios(axes[1, column], night, x, numbers)
        _probability(axes[2, column], night, x)
    _coupons(list(axes[:, 0]), night)
    axes[2, 0].xaxis.set_major_locator(MaxNLocator(8, integer=True))
    axes[0, 0].set_ylabel("red peak (nm)")
    axes[1, 0].set_ylabel("green : red")
    axes[2, 0].set_ylabel("P(target reached)")
    axes[2, 0].set_xlabel("site, in the order of writing")
    axes[2, 1].set_xlabel("simulated time (h)" if night.instrument.get("kind") == "twin" else "time (h)")
    handles, labels = _unique(axes[0, 0], axes[1, 0])
    figure.legend(handles, labels, loc="outside upper center", ncols=min(len(labels), 7))
    n_inside = sum(m.is_inside for m in numbers)
    return Drawing(
        name=NAME,
        title=TITLE,
        caption=(
            "Every site of the night: peak of the red band, and green over red light. Shaded: the specification; filled: "
            f"within it ({n_inside} of {len(rows)} by their measured values). The line follows the optimiser's best site. "
            "Below: the optimiser's probability that its best site truly meets the specification, after each coupon."
        ),
        figure=figure,
        table={
            "site_number": places.astype(int),
            "coupon": [c.coupon.serial for c, _, _ in rows],
            "site": [s.site.name for _, s, _ in rows],
            "time_h": hours,
            "outcome": [m.kind for m in numbers],
            "red_peak_nm": [m.red_peak_nm for m in numbers],
            "red_peak_sd_nm": [m.red_peak_sd_nm for m in numbers],
            "green_red_ratio": [m.green_red_ratio for m in numbers],
            "green_red_ratio_sd": [m.ratio_sd for m in numbers],
            "within_specification": [int(m.is_inside) for m in numbers],
        },
        footer=Footer(
            tuple(uid for c in night.coupons if c.spectra for uid in c.spectra.uids),
            f"n = {len(rows)} sites on {len(night.coupons)} coupons",
            "error bars 1σ",
            night.code_version,
        ),
    )


def _measured_at_s(night: NightData, serial: str, name: str) -> float:
    """When a site was measured; when its coupon's time ended, where it never was."""
    coupon = next(c for c in night.coupons if c.coupon.serial == serial)
    if coupon.spectra and name in coupon.spectra.clock_s:
        return coupon.spectra.clock_s[name]
    return max((p.end_s for p in coupon.phases), default=night.duration_s)


def _points(axes: Axes, x: np.ndarray, y: list[float], sd: list[float], numbers: list[Measured]) -> None:
    inside = np.array([m.is_inside for m in numbers])
    at, error = np.array(y), np.array(sd)
    seen = np.isfinite(at)
    axes.errorbar(x[seen], at[seen], yerr=error[seen], fmt="none", ecolor=GREY, elinewidth=0.8, zorder=2)
    for which, face, label in ((~inside, "white", "outside the specification"), (inside, BLUE, "within it")):
        axes.plot(x[seen & which], at[seen & which], "o", mfc=face, mec=BLUE, mew=0.9, zorder=3, label=label)
    for kind, (marker, colour) in _MISSING.items():
        where = np.array([m.kind == kind and not math.isfinite(value) for m, value in zip(numbers, y, strict=True)])
        if where.any():
            axes.plot(
                x[where],
                np.full(int(where.sum()), 0.04),
                marker,
                color=colour,
                transform=axes.get_xaxis_transform(),
                clip_on=False,
                zorder=4,
                label=kind,
            )


def _peaks(axes: Axes, night: NightData, x: np.ndarray, numbers: list[Measured]) -> None:
    target = night.campaign.objective.red_peak_nm
    if target is not None:
        spec_band(axes, target.target - target.tolerance, target.target + target.tolerance, "specification")
    _points(axes, x, [m.red_peak_nm for m in numbers], [m.red_peak_sd_nm for m in numbers], numbers)
    at, best = _best_so_far(night, x, numbers)
    if at:
        axes.step(at, best, where="post", color=RED, lw=1.2, zorder=2.5, label="best site so far")


def _best_so_far(night: NightData, x: np.ndarray, numbers: list[Measured]) -> tuple[list[float], list[float]]:
    """From the end of each coupon on, the red peak of the site that the optimiser then took for the best."""
    if night.status is None:
        return [], []
    order = {(c.coupon.serial, s.site.name): i for i, (c, s, _) in enumerate(night.observed)}
    at, best = [], []
    for entry in night.status.trace:
        place = order.get((entry.best_coupon or "", entry.best_site or ""))
        if place is not None:
            at.append(float(x[min(entry.n_observations, len(x)) - 1]))
            best.append(numbers[place].red_peak_nm)
    if not at:
        return [], []
    return [*at, at[-1] * 1.03], [*best, best[-1]]


def _ratios(axes: Axes, night: NightData, x: np.ndarray, numbers: list[Measured]) -> None:
    target = night.campaign.objective.green_red_ratio
    if target is not None:
        spec_band(axes, target.target / target.factor, target.target * target.factor, "specification")
    axes.set_yscale("log")
    _points(axes, x, [m.green_red_ratio for m in numbers], [m.ratio_sd for m in numbers], numbers)
    log_ticks(axes.yaxis)


def _probability(axes: Axes, night: NightData, x: np.ndarray) -> None:
    asked = night.campaign.stop.target_reached_confidence
    if asked is not None:
        axes.axhline(asked, color=GREY, ls="--", lw=0.9)
        axes.annotate(
            "asked for",
            (0.99, asked - 0.03),
            xycoords=("axes fraction", "data"),
            ha="right",
            va="top",
            fontsize=7,
            color=GREY,
        )
    if night.status is not None and night.status.trace:
        trace = night.status.trace
        at = [float(x[min(e.n_observations, len(x)) - 1]) for e in trace]
        axes.plot([0.0, *at], [0.0, *(e.p_reached for e in trace)], "o-", color=RED, drawstyle="steps-post")
    axes.set_ylim(-0.04, 1.06)
    axes.set_yticks([0, 0.25, 0.5, 0.75, 1.0])
    axes.set_xlim(0, 1.035 * float(x[-1]))


def _coupons(column: list[Axes], night: NightData) -> None:
    """Shades every other coupon and names them above."""
    begin = 0.5
    for i, coupon in enumerate(night.coupons):
        end = begin + len(coupon.observations)
        for axes in column:
            if i % 2:
                axes.axvspan(begin, end, color=LIGHT, alpha=0.45, lw=0, zorder=-1)
        if end > begin:
            column[0].annotate(
                coupon.coupon.serial,
                ((begin + end) / 2, 1.01),
                xycoords=("data", "axes fraction"),
                ha="center",
                va="bottom",
                fontsize=7,
                color=GREY,
            )
        begin = end


def _unique(*axes: Axes) -> tuple[list[Artist], list[str]]:
    found: dict[str, Artist] = {}
    for one in axes:
        for handle, label in zip(*one.get_legend_handles_labels(), strict=True):
            found.setdefault(label, handle)
    return list(found.values()), list(found)
