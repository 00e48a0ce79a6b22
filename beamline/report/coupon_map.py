"""A coupon to scale, its axes in mm: what lies where, in which state, and what is kept free."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from beamline.records import CouponRecord, KeepOut, SiteState
from beamline.records.occupancy import Footprint
from beamline.report.figures.maps import STATE_COLOURS
from beamline.report.style import DPI, GREY, INK, LIGHT, styled
from beamline.report.words import heat_words

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_coupon"]

MOST_NAMED = 60
"""With more sites the names would cover them."""
SIZE_IN = 5.2


def draw_coupon(coupon: CouponRecord, keep_out: KeepOut | None, path: Path) -> Path:
    """Draw a coupon into a PNG or SVG file; the same record gives the same bytes.

    Args:
        coupon: with its sites.
        keep_out: the spacing and margin to show; None where nobody knows them.
        path: of the file; its ending says which it is.

    Returns:
        The path.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415  # only when there is something to draw
    from matplotlib.figure import Figure  # noqa: PLC0415
    from matplotlib.patches import Patch, Polygon, Rectangle  # noqa: PLC0415

    shape = coupon.height_mm / coupon.width_mm
    with styled():
        figure = Figure(figsize=(SIZE_IN, (SIZE_IN - 0.6) * shape + 1.5), dpi=DPI, layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplots()
        axes.set_aspect("equal")
        axes.set_axisbelow(True)
        axes.add_patch(Rectangle((0, 0), coupon.width_mm, coupon.height_mm, fc="none", ec=INK, lw=1.2))
        notch = 0.05 * min(coupon.width_mm, coupon.height_mm)
        axes.add_patch(Polygon([(0, 0), (notch, 0), (0, notch)], fc=INK, ec="none"))
        if keep_out:
            _margin(axes, coupon, keep_out.margin_mm)
        placed = [site for site in coupon.sites.values() if site.site is not None]
        for site in placed:
            assert site.site is not None  # chosen so above
            _site(
                axes,
                Footprint.of(site.site, site.recipe),
                STATE_COLOURS[site.state],
                keep_out,
                len(placed) <= MOST_NAMED,
            )
        states = {site.state for site in coupon.sites.values()}
        handles = [Patch(fc=STATE_COLOURS[s], ec=INK, lw=0.5, label=s.value) for s in SiteState if s in states]
        if keep_out:
            handles.append(Patch(fc=LIGHT, ec=GREY, lw=0.5, hatch="////", label=f"margin, {keep_out.margin_mm:g} mm"))
            handles.append(
                Patch(fc="none", ec=GREY, lw=0.6, ls=":", label=f"half of the spacing, {keep_out.spacing_mm:g} mm")
            )
        figure.legend(handles=handles, loc="outside lower center", ncols=3)
        axes.set_xlim(-0.02 * coupon.width_mm, 1.02 * coupon.width_mm)
        axes.set_ylim(-0.02 * coupon.height_mm, 1.02 * coupon.height_mm)
        axes.set_xlabel("x (mm)")
        axes.set_ylabel("y (mm)")
        glass = f" ({coupon.glass.name})" if coupon.glass else ""
        axes.set_title(
            f"{coupon.serial}{glass}{': DAMAGED' if coupon.damage else ''}\n{heat_words(coupon.heat_treatments)}"
        )
        no_date = {"Date": None, "Creator": None} if path.suffix == ".svg" else {"Software": None}
        figure.savefig(path, metadata=no_date)
    return path


def _margin(axes: Axes, coupon: CouponRecord, margin_mm: float) -> None:
    from matplotlib.patches import Rectangle  # noqa: PLC0415

    width, height = coupon.width_mm, coupon.height_mm
    inner = height - 2 * margin_mm
    for x, y, w, h in (
        (0.0, 0.0, width, margin_mm),
        (0.0, height - margin_mm, width, margin_mm),
        (0.0, margin_mm, margin_mm, inner),
        (width - margin_mm, margin_mm, margin_mm, inner),
    ):
        axes.add_patch(Rectangle((x, y), w, h, fc=LIGHT, ec=GREY, lw=0.0, hatch="////", zorder=0.5))


def _site(axes: Axes, covered: Footprint, colour: str, keep_out: KeepOut | None, is_named: bool) -> None:  # noqa: FBT001  # private, and called in one place
    from matplotlib.patches import FancyBboxPatch, Rectangle  # noqa: PLC0415

    left, width, y = covered.left_mm, covered.right_mm - covered.left_mm, covered.y_mm
    if keep_out:
        half = keep_out.spacing_mm / 2
        halo = f"round,pad={half},rounding_size={half}"
        axes.add_patch(
            FancyBboxPatch((left, y), max(width, 1e-6), 1e-6, boxstyle=halo, fc="none", ec=GREY, lw=0.6, ls=":")
        )
    thick = 0.3
    axes.add_patch(Rectangle((left - thick / 2, y - thick / 2), width + thick, thick, fc=colour, ec=INK, lw=0.5))
    if is_named:
        axes.text(left + width / 2, y + 0.3, covered.name, ha="center", va="bottom", fontsize=6.5)
