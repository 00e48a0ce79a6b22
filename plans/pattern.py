"""Pictures in two or more colours (Fig. 4a), and rewriting chosen parts of what is written (Fig. 4b).

Duration: sum over the strokes of travel + n_passes x length / speed + half a second for attenuator and output.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated

from bluesky.utils import MsgGenerator
from pydantic import Field

from beamline.patterns import Pattern, PatternError, strokes
from beamline.recipe import Dot, Line, quantity
from beamline.records import KeepOut
from plans.documents import CouponInHand
from plans.experiment import Experiment, ExperimentRefusedError, checked
from plans.write import load_on_stage, write_coupon

__all__ = ["placed_pattern", "rewrite", "write_pattern"]


@checked
def write_pattern(
    experiment: Experiment,
    pattern: Pattern,
    recipes: Mapping[int, Line],
    *,
    corner_mm: tuple[float, float] | None = None,
    margin_mm: Annotated[float, quantity("mm", "kept free along the edges", ge=0, le=50)] = 1.0,
) -> MsgGenerator[str]:
    """Write a picture as lines along x, one per run of cells of a colour.

    Args:
        experiment: on whose coupon.
        pattern: what.
        recipes: how each colour is written.
        corner_mm: lower left corner of the picture on the coupon; None puts it into the middle.
        margin_mm: of the coupon's edges.

    Returns:
        uid of the writing run; its `experiment` holds cells, size of a cell, and corner.

    Raises:
        ExperimentRefusedError: at the call: it is too large (the message says what would fit), a colour has no recipe, or what
            `Experiment.place` refuses. Nothing has moved.
    """
    hand = placed_pattern("write_pattern", experiment, pattern, recipes, corner_mm=corner_mm, margin_mm=margin_mm)

    def plan() -> MsgGenerator[str]:
        yield from load_on_stage(experiment.bench, experiment.coupon.serial)
        return (yield from write_coupon(experiment.bench, hand))

    return plan()


def placed_pattern(
    name: str,
    experiment: Experiment,
    pattern: Pattern,
    recipes: Mapping[int, Line],
    *,
    corner_mm: tuple[float, float] | None,
    margin_mm: float,
) -> CouponInHand:
    """The coupon in hand with the strokes of a picture in the order in which they are written; see `write_pattern`.

    Args:
        name: of the plan that writes it.
        experiment: as of `write_pattern`, and so the rest.
        pattern: what.
        recipes: how.
        corner_mm: where.
        margin_mm: from the edges.

    Raises:
        ExperimentRefusedError: as of `write_pattern`.
    """
    coupon = experiment.coupon
    room = coupon.width_mm - 2 * margin_mm, coupon.height_mm - 2 * margin_mm
    try:
        pattern.check_fits(*room)
        lines = strokes(pattern, recipes)
    except PatternError as error:
        raise ExperimentRefusedError(f"{name}: {error}; nothing has moved") from error
    if corner_mm is None:
        corner_mm = 0.5 * (coupon.width_mm - pattern.width_mm), 0.5 * (coupon.height_mm - pattern.height_mm)
    return experiment.place(
        name,
        {one.name: (corner_mm[0] + one.x_mm, corner_mm[1] + one.y_mm, one.line) for one in lines},
        parameters={
            "cells": pattern.cells.tolist(),
            "cell_mm": pattern.cell_mm,
            "corner_mm": list(corner_mm),
            "strokes": {one.name: one.colour for one in lines},
        },
        # the strokes of a picture touch each other, and nothing that is there
        keep_out=KeepOut(0.0, margin_mm, to_written_mm=experiment.keep_out.spacing_mm),
    )


@checked
def rewrite(
    experiment: Experiment,
    names: Annotated[Sequence[str], Field(min_length=1)],
    *,
    pulse_energy_uJ: Annotated[float, quantity("uJ", "None: as it was written (P34)", ge=1, le=400)] | None = None,
) -> MsgGenerator[str]:
    """One more pass over chosen sites (P32, P34), at the places and with the recipes of their last writing.

    Returns:
        uid of the writing run, which says `is_rewriting`.

    Raises:
        ExperimentRefusedError: at the call, for a site that is not written, or about which there is doubt.
    """
    ledger = experiment.ledger()
    writings: dict[str, tuple[float, float, Dot | Line]] = {}
    for name in names:
        record = ledger.site(experiment.coupon.serial, name)
        if record.site is None or record.recipe is None:
            raise ExperimentRefusedError(
                f"rewrite: {experiment.coupon.serial} {name} is {record.state}: nothing is written there"
            )
        change: dict[str, object] = {"n_passes": 1}
        if pulse_energy_uJ is not None:
            change["pulse_energy_uJ"] = pulse_energy_uJ
        writings[name] = record.site.x_mm, record.site.y_mm, record.recipe.writing.model_copy(update=change)
    hand = experiment.place("rewrite", writings, parameters={"names": list(names)}, is_rewriting=True)

    def plan() -> MsgGenerator[str]:
        yield from load_on_stage(experiment.bench, experiment.coupon.serial)
        return (yield from write_coupon(experiment.bench, hand, is_rewriting=True))

    return plan()
