"""Photoluminescence of the night: the spectra of each coupon above one another, by its heat treatment."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from beamline.recipe import Dot, Line, Luminescence
from beamline.report.data import CouponNight, NightData
from beamline.report.style import GREY, Absent, Drawing, Footer, eV_on_top, new_figure, spec_band
from beamline.report.words import number

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_waterfall"]

NAME, TITLE = "waterfall", "Photoluminescence of the night"
SHOWN_nm = (460.0, 760.0)
STEP_nm = 1.0
ROOM = 1.12
"""Height of a coupon's strip, in units of its tallest spectrum."""


def draw_waterfall(night: NightData) -> Drawing | Absent:
    """Raw (left) and normalised (right) spectra, a strip a coupon, coolest at the bottom."""
    from matplotlib.collections import LineCollection  # noqa: PLC0415

    coupons = sorted((c for c in night.coupons if c.spectra), key=_temperature_C)
    axis = np.arange(SHOWN_nm[0], SHOWN_nm[1] + STEP_nm / 2, STEP_nm)
    rates = {c.coupon.serial: _binned(c, axis) for c in coupons}
    coupons = [c for c in coupons if rates[c.coupon.serial]]
    if not coupons:
        return Absent(NAME, TITLE, "no spectrum with its dark was taken")
    bright = {(c.coupon.serial, o.site.name) for c, _, o in night.observed if isinstance(o.outcome, Luminescence)}
    lit = [r for serial, by_site in rates.items() for name, r in by_site.items() if (serial, name) in bright]
    top = max(float(np.max(r)) for r in lit or [r for by_site in rates.values() for r in by_site.values()])
    figure = new_figure(min(1.5 + 0.95 * len(coupons), 16.0))
    raw, normalised = figure.subplots(1, 2, sharey=True)
    scale = _PaceScale(night)
    for strip, coupon in enumerate(coupons):
        # the faintest first: normalised, they are noise, which must not cover the others
        own = dict(sorted(rates[coupon.coupon.serial].items(), key=lambda item: float(np.max(item[1]))))
        shining = [name for name in own if (coupon.coupon.serial, name) in bright]
        for axes, heights in (
            # a spectrum of a full detector says nothing above its strip
            (raw, {name: np.clip(rate / top, -0.05, ROOM) for name, rate in own.items()}),
            (normalised, {name: own[name] / np.max(own[name]) for name in shining}),
        ):
            curves = [np.column_stack((axis, strip + height / ROOM)) for height in heights.values()]
            colours = [scale.colour(coupon, name) for name in heights]
            axes.add_collection(LineCollection(curves, colors=colours, linewidths=0.8))
        for axes in (raw, normalised):
            axes.axhline(strip, color=GREY, lw=0.5, zorder=1)
    target = night.campaign.objective.red_peak_nm
    for axes in (raw, normalised):
        if target is not None:
            spec_band(axes, target.target - target.tolerance, target.target + target.tolerance, vertical=True)
        _axes_of(axes, [c.title for c in coupons])
    raw.set_title(f"raw: one strip = {number(ROOM * top, 2)} counts/s/nm")
    normalised.set_title("luminescent ones over their maximum")
    scale.bar(normalised)
    n = sum(len(by_site) for by_site in rates.values())
    return Drawing(
        name=NAME,
        title=TITLE,
        caption=(
            "Dark-corrected spectra per nanometre, averaged over 1 nm; a strip a coupon, ordered by the temperature of its heat "
            "treatment, the coolest at the bottom. Colour: how fast the site was written. Shaded: the specification of the "
            "red peak. Per electronvolt the spectra would be multiplied by λ²/hc (the Jacobian), which moves maxima by one "
            "or two nanometres; peaks elsewhere in this report are maxima per electronvolt."
        ),
        figure=figure,
        table={
            "wavelength_nm": axis,
            **{
                f"{c.coupon.serial}_{name}_counts_s_nm": rate
                for c in coupons
                for name, rate in rates[c.coupon.serial].items()
            },
        },
        footer=Footer(
            tuple(uid for c in coupons if c.spectra for uid in c.spectra.uids),
            f"n = {n} spectra",
            "no smoothing",
            night.code_version,
        ),
    )


def _temperature_C(coupon: CouponNight) -> float:
    return coupon.furnace.treatment.temperature_C if coupon.furnace else 25.0


def _binned(coupon: CouponNight, axis: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    """Spectra by site, counts/s/nm, averaged around each point of the axis, shape (len(axis),)."""
    spectra = coupon.spectra
    if spectra is None:
        return {}
    edges = np.append(axis - STEP_nm / 2, axis[-1] + STEP_nm / 2)
    pixels, _ = np.histogram(spectra.wavelength_nm, edges)
    found = {}
    for name in spectra.counts:
        rate = spectra.rate_per_nm(name)
        if rate is not None and np.all(np.isfinite(rate)):
            sums, _ = np.histogram(spectra.wavelength_nm, edges, weights=rate)
            found[name] = np.where(
                pixels > 0, sums / np.maximum(pixels, 1), np.interp(axis, spectra.wavelength_nm, rate)
            )
    return found


class _PaceScale:
    """Colours by writing speed (lines) or exposure (dots), logarithmic."""

    def __init__(self, night: NightData) -> None:
        from matplotlib import colormaps  # noqa: PLC0415
        from matplotlib.colors import LogNorm  # noqa: PLC0415

        self._paces = {(c.coupon.serial, s.site.name): _pace(s.recipe.writing) for c in night.coupons for s in c.sites}
        low, high = min(self._paces.values()), max(self._paces.values())
        self.norm = LogNorm(low, high if high > low else low * 1.01)
        self.map = colormaps["viridis"]
        self.label = "speed (mm/s)" if night.campaign.space.mode == "line" else "exposure (s)"

    def colour(self, coupon: CouponNight, name: str) -> tuple[float, ...]:
        return tuple(self.map(self.norm(self._paces[coupon.coupon.serial, name])))

    def bar(self, axes: Axes) -> None:
        from matplotlib.cm import ScalarMappable  # noqa: PLC0415
        from matplotlib.ticker import LogLocator  # noqa: PLC0415

        bar = axes.figure.colorbar(
            ScalarMappable(self.norm, self.map), ax=axes, label=self.label, shrink=0.6, aspect=30
        )
        bar.ax.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 3.0, 5.0, 7.0)))
        bar.ax.yaxis.set_major_formatter("{x:g}")
        bar.ax.minorticks_off()


def _pace(writing: Dot | Line) -> float:
    return writing.speed_mm_s if isinstance(writing, Line) else writing.exposure_s


def _axes_of(axes: Axes, titles: list[str]) -> None:
    axes.set_xlim(*SHOWN_nm)
    axes.set_ylim(-0.05, len(titles) + 0.05)
    labels = [t.replace(" (", "\n").replace(", ", "\n", 1).removesuffix(")") for t in titles]
    axes.set_yticks([i + 0.45 for i in range(len(titles))], labels, fontsize=7)
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False, axis="y")
    axes.set_xlabel("wavelength (nm)")
    eV_on_top(axes)
