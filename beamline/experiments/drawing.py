"""Pictures of a coupon as a figure: side by side in true colour, each with a scale bar."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from beamline.experiments.photographs import Photograph, overviews_of
from beamline.records import Run
from beamline.report.style import INK, Drawing, Footer, new_figure, styled, write_drawing

__all__ = ["draw_photographs", "named_overviews", "scale_bar_mm", "write_pictures"]

LIGHTS: Final = {"white": "by daylight", "uv_365nm": "under 365 nm"}
COLUMNS: Final = 3


def scale_bar_mm(width_mm: float) -> float:
    """Length of a scale bar, 1, 2 or 5 of a power of ten: the longest that is no longer than 0.3 of the width."""
    most = 0.3 * width_mm
    power = 10.0 ** math.floor(math.log10(most))
    return next(n * power for n in (5.0, 2.0, 1.0) if n * power <= most * (1.0 + 1e-9))


def draw_photographs(
    shown: Mapping[str, Photograph], *, name: str, title: str, runs: tuple[str, ...], code_version: str
) -> Drawing:
    """A figure of pictures; call within `beamline.report.style.styled`.

    Args:
        shown: by the words above each.
        name: of its files.
        title: of the figure.
        runs: uids.
        code_version: for the footer.
    """
    columns = min(len(shown), COLUMNS)
    rows = -(-len(shown) // columns)
    tallest = max(one.rates.shape[0] / one.rates.shape[1] for one in shown.values())
    figure = new_figure(min(rows * (9.2 / columns * tallest * 1.08 + 0.5) + 0.4, 12.0))
    axes = figure.subplots(rows, columns, squeeze=False)
    for one in axes.flat:
        one.set_axis_off()
    for at, (words, photograph) in zip(axes.flat, shown.items(), strict=False):
        left, right, bottom, top = photograph.extent_mm
        at.imshow(photograph.srgb8(), extent=(left, right, bottom, top), interpolation="nearest")
        at.set_title(words, loc="left")
        bar = scale_bar_mm(right - left)
        below = bottom - 0.035 * (top - bottom)
        at.plot([left, left + bar], [below, below], color=INK, lw=2.5, solid_capstyle="butt", clip_on=False)
        label = f"{bar:g} mm" if bar >= 1 else f"{1e3 * bar:g} µm"
        at.text(left + 1.1 * bar, below, label, va="center", fontsize=7.5)
        at.set_xlim(left, right)
        at.set_ylim(bottom - 0.07 * (top - bottom), top)
    corners = [one.extent_mm for one in shown.values()]
    return Drawing(
        name=name,
        title=title,
        caption=(
            "True colour (sRGB). White light alone is white; of a picture under ultraviolet light the brightest half a percent "
            "is shown at full brightness, so brightness is not to be compared between pictures."
        ),
        figure=figure,
        table={
            "picture": list(shown),
            "illumination": [one.illumination for one in shown.values()],
            "filter": [one.filter for one in shown.values()],
            "left_mm": [left for left, *_ in corners],
            "right_mm": [right for _, right, _, _ in corners],
            "bottom_mm": [bottom for _, _, bottom, _ in corners],
            "top_mm": [top for *_, top in corners],
            "pixel_mm": [one.pixel_mm for one in shown.values()],
            "saturated_pixels": [one.n_saturated for one in shown.values()],
        },
        footer=Footer(runs, f"n = {len(shown)} pictures", "", code_version),
    )


def named_overviews(run: Run) -> dict[str, Photograph]:
    """All places of a run of `image_coupon` or `image_sites` in one picture a light, by the words above it.

    Raises:
        RecordError: the run holds no pictures.
    """
    shown = {}
    for (light, through), one in overviews_of(run).items():
        behind = "" if through == "none" else f", through {through.replace('_', ' ')}"
        shown[f"{LIGHTS.get(light, light)}{behind}"] = one
    return shown


def write_pictures(run: Run, folder: Path | str, *, name: str = "", code_version: str = "") -> tuple[Path, ...]:
    """Write what a run of `image_coupon` or `image_sites` saw, all places in one picture a light: PNG, SVG, and a CSV.

    Args:
        run: of purpose "imaging".
        folder: made where it does not exist.
        name: of the files; empty: the coupon's serial.
        code_version: for the footer; empty: of the run.

    Raises:
        RecordError: the run holds no pictures.
    """
    serial = str(run.start["coupon"]["serial"])
    version = code_version or str(run.start.get("versions", {}).get("vitrail", ""))
    Path(folder).mkdir(parents=True, exist_ok=True)
    with styled():
        drawing = draw_photographs(
            named_overviews(run), name=name or f"pictures-{serial}", title=serial, runs=(run.uid,), code_version=version
        )
        return write_drawing(drawing, Path(folder))[1]
