"""Predicted against measured: what was predicted for each site before it was written, and how well the sigmas hold."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from beamline.recipe import Prediction
from beamline.report.data import NightData
from beamline.report.measured import Measured, measured
from beamline.report.style import (
    GREY,
    INK,
    LIGHT,
    MARKERS,
    Absent,
    Drawing,
    Footer,
    colour_of_coupon,
    log_ticks,
    new_figure,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Compared", "compared", "draw_parity"]

NAME, TITLE = "parity", "Prediction against measurement"


@dataclass(frozen=True, slots=True)
class Compared:
    """One number of one site, before and after; logarithms where `observable` begins with `ln_`."""

    coupon: str
    n_coupon: int
    is_prior: bool
    site: str
    observable: str
    predicted: float
    predicted_sd: float
    measured: float
    measured_sd: float

    @property
    def z(self) -> float:
        """Deviation over its own sigma: of prediction and measurement together."""
        return (self.measured - self.predicted) / math.hypot(self.predicted_sd, self.measured_sd)


_SHOWN = (
    ("red_peak_nm", "red peak (nm)"),
    ("ln_green_red_ratio", "green : red"),
    ("ln_red_rate", "red light (counts/s)"),
    ("green_peak_nm", "green peak (nm)"),
    ("ln_red_lifetime", "red lifetime (ns)"),
    ("ln_green_lifetime", "green lifetime (ns)"),
)


def _measured(number: Measured, observable: str) -> tuple[float, float]:
    """Value and one sigma, nan where there is none; logarithms as `_SHOWN` has them."""
    if observable == "ln_green_red_ratio":
        return _ln(number.green_red_ratio), number.ln_ratio_sd
    values = {
        "red_peak_nm": (number.red_peak_nm, number.red_peak_sd_nm),
        "green_peak_nm": (number.green_peak_nm, number.green_peak_sd_nm),
        "ln_red_rate": (number.red_rate_counts_s, number.red_rate_sd_counts_s),
        "ln_red_lifetime": (number.red_lifetime_ns, number.red_lifetime_sd_ns),
        "ln_green_lifetime": (number.green_lifetime_ns, number.green_lifetime_sd_ns),
    }
    value, sd = values[observable]
    if not observable.startswith("ln_"):
        return value, sd
    return _ln(value), sd / value if value > 0 else math.nan


def _ln(value: float) -> float:
    return math.log(value) if value > 0 else math.nan


def compared(night: NightData) -> tuple[Compared, ...]:
    """All numbers that were both predicted and measured, in the order of the night."""
    found = []
    for coupon in night.coupons:
        if coupon.suggestion is None:
            continue
        predictions = {s.site.name: {p.observable: p for p in s.predictions} for s in coupon.suggestion.sites}
        for site in coupon.sites:
            if site.observation is None:
                continue
            number = measured(site.observation, night.campaign.objective)
            for observable, _ in _SHOWN:
                predicted: Prediction | None = predictions.get(site.site.name, {}).get(observable)
                value, sd = _measured(number, observable)
                if predicted is not None and math.isfinite(value) and math.isfinite(sd) and predicted.sd + sd > 0:
                    found.append(
                        Compared(
                            coupon.coupon.serial,
                            coupon.n_coupon,
                            coupon.n_coupon == night.n_from_prior,
                            site.site.name,
                            observable,
                            predicted.mean,
                            predicted.sd,
                            value,
                            sd,
                        )
                    )
    return tuple(found)


def draw_parity(night: NightData) -> Drawing | Absent:
    """Above: measured against predicted with both sigmas; below: z-scores by coupon."""
    rows = compared(night)
    if not rows:
        return Absent(
            NAME, TITLE, f"the {night.campaign.optimizer.kind} optimiser made no predictions that were measured"
        )
    shown = [(o, label) for o, label in _SHOWN if any(r.observable == o for r in rows)]
    figure = new_figure(5.2)
    axes = figure.subplots(2, len(shown), squeeze=False, height_ratios=[3, 2])
    for column, (observable, label) in enumerate(shown):
        own = [r for r in rows if r.observable == observable]
        _parity(axes[0, column], own, label, night)
        _scores(axes[1, column], own, night)
    axes[0, 0].set_ylabel("measured")
    axes[1, 0].set_ylabel("z = deviation / σ")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=min(len(labels), 8))
    return Drawing(
        name=NAME,
        title=TITLE,
        caption=(
            "What the optimiser predicted for each site before it was written, against what was measured. Open symbols: "
            "predicted by the physics prior alone; filled: by what had been learnt until then. Below: deviation over "
            "the sigma of prediction and measurement together; with honest sigmas two thirds lie within ±1 (shaded) and the "
            "root mean square is about 1. Sites of a coupon share its errors, so they scatter less than they deviate."
        ),
        figure=figure,
        table={
            "coupon": [r.coupon for r in rows],
            "n_coupon": [r.n_coupon for r in rows],
            "site": [r.site for r in rows],
            "observable": [r.observable for r in rows],
            "predicted": [r.predicted for r in rows],
            "predicted_sd": [r.predicted_sd for r in rows],
            "measured": [r.measured for r in rows],
            "measured_sd": [r.measured_sd for r in rows],
            "z": [r.z for r in rows],
        },
        footer=Footer(
            tuple(d.uid for d in night.decisions if d.suggestion),
            f"n = {len({(r.coupon, r.site) for r in rows})} sites",
            "error bars 1σ",
            night.code_version,
        ),
    )


def _parity(axes: Axes, rows: list[Compared], label: str, night: NightData) -> None:
    is_log = rows[0].observable.startswith("ln_")

    def shown(values: list[float]) -> np.ndarray:
        return np.exp(values) if is_log else np.array(values)

    n = len(night.coupons)
    bars = []
    for i, coupon in enumerate(night.coupons):
        own = [r for r in rows if r.coupon == coupon.coupon.serial]
        if not own:
            continue
        x, y = shown([r.predicted for r in own]), shown([r.measured for r in own])
        error_x = np.abs([shown([r.predicted + s * r.predicted_sd for r in own]) - x for s in (-1, 1)])
        error_y = np.abs([shown([r.measured + s * r.measured_sd for r in own]) - y for s in (-1, 1)])
        is_prior = coupon.n_coupon == night.n_from_prior
        colour = colour_of_coupon(i, n)
        bars.append((x, y, error_x, error_y, [colour] * len(x)))
        axes.plot(
            x,
            y,
            MARKERS[i % len(MARKERS)],
            ms=3.8,
            mfc="white" if is_prior else colour,
            mec=colour,
            mew=0.9,
            zorder=3,
            label=f"{coupon.coupon.serial}{' (prior)' if is_prior else ''}",
        )
    x, y, error_x, error_y = (np.concatenate([bar[i] for bar in bars], axis=-1) for i in range(4))
    colours = [colour for bar in bars for colour in bar[4]]
    look: dict[str, Any] = {"ecolor": colours, "elinewidth": 0.6, "alpha": 0.5}  # a colour a point
    axes.errorbar(x, y, xerr=error_x, yerr=error_y, fmt="none", zorder=2, **look)
    if is_log:
        axes.set_xscale("log")
        axes.set_yscale("log")
    both = np.concatenate([shown([r.predicted for r in rows]), shown([r.measured for r in rows])])
    low, high = float(both.min()), float(both.max())
    pad = (high / low) ** 0.08 if is_log else 0.08 * (high - low) + 1e-9
    limits = (low / pad, high * pad) if is_log else (low - pad, high + pad)
    axes.plot(limits, limits, color=GREY, lw=0.8, zorder=1)
    axes.set_xlim(*limits)
    axes.set_ylim(*limits)
    axes.set_box_aspect(1)
    axes.set_title(label, fontsize=8.5)
    axes.set_xlabel("predicted")
    if is_log:
        log_ticks(axes.xaxis)
        log_ticks(axes.yaxis)


def _scores(axes: Axes, rows: list[Compared], night: NightData) -> None:
    n = len(night.coupons)
    axes.axhspan(-1, 1, color=LIGHT, lw=0, zorder=0)
    axes.axhline(0, color=GREY, lw=0.8)
    for i, coupon in enumerate(night.coupons):
        own = [r for r in rows if r.coupon == coupon.coupon.serial]
        z = np.array([r.z for r in own])
        spread = (np.arange(len(z)) - (len(z) - 1) / 2) * 0.6 / max(len(z), 2)
        colour = colour_of_coupon(i, n)
        axes.plot(
            coupon.n_coupon + spread,
            np.clip(z, -4.9, 4.9),
            MARKERS[i % len(MARKERS)],
            ms=3.2,
            mfc="white" if coupon.n_coupon == night.n_from_prior else colour,
            mec=colour,
            mew=0.8,
        )
    rms = math.sqrt(sum(r.z**2 for r in rows) / len(rows))
    axes.annotate(
        f"rms {rms:.2f}", (0.98, 0.97), xycoords="axes fraction", ha="right", va="top", fontsize=7.5, color=INK
    )
    axes.set_xlim(0.4, n + 0.6)
    axes.set_ylim(-5, 5)
    axes.set_yticks([-4, -2, 0, 2, 4])
    axes.set_xticks([c.n_coupon for c in night.coupons] if n <= 12 else [])
    axes.set_xlabel("coupon")
