"""What the optimiser may choose: hard-to-change factors once a coupon, easy ones at every site.

A campaign file's `[space]` table is this model. An interval is `[low, high]`; equal ends fix a factor.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from beamline.recipe import Dot, Frozen, HeatTreatment, Line, quantity

__all__ = ["Interval", "SearchSpace", "interval"]

Interval = tuple[float, float]
"""Lower and upper end of a factor, both allowed."""


def interval(unit: str, low: float, high: float) -> Any:
    """Type of an interval `[low, high]` whose ends lie within the instrument's reach, in `unit`."""
    end = Annotated[float, quantity(unit, ge=low, le=high)]
    return tuple[end, end]


class SearchSpace(Frozen):
    """Bounds of a search.

    `mode` says what a site is. Of `speed_mm_s` (lines) and `exposure_s` (dots) the one of the other mode is ignored.
    """

    mode: Literal["line", "dot"] = "line"
    pulse_energy_uJ: interval("uJ", 1, 400) = (80.0, 260.0)
    speed_mm_s: interval("mm/s", 0.01, 3) = (0.2, 2.0)
    exposure_s: interval("s", 0.01, 60) = (1.0, 10.0)
    n_passes: tuple[
        Annotated[int, Field(strict=True, ge=1, le=10, json_schema_extra={"unit": "passes"})],
        Annotated[int, Field(strict=True, ge=1, le=10, json_schema_extra={"unit": "passes"})],
    ] = (1, 1)
    line_length_mm: Annotated[float, quantity("mm", "written length of a line", ge=0.1, le=50)] = 1.0
    temperature_C: interval("degC", 200, 550) = (200.0, 550.0)
    hold_s: interval("s", 0, 172800) = (1800.0, 7200.0)
    ramp_C_min: Annotated[float, quantity("degC/min", "both ramps of the furnace", gt=0, le=20)] = 10.0

    @field_validator("pulse_energy_uJ", "speed_mm_s", "exposure_s", "n_passes", "temperature_C", "hold_s")
    @classmethod
    def _ends_in_order(cls, ends: tuple[float, float], info: ValidationInfo) -> tuple[float, float]:
        low, high = ends
        if low > high:
            msg = f"the interval [{low:g}, {high:g}] is upside down: write [low, high]"
            raise ValueError(msg)
        return ends

    @model_validator(mode="after")
    def _words_agree(self) -> Self:
        # Both corners must make valid words: the vocabulary's own bounds are the last word.
        for i in (0, 1):
            self.writing(self.pulse_energy_uJ[i], (self.speed_mm_s if self.mode == "line" else self.exposure_s)[i], self.n_passes[i])
            HeatTreatment(temperature_C=self.temperature_C[i], hold_s=self.hold_s[i], ramp_C_min=self.ramp_C_min)
        return self

    def writing(self, pulse_energy_uJ: float, speed_or_exposure: float, n_passes: int) -> Dot | Line:
        """A writing of this space's mode; `speed_or_exposure` in mm/s for lines, in s for dots."""
        if self.mode == "line":
            return Line(
                pulse_energy_uJ=pulse_energy_uJ,
                speed_mm_s=speed_or_exposure,
                n_passes=n_passes,
                length_mm=self.line_length_mm,
            )
        return Dot(pulse_energy_uJ=pulse_energy_uJ, exposure_s=speed_or_exposure, n_passes=n_passes)
