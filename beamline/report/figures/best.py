"""The best recipe: its spectrum with the fitted bands, and its numbers with their uncertainties."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from beamline.analysis import Curves, fit_spectrum
from beamline.optimize import BestSite
from beamline.report.data import CouponNight, NightData
from beamline.report.measured import measured
from beamline.report.style import GREEN, GREY, INK, RED, Absent, Drawing, Footer, eV_on_top, new_figure, spec_band
from beamline.report.words import plus_minus, probability, recipe_words

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_best", "recipe_lines"]

NAME, TITLE = "best_recipe", "The best recipe"


def draw_best(night: NightData) -> Drawing | Absent:
    """Spectrum, fit and residuals of the optimiser's best site; beside them recipe and outcome."""
    best = night.status.best if night.status else None
    if best is None:
        return Absent(NAME, TITLE, "no site luminesced")
    site = best.observation.site
    coupon = next((c for c in night.coupons if c.coupon.serial == site.coupon), None)
    if coupon is None or coupon.spectra is None or site.name not in coupon.spectra.dark_counts:
        return Absent(NAME, TITLE, f"the best site, {site.coupon} {site.name}, is of an earlier night")
    curves = _curves(coupon, site.name)
    if curves is None:
        return Absent(NAME, TITLE, f"the spectrum of {site.coupon} {site.name} holds no fit")
    figure = new_figure(4.0)
    grid = figure.subplot_mosaic(
        [["spectrum", "card"], ["residual", "card"]], width_ratios=[2.1, 1], height_ratios=[3, 1]
    )
    _spectrum(grid["spectrum"], curves, night)
    _residual(grid["residual"], curves)
    grid["residual"].sharex(grid["spectrum"])
    grid["spectrum"].tick_params(labelbottom=False)
    _card(grid["card"], best, night)
    return Drawing(
        name=NAME,
        title=f"{TITLE}: {site.name} on {site.coupon}",
        caption=(
            "Dark-corrected spectrum in bins of about 1.3 nm with the fitted bands (two half-Gaussians of energy with an "
            "exponential tail, brought to the wavelength axis by the Jacobian). Below: deviation from the fit in units of the "
            "noise. Peaks are the maxima per electronvolt; their uncertainty holds what the choice of the bands' "
            "shape leaves open, not the error of the wavelength calibration."
        ),
        figure=figure,
        table={
            "wavelength_nm": curves.wavelength_nm,
            "rate_counts_s_nm": curves.rate,
            "rate_sd_counts_s_nm": curves.sd,
            "fit_counts_s_nm": curves.model,
            **{f"band_{i + 1}_counts_s_nm": row for i, row in enumerate(curves.bands)},
        },
        footer=Footer(coupon.spectra.uids, "n = 1 spectrum", "noise 1σ per bin", night.code_version),
    )


def _curves(coupon: CouponNight, name: str) -> Curves | None:
    spectra = coupon.spectra
    if spectra is None:
        return None
    return fit_spectrum(
        spectra.wavelength_nm,
        spectra.counts[name],
        spectra.dark_counts[name],
        integration_s=spectra.integration_s[name],
        n_averages=spectra.n_averages[name],
        detector=spectra.detector,
        response=spectra.response,
    ).curves


def _spectrum(axes: Axes, curves: Curves, night: NightData) -> None:
    power = max(int(np.floor(np.log10(max(float(np.max(curves.rate)), 1.0)))), 0)
    scale = 10.0**-power
    axes.errorbar(
        curves.wavelength_nm, curves.rate * scale, yerr=curves.sd * scale, fmt="none", ecolor=GREY, elinewidth=0.6
    )
    axes.plot(curves.wavelength_nm, curves.rate * scale, ".", ms=2.2, color=INK, label="measured")
    colours = (GREEN, RED) if len(curves.bands) == 2 else (INK,)
    for row, colour in zip(curves.bands, colours, strict=False):
        label = {GREEN: "green band", RED: "red band"}.get(colour, "band")
        axes.plot(curves.wavelength_nm, (row + curves.background) * scale, color=colour, lw=1.4, label=label)
    target = night.campaign.objective.red_peak_nm
    if target is not None:
        spec_band(
            axes, target.target - target.tolerance, target.target + target.tolerance, "specification", vertical=True
        )
    axes.set_xlim(460, 760)
    axes.set_ylim(
        bottom=min(0.0, float(np.min(curves.rate)) * 1.1) * scale, top=1.12 * float(np.max(curves.rate)) * scale
    )
    axes.set_ylabel(f"{10**power:g} counts/s/nm" if power < 4 else f"10$^{power}$ counts/s/nm")
    axes.legend(loc="upper right")
    eV_on_top(axes)


def _residual(axes: Axes, curves: Curves) -> None:
    axes.axhline(0, color=GREY, lw=0.8)
    axes.plot(curves.wavelength_nm, (curves.rate - curves.model) / curves.sd, color=INK, lw=0.7)
    axes.set_ylabel("deviation\n/ noise")
    axes.set_xlabel("wavelength (nm)")


def recipe_lines(best: BestSite, night: NightData) -> list[tuple[str, str]]:
    """The recipe as (what, value with unit).

    The furnace programme is the one that was set; of a coupon of an earlier night only what was read back is known.
    """
    serial = best.observation.site.coupon
    was_set = next((c.heat_treatment for c in night.coupons if c.coupon.serial == serial), None)
    seen = best.observation
    return recipe_words(seen.glass, seen.writing, was_set or best.heat_treatment, seen.power_at_sample_W)


def _card(axes: Axes, best: BestSite, night: NightData) -> None:
    axes.set_axis_off()
    number = measured(best.observation, night.campaign.objective)
    outcome = [
        ("red peak", plus_minus(number.red_peak_nm, number.red_peak_sd_nm, "nm")),
        ("green peak", plus_minus(number.green_peak_nm, number.green_peak_sd_nm, "nm")),
        ("green : red", plus_minus(number.green_red_ratio, number.ratio_sd)),
        ("red light", plus_minus(number.red_rate_counts_s, number.red_rate_sd_counts_s, "counts/s")),
        ("green light", plus_minus(number.green_rate_counts_s, number.green_rate_sd_counts_s, "counts/s")),
        *((name, plus_minus(value, sd, "ns")) for name, value, sd in number.lifetime_rows),
    ]
    text = [
        ("Recipe", None),
        *recipe_lines(best, night),
        ("Measured", None),
        *((what, value) for what, value in outcome if value != "–"),
        ("Within the specification", None),
        ("this site", probability(best.p_in_specification)),
    ]
    if night.status is not None and night.status.p_fresh_coupon is not None:
        text.append(("a fresh coupon", probability(night.status.p_fresh_coupon)))
    y = 0.98
    for what, value in text:
        if value is None:
            y -= 0.02
            axes.text(0.0, y, what, fontsize=8.5, fontweight="bold", va="top", transform=axes.transAxes)
        else:
            axes.text(0.0, y, what, fontsize=7.5, color=GREY, va="top", transform=axes.transAxes)
            axes.text(0.4, y, value, fontsize=7.5, va="top", transform=axes.transAxes)
        y -= 0.057
