"""Where the sites lie on a coupon: a compact block of rows and columns in its middle.

Compact, because the furnace's gradient then matters least; in the middle, because edges chip and scatter. Rows are
lettered from the top, columns numbered from the left, as on a well plate: A1 is the upper left.
"""

from __future__ import annotations

import math
import string

from beamline.recipe import Coupon, Site

__all__ = ["CrowdedError", "layout", "n_fitting"]

TOLERANCE_MM = 1e-9
"""Slack for the rounding of sums of millimetres, so that what fits exactly on paper fits here."""


class CrowdedError(ValueError):
    """More sites are asked for than fit on a coupon; `n_fitting` says how many do.

    To do: ask for as many sites as fit, or a smaller spacing.
    """

    def __init__(self, coupon: Coupon, n_sites: int, n_fitting: int) -> None:
        """Args: n_fitting: how many sites fit."""
        super().__init__(
            f"{n_sites=} do not fit on coupon {coupon.serial} ({coupon.width_mm:g} x {coupon.height_mm:g} mm): "
            f"{n_fitting} do; take fewer sites, a smaller spacing or margin (mm), or shorter lines"
        )
        self.n_fitting = n_fitting


def layout(
    coupon: Coupon, n_sites: int, *, spacing_mm: float, margin_mm: float, line_length_mm: float = 0.0
) -> tuple[Site, ...]:
    """Places for `n_sites` sites; the same arguments give the same places.

    Args:
        coupon: the piece of glass; places are measured from its lower left corner.
        n_sites: how many, at least 1.
        spacing_mm: free distance between neighbours: from the end of a line to the next one in its row, and from line
            to line between rows.
        margin_mm: least distance of anything written from the coupon's edges.
        line_length_mm: length of the lines along x, centred on their sites; 0 for dots.

    Returns:
        The sites row by row from the upper left: A1, A2, ..., B1, ... Only the last row may be shorter.

    Raises:
        CrowdedError: they do not fit.
        ValueError: `n_sites` is below 1, or a length is negative, or `spacing_mm` is not above 0.
    """
    n_columns_max, n_rows_max = _columns_and_rows(coupon, spacing_mm, margin_mm, line_length_mm)
    if n_sites < 1:
        raise ValueError(f"{n_sites=}: at least 1 site is needed")
    if n_sites > n_columns_max * n_rows_max:
        raise CrowdedError(coupon, n_sites, n_columns_max * n_rows_max)
    pitch_x_mm = spacing_mm + line_length_mm
    # Of the blocks that hold them all, the one with the smallest larger side; of equals the wider one.
    n_columns = min(
        (n for n in range(1, min(n_sites, n_columns_max) + 1) if math.ceil(n_sites / n) <= n_rows_max),
        key=lambda n: (max((n - 1) * pitch_x_mm + line_length_mm, (math.ceil(n_sites / n) - 1) * spacing_mm), -n),
    )
    n_rows = math.ceil(n_sites / n_columns)
    left_mm = (coupon.width_mm - (n_columns - 1) * pitch_x_mm) / 2
    top_mm = (coupon.height_mm + (n_rows - 1) * spacing_mm) / 2
    return tuple(
        Site(
            coupon=coupon.serial,
            name=f"{_letters(row)}{column + 1}",
            x_mm=round(left_mm + column * pitch_x_mm, 9),
            y_mm=round(top_mm - row * spacing_mm, 9),
        )
        for row, column in (divmod(i, n_columns) for i in range(n_sites))
    )


def n_fitting(coupon: Coupon, *, spacing_mm: float, margin_mm: float, line_length_mm: float = 0.0) -> int:
    """How many sites fit on a coupon; arguments as in `layout`."""
    n_columns, n_rows = _columns_and_rows(coupon, spacing_mm, margin_mm, line_length_mm)
    return n_columns * n_rows


def _columns_and_rows(coupon: Coupon, spacing_mm: float, margin_mm: float, line_length_mm: float) -> tuple[int, int]:
    """Most columns and rows between the margins."""
    if not (spacing_mm > 0 and margin_mm >= 0 and line_length_mm >= 0):
        raise ValueError(f"{spacing_mm=} must be above 0 mm; {margin_mm=} and {line_length_mm=} at least 0 mm")
    free_x_mm = coupon.width_mm - 2 * margin_mm - line_length_mm + TOLERANCE_MM
    free_y_mm = coupon.height_mm - 2 * margin_mm + TOLERANCE_MM
    if free_x_mm < 0 or free_y_mm < 0:
        return 0, 0
    return int(free_x_mm / (spacing_mm + line_length_mm)) + 1, int(free_y_mm / spacing_mm) + 1


def _letters(n: int) -> str:
    """A, B, ..., Z, AA, AB, ... for 0, 1, ..."""
    letters = ""
    n += 1
    while n:
        n, rest = divmod(n - 1, 26)
        letters = string.ascii_uppercase[rest] + letters
    return letters
