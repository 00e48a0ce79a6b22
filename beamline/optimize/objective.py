"""What is wanted: targets with tolerances on observables, and what is to be as large as possible.

A campaign file's `[objective]` table is this model. The objective is a known function of several observables; the
surrogates model the observables, never the objective itself (composite optimisation, Astudillo and Frazier 2019).
Everything here takes samples of observables, arrays of shape (..., 4) in the order of `observables.Observable`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

import numpy as np
import numpy.typing as npt
from pydantic import BeforeValidator, SerializerFunctionWrapHandler, model_serializer, model_validator

from beamline.optimize.observables import Observable
from beamline.recipe import Frozen, hc_eV_nm, quantity

__all__ = ["Objective", "RatioTarget", "WavelengthTarget"]

Floats = npt.NDArray[np.float64]

SOFT_EDGE = 0.15
"""Width of the smooth edge of a tolerance, in tolerances: the slope that tells a near miss from a far one."""
MEMBERSHIP_SHARE = 0.75
"""Share of the score that stands for being inside; the rest falls off slowly, so that far misses still have a slope."""
BRIGHTNESS_POWER = 0.15
"""Ten times the light is worth a factor 1.4: it decides between recipes that meet the specification, not against it."""


class WavelengthTarget(Frozen):
    """A peak wavelength within `target +- tolerance`."""

    target: Annotated[float, quantity("nm", ge=450, le=780)]
    tolerance: Annotated[float, quantity("nm", gt=0, le=100)]


class RatioTarget(Frozen):
    """A ratio of integrated intensities within `target / factor` and `target * factor`."""

    target: Annotated[float, quantity("1", "green over red", gt=0, le=1000)]
    factor: Annotated[float, quantity("1", "tolerance as a factor", gt=1, le=100)]


def _off(value: Any) -> Any:
    return None if value == "ignore" else value


class Objective(Frozen):
    """The specification (all targets met) and the direction beyond it (brightness).

    A target is switched off with "ignore", which is None here.
    """

    red_peak_nm: Annotated[WavelengthTarget | None, BeforeValidator(_off)] = WavelengthTarget(
        target=630.0, tolerance=3.0
    )
    green_red_ratio: Annotated[RatioTarget | None, BeforeValidator(_off)] = RatioTarget(target=1.0, factor=1.25)
    brightness: Literal["maximise", "ignore"] = "maximise"

    @model_validator(mode="after")
    def _wants_something(self) -> Self:
        if self.red_peak_nm is None and self.green_red_ratio is None and self.brightness == "ignore":
            msg = "the objective asks for nothing: give red_peak_nm or green_red_ratio, or brightness = 'maximise'"
            raise ValueError(msg)
        return self

    @model_serializer(mode="wrap")
    def _says_what_is_ignored(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # An absent target means the default, so one that is switched off must be written down.
        plain: dict[str, Any] = handler(self)
        return plain | {key: "ignore" for key in ("red_peak_nm", "green_red_ratio") if getattr(self, key) is None}

    def deviations(self, samples: Floats) -> Floats:
        """Signed distance from each target in tolerances, shape (n_targets, ...); the specification: all within 1."""
        rows = []
        if self.red_peak_nm is not None:
            peak_nm = hc_eV_nm / np.maximum(samples[..., Observable.RED_PEAK_EV], 0.1)
            rows.append((peak_nm - self.red_peak_nm.target) / self.red_peak_nm.tolerance)
        if self.green_red_ratio is not None:
            ln_ratio = samples[..., Observable.LN_GREEN_RATE] - samples[..., Observable.LN_RED_RATE]
            rows.append((ln_ratio - np.log(self.green_red_ratio.target)) / np.log(self.green_red_ratio.factor))
        return np.array(rows).reshape(len(rows), *samples.shape[:-1])

    def needed_ln_rate(self, samples: Floats) -> Floats:
        """Logarithm of the faintest band that a target speaks of, of all light where there is no target, shape (...)."""
        red, green = samples[..., Observable.LN_RED_RATE], samples[..., Observable.LN_GREEN_RATE]
        if self.green_red_ratio is not None:
            return np.minimum(red, green)
        return red if self.red_peak_nm is not None else np.logaddexp(red, green)

    def is_met(self, samples: Floats, ln_detectable: float = -np.inf) -> npt.NDArray[np.bool_]:
        """Whether every target is met and the bands that they speak of can be seen, shape (...)."""
        inside = np.all(np.abs(self.deviations(samples)) <= 1.0, axis=0)
        return np.asarray(inside & (self.needed_ln_rate(samples) >= ln_detectable))

    def utility(self, samples: Floats, ln_detectable: float) -> Floats:
        """How good outcomes are: smooth membership of the specification times brightness, shape (...), positive.

        Args:
            samples: outcomes, shape (..., 4).
            ln_detectable: logarithm of the smallest rate that can be seen, counts/s; it counts as brightness one.
        """
        distance = np.abs(self.deviations(samples))
        # tanh form of the logistic function: does not overflow.
        inside = np.prod(0.5 * (1.0 + np.tanh((1.0 - distance) / (2.0 * SOFT_EDGE))), axis=0)
        near = 1.0 / (1.0 + np.sum(distance**2, axis=0))
        seen = 0.5 * (1.0 + np.tanh((self.needed_ln_rate(samples) - ln_detectable) / 0.5))
        score = (MEMBERSHIP_SHARE * inside + (1.0 - MEMBERSHIP_SHARE) * near) * seen
        if self.brightness == "maximise":
            total = np.logaddexp(samples[..., Observable.LN_RED_RATE], samples[..., Observable.LN_GREEN_RATE])
            score = score * np.exp(BRIGHTNESS_POWER * (total - ln_detectable))
        return np.asarray(score)
