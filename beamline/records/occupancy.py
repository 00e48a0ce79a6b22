"""What lies where on a coupon, in mm from its lower left corner: distances, spacing, keep-outs, and what may not be written.

A dot is a point, a line runs along x and is centred on its site. The free distance of two of them is that of the two
segments, as in `campaign.layout`: from the end of a line to the next one in its row, from line to line between rows.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import combinations

from beamline.recipe import Line, Recipe, Site
from beamline.records.ledger import CouponRecord, Ledger, SiteState

__all__ = ["Footprint", "KeepOut", "crowding", "footprints", "refusals"]

TOLERANCE_MM = 1e-6
"""Places are rounded to 1e-9 mm where they are made; the stage resolves some 1e-5 mm."""
SAME_PLACE_MM = 0.005
"""Further passes go over a site when they are as near to it."""
_NO_LIGHT = frozenset({SiteState.BLANK, SiteState.INTENDED})


@dataclass(frozen=True)
class Footprint:
    """What a site covers: from `left_mm` to `right_mm` at `y_mm`."""

    name: str
    left_mm: float
    right_mm: float
    y_mm: float

    @classmethod
    def of(cls, site: Site, recipe: Recipe | None) -> Footprint:
        """Of a site as its recipe writes it; a point where there is no recipe."""
        writing = recipe.writing if recipe else None
        half_mm = writing.length_mm / 2 if isinstance(writing, Line) else 0.0
        return cls(site.name, site.x_mm - half_mm, site.x_mm + half_mm, site.y_mm)

    def distance_mm(self, other: Footprint) -> float:
        """Free distance to another one, mm."""
        gap_mm = max(self.left_mm - other.right_mm, other.left_mm - self.right_mm, 0.0)
        return math.hypot(gap_mm, self.y_mm - other.y_mm)


@dataclass(frozen=True)
class KeepOut:
    """How near things may come.

    Attributes:
        spacing_mm: least free distance between two sites.
        margin_mm: least distance of anything written from the coupon's edges.
        to_written_mm: least free distance to what is there already; None: `spacing_mm`. The strokes of a picture touch each
            other, and nothing else.
    """

    spacing_mm: float
    margin_mm: float
    to_written_mm: float | None = None

    def is_outside(self, footprint: Footprint, coupon: CouponRecord) -> bool:
        """Whether something reaches into the margin."""
        left, right = self.margin_mm - TOLERANCE_MM, coupon.width_mm - self.margin_mm + TOLERANCE_MM
        low, high = self.margin_mm - TOLERANCE_MM, coupon.height_mm - self.margin_mm + TOLERANCE_MM
        return not (left <= footprint.left_mm and footprint.right_mm <= right and low <= footprint.y_mm <= high)

    def are_close(self, first: Footprint, second: Footprint) -> bool:
        """Whether two come nearer to each other than they may."""
        return first.distance_mm(second) < self.spacing_mm - TOLERANCE_MM

    @property
    def with_written(self) -> KeepOut:
        """The same towards what is written already."""
        return self if self.to_written_mm is None else replace(self, spacing_mm=self.to_written_mm)


def footprints(coupon: CouponRecord) -> dict[str, Footprint]:
    """What the sites of a coupon that have seen light, or may have, cover; by site name."""
    return {
        name: Footprint.of(record.site, record.recipe)
        for name, record in coupon.sites.items()
        if record.site is not None and record.state not in _NO_LIGHT
    }


def crowding(coupon: CouponRecord, keep_out: KeepOut) -> list[str]:
    """What lies on a coupon and should not: a line for each pair too near, and each site in the margin."""
    covered = footprints(coupon)
    found = [
        f"{coupon.serial} {name}: within {keep_out.margin_mm:g} mm of the edge"
        for name, footprint in covered.items()
        if keep_out.is_outside(footprint, coupon)
    ]
    for first, second in combinations(covered.values(), 2):
        if keep_out.are_close(first, second):
            found.append(
                f"{coupon.serial} {first.name} and {second.name}: {first.distance_mm(second):.3g} mm apart, at least "
                f"{keep_out.spacing_mm:g} mm are asked for"
            )
    return found


def refusals(
    ledger: Ledger,
    serial: str,
    sites: Mapping[str, Site],
    recipes: Mapping[str, Recipe],
    keep_out: KeepOut,
    *,
    is_rewriting: bool = False,
) -> list[str]:
    """Why sites must not be written; empty where all may be.

    A second exposure is refused, unless it is asked for by name: then every site must be one that was written, and is sound,
    at the same place.

    Args:
        ledger: what has happened.
        serial: of the coupon.
        sites: that are to be written, by name.
        recipes: how, by the same names.
        keep_out: how near they may come to each other, to what is there, and to the edges.
        is_rewriting: a further pass over sites that are written is meant.
    """
    coupon = ledger.coupon(serial)
    if coupon.damage:
        return [f"coupon {serial} is damaged: {coupon.damage}"]
    if is_rewriting:
        return [
            f"{serial} {name} {why}: it cannot be rewritten"
            for name, site in sites.items()
            if (why := _not_to_be_rewritten(ledger, serial, site))
        ]
    found = []
    there = footprints(coupon)
    asked = {name: Footprint.of(site, recipes.get(name)) for name, site in sites.items()}
    for name, footprint in asked.items():
        record = ledger.site(serial, name)
        if not ledger.may_write(serial, name):
            why = f" ({record.reason})" if record.reason else ""
            found.append(f"{serial} {name} is {record.state}{why}: it must not be exposed again")
        if keep_out.is_outside(footprint, coupon):
            found.append(
                f"{serial} {name} reaches into the {keep_out.margin_mm:g} mm along the edge that are kept free"
            )
        found += [
            f"{serial} {name} comes within {footprint.distance_mm(other):.3g} mm of {other.name}, which is "
            f"{ledger.site(serial, other.name).state}; {keep_out.with_written.spacing_mm:g} mm are kept free"
            for other in there.values()
            if other.name != name and keep_out.with_written.are_close(footprint, other)
        ]
    found += [
        f"{serial} {first.name} and {second.name} would lie {first.distance_mm(second):.3g} mm apart; "
        f"{keep_out.spacing_mm:g} mm are kept free"
        for first, second in combinations(asked.values(), 2)
        if keep_out.are_close(first, second)
    ]
    return found


def _not_to_be_rewritten(ledger: Ledger, serial: str, site: Site) -> str:
    """Why no further pass may go over a site; empty where it may."""
    record = ledger.site(serial, site.name)
    if not ledger.may_rewrite(serial, site.name):
        return f"is {record.state}{f' ({record.reason})' if record.reason else ''}"
    before = record.site
    if before is None or math.hypot(before.x_mm - site.x_mm, before.y_mm - site.y_mm) > SAME_PLACE_MM:
        return "was written at another place"
    return ""
