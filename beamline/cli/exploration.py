"""The picture of an exploration: a curve with its band, or a map of medians beside a map of spreads."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

import numpy as np

from beamline.physics.explore import AXES, Exploration
from beamline.report.style import BLUE, ORANGE, SKY, Drawing, Footer, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_exploration"]


def draw_exploration(found: Exploration, code_version: str, *, scale: float = 1.0, seed: int = 0) -> Drawing:
    """The drawing with its data; call within `styled`.

    Args:
        found: over one setting or two.
        code_version: for the small print.
        scale: factor on the spreads, for the small print.
        seed: of the draws, for the small print.
    """
    names = list(found.varied)
    name = f"{found.observable}-over-{'-and-'.join(names)}"
    table: dict[str, Any] = {
        setting: grid.ravel()
        for setting, grid in zip(names, np.meshgrid(*found.varied.values(), indexing="ij"), strict=True)
    }
    table |= {f"nominal ({found.unit})": found.nominal.ravel()}
    for level, values in zip(found.LEVELS, found.quantiles, strict=True):
        table[f"quantile {level:g} ({found.unit})"] = values.ravel()
    table |= {"share of draws with something to see": found.share_seen.ravel()}
    figure = _curve(found) if len(names) == 1 else _maps(found)
    held = ", ".join(
        f"{key} {value:g}" for key, value in found.held.items() if (key, value) != ("power_at_sample_W", 0.0)
    )
    figure.suptitle(textwrap.fill(f"held: {held}", 165), fontsize=6.5, x=0.01, ha="left")
    footer = Footer((), f"n = {found.n_draws} draws of the prior x {scale:g}, seed {seed}", "", code_version)
    return Drawing(name, found.observable, f"{found.observable} against {' and '.join(names)}", figure, table, footer)


def _label(name: str, unit: str) -> str:
    """A field name in words: `red_peak_nm`, "nm" is "red peak (nm)"."""
    words = name.split("_")
    short = unit.partition(" ")[0].partition(":")[0]
    while len(words) > 1 and (words[-1] in {"C", "eV", "meV", "A", "K", "W", "deg"} or words[-1] in unit.split("/")):
        words.pop()
    text = " ".join(words)
    for suffix in (" mm s", " 1 cm", f" {short}"):
        text = text.removesuffix(suffix)
    return text if unit == "1" else f"{text} ({short if len(unit) > 24 else unit})"


def _setting_axis(axes: Axes, name: str, which: str) -> None:
    getattr(axes, f"set_{which}label")(_label(name, AXES[name].unit))
    if AXES[name].is_log:
        from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

        getattr(axes, f"set_{which}scale")("log")
        axis = getattr(axes, f"{which}axis")
        axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axis.set_major_formatter(StrMethodFormatter("{x:g}"))
        axis.set_minor_formatter(NullFormatter())


def _curve(found: Exploration) -> Any:
    ((name, values),) = found.varied.items()
    figure = new_figure(4.2)
    axes = figure.subplots()
    low, lower, median, upper, high = found.quantiles
    axes.fill_between(values, low, high, color=SKY, alpha=0.25, lw=0, label="5 to 95 % of the draws")
    axes.fill_between(values, lower, upper, color=SKY, alpha=0.5, lw=0, label="16 to 84 %")
    axes.plot(values, median, color=BLUE, label="median of the draws")
    axes.plot(values, found.nominal, color=ORANGE, ls="--", label="nominal parameters")
    if (found.share_seen < 1.0).any():  # where some draws are dark the band is of the others: say how many
        share = axes.twinx()
        share.plot(values, 100.0 * found.share_seen, color="#777777", lw=0.8, ls=":")
        share.set_ylim(0.0, 105.0)
        share.set_ylabel("draws with something to see (%)")
        share.grid(visible=False)
        share.spines["right"].set_visible(True)
        axes.plot([], [], color="#777777", lw=0.8, ls=":", label="draws with something to see")
    _setting_axis(axes, name, "x")
    axes.set_xlim(values[0], values[-1])
    axes.set_ylabel(_label(found.observable, found.unit))
    axes.legend(frameon=True, framealpha=0.85, edgecolor="none")
    return figure


def _levels(least: float, most: float) -> list[float]:
    """Round numbers within the values: a contour at their very edge would follow the noise."""
    from matplotlib.ticker import MaxNLocator

    margin = 0.02 * (most - least)
    inside = [level for level in MaxNLocator(5).tick_values(least, most) if least + margin < level < most - margin]
    return inside or [0.5 * (least + most)]


def _maps(found: Exploration) -> Any:
    (x_name, x), (y_name, y) = found.varied.items()
    figure = new_figure(3.9)
    panels = figure.subplots(1, 2, sharey=True)
    _, lower, median, upper, _ = found.quantiles
    unit = found.unit
    for axes, values, title, colours in (
        (panels[0], median, "median of the draws", "viridis"),
        (panels[1], 0.5 * (upper - lower), "half the width of the 16 to 84 % band", "magma"),
    ):
        mesh = axes.pcolormesh(x, y, np.ma.masked_invalid(values).T, cmap=colours, shading="nearest", rasterized=True)
        if np.isfinite(values).sum() > 4 and np.nanmin(values) < np.nanmax(values):
            levels = _levels(float(np.nanmin(values)), float(np.nanmax(values)))
            lines = axes.contour(x, y, np.ma.masked_invalid(values).T, levels, colors="white", linewidths=0.7)
            axes.clabel(lines, fontsize=6.5, fmt="%g")
        bar = figure.colorbar(mesh, ax=axes)
        bar.set_label(_label(found.observable, unit))
        axes.set_title(title)
        axes.grid(visible=False)
        _setting_axis(axes, x_name, "x")
    _setting_axis(panels[0], y_name, "y")
    return figure
