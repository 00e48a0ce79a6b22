"""A coupon as a map of characters: a row is a millimetre or less of y, two characters as wide as a row is high."""

from __future__ import annotations

import math

from beamline.records import CouponRecord, Footprint, KeepOut, SiteState

__all__ = ["SIGNS", "text_map"]

SIGNS = {
    SiteState.BLANK: "·",
    SiteState.INTENDED: "o",
    SiteState.WRITTEN: "w",
    SiteState.ANNEALED: "a",
    SiteState.MEASURED: "m",
    SiteState.SUSPECT: "?",
    SiteState.DAMAGED: "X",
}
MARGIN = "░"
COLUMNS_PER_MM = 3.0
WIDEST = 100
TICK_MM = 5.0


def text_map(coupon: CouponRecord, keep_out: KeepOut | None) -> str:
    """The coupon as seen from the laser: x to the right and y upwards, in mm; a line of signs for each line.

    Args:
        coupon: with its sites.
        keep_out: its margin is shaded; None for none.
    """
    per_mm = min(COLUMNS_PER_MM, WIDEST / coupon.width_mm)
    n_columns = max(1, math.ceil(coupon.width_mm * per_mm))
    n_rows = max(1, math.ceil(coupon.height_mm * per_mm / 2))
    row_mm, column_mm = coupon.height_mm / n_rows, coupon.width_mm / n_columns
    grid = [[" "] * n_columns for _row in range(n_rows)]
    margin_mm = keep_out.margin_mm if keep_out else 0.0
    for row in range(n_rows):
        y_mm = coupon.height_mm - (row + 0.5) * row_mm
        for column in range(n_columns):
            x_mm = (column + 0.5) * column_mm
            edge_mm = min(x_mm, coupon.width_mm - x_mm, y_mm, coupon.height_mm - y_mm)
            if edge_mm < margin_mm:
                grid[row][column] = MARGIN
    for site in coupon.sites.values():
        if site.site is None:
            continue
        covered = Footprint.of(site.site, site.recipe)
        row = min(n_rows - 1, max(0, int((coupon.height_mm - covered.y_mm) / row_mm)))
        first, last = int(covered.left_mm / column_mm), math.ceil(covered.right_mm / column_mm)
        for column in range(max(0, first), min(n_columns, max(last, first + 1))):
            grid[row][column] = SIGNS[site.state]
    return "\n".join([*_framed(grid, coupon, row_mm), *_axis(n_columns, column_mm), _legend(coupon)])


def _framed(grid: list[list[str]], coupon: CouponRecord, row_mm: float) -> list[str]:
    lines, last_tick = [], math.inf
    for index, row in enumerate(grid):
        bottom_mm = coupon.height_mm - (index + 1) * row_mm
        tick = math.ceil(bottom_mm / TICK_MM - 1e-9) * TICK_MM
        is_ticked = tick < bottom_mm + row_mm - 1e-9 and tick != last_tick
        last_tick = tick if is_ticked else last_tick
        lines.append(f"{tick if is_ticked else '':>6} |{''.join(row)}|")
    edge = f"{'':>6} +{'-' * len(grid[0])}+"
    return [f"{'y mm':>6} +{'-' * len(grid[0])}+", *lines, edge]


def _axis(n_columns: int, column_mm: float) -> list[str]:
    text = [" "] * (n_columns + 12)
    tick = 0.0
    while tick <= n_columns * column_mm + 1e-9:
        for offset, letter in enumerate(f"{tick:g}"):
            text[round(tick / column_mm) + offset] = letter
        tick += TICK_MM
    return [f"{'':>8}{''.join(text).rstrip()}  x mm"]


def _legend(coupon: CouponRecord) -> str:
    present = {site.state for site in coupon.sites.values()}
    return f"{'':>8}" + "  ".join(f"{SIGNS[state]} {state}" for state in SiteState if state in present)
