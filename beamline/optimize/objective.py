"""What is wanted: targets with tolerances on observables, and what is to be as large as possible.

A campaign file's `[objective]` table is this model. The objective is a known function of several observables; the surrogates
model the observables, never the objective itself (composite optimisation, Astudillo and Frazier 2019).
"""

from __future__ import annotations

from typing import Annotated, Literal

from beamline.recipe import Frozen, quantity

__all__ = ["Objective", "RatioTarget", "WavelengthTarget"]


class WavelengthTarget(Frozen):
    """A peak wavelength within `target +- tolerance`."""

    target: Annotated[float, quantity("nm", ge=450, le=780)]
    tolerance: Annotated[float, quantity("nm", gt=0, le=100)]


class RatioTarget(Frozen):
    """A ratio of integrated intensities within `target / factor` and `target * factor`."""

    target: Annotated[float, quantity("1", "green over red", gt=0, le=1000)]
    factor: Annotated[float, quantity("1", "tolerance as a factor", gt=1, le=100)]


class Objective(Frozen):
    """The specification (all targets met) and the direction beyond it (brightness)."""

    red_peak_nm: WavelengthTarget | None = WavelengthTarget(target=630.0, tolerance=3.0)
    green_red_ratio: RatioTarget | None = RatioTarget(target=1.0, factor=1.25)
    brightness: Literal["maximise", "ignore"] = "maximise"
