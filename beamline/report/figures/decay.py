"""The decays of the best site: counted photons by time after the pulse, the fit, and what it leaves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from beamline.analysis import DecayError, DecayFit
from beamline.campaign.decays import decay_fit
from beamline.recipe import Observation, Phase
from beamline.report.data import NightData
from beamline.report.style import GREEN, GREY, INK, RED, Absent, Drawing, Footer, new_figure
from beamline.report.words import plus_minus

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_decay"]

NAME, TITLE = "best_decay", "The decay of the best site"
PHASES: tuple[Phase, ...] = ("red", "green")
_SHOWN_LIFETIMES = 10.0
"""Time that is drawn after the pulse: what comes later is background."""


def draw_decay(night: NightData) -> Drawing | Absent:
    """Counts on a logarithmic axis with fit and residual, a column for each phase."""
    best = night.status.best if night.status else None
    if best is None:
        return Absent(NAME, TITLE, "no site luminesced")
    seen = best.observation
    coupon = next((c for c in night.coupons if c.coupon.serial == seen.site.coupon), None)
    if coupon is None or coupon.decays is None:
        return Absent(
            NAME, TITLE, f"of the best site, {seen.site.coupon} {seen.site.name}, no decay was counted this night"
        )
    fits: dict[Phase, DecayFit] = {}
    for phase in PHASES:
        event = coupon.decays.events.get((seen.site.name, phase))
        try:
            if event is not None:
                fits[phase] = decay_fit(*event)
        except DecayError:
            continue  # the observation says why
    if not fits:
        return Absent(NAME, TITLE, f"the decays of {seen.site.coupon} {seen.site.name} hold too few photons for a fit")
    figure = new_figure(3.6)
    axes = figure.subplots(2, len(fits), squeeze=False, sharex="col", height_ratios=[3, 1])
    for column, (phase, fit) in enumerate(fits.items()):
        _counts(axes[0, column], fit, phase, seen)
        _residual(axes[1, column], fit)
    axes[0, 0].set_ylabel("photons per bin")
    axes[1, 0].set_ylabel("deviation\n/ noise")
    first = next(iter(fits.values()))
    return Drawing(
        name=NAME,
        title=f"{TITLE}: {seen.site.name} on {seen.site.coupon}",
        caption=(
            "Photons by their time after the sync, with the fit: exponentials behind the instrument's response, on a "
            "background, by Poisson likelihood. Below: signed square root of each bin's deviance. The lifetime is the intensity "
            "average, the mean time of a photon after the pulse, of what decays between two pulses."
        ),
        figure=figure,
        table={
            "phase": [phase for phase, fit in fits.items() for _ in fit.time_ns],
            "time_ns": np.concatenate([fit.time_ns for fit in fits.values()]),
            "photons": np.concatenate([fit.counts for fit in fits.values()]),
            "fitted_photons": np.concatenate([fit.expected for fit in fits.values()]),
        },
        footer=Footer(
            coupon.decays.uids,
            f"n = {first.counts.sum():.0f} photons" if len(fits) == 1 else f"n = {len(fits)} decays",
            "lifetimes 1σ",
            night.code_version,
        ),
    )


def _counts(axes: Axes, fit: DecayFit, phase: Phase, seen: Observation) -> None:
    found = seen.lifetime(phase)
    said = "no lifetime" if found is None else plus_minus(found.lifetime_ns, found.lifetime_sd_ns, "ns")
    peak_ns = float(fit.time_ns[np.argmax(fit.expected)])
    longest_ns = _SHOWN_LIFETIMES * float(fit.lifetimes_ns.max())
    axes.plot(fit.time_ns, np.maximum(fit.counts, 0.5), ".", ms=2.0, color=GREY, label="counted")
    axes.plot(fit.time_ns, fit.expected, color=RED if phase == "red" else GREEN, lw=1.4, label=f"fit: {said}")
    axes.set_yscale("log")
    axes.set_xlim(float(fit.time_ns[0]), min(peak_ns + longest_ns, float(fit.time_ns[-1])))
    axes.set_ylim(bottom=0.4)
    axes.set_title(f"{phase} light", fontsize=8.5)
    axes.legend(loc="upper right")


def _residual(axes: Axes, fit: DecayFit) -> None:
    axes.axhline(0, color=GREY, lw=0.8)
    axes.plot(fit.time_ns, fit.residual, color=INK, lw=0.6)
    axes.set_ylim(-5, 5)
    axes.set_xlabel("time after the sync (ns)")
