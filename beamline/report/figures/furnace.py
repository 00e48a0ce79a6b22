"""The furnace through the night: setpoint against readback, and their difference."""

from __future__ import annotations

import numpy as np

from beamline.report.data import NightData
from beamline.report.phases import hold_span_s
from beamline.report.style import BLUE, GREY, LIGHT, RED, Absent, Drawing, Footer, new_figure

__all__ = ["draw_furnace"]

NAME, TITLE = "furnace", "The furnace: setpoint against readback"


def draw_furnace(night: NightData) -> Drawing | Absent:
    """Above: both temperatures; below: readback minus setpoint, where the heater follows it."""
    heated = [(c, f) for c in night.coupons for f in c.furnaces if len(f.clock_s)]
    if not heated:
        return Absent(NAME, TITLE, "no coupon was heated")
    figure = new_figure(4.2)
    axes, below = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1.4])
    holds = []
    for i, (coupon, furnace) in enumerate(heated):
        hours = furnace.clock_s / 3600
        begin_s, end_s = hold_span_s(furnace)
        for one in (axes, below):
            one.axvspan(begin_s / 3600, end_s / 3600, color=LIGHT, lw=0, zorder=0)
        axes.plot(hours, furnace.setpoint_C, color=GREY, ls="--", lw=1.1, label="setpoint" if not i else None)
        axes.plot(hours, furnace.temperature_C, color=RED, lw=1.2, label="readback" if not i else None)
        below.plot(hours, furnace.temperature_C - furnace.setpoint_C, color=BLUE, lw=1.0)
        in_hold = (furnace.clock_s >= begin_s) & (furnace.clock_s <= end_s)
        holds.append(furnace.temperature_C[in_hold] - furnace.treatment.temperature_C)
        if i and heated[i - 1][0] is coupon:
            continue  # a heat treatment that was gone on with has its name already
        axes.annotate(
            f"{coupon.coupon.serial}\n{furnace.treatment.temperature_C:.0f} °C, {furnace.treatment.hold_s / 60:.0f} min",
            ((begin_s + end_s) / 7200, furnace.treatment.temperature_C + 12),
            ha="center",
            va="bottom",
            fontsize=7,
        )
    highest = max(float(f.treatment.temperature_C) for _, f in heated)
    axes.set_ylim(0, highest * 1.22)
    axes.set_ylabel("temperature (°C)")
    axes.legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=2, borderaxespad=0.2)
    axes.set_xlim(0, night.duration_s / 3600 * 1.01)
    below.axhline(0, color=GREY, lw=0.8)
    below.set_ylim(-12, 12)
    below.set_ylabel("readback −\nsetpoint (°C)")
    below.set_xlabel("simulated time (h)" if night.instrument.get("kind") == "twin" else "time (h)")
    off = np.concatenate(holds) if holds else np.empty(0)
    told = (
        f"During the holds it read {np.mean(off):+.2f} ± {np.std(off):.2f} °C off the temperature asked for. "
        if len(off)
        else ""
    )
    sampled = [(c, f, i) for c, f in heated for i in range(len(f.clock_s))]
    return Drawing(
        name=NAME,
        title=TITLE,
        caption=(
            f"Working setpoint of the controller and its sensor; shaded: the hold. {told}Below about 300 °C the furnace cools "
            "slower than the ramp asks. The glass may be at another temperature than the sensor."
        ),
        figure=figure,
        table={
            "coupon": [c.coupon.serial for c, _, _ in sampled],
            "time_h": [f.clock_s[i] / 3600 for _, f, i in sampled],
            "setpoint_C": [f.setpoint_C[i] for _, f, i in sampled],
            "readback_C": [f.temperature_C[i] for _, f, i in sampled],
        },
        footer=Footer(
            tuple(f.uid for _, f in heated),
            f"n = {len(sampled)} samples",
            "± is the scatter of the samples",
            night.code_version,
        ),
    )
