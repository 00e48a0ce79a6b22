"""One look for all figures: colours that the colour-blind can tell apart, footers, files that come out the same.

Figures are made with matplotlib's objects and drawn by Agg; there is no pyplot and no state that outlives a figure.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from beamline.recipe import hc_eV_nm

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

__all__ = [
    "BLUE",
    "GREEN",
    "GREY",
    "INK",
    "LIGHT",
    "MARKERS",
    "ORANGE",
    "PURPLE",
    "RED",
    "SKY",
    "Absent",
    "Drawing",
    "Footer",
    "colour_of_coupon",
    "eV_on_top",
    "log_ticks",
    "new_figure",
    "spec_band",
    "styled",
    "write_drawing",
]

# Okabe and Ito's palette, "Color Universal Design" (2008)
BLUE, SKY, GREEN, ORANGE, RED, PURPLE = "#0072B2", "#56B4E9", "#009E73", "#E69F00", "#D55E00", "#CC79A7"
INK, GREY, LIGHT = "#222222", "#777777", "#E6E6E6"
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "p")
"""Coupons are told apart by marker as well as by colour."""

WIDTH_IN = 9.2
DPI = 140
FOOTER_IN = 0.24

_RC: dict[str, Any] = {
    "svg.hashsalt": "vitrail",  # ids in the SVG are the same every time
    "svg.fonttype": "path",
    "font.family": "DejaVu Sans",  # comes with matplotlib: the same everywhere
    "font.size": 8.5,
    "axes.titlesize": 9.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 8.5,
    "axes.edgecolor": GREY,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": LIGHT,
    "grid.linewidth": 0.7,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "legend.fontsize": 7.5,
    "legend.frameon": False,
    "lines.linewidth": 1.3,
    "lines.markersize": 4.5,
    "errorbar.capsize": 0.0,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
}


@contextmanager
def styled() -> Iterator[None]:
    """Within this, figures are made and saved in the project's style."""
    import matplotlib as mpl  # noqa: PLC0415  # not needed before there is something to draw

    with mpl.rc_context(_RC):  # type: ignore[arg-type]  # the keys are its own
        yield


@dataclass(frozen=True, slots=True)
class Footer:
    """The small print of a figure: where its numbers come from."""

    runs: tuple[str, ...]
    n: str
    errors: str
    code_version: str

    @property
    def text(self) -> str:
        """One line."""
        shown = ", ".join(uid[:8] for uid in self.runs[:4])
        more = f" and {len(self.runs) - 4} more" if len(self.runs) > 4 else ""
        runs = f"{'run' if len(self.runs) == 1 else 'runs'} {shown}{more}" if self.runs else ""
        parts = [runs, self.n, self.errors]
        return "  ·  ".join([*(part for part in parts if part), f"vitrail {self.code_version}"])


@dataclass(frozen=True, slots=True)
class Drawing:
    """A figure with what belongs to it.

    Attributes:
        name: of its files.
        title: heading in the report.
        caption: what is shown and how to read it.
        figure: ready to be saved.
        table: its data, a column a name; the names carry the units.
        footer: its small print.
    """

    name: str
    title: str
    caption: str
    figure: Figure
    table: Mapping[str, Sequence[Any] | NDArray[Any]]
    footer: Footer


@dataclass(frozen=True, slots=True)
class Absent:
    """A figure that this night cannot give, and why."""

    name: str
    title: str
    reason: str


def new_figure(height_in: float) -> Figure:
    """A figure of the common width with room for a footer; call within `styled`."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    figure = Figure(figsize=(WIDTH_IN, height_in), dpi=DPI, layout="constrained")
    FigureCanvasAgg(figure)
    share = FOOTER_IN / height_in
    figure.get_layout_engine().set(rect=(0.0, share, 1.0, 1.0 - share), w_pad=0.06, h_pad=0.05)  # type: ignore[union-attr, call-arg]  # it is the constrained one
    return figure


def write_drawing(drawing: Drawing, folder: Path) -> tuple[bytes, tuple[Path, ...]]:
    """Save a figure as PNG and SVG with its data as CSV; the same night gives the same bytes.

    Returns:
        The SVG, and the three paths.
    """
    height_in = drawing.figure.get_size_inches()[1]
    drawing.figure.text(0.008, 0.06 / height_in, drawing.footer.text, fontsize=6.3, color=GREY, va="bottom")
    _settle(drawing.figure)
    svg = io.BytesIO()
    # without a date and a version of the drawing library the file depends on the data alone
    drawing.figure.savefig(svg, format="svg", metadata={"Date": None, "Creator": None})
    drawing.figure.savefig(folder / f"{drawing.name}.png", dpi=DPI, metadata={"Software": None})
    (folder / f"{drawing.name}.svg").write_bytes(svg.getvalue())
    with (folder / f"{drawing.name}.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(drawing.table)
        writer.writerows(zip(*([_plain(v) for v in column] for column in drawing.table.values()), strict=True))
    return svg.getvalue(), tuple(folder / f"{drawing.name}.{kind}" for kind in ("png", "svg", "csv"))


def _settle(figure: Figure) -> None:
    """Find the layout once, not again for every file: it costs as much as the drawing.

    The solver's last digits depend on where objects lie in memory, and the names of clipping paths in the SVG on those.
    """
    engine = figure.get_layout_engine()
    if engine is None:
        return
    engine.execute(figure)
    figure.set_layout_engine("none")
    for axes in figure.axes:
        left, bottom, width, height = (round(float(v), 6) for v in axes.get_position(original=True).bounds)
        axes.set_position((left, bottom, width, height))


def _plain(value: Any) -> Any:
    if value is None or (isinstance(value, float | np.floating) and not np.isfinite(value)):
        return ""
    return f"{float(value):.7g}" if isinstance(value, float | np.floating) else value


def eV_on_top(axes: Axes, label: str = "photon energy (eV)") -> None:
    """A second axis above a wavelength axis."""

    def swap(values: ArrayLike) -> NDArray[np.float64]:
        # matplotlib tries the ends of every range, 0 among them
        swapped: NDArray[np.float64] = hc_eV_nm / np.maximum(np.asarray(values, dtype=float), 1e-6)
        return swapped

    top = axes.secondary_xaxis("top", functions=(swap, swap))
    top.set_xlabel(label)
    low, high = (hc_eV_nm / nm for nm in reversed(axes.get_xlim()))
    top.set_xticks([round(0.1 * i, 1) for i in range(int(low * 10) + 1, int(high * 10) + 1)])
    top.tick_params(length=3)


def spec_band(axes: Axes, low: float, high: float, label: str | None = None, *, vertical: bool = False) -> None:
    """The range of a specification."""
    span = axes.axvspan if vertical else axes.axhspan
    span(low, high, color=SKY, alpha=0.25, lw=0, zorder=0, label=label)


def log_ticks(axis: Axis) -> None:
    """A few readable ticks on a logarithmic axis whose limits are final, without minor ones."""
    from matplotlib.ticker import LogFormatterSciNotation, LogLocator, MaxNLocator, NullLocator  # noqa: PLC0415

    low, high = axis.get_view_interval()
    if high < 6.0 * low:
        axis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))
        axis.set_major_formatter("{x:g}" if high < 1e5 else LogFormatterSciNotation(minor_thresholds=(10.0, 10.0)))
    elif high < 60.0 * low:
        axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axis.set_major_formatter("{x:g}" if high < 1e5 else LogFormatterSciNotation(minor_thresholds=(10.0, 10.0)))
    else:
        axis.set_major_locator(LogLocator())
        axis.set_major_formatter("{x:g}" if low > 1e-4 and high < 1e5 else LogFormatterSciNotation())
    axis.set_minor_locator(NullLocator())


def colour_of_coupon(i: int, n: int) -> tuple[float, float, float, float]:
    """Colour of coupon `i` (from 0) of `n`: from dark to light in the order of the night."""
    from matplotlib import colormaps  # noqa: PLC0415

    r, g, b, a = colormaps["viridis"](0.08 + 0.8 * i / max(n - 1, 1))
    return float(r), float(g), float(b), float(a)
