"""A picture in colours that are meant: forecast, written with energies that make up for its neighbours, and read back.

Duration: that of `write_pattern`, and that of a map at rest of one point a cell.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any

import numpy as np
from bluesky.utils import MsgGenerator
from numpy.typing import NDArray

from beamline.experiments import Colour, Forecast, PlacedLine, forecast
from beamline.patterns import Pattern
from beamline.physics import nominal
from beamline.recipe import Line, Measurement, quantity
from plans.documents import CouponInHand
from plans.experiment import Experiment, ExperimentRefusedError, checked, writing_begins_s
from plans.mapping import pl_map
from plans.pattern import placed_pattern
from plans.write import load_on_stage, write_coupon

__all__ = ["foreseen_picture", "write_picture"]


def foreseen_picture(
    experiment: Experiment,
    pattern: Pattern,
    colours: Mapping[int, Colour],
    *,
    corner_mm: tuple[float, float] | None = None,
    margin_mm: float = 1.0,
    parameters: NDArray[np.void] | None = None,
    draws: NDArray[np.void] | None = None,
    is_compensated: bool = True,
) -> tuple[CouponInHand, Forecast]:
    """What `write_picture` will write, in which order and with which energies, and what is expected of it; nothing moves.

    Args and Raises are those of `write_picture`.

    Returns:
        The coupon in hand, whose `experiment` holds the forecast and the estimated time; and the forecast.
    """
    if not pattern.colours:
        raise ExperimentRefusedError("write_picture: every cell of the picture is blank; nothing has moved")
    recipes = {number: one.line for number, one in colours.items()}
    hand = placed_pattern("write_picture", experiment, pattern, recipes, corner_mm=corner_mm, margin_mm=margin_mm)
    about: dict[str, Any] = dict(hand.experiment)
    begins_s = writing_begins_s(list(hand.sites.values()), hand.recipes, experiment.times)
    strokes = about["parameters"]["strokes"]
    lines = [
        PlacedLine(name, site.x_mm, site.y_mm, strokes[name], writing, begin_s)
        for (name, site), begin_s in zip(hand.sites.items(), begins_s, strict=False)
        if isinstance(writing := hand.recipes[name].writing, Line)
    ]
    left, low = about["parameters"]["corner_mm"]
    found = forecast(
        pattern,
        lines,
        (left, low),
        {number: colours[number] for number in pattern.colours},
        experiment.coupon.glass,
        parameters=nominal() if parameters is None else parameters,
        draws=draws,
        is_compensated=is_compensated,
        energy_limits_uJ=experiment.bench.geometry.limits.pulse_energy_uJ,
    )
    changed = {
        name: recipe.model_copy(
            update={"writing": recipe.writing.model_copy(update={"pulse_energy_uJ": found.energies_uJ[name]})}
        )
        for name, recipe in hand.recipes.items()
    }
    about["parameters"] = {**about["parameters"], "is_compensated": is_compensated}
    return replace(hand, recipes=changed, experiment={**about, "forecast": found.as_json()}), found


@checked
def write_picture(
    experiment: Experiment,
    pattern: Pattern,
    colours: Mapping[int, Colour],
    *,
    corner_mm: tuple[float, float] | None = None,
    margin_mm: Annotated[float, quantity("mm", "kept free along the edges", ge=0, le=50)] = 1.0,
    parameters: NDArray[np.void] | None = None,
    draws: NDArray[np.void] | None = None,
    is_compensated: bool = True,
    measurement: Measurement | None = None,
) -> MsgGenerator[tuple[str, str]]:
    """Write a picture in colours that are meant, and read it by a map of one point a cell.

    Args:
        experiment: on whose coupon.
        pattern: what.
        colours: of `palette`, by the numbers of the pattern's colours.
        corner_mm: lower left corner of the picture on the coupon; None puts it into the middle.
        margin_mm: of the coupon's edges.
        parameters: (1,), of the forecast: the medians of a prior or of a posterior; None: the nominal ones.
        draws: (n,) of it, for the uncertainty of the forecast.
        is_compensated: whether the energy of each line makes up for the heat that earlier ones have left.
        measurement: of each point of the map.

    Returns:
        uids of the writing and of the map; `beamline.experiments.read_back` compares them.

    Raises:
        ExperimentRefusedError: at the call, as of `write_pattern` and `pl_map`. Nothing has moved.
    """
    hand, _ = foreseen_picture(
        experiment,
        pattern,
        colours,
        corner_mm=corner_mm,
        margin_mm=margin_mm,
        parameters=parameters,
        draws=draws,
        is_compensated=is_compensated,
    )
    left, low = hand.experiment["parameters"]["corner_mm"]
    n_rows, n_columns = pattern.cells.shape
    half_mm = 0.5 * pattern.cell_mm
    reading = pl_map(
        experiment,
        (left + half_mm, low + half_mm),
        n_x=n_columns,
        n_y=n_rows,
        step_mm=pattern.cell_mm,
        measurement=measurement,
    )

    def plan() -> MsgGenerator[tuple[str, str]]:
        yield from load_on_stage(experiment.bench, experiment.coupon.serial)
        written = yield from write_coupon(experiment.bench, hand)
        seen = yield from reading
        return written, seen

    return plan()
