"""Dose overview: red peak and light of every site against what was varied."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from beamline.recipe import Line, Observation
from beamline.report.data import CouponNight, NightData, SiteNight
from beamline.report.measured import Measured, measured
from beamline.report.style import (
    GREEN,
    GREY,
    INK,
    MARKERS,
    RED,
    Absent,
    Drawing,
    Footer,
    colour_of_coupon,
    log_ticks,
    new_figure,
    spec_band,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_dose"]

_Row = tuple[CouponNight, SiteNight, Observation, Measured]

NAME, TITLE = "dose", "What the settings do"


def draw_dose(night: NightData) -> Drawing | Absent:
    """Columns: pulse energy, speed or exposure, temperature; rows: red peak, light of both phases."""
    from matplotlib.ticker import MaxNLocator  # noqa: PLC0415

    rows = [(c, s, o, measured(o, night.campaign.objective)) for c, s, o in night.observed]
    if not any(np.isfinite(m.red_rate_counts_s) or np.isfinite(m.green_rate_counts_s) for *_, m in rows):
        return Absent(NAME, TITLE, "no site luminesced")
    is_line = night.campaign.space.mode == "line"
    settings = {
        "pulse energy (µJ)": np.array([o.writing.pulse_energy_uJ for _, _, o, _ in rows]),
        "speed (mm/s)" if is_line else "exposure (s)": np.array([_pace(o) for _, _, o, _ in rows]),
        "heat treatment (°C)": np.array([c.furnace.treatment.temperature_C if c.furnace else 25.0 for c, *_ in rows]),
    }
    figure = new_figure(5.0)
    axes = figure.subplots(2, 3, sharex="col", sharey="row")
    for column, (label, x) in enumerate(settings.items()):
        _peaks(axes[0, column], x, rows, night)
        _light(axes[1, column], x, rows)
        axes[1, column].set_xlabel(label)
        if column == 1 and x.max() > 3 * x.min():
            axes[1, column].set_xscale("log")
            log_ticks(axes[1, column].xaxis)
    axes[0, 0].set_ylabel("red peak (nm)")
    axes[1, 0].set_ylabel("light (counts/s)")
    log_ticks(axes[1, 0].yaxis)
    axes[1, 2].xaxis.set_major_locator(MaxNLocator(5, integer=True))
    handles, labels = axes[0, 0].get_legend_handles_labels()
    phases, names = axes[1, 0].get_legend_handles_labels()
    handles, labels = handles + phases, labels + names
    figure.legend(handles, labels, loc="outside upper center", ncols=min(len(labels), 8))
    return Drawing(
        name=NAME,
        title=TITLE,
        caption=(
            "Every site against pulse energy (as set), writing speed or exposure, and temperature of the heat treatment. "
            "The other settings vary too, as the optimiser chose them: a trend here is not the effect of one setting alone."
        ),
        figure=figure,
        table={
            "coupon": [c.coupon.serial for c, *_ in rows],
            "site": [s.site.name for _, s, *_ in rows],
            "pulse_energy_uJ": settings["pulse energy (µJ)"],
            "speed_mm_s" if is_line else "exposure_s": list(settings.values())[1],
            "n_passes": [o.writing.n_passes for _, _, o, _ in rows],
            "power_at_sample_W": [o.power_at_sample_W for _, _, o, _ in rows],
            "temperature_C": settings["heat treatment (°C)"],
            "hold_s": [c.furnace.treatment.hold_s if c.furnace else 0.0 for c, *_ in rows],
            "red_peak_nm": [m.red_peak_nm for *_, m in rows],
            "red_peak_sd_nm": [m.red_peak_sd_nm for *_, m in rows],
            "red_rate_counts_s": [m.red_rate_counts_s for *_, m in rows],
            "red_rate_sd_counts_s": [m.red_rate_sd_counts_s for *_, m in rows],
            "green_rate_counts_s": [m.green_rate_counts_s for *_, m in rows],
            "green_rate_sd_counts_s": [m.green_rate_sd_counts_s for *_, m in rows],
        },
        footer=Footer(
            tuple(uid for c in night.coupons if c.spectra for uid in c.spectra.uids),
            f"n = {len(rows)} sites",
            "error bars 1σ",
            night.code_version,
        ),
    )


def _pace(observation: Observation) -> float:
    writing = observation.writing
    return writing.speed_mm_s if isinstance(writing, Line) else writing.exposure_s


def _peaks(axes: Axes, x: np.ndarray, rows: list[_Row], night: NightData) -> None:
    target = night.campaign.objective.red_peak_nm
    if target is not None:
        spec_band(axes, target.target - target.tolerance, target.target + target.tolerance)
    n = len(night.coupons)
    y = np.array([m.red_peak_nm for *_, m in rows])
    sd = np.array([m.red_peak_sd_nm for *_, m in rows])
    seen = np.isfinite(y)
    axes.errorbar(x[seen], y[seen], yerr=sd[seen], fmt="none", ecolor=GREY, elinewidth=0.7, zorder=2)
    for i, coupon in enumerate(night.coupons):
        own = seen & np.array([c is coupon for c, *_ in rows])
        if own.any():
            marker, colour = MARKERS[i % len(MARKERS)], colour_of_coupon(i, n)
            axes.plot(x[own], y[own], marker, ms=3.6, color=colour, label=coupon.coupon.serial)


def _light(axes: Axes, x: np.ndarray, rows: list[_Row]) -> None:
    axes.set_yscale("log")
    for label, marker, colour in (("green", "o", GREEN), ("red", "s", RED)):
        y = np.array([getattr(m, f"{label}_rate_counts_s") for *_, m in rows])
        sd = np.array([getattr(m, f"{label}_rate_sd_counts_s") for *_, m in rows])
        seen = np.isfinite(y)
        look: dict[str, Any] = {"fmt": marker, "ms": 3.2, "color": colour, "elinewidth": 0.7, "alpha": 0.8}
        axes.errorbar(x[seen], y[seen], yerr=sd[seen], label=f"{label} light", **look)
    dark = np.array([m.kind == "no luminescence" for *_, m in rows])
    if dark.any():
        axes.plot(
            x[dark],
            np.full(int(dark.sum()), 0.04),
            "x",
            color=INK,
            transform=axes.get_xaxis_transform(),
            label="no luminescence",
        )
