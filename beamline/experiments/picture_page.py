"""A picture that was read back as a figure and as a page: forecast beside reading, where they differ, and the numbers."""

from __future__ import annotations

import base64
import html
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from beamline.analysis import srgb
from beamline.experiments.readback import AGREES_SD, ReadBack
from beamline.report.style import BLUE, GREY, INK, RED, Drawing, Footer, new_figure, styled, write_drawing

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_read_back", "write_picture_page"]

STYLE: Final = """body{font-family:system-ui,sans-serif;max-width:64rem;margin:2rem auto;padding:0 1rem;color:#222}
table{border-collapse:collapse;font-size:.9rem}td,th{padding:.3rem .6rem;border-bottom:1px solid #ddd;text-align:left}
td.n{font-variant-numeric:tabular-nums}small{color:#666}img{max-width:100%}"""
SHOWN_PULL: Final = 4.0
WORDS: Final = {
    "within_two_sigma": "cells within two sigma of their forecast",
    "red_share_less_forecast_mean": "red share less forecast, mean",
    "red_share_less_forecast_sd": "red share less forecast, from cell to cell",
    "own_share_less_meant_mean": "red share without the neighbours' light, less what was meant, mean",
    "own_share_less_meant_rms": "the same, root mean square",
    "site_error": "cells read as another colour, by the clusters of the reading",
    "site_error_by_thresholds_of_the_forecast": "the same, by the thresholds of the forecast",
    "bit_error": "wrong bits (Gray code of the colours), by the clusters of the reading",
    "bit_error_by_thresholds_of_the_forecast": "the same, by the thresholds of the forecast",
    "colour_difference_median": "difference of colour in u', v' (CIE 1976), median",
    "colour_difference_95": "the same, of which 95 % of the cells have less",
    "colour_difference_expected": "the same, as the forecast expects it of its parameters, root mean square",
}


def draw_read_back(found: ReadBack, *, code_version: str) -> Drawing:
    """The figure; call within `beamline.report.style.styled`."""
    rows, columns = found.cells.shape
    figure = new_figure(min(6.9 * max(rows / columns, 0.45) + 0.9, 9.0))
    axes = figure.subplots(2, 2)
    for at, xyz, words in (
        (axes[0, 0], found.forecast.xyz, "forecast, under 365 nm"),
        (axes[0, 1], found.xyz, "read from the map"),
    ):
        at.imshow(srgb(np.nan_to_num(np.maximum(xyz, 0.0))), interpolation="nearest")
        at.set_title(words)
        at.set_axis_off()
    _pulls(figure, axes[1, 0], found)
    _shares(axes[1, 1], found)
    share, expected = found.red_share, found.forecast.red_share
    row, column = np.nonzero(found.is_written)
    at_cells: NDArray[np.bool_] = found.is_written
    return Drawing(
        name="picture",
        title="A picture, forecast and read",
        caption="Forecast colours, read ones, their difference over one sigma, and the red share of each cell.",
        figure=figure,
        table={
            "row": row,
            "column": column,
            "colour": found.cells[at_cells],
            "read_as": found.read_as()[at_cells],
            "red_share_meant": found.forecast.meant[at_cells],
            "red_share_forecast": expected[at_cells],
            "red_share_forecast_sd": found.forecast.red_share_sd[at_cells],
            "red_share_forecast_common_sd": found.forecast.red_share_common_sd[at_cells],
            "red_share_read": share[at_cells],
            "red_share_read_without_neighbours": found.own_share[at_cells],
            "red_share_read_sd": found.red_share_sd[at_cells],
            "colour_difference_uv": found.colour_differences[at_cells],
        },
        footer=Footer(
            runs=found.runs,
            n=f"{int(at_cells.sum())} written cells",
            errors="crosses: read as another colour than was meant",
            code_version=code_version,
        ),
    )


def _pulls(figure: Any, at: Axes, found: ReadBack) -> None:
    shown = at.imshow(found.pulls, cmap="RdBu_r", vmin=-SHOWN_PULL, vmax=SHOWN_PULL, interpolation="nearest")
    row, column = np.nonzero(found.read_as() != found.cells)
    at.plot(column, row, "x", color=INK, ms=4.0)
    at.set_title("read less forecast, in sigma")
    at.set_axis_off()
    figure.colorbar(shown, ax=at, shrink=0.8)


def _shares(at: Axes, found: ReadBack) -> None:
    seen = found.is_written
    sd = np.hypot(found.forecast.red_share_sd, found.forecast.red_share_common_sd)[seen]
    expected, share = found.forecast.red_share[seen], found.red_share[seen]
    inside = np.abs(found.pulls[seen]) <= AGREES_SD
    at.errorbar(expected, share, xerr=sd, fmt="none", ecolor=GREY, elinewidth=0.5, alpha=0.5)
    for is_in, colour, words in ((True, BLUE, "within two sigma"), (False, RED, "beyond")):
        at.plot(expected[inside == is_in], share[inside == is_in], ".", color=colour, label=words)
    at.axline((0.0, 0.0), slope=1.0, color=INK, lw=0.8)
    at.set_xlabel("red share, forecast")
    at.set_ylabel("red share, read")
    at.set_title("cells")
    at.legend()


def write_picture_page(folder: Path, found: ReadBack, document: dict[str, Any]) -> Path:
    """Write `picture.html`, `picture.json` and the figure (PNG, SVG, CSV) into a folder.

    Args:
        folder: made where it does not exist.
        found: the picture.
        document: as `vitrail picture --json` prints it; `code_version`, `estimated_s`, `read` are shown.

    Returns:
        Path of the page.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "picture.json").write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    with styled():
        svg = write_drawing(draw_read_back(found, code_version=str(document["code_version"])), folder)[0]
    data = base64.b64encode(svg).decode("ascii")
    lines = "".join(
        f'<tr><td>{html.escape(WORDS[name])}</td><td class="n">{"–" if value is None else f"{value:.4f}"}</td></tr>'
        for name, value in document["read"].items()
        if name in WORDS
    )
    read, does = document["read"], "make up" if document["is_compensated"] else "do not make up"
    words = html.escape(
        f"{document['what']}; coupon {document['coupon']}; {read['cells']} cells in {read['colours']} colours; writing and "
        f"reading were estimated to take {document['estimated_s'] / 60.0:.1f} min. Energies {does} for the heat of "
        f"neighbours. Runs {', '.join(uid[:8] for uid in found.runs)}; vitrail {document['code_version']}."
    )
    page = folder / "picture.html"
    page.write_text(
        f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>A picture, forecast and read</title><style>{STYLE}</style></head><body>
<h1>A picture, forecast and read</h1>
<p>{words}</p>
<img alt="forecast and reading of the picture" src="data:image/svg+xml;base64,{data}">
<table>{lines}</table>
</body></html>
""",
        encoding="utf-8",
    )
    return page
