"""Photoluminescence over the temperature of the coupon while it is looked at: what it needs, and that this bench lacks it.

Duration: none; it refuses when it is called.

Why there is no more than this: docs/decisions/032-no-temperature-dependent-luminescence.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, NoReturn

from pydantic import Field

from beamline.recipe import quantity
from plans.experiment import Experiment, ExperimentRefusedError, checked

__all__ = ["pl_over_temperature"]


@checked
def pl_over_temperature(
    experiment: Experiment,
    place_mm: tuple[float, float],
    temperatures_C: Annotated[
        Sequence[Annotated[float, quantity("degC", "of the coupon under the head", ge=-270, le=550)]],
        Field(min_length=1),
    ],
) -> NoReturn:
    """Refuses, and says what would be needed: no station of this bench holds a coupon at a temperature under the head.

    Args:
        experiment: whose coupon it would be.
        place_mm: that would be looked at.
        temperatures_C: at which.

    Raises:
        ExperimentRefusedError: always, at the call.
    """
    low, high = min(temperatures_C), max(temperatures_C)
    raise ExperimentRefusedError(
        f"pl_over_temperature: coupon {experiment.coupon.serial} at ({place_mm[0]:g}, {place_mm[1]:g}) mm from {low:g} to "
        f"{high:g} degC: the furnace and the spectrometer are two stations, and a coupon is carried between them only near room "
        "temperature; needed is a heated stage or a cryostat under the head, with its driver and its sensor. Spectra at room "
        "temperature after rising heat treatments are anneal_ladder's; nothing has moved"
    )
