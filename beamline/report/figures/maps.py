"""Coupon maps: where the sites lie, what became of each, and the colour that it shines in, to scale."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from beamline.recipe import Line
from beamline.records import SiteState
from beamline.report.data import CouponNight, NightData, SiteNight
from beamline.report.measured import Measured, measured
from beamline.report.style import (
    BLUE,
    GREEN,
    GREY,
    INK,
    LIGHT,
    ORANGE,
    PURPLE,
    RED,
    SKY,
    Absent,
    Drawing,
    Footer,
    new_figure,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_maps"]

NAME, TITLE = "maps", "Coupon maps"
COLUMNS = 6
"""Coupons side by side."""

MOST_NAMED = 40
"""With more sites on a coupon the names would cover them."""

STATE_COLOURS = {
    SiteState.BLANK: "#FFFFFF",
    SiteState.INTENDED: "#D0D0D0",
    SiteState.WRITTEN: SKY,
    SiteState.ANNEALED: ORANGE,
    SiteState.MEASURED: BLUE,
    SiteState.SUSPECT: RED,
    SiteState.DAMAGED: INK,
}
WITHOUT_RED: dict[str, tuple[str, str]] = {
    "green only": (GREEN, "○"),
    "no luminescence": ("#444444", "×"),
    "saturated": ("#FFFFFF", "△"),
    "failed": (PURPLE, "+"),
}
"""Colour and sign of sites without a red peak."""

Box = tuple[float, float, float, float]


def draw_maps(night: NightData) -> Drawing | Absent:
    """A column a coupon: the whole piece, the states of its sites, their red peaks."""
    from matplotlib import colormaps  # noqa: PLC0415
    from matplotlib.cm import ScalarMappable  # noqa: PLC0415
    from matplotlib.colors import Normalize  # noqa: PLC0415

    coupons = [c for c in night.coupons if c.sites]
    if not coupons:
        return Absent(NAME, TITLE, "no site was written")
    numbers = {
        (c.coupon.serial, s.site.name): measured(s.observation, night.campaign.objective) if s.observation else None
        for c in coupons
        for s in c.sites
    }
    peaks = [m.red_peak_nm for m in numbers.values() if m and math.isfinite(m.red_peak_nm)]
    norm = Normalize(min(peaks, default=600.0) - 0.5, max(peaks, default=660.0) + 0.5)
    colours = colormaps["plasma"]
    columns = max(min(len(coupons), COLUMNS), 4)
    blocks = -(-len(coupons) // columns)
    shape = max(_box(c)[3] / _box(c)[2] for c in coupons)
    column_in = 7.4 / columns
    figure = new_figure(0.4 + blocks * (column_in * (0.55 + 2.0 * shape) + 0.75))
    axes = figure.subplots(3 * blocks, columns, squeeze=False, height_ratios=[0.5 / shape, 1, 1] * blocks)
    for one in axes.flat:
        one.set_axis_off()
    for i, coupon in enumerate(coupons):
        block, column = divmod(i, columns)
        whole, states, shine = axes[3 * block : 3 * block + 3, column]
        box = _box(coupon)
        _whole(whole, coupon, box, has_scale=i == 0)
        for one in (states, shine):
            _zoom(one, box)
        if i == 0:
            _scale_bar(states, box)
        _sites(states, [(s, STATE_COLOURS[s.state], s.site.name) for s in coupon.sites])
        shown = {s.site.name: numbers[coupon.coupon.serial, s.site.name] for s in coupon.sites}
        _sites(shine, [(s, *_colour(shown[s.site.name], norm, colours)) for s in coupon.sites])
    if peaks:
        figure.colorbar(
            ScalarMappable(norm, colours), ax=axes[2::3].ravel().tolist(), label="red peak (nm)", aspect=22, pad=0.01
        )
    _legend(figure, {s.state for c in coupons for s in c.sites})
    rows = [(c, s, numbers[c.coupon.serial, s.site.name]) for c in coupons for s in c.sites]
    return Drawing(
        name=NAME,
        title=TITLE,
        caption=(
            "Top: the coupons to scale as seen from the laser, with the notch at the corner from which places are "
            "measured and the block of sites. Middle: what the records say of each site. Bottom: the peak of its red "
            "band in nm; ○ green light only, × no luminescence, △ saturated, + the instrument failed. Sites are drawn "
            "several times wider than they are."
        ),
        figure=figure,
        table={
            "coupon": [c.coupon.serial for c, _, _ in rows],
            "site": [s.site.name for _, s, _ in rows],
            "x_mm": [s.site.x_mm for _, s, _ in rows],
            "y_mm": [s.site.y_mm for _, s, _ in rows],
            "state": [s.state.value for _, s, _ in rows],
            "outcome": [m.kind if m else "" for _, _, m in rows],
            "red_peak_nm": [m.red_peak_nm if m else math.nan for _, _, m in rows],
            "red_peak_sd_nm": [m.red_peak_sd_nm if m else math.nan for _, _, m in rows],
        },
        footer=Footer(
            tuple(uid for c in coupons if c.exposures for uid in c.exposures.uids),
            f"n = {len(rows)} sites",
            f"1σ of a peak: {_typical_sd_nm(numbers.values()):.1f} nm" if peaks else "",
            night.code_version,
        ),
    )


def _typical_sd_nm(numbers: Iterable[Measured | None]) -> float:
    sds = sorted(m.red_peak_sd_nm for m in numbers if m and math.isfinite(m.red_peak_sd_nm))
    return sds[len(sds) // 2]


def _length_mm(site: SiteNight) -> float:
    writing = site.recipe.writing
    return writing.length_mm if isinstance(writing, Line) else 0.0


def _box(coupon: CouponNight) -> Box:
    """Left, bottom, width and height in mm of the block of sites, with room for their names."""
    left = min(s.site.x_mm - _length_mm(s) / 2 for s in coupon.sites) - 1.2
    right = max(s.site.x_mm + _length_mm(s) / 2 for s in coupon.sites) + 1.2
    bottom = min(s.site.y_mm for s in coupon.sites) - 1.5
    top = max(s.site.y_mm for s in coupon.sites) + 1.6
    return left, bottom, right - left, top - bottom


def _whole(axes: Axes, coupon: CouponNight, box: Box, *, has_scale: bool) -> None:
    """The coupon's edge, the notch at its lower left corner, the block of sites, and a scale bar."""
    from matplotlib.patches import Polygon, Rectangle  # noqa: PLC0415

    w, h = coupon.coupon.width_mm, coupon.coupon.height_mm
    notch = 0.15 * min(w, h)
    axes.add_patch(Rectangle((0, 0), w, h, fill=False, ec=GREY, lw=0.9))
    axes.add_patch(Polygon([(0, 0), (notch, 0), (0, notch)], fc=GREY, ec="none"))
    axes.add_patch(Rectangle(box[:2], *box[2:], fc=LIGHT, ec=INK, lw=0.6))
    axes.set_xlim(-0.02 * w, 1.02 * w)
    axes.set_ylim(-0.02 * h, 1.02 * h)
    axes.set_aspect("equal")
    heat = coupon.furnace.treatment if coupon.furnace else None
    treated = f"{heat.temperature_C:.0f} °C, {heat.hold_s / 60:.0f} min" if heat else "not heated"
    axes.set_title(
        f"{coupon.coupon.serial}  ({coupon.coupon.glass.name})\n{treated}",
        fontsize=7,
        fontweight="normal",
        loc="center",
    )
    if has_scale:
        axes.plot([-0.25 * w] * 2, [0.0, 10.0], color=INK, lw=2, solid_capstyle="butt", clip_on=False)
        axes.annotate("10 mm", (-0.34 * w, 5.0), ha="right", va="center", fontsize=6, annotation_clip=False)


def _zoom(axes: Axes, box: Box) -> None:
    from matplotlib.patches import Rectangle  # noqa: PLC0415

    left, bottom, width, height = box
    axes.add_patch(Rectangle(box[:2], width, height, fc="none", ec=LIGHT, lw=0.8))
    axes.set_xlim(left, left + width)
    axes.set_ylim(bottom, bottom + height)
    axes.set_aspect("equal")


def _scale_bar(axes: Axes, box: Box) -> None:
    left, bottom, _, _ = box
    axes.plot([left + 0.3, left + 1.3], [bottom + 0.25] * 2, color=INK, lw=2, solid_capstyle="butt")
    axes.annotate("1 mm", (left + 1.45, bottom + 0.25), va="center", fontsize=6)


def _sites(axes: Axes, sites: Sequence[tuple[SiteNight, Any, str]]) -> None:
    """Lines in their length and dots as discs, of a colour, with a few letters above where there is room."""
    from matplotlib.collections import PatchCollection  # noqa: PLC0415
    from matplotlib.patches import Ellipse, Rectangle  # noqa: PLC0415

    heights = sorted({site.site.y_mm for site, _, _ in sites})
    pitch_mm = min((b - a for a, b in pairwise(heights)), default=2.0)
    thick = min(0.5, 0.3 * pitch_mm)
    shapes, colours = [], []
    for site, colour, text in sites:
        x, y, length = site.site.x_mm, site.site.y_mm, _length_mm(site)
        line = Rectangle((x - length / 2, y - thick / 2), length, thick)
        shapes.append(line if length else Ellipse((x, y), thick, thick))
        colours.append(colour)
        if len(sites) <= MOST_NAMED:
            axes.text(x, y + 0.5 * thick + 0.06 * pitch_mm, text, ha="center", va="bottom", fontsize=6)
    axes.add_collection(PatchCollection(shapes, facecolors=colours, edgecolors=INK, linewidths=0.5))


def _colour(number: Measured | None, norm: Any, colours: Any) -> tuple[Any, str]:
    """Face colour and text of a site."""
    if number is None:
        return "#FFFFFF", "–"
    if math.isfinite(number.red_peak_nm):
        return colours(norm(number.red_peak_nm)), f"{number.red_peak_nm:.0f}"
    return WITHOUT_RED[number.kind]


def _legend(figure: Any, states: set[SiteState]) -> None:
    from matplotlib.patches import Patch  # noqa: PLC0415

    handles = [Patch(fc=STATE_COLOURS[s], ec=INK, lw=0.5, label=s.value) for s in SiteState if s in states]
    figure.legend(handles=handles, loc="outside right upper", title="state", title_fontsize=7.5, handlelength=1.2)
