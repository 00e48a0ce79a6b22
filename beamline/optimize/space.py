"""What the optimiser may choose: hard-to-change factors once a coupon, easy ones at every site.

A campaign file's `[space]` table is this model. An interval is `[low, high]`; equal ends fix a factor.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from beamline.recipe import Dot, Frozen, HeatTreatment, Line, quantity

__all__ = ["SearchSpace"]

# The ends of an interval lie within the instrument's reach; the two ends of one interval share one alias.
_Energy = Annotated[float, quantity("uJ", ge=1, le=400)]
_Speed = Annotated[float, quantity("mm/s", ge=0.01, le=3)]
_Exposure = Annotated[float, quantity("s", ge=0.01, le=60)]
_Passes = Annotated[int, Field(strict=True, ge=1, le=10, json_schema_extra={"unit": "passes"})]
_Temperature = Annotated[float, quantity("degC", ge=200, le=550)]
_LineDose = Annotated[float, quantity("J/mm", ge=0.001, le=10000)]
_DotDose = Annotated[float, quantity("J", ge=0.001, le=10000)]
_Hold = Annotated[float, quantity("s", ge=0, le=172800)]


REPETITION_RATE_Hz = 1e4
"""Of the laser (P1): what a writing has unless it says otherwise, and a space does not vary it."""


class SearchSpace(Frozen):
    """Bounds of a search.

    `mode` says what a site is. Of `speed_mm_s` (lines) and `exposure_s` (dots) the one of the other mode is ignored.
    """

    mode: Literal["line", "dot"] = "line"
    pulse_energy_uJ: tuple[_Energy, _Energy] = (80.0, 260.0)
    speed_mm_s: tuple[_Speed, _Speed] = (0.2, 2.0)
    exposure_s: tuple[_Exposure, _Exposure] = (1.0, 10.0)
    n_passes: tuple[_Passes, _Passes] = (1, 1)
    dose_J_mm: tuple[_LineDose, _LineDose] | None = Field(
        default=None, description="of a line: power before the optics x passes / speed; keep the upper end below damage"
    )
    dose_J: tuple[_DotDose, _DotDose] | None = Field(
        default=None, description="of a dot: power before the optics x exposure x passes"
    )
    line_length_mm: Annotated[float, quantity("mm", "written length of a line", ge=0.1, le=50)] = 1.0
    temperature_C: tuple[_Temperature, _Temperature] = (200.0, 550.0)
    hold_s: tuple[_Hold, _Hold] = (1800.0, 7200.0)
    ramp_C_min: Annotated[float, quantity("degC/min", "both ramps of the furnace", ge=0.1, le=20)] = 10.0

    @field_validator(
        "pulse_energy_uJ", "speed_mm_s", "exposure_s", "n_passes", "temperature_C", "hold_s", "dose_J_mm", "dose_J"
    )
    @classmethod
    def _ends_in_order(cls, ends: tuple[float, float] | None) -> tuple[float, float] | None:
        if ends is None:
            return None
        low, high = ends
        if low > high:
            msg = f"the interval [{low:g}, {high:g}] is upside down: write [low, high]"
            raise ValueError(msg)
        return ends

    @model_validator(mode="after")
    def _words_agree(self) -> Self:
        # Both corners must make valid words: the vocabulary's own bounds are the last word.
        times = self.speed_mm_s if self.mode == "line" else self.exposure_s
        for i in (0, 1):
            self.writing(self.pulse_energy_uJ[i], times[i], self.n_passes[i])
            self.heat_treatment(self.temperature_C[i], self.hold_s[i])
        return self

    @model_validator(mode="after")
    def _something_is_left(self) -> Self:
        if self.dose is not None and not self.possible_passes():
            unit = "J/mm" if self.mode == "line" else "J"
            (low, _), (_, high) = (self.doses_with(n) for n in self.n_passes)
            msg = (
                f"no recipe is left: energies, times and passes of the space give doses of {low:.3g} to {high:.3g} {unit}, and "
                f"{self.dose[0]:g} to {self.dose[1]:g} {unit} are allowed; widen one of them"
            )
            raise ValueError(msg)
        return self

    @property
    def dose(self) -> tuple[float, float] | None:
        """The allowed doses of this space's mode: J/mm of lines, J of dots; None where all are."""
        return self.dose_J_mm if self.mode == "line" else self.dose_J

    def dose_of(self, pulse_energy_uJ: float, speed_or_exposure: float, n_passes: float) -> float:
        """Dose of a writing: J/mm of lines, J of dots, before the optics."""
        energy_W = pulse_energy_uJ * 1e-6 * REPETITION_RATE_Hz * n_passes
        return energy_W / speed_or_exposure if self.mode == "line" else energy_W * speed_or_exposure

    def doses_with(self, n_passes: int) -> tuple[float, float]:
        """The least and the largest dose that energies and times of the space give with so many passes."""
        times = self.speed_mm_s[::-1] if self.mode == "line" else self.exposure_s
        return tuple(self.dose_of(self.pulse_energy_uJ[i], times[i], n_passes) for i in (0, 1))  # type: ignore[return-value]  # two of them

    def possible_passes(self) -> tuple[int, ...]:
        """Numbers of passes with which some energy and time give an allowed dose."""
        low, high = self.dose or (0.0, float("inf"))
        every = range(self.n_passes[0], self.n_passes[1] + 1)
        return tuple(n for n in every if self.doses_with(n)[0] <= high and self.doses_with(n)[1] >= low)

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

    def heat_treatment(self, temperature_C: float, hold_s: float) -> HeatTreatment:
        """A furnace programme with this space's ramp."""
        return HeatTreatment(temperature_C=temperature_C, hold_s=hold_s, ramp_C_min=self.ramp_C_min)
