"""Figures of a reproduction, from its records alone: light over dose, spectra over temperature, decays, maps, pictures."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from beamline.analysis import GREEN_MAP, LONG_PASS_645, RED_MAP, DecayFit, Transmission
from beamline.campaign.observations import dark_for, outcomes_of
from beamline.experiments import decays_of, draw_photographs, map_of, named_overviews
from beamline.recipe import Line, Luminescence, Recipe
from beamline.records import Run
from beamline.report.style import BLUE, GREEN, INK, MARKERS, ORANGE, RED, Drawing, Footer, log_ticks, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["drawings_of"]

BANDS: Final[dict[str, Transmission]] = {
    "514 nm, 20 nm wide": GREEN_MAP,
    "613 nm, 20 nm wide": RED_MAP,
    "beyond 645 nm": LONG_PASS_645,
}
LEAST_POINTS: Final = 12
"""A map of fewer is no picture."""
SMOOTHED_PIXELS: Final = 5
DECAY_COLUMNS, LIT = 3, 1.05
"""Decays side by side; each is shown for as long as the fit is so many times its background."""


def drawings_of(runs: Sequence[Run], code_version: str) -> Iterator[Drawing]:
    """The figures that these runs give; call within `beamline.report.style.styled`.

    Args:
        runs: of one reproduction, in the order in which they were made.
        code_version: for the footers.
    """
    parts: tuple[Callable[[Sequence[Run], str], Iterator[Drawing]], ...] = (_doses, _spectra, _decays, _maps, _pictures)
    for part in parts:
        yield from part(runs, code_version)


def _footer(runs: Sequence[Run], n: str, errors: str, code_version: str) -> Footer:
    return Footer(tuple(run.uid for run in runs), n, errors, code_version)


def _named(runs: Sequence[Run], purpose: str, *names: str) -> list[Run]:
    return [
        run
        for run in runs
        if run.start["purpose"] == purpose and (not names or run.start.get("experiment", {}).get("name") in names)
    ]


# ------------------------------------------------------------------------------------------------------------------ dose
def _doses(runs: Sequence[Run], code_version: str) -> Iterator[Drawing]:
    """Fig. 1: light of dots over exposure and of lines over speed, a curve a pulse energy."""
    for what, label, plan in (("dots", "exposure (s)", "dot_matrix"), ("lines", "speed (mm/s)", "line_series")):
        measured = _named(runs, "measurement", plan)
        found = [run for run in measured if run.start["coupon"]["glass"]["name"] == "BrI"]
        rows = [row for run in found for row in _lights(run)]
        if not rows:
            continue
        figure = new_figure(3.2)
        axes: Axes = figure.subplots()
        colours = dict(zip(sorted({energy for energy, *_ in rows}), (BLUE, GREEN, RED), strict=False))
        for i, (energy, colour) in enumerate(colours.items()):
            seen = sorted((dose, light, sd) for one, dose, light, sd in rows if one == energy and light > 0)
            if seen:
                x, y, sd = np.array(seen).T
                axes.errorbar(x, y, yerr=sd, fmt=f"{MARKERS[i]}-", color=colour, label=f"{energy:g} µJ")
        axes.set_xscale("log")
        axes.set_yscale("log")
        log_ticks(axes.xaxis)
        axes.set_xlabel(label)
        axes.set_ylabel("light of all bands (counts/s)")
        axes.legend()
        columns = [list(one) for one in zip(*rows, strict=True)]
        column = "exposure_s" if what == "dots" else "speed_mm_s"
        yield Drawing(
            name=f"reproduce-{what}",
            title=f"Light of {what} (Fig. 1)",
            caption="Br&I as written; places without luminescence are left out.",
            figure=figure,
            table=dict(zip(("pulse_energy_uJ", column, "light_counts_s", "sd_counts_s"), columns, strict=True)),
            footer=_footer(found, f"{len(rows)} {what}", "bars: one sigma of the fit", code_version),
        )


def _lights(run: Run) -> Iterator[tuple[float, float, float, float]]:
    """Pulse energy, exposure or speed, light and its sigma; 0 where nothing luminesces."""
    recipes = {name: Recipe.model_validate(one) for name, one in run.start["recipes"].items()}
    for name, outcome in outcomes_of(run).items():
        writing = recipes[name].writing
        dose = writing.speed_mm_s if isinstance(writing, Line) else writing.exposure_s
        bands = outcome.bands if isinstance(outcome, Luminescence) else ()
        light = sum(band.rate_counts_s for band in bands)
        yield writing.pulse_energy_uJ, dose, light, float(np.sqrt(sum(band.rate_sd_counts_s**2 for band in bands)))


# --------------------------------------------------------------------------------------------------------------- spectra
def _spectra(runs: Sequence[Run], code_version: str) -> Iterator[Drawing]:
    """Fig. 3a-c: spectra against temperature of the heat treatment, a panel a glass."""
    measured = _named(runs, "measurement", "anneal_series")
    glasses = sorted({run.start["coupon"]["glass"]["name"] for run in measured})
    if not glasses:
        return
    figure = new_figure(3.4)
    panels = figure.subplots(1, len(glasses), squeeze=False)[0]
    table: dict[str, list[float]] = {}
    for at, glass in zip(panels, glasses, strict=True):
        of_glass = [run for run in measured if run.start["coupon"]["glass"]["name"] == glass]
        curves = dict(curve for k, run in enumerate(of_glass) for curve in [_curve(run, of_glass[:k])])
        top = max(float(net.max()) for _, net in curves.values())
        for i, (words, (wavelength_nm, net)) in enumerate(sorted(curves.items(), key=_as_written_first)):
            at.plot(wavelength_nm, net / top + 0.5 * i, color=INK, lw=0.8)
            at.text(wavelength_nm[-1], 0.5 * i + 0.08, words, ha="right", fontsize=7)
            table.setdefault("wavelength_nm", wavelength_nm.tolist())
            table[f"{glass}, {words} (counts/s)"] = net.tolist()
        at.set_title(glass)
        at.set_xlabel("wavelength (nm)")
        at.set_yticks([])
        at.grid(visible=False)
    panels[0].set_ylabel("light, over the glass's brightest, shifted")
    yield Drawing(
        name="reproduce-temperatures",
        title="Spectra against temperature of the heat treatment (Fig. 3a-c)",
        caption="Mean over the lines of a coupon, dark taken out; each glass over its brightest spectrum.",
        figure=figure,
        table=table,
        footer=_footer(measured, f"{len(measured)} measurements", "", code_version),
    )


def _as_written_first(curve: tuple[str, Any]) -> float:
    words = curve[0].split(" ")[0]
    return float(words) if words.isdigit() else -1.0


def _curve(run: Run, before: Sequence[Run]) -> tuple[str, tuple[Any, Any]]:
    """What was done to the coupon before this measurement, and the mean spectrum of its sites, counts/s over nm."""
    table = run.table("spectra")
    integration_s = float(table["spectrometer_integration_s"][0])
    dark = dark_for(integration_s, run.table("dark"))
    axis = np.asarray(run.config("spectra")["spectrometer_wavelength_nm"], dtype=float)
    net = np.asarray(table["spectrometer_counts"], dtype=float).mean(axis=0) - (0.0 if dark is None else dark)
    n = axis.size // SMOOTHED_PIXELS * SMOOTHED_PIXELS
    mean = [values[:n].reshape(-1, SMOOTHED_PIXELS).mean(axis=1) for values in (axis, net / integration_s)]
    # of the two measurements of a coupon the second one is after the furnace
    is_heated = any(one.start["coupon"]["serial"] == run.start["coupon"]["serial"] for one in before)
    treatment = next(iter(run.start["recipes"].values()))["heat_treatment"]
    words = f"{treatment['temperature_C']:.0f} °C" if is_heated and treatment else "as written"
    return words, (mean[0], mean[1])


# ---------------------------------------------------------------------------------------------------------------- decays
def _decays(runs: Sequence[Run], code_version: str) -> Iterator[Drawing]:
    """Fig. 2c: decays on a log axis with their fits, and what is left over one sigma."""
    found = [
        (f"{run.start['coupon']['serial']}, {one}", fit)
        for run in _named(runs, "decay")
        for (_, one), fit in decays_of(run).items()
        if isinstance(fit, DecayFit)
    ]
    if not found:
        return
    n_columns = min(len(found), DECAY_COLUMNS)
    n_rows = -(-len(found) // n_columns)
    figure = new_figure(4.0 * n_rows)
    panels = figure.subplots(2 * n_rows, n_columns, squeeze=False, height_ratios=(3, 1) * n_rows)
    for panel in panels.flat[2 * n_columns * (n_rows - 1) :]:
        panel.set_visible(False)
    for i, (words, fit) in enumerate(found):
        row, column = divmod(i, n_columns)
        above, below = panels[2 * row, column], panels[2 * row + 1, column]
        lit_ns = fit.time_ns[fit.expected > LIT * fit.background_counts]
        for panel in (above, below):
            panel.set_visible(True)
            panel.set_xlim(fit.time_ns[0], min(1.3 * float(lit_ns[-1]), float(fit.time_ns[-1])))
        above.semilogy(fit.time_ns, np.maximum(fit.counts, 0.3), ".", ms=1.0, color=BLUE, rasterized=True)
        above.semilogy(fit.time_ns, fit.expected, "-", lw=0.9, color=ORANGE)
        low, high = fit.average_interval_ns("intensity")
        average = f"{fit.average_ns('intensity'):.4g} ns ({low:.4g} to {high:.4g})"
        above.set_title(f"{words}: {average}")
        below.plot(
            fit.time_ns,
            (fit.counts - fit.expected) / np.sqrt(np.maximum(fit.expected, 1.0)),
            ".",
            ms=0.7,
            rasterized=True,
        )
        below.set_ylim(-5.0, 5.0)
        below.set_xlabel("time (ns)")
    panels[0, 0].set_ylabel("photons a bin")
    panels[1, 0].set_ylabel("left (sigma)")
    yield Drawing(
        name="reproduce-decays",
        title="Decays (Fig. 2c)",
        caption="Counted photons, fitted exponentials, and what is left; above each the intensity average and its 68 % interval.",
        figure=figure,
        table={
            "decay": [words for words, fit in found for _ in fit.time_ns],
            "time_ns": np.concatenate([fit.time_ns for _, fit in found]),
            "counts": np.concatenate([fit.counts for _, fit in found]),
            "expected": np.concatenate([fit.expected for _, fit in found]),
        },
        footer=_footer(_named(runs, "decay"), f"{len(found)} decays", "", code_version),
    )


# ------------------------------------------------------------------------------------------------------ maps and pictures
def _maps(runs: Sequence[Run], code_version: str) -> Iterator[Drawing]:
    """Maps at 514, 613 and beyond 645 nm; a point where the detector was full is crossed."""
    count: dict[str, int] = {}
    for run in _named(runs, "map"):
        asked = run.start["experiment"]["parameters"]
        if asked["n_x"] * asked["n_y"] < LEAST_POINTS:
            continue
        seen = map_of(run, bands=BANDS)
        serial = str(run.start["coupon"]["serial"])
        count[serial] = count.get(serial, 0) + 1
        figure = new_figure(3.5)
        half_mm = 0.5 * float(asked["step_mm"])
        column = np.unique(np.round(seen.x_mm, 3), return_inverse=True)[1]
        row = np.unique(np.round(seen.y_mm, 3), return_inverse=True)[1]
        extent = (
            float(seen.x_mm.min()) - half_mm,
            float(seen.x_mm.max()) + half_mm,
            float(seen.y_mm.min()) - half_mm,
            float(seen.y_mm.max()) + half_mm,
        )
        for at, (words, rate) in zip(figure.subplots(1, len(BANDS)), seen.seen.rates.items(), strict=True):
            grid = np.full((row.max() + 1, column.max() + 1), np.nan)
            grid[row, column] = rate
            shown = at.imshow(grid, extent=extent, origin="lower", cmap="magma", interpolation="nearest")
            full = seen.seen.is_saturated
            at.plot(seen.x_mm[full], seen.y_mm[full], "x", ms=3.0, color=ORANGE)
            at.set_title(words)
            at.set_xlabel("x (mm)")
            at.grid(visible=False)
            figure.colorbar(shown, ax=at, shrink=0.7, label="counts/s")
        yield Drawing(
            name=f"reproduce-map-{serial}-{count[serial]}",
            title=f"Map of {serial}, {'as written' if count[serial] == 1 else 'after rewriting'}"
            if serial == "BrI-code"
            else f"Map of {serial}",
            caption="Light in bands, counts/s; crosses: the detector was full.",
            figure=figure,
            table={"x_mm": seen.x_mm, "y_mm": seen.y_mm, **{f"{k} (counts/s)": v for k, v in seen.seen.rates.items()}},
            footer=_footer([run], f"{seen.x_mm.size} points", "", code_version),
        )


def _pictures(runs: Sequence[Run], code_version: str) -> Iterator[Drawing]:
    """Fig. 4: what the camera saw."""
    for run in _named(runs, "imaging"):
        serial = str(run.start["coupon"]["serial"])
        yield draw_photographs(
            named_overviews(run),
            name=f"reproduce-pictures-{serial}",
            title=f"Pictures of {serial} (Fig. 4)",
            runs=(run.uid,),
            code_version=code_version,
        )
