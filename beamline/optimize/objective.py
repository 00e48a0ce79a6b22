"""What is wanted: targets with tolerances on observables, and what is to be as large as possible.

A campaign file's `[objective]` table is this model. The objective is a known function of several observables; the
surrogates model the observables, never the objective itself (composite optimisation, Astudillo and Frazier 2019).
Everything here takes samples of observables, arrays of shape (..., 4) in the order of `observables.Observable`.

Several wishes go together in one of three ways:

- `specification`: smooth membership of all tolerances, times brightness to a small power.
- `desirability`: the geometric mean of what each wish is worth by itself (Harrington 1965; Derringer and Suich 1980).
- `front`: none is weighed against another; a coupon is worth what it adds to the dominated volume (`front.py`).
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

import numpy as np
import numpy.typing as npt
from pydantic import BeforeValidator, Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from beamline.optimize.front import scalarised
from beamline.optimize.observables import N_OBSERVABLES, N_WITH_LIFETIMES, Observable
from beamline.optimize.targets import (
    LEAST_LN_LIFETIME,
    ColourTarget,
    LifetimeTarget,
    RateLimits,
    RatioTarget,
    Target,
    WavelengthTarget,
    ln_light,
)
from beamline.recipe import Frozen, Phase

__all__ = ["ColourTarget", "LifetimeTarget", "Objective", "RateLimits", "RatioTarget", "WavelengthTarget"]

Floats = npt.NDArray[np.float64]

SOFT_EDGE = 0.15
"""Width of the smooth edge of a tolerance, in tolerances: the slope that tells a near miss from a far one."""
MEMBERSHIP_SHARE = 0.75
"""Share of the score that stands for being inside; the rest falls off slowly, so that far misses still have a slope."""
BRIGHTNESS_POWER = 0.15
"""Ten times the light is worth a factor 1.4: it decides between recipes that meet the specification, not against it."""
FULL_BRIGHTNESS = float(np.log(1e4))
"""Logarithm of the light, over the least that is seen, whose desirability is 1; there is no upper end."""

LIFETIME_POWER = 0.5
"""Twice the lifetime is worth a factor 1.4, as ten times the light is: recipes of one glass differ by a factor of a few
in lifetime, and by decades in light."""
MIDDLE_LIFETIME_ns = 50.0
"""Lifetime whose desirability is 1/2: in the paper 29 to 36 ns in mixed glass (P16), 120 to 153 in pure iodide (P26)."""
FULL_LIFETIME = float(np.log(100.0))
"""Logarithm of the factor between it and the lifetimes (0.5 and 5000 ns) whose desirabilities are 0 and 1."""

_BANDS = {"red": ("red",), "green": ("green",), "light": ("light",), "both": ("red", "green")}


def _off(value: Any) -> Any:
    return None if value == "ignore" else value


class Objective(Frozen):
    """The specification (all targets met) and the direction beyond it (brightness).

    The first and the third target are on unless they are switched off with "ignore", which is None here; the others are
    off unless they are given.
    """

    red_peak_nm: Annotated[WavelengthTarget | None, BeforeValidator(_off)] = WavelengthTarget(
        target=630.0, tolerance=3.0
    )
    green_peak_nm: WavelengthTarget | None = None
    green_red_ratio: Annotated[RatioTarget | None, BeforeValidator(_off)] = RatioTarget(target=1.0, factor=1.25)
    colour: ColourTarget | None = None
    red_rate_counts_s: RateLimits | None = None
    green_rate_counts_s: RateLimits | None = None
    light_counts_s: RateLimits | None = None
    red_lifetime_ns: LifetimeTarget | None = None
    green_lifetime_ns: LifetimeTarget | None = None
    brightness: Literal["maximise", "maximise_red", "maximise_green", "ignore"] = Field(
        default="maximise", description="of all light, or of one band"
    )
    lifetime: Literal["maximise_red", "minimise_red", "maximise_green", "minimise_green"] | None = Field(
        default=None, description="of one band: as long, or as short, as possible"
    )
    together: Literal["specification", "desirability", "front"] = Field(
        default="specification", description="how several wishes are put together"
    )

    @model_validator(mode="after")
    def _wants_something(self) -> Self:
        n = len(self.wishes())
        if n == 0:
            msg = "the objective asks for nothing: give red_peak_nm or green_red_ratio, or brightness = 'maximise'"
            raise ValueError(msg)
        if n == 1 and self.together == "front":
            msg = "together = 'front' needs at least two wishes, and this objective has one; leave it out"
            raise ValueError(msg)
        return self

    @model_serializer(mode="wrap")
    def _says_what_is_ignored(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # An absent target means the default, so one that is switched off must be written down.
        plain: dict[str, Any] = handler(self)
        return plain | {key: "ignore" for key in ("red_peak_nm", "green_red_ratio") if getattr(self, key) is None}

    def targets(self) -> dict[str, tuple[Target, str]]:
        """The targets that are on, by their key, and the light that each speaks of."""
        every: tuple[tuple[str, Target | None, str], ...] = (
            ("red_peak_nm", self.red_peak_nm, "red"),
            ("green_peak_nm", self.green_peak_nm, "green"),
            ("green_red_ratio", self.green_red_ratio, "both"),
            ("colour", self.colour, "light"),
            ("red_rate_counts_s", self.red_rate_counts_s, "red"),
            ("green_rate_counts_s", self.green_rate_counts_s, "green"),
            ("light_counts_s", self.light_counts_s, "light"),
            ("red_lifetime_ns", self.red_lifetime_ns, "red"),
            ("green_lifetime_ns", self.green_lifetime_ns, "green"),
        )
        return {key: (target, of) for key, target, of in every if target is not None}

    def wishes(self) -> tuple[str, ...]:
        """Keys of all wishes, brightness and lifetime last: the order of `desirabilities`."""
        brightness = () if self.brightness == "ignore" else ("brightness",)
        return (*self.targets(), *brightness, *(() if self.lifetime is None else ("lifetime",)))

    def lifetime_phases(self) -> tuple[Phase, ...]:
        """The phases of whose lifetime something is wished: decays are counted of these."""
        wished = {"red": self.red_lifetime_ns, "green": self.green_lifetime_ns}
        every: tuple[Phase, ...] = ("red", "green")
        return tuple(phase for phase in every if wished[phase] or self._direction()[0] == phase)

    @property
    def n_observables(self) -> int:
        """How many observables are to be modelled: those of a spectrum, or those of decays too."""
        return N_WITH_LIFETIMES if self.lifetime_phases() else N_OBSERVABLES

    def _direction(self) -> tuple[str, float]:
        """Of which phase the lifetime is to be long (1) or short (-1); 0 for none."""
        way, _, phase = (self.lifetime or "").partition("_")
        return phase, {"maximise": 1.0, "minimise": -1.0}.get(way, 0.0)

    def words(self) -> tuple[str, ...]:
        """The wishes as one reads them."""
        said = [target.words(of) for target, of in self.targets().values()]
        of = {"maximise": "", "maximise_red": " in red", "maximise_green": " in green"}.get(self.brightness)
        said += [] if of is None else [f"as bright as possible{of}"]
        if self.lifetime is not None:
            phase, way = self._direction()
            said.append(f"{phase} lifetime as {'long' if way > 0 else 'short'} as possible")
        ways = {
            "desirability": "put together by the geometric mean of their desirabilities",
            "front": "none weighed against another: a Pareto front of large dominated volume",
        }
        return (*said, ways[self.together]) if self.together in ways else tuple(said)

    def deviations(self, samples: Floats) -> Floats:
        """Signed distance from each target in tolerances, shape (n_targets, ...); the specification: all within 1."""
        rows = [target.distance(samples, of) for target, of in self.targets().values()]
        return np.array(rows).reshape(len(rows), *samples.shape[:-1])

    def needed_ln_rate(self, samples: Floats) -> Floats:
        """Logarithm of the faintest band that a target speaks of, of all light where there is no target, shape (...)."""
        needed = {one for _, of in self.targets().values() for one in _BANDS[of]}
        needed |= {"maximise_red": {"red"}, "maximise_green": {"green"}}.get(self.brightness, set())
        needed |= set() if self.lifetime is None else {self._direction()[0]}
        rates = {"red": samples[..., Observable.LN_RED_RATE], "green": samples[..., Observable.LN_GREEN_RATE]}
        found = [rates[one] for one in ("red", "green") if one in needed] or [ln_light(samples)]
        return np.asarray(np.min(found, axis=0))

    def is_met(self, samples: Floats, ln_detectable: float = -np.inf) -> npt.NDArray[np.bool_]:
        """Whether every target is met and the bands that they speak of can be seen, shape (...)."""
        inside = np.all(np.abs(self.deviations(samples)) <= 1.0, axis=0)
        return np.asarray(inside & (self.needed_ln_rate(samples) >= ln_detectable))

    def utility(self, samples: Floats, ln_detectable: float) -> Floats:
        """How good outcomes are by themselves, shape (...), positive.

        Args:
            samples: outcomes, shape (..., 4).
            ln_detectable: logarithm of the smallest rate that can be seen, counts/s; it counts as brightness one.
        """
        if self.together == "front":  # the volume that it dominates alone
            return np.asarray(np.prod(self.desirabilities(samples, ln_detectable), axis=0))
        if self.together == "desirability":
            worth = self.desirabilities(samples, ln_detectable)
            return np.asarray(np.prod(worth, axis=0) ** (1.0 / len(worth)))
        distance = np.abs(self.deviations(samples))
        # tanh form of the logistic function: does not overflow.
        inside = np.prod(0.5 * (1.0 + np.tanh((1.0 - distance) / (2.0 * SOFT_EDGE))), axis=0)
        near = 1.0 / (1.0 + np.sum(distance**2, axis=0))
        score = (MEMBERSHIP_SHARE * inside + (1.0 - MEMBERSHIP_SHARE) * near) * self._seen(samples, ln_detectable)
        if self.brightness != "ignore":
            score = score * np.exp(BRIGHTNESS_POWER * (self._ln_brightness(samples) - ln_detectable))
        if self.lifetime is not None:
            score = score * np.exp(LIFETIME_POWER * self._ln_lifetime(samples))
        return np.asarray(score)

    def in_draws(self, samples: Floats, ln_detectable: float) -> Floats:
        """What is compared site by site within each draw, (s, m, 4) -> (s, m).

        The utility; for a front, a sample of the dominated volume in a direction that is the draw's own, so that the
        largest of some sites, averaged over the draws, is the volume that they dominate together.
        """
        if self.together != "front":
            return self.utility(samples, ln_detectable)
        return scalarised(self.desirabilities(samples, ln_detectable))

    def desirabilities(self, samples: Floats, ln_detectable: float) -> Floats:
        """What each wish is worth by itself, (n_wishes, ...): 1 on target, 1/e at the tolerance; brightness has no end.

        Harrington's exponential, exp(-|distance in tolerances|); the logarithm of the light above the least that is
        seen, in four decades. All are 0 where the light that is needed is not seen.
        """
        rows = list(np.exp(-np.abs(self.deviations(samples))))
        if self.brightness != "ignore":
            rows.append(np.maximum(self._ln_brightness(samples) - ln_detectable, 0.0) / FULL_BRIGHTNESS)
        if self.lifetime is not None:
            rows.append(np.maximum(0.5 + 0.5 * self._ln_lifetime(samples) / FULL_LIFETIME, 0.0))
        return np.asarray(np.array(rows) * self._seen(samples, ln_detectable))

    def _seen(self, samples: Floats, ln_detectable: float) -> Floats:
        return np.asarray(0.5 * (1.0 + np.tanh((self.needed_ln_rate(samples) - ln_detectable) / 0.5)))

    def _ln_lifetime(self, samples: Floats) -> Floats:
        """Logarithm of the lifetime over `MIDDLE_LIFETIME_ns`, or of its inverse where it is to be short; bounded."""
        phase, way = self._direction()
        ln_ns = samples[..., Observable.LN_RED_LIFETIME if phase == "red" else Observable.LN_GREEN_LIFETIME]
        off = np.clip(way * (ln_ns - np.log(MIDDLE_LIFETIME_ns)), -FULL_LIFETIME, FULL_LIFETIME)
        # One that was not found is as bad as one far off, whichever way is wanted.
        return np.asarray(np.where(ln_ns < LEAST_LN_LIFETIME, -FULL_LIFETIME, off))

    def _ln_brightness(self, samples: Floats) -> Floats:
        if self.brightness == "maximise":
            return ln_light(samples)
        band = Observable.LN_RED_RATE if self.brightness == "maximise_red" else Observable.LN_GREEN_RATE
        return np.asarray(samples[..., band])
