"""The single wishes of an objective: each a table of the campaign file, each a distance of outcomes in tolerances.

Everything here takes samples of observables, arrays of shape (..., 4) in the order of `observables.Observable`, and gives
shape (...): the specification is met where every distance is at most 1 either way.
"""

from __future__ import annotations

from functools import cache
from typing import Annotated, Protocol, Self

import numpy as np
import numpy.typing as npt
from pydantic import model_validator

from beamline.optimize.observables import Observable
from beamline.recipe import Frozen, hc_eV_nm, quantity

__all__ = [
    "FAR",
    "LEAST_LN_LIFETIME",
    "ColourTarget",
    "LifetimeTarget",
    "RateLimits",
    "RatioTarget",
    "Target",
    "WavelengthTarget",
    "chromaticity_of",
    "ln_light",
]

Floats = npt.NDArray[np.float64]

RATE_EDGE = float(np.log(1.25))
"""What a rate limit counts as one tolerance: light that misses its limit by a factor 1.25 lies at a distance of 2."""
LIFETIME_EDGE = float(np.log(1.1))
"""The same of a limit on a lifetime."""
LEAST_LN_LIFETIME, LARGEST_LN_LIFETIME = -10.0, 20.0
"""Below the first a sample says that no lifetime was found; above the second nothing is told apart."""
FAR = 1e3
"""Distance of what was not found, in tolerances."""
RED_FWHM_eV, GREEN_FWHM_eV = 0.084, 0.081
"""Widths of the bands whose colour is computed: medians of the physics model over the default space, four glasses and 20
parameter sets (5th to 95th percentile 0.076 to 0.094 and 0.077 to 0.086). Bands at either end move the
colour by at most 0.005 with a red peak up to 650 nm; by 0.02 at 700 nm, where the eye sees the band's edge only."""
_COLOUR_GRID_eV = np.linspace(1.55, 2.85, 261)
"""Peak energies (800 to 435 nm) at which the colour of a band is tabulated; between them it is interpolated."""


def ln_light(samples: Floats) -> Floats:
    """Logarithm of all light, red and green."""
    return np.asarray(np.logaddexp(samples[..., Observable.LN_RED_RATE], samples[..., Observable.LN_GREEN_RATE]))


@cache
def _tristimulus_of_bands() -> tuple[Floats, Floats]:
    """X, Y, Z of a red and of a green band of one photon at the grid's peak energies, (261, 3) each."""
    from beamline.analysis import band, tristimulus  # noqa: PLC0415  # a campaign file without a colour needs no analysis

    nm = np.arange(380.0, 781.0)
    energy_eV = hc_eV_nm / nm
    found = []
    for fwhm_eV in (RED_FWHM_eV, GREEN_FWHM_eV):
        per_eV = band(energy_eV, 1.0, _COLOUR_GRID_eV[:, None], fwhm_eV)
        found.append(tristimulus(nm, per_eV * hc_eV_nm / nm**2))  # per nm: the Jacobian
    return found[0], found[1]


def chromaticity_of(samples: Floats) -> tuple[Floats, Floats]:
    """CIE 1931 x and y of the light of both bands, (...) each: widths are usual ones, peaks and rates those of the samples."""
    xyz = np.zeros((*samples.shape[:-1], 3))
    pairs = ((Observable.RED_PEAK_EV, Observable.LN_RED_RATE), (Observable.GREEN_PEAK_EV, Observable.LN_GREEN_RATE))
    total = ln_light(samples)
    for table, (peak, rate) in zip(_tristimulus_of_bands(), pairs, strict=True):
        share = np.exp(samples[..., rate] - total)
        for i in range(3):
            xyz[..., i] += share * np.interp(samples[..., peak], _COLOUR_GRID_eV, table[:, i])
    whole = np.maximum(xyz.sum(axis=-1), 1e-12)
    return xyz[..., 0] / whole, xyz[..., 1] / whole


class Target(Protocol):
    """A wish that is met or not."""

    def distance(self, samples: Floats, of: str) -> Floats:
        """Signed distance in tolerances; `of` is what the target speaks of: "red", "green" or "light"."""

    def words(self, of: str) -> str:
        """The wish as one reads it."""


class WavelengthTarget(Frozen):
    """A peak wavelength within `target +- tolerance`."""

    target: Annotated[float, quantity("nm", ge=450, le=780)]
    tolerance: Annotated[float, quantity("nm", gt=0, le=100)]

    def distance(self, samples: Floats, of: str) -> Floats:
        """Signed distance in tolerances."""
        peak = Observable.RED_PEAK_EV if of == "red" else Observable.GREEN_PEAK_EV
        return np.asarray((hc_eV_nm / np.maximum(samples[..., peak], 0.1) - self.target) / self.tolerance)

    def words(self, of: str) -> str:
        """The wish as one reads it."""
        return f"{of} peak at {self.target:g} +- {self.tolerance:g} nm"


class RatioTarget(Frozen):
    """A ratio of integrated intensities within `target / factor` and `target * factor`."""

    target: Annotated[float, quantity("1", "green over red", gt=0, le=1000)]
    factor: Annotated[float, quantity("1", "tolerance as a factor", gt=1, le=100)]

    def distance(self, samples: Floats, of: str) -> Floats:
        """Signed distance in tolerances of the logarithm."""
        del of
        ln_ratio = samples[..., Observable.LN_GREEN_RATE] - samples[..., Observable.LN_RED_RATE]
        return np.asarray((ln_ratio - np.log(self.target)) / np.log(self.factor))

    def words(self, of: str) -> str:
        """The wish as one reads it."""
        del of
        low, high = self.target / self.factor, self.target * self.factor
        return f"green over red {self.target:g}, within a factor {self.factor:g}: {low:.3g} to {high:.3g}"


class ColourTarget(Frozen):
    """A colour of all light: CIE 1931 x and y within a circle."""

    x: Annotated[float, quantity("1", "CIE 1931 x", ge=0, le=0.8)]
    y: Annotated[float, quantity("1", "CIE 1931 y", gt=0, le=0.9)]
    tolerance: Annotated[float, quantity("1", "radius of the circle in the x, y diagram", gt=0, le=0.5)] = 0.02

    @model_validator(mode="after")
    def _is_a_colour(self) -> Self:
        if self.x + self.y > 1.0:
            msg = f"x = {self.x:g} and y = {self.y:g} are no colour: x + y is at most 1"
            raise ValueError(msg)
        return self

    def distance(self, samples: Floats, of: str) -> Floats:
        """Distance in tolerances, never negative."""
        del of
        x, y = chromaticity_of(samples)
        return np.asarray(np.hypot(x - self.x, y - self.y) / self.tolerance)

    def words(self, of: str) -> str:
        """The wish as one reads it."""
        del of
        return f"colour CIE x, y = {self.x:g}, {self.y:g}, within {self.tolerance:g}"


class RateLimits(Frozen):
    """Light of at least, of at most, or of between two rates."""

    at_least: Annotated[float, quantity("counts/s", "the least", gt=0, le=1e12)] | None = None
    at_most: Annotated[float, quantity("counts/s", "the most", gt=0, le=1e12)] | None = None

    @model_validator(mode="after")
    def _leaves_something(self) -> Self:
        if self.at_least is None and self.at_most is None:
            msg = "no limit: give at_least, at_most or both"
            raise ValueError(msg)
        if self.at_least is not None and self.at_most is not None and self.at_least >= self.at_most:
            msg = f"at_least = {self.at_least:g} is not below at_most = {self.at_most:g}: no light is both"
            raise ValueError(msg)
        return self

    def distance(self, samples: Floats, of: str) -> Floats:
        """Distance in tolerances: 1 at the limit, 0 well inside, negative above `at_most`."""
        ln_rate = {
            "red": samples[..., Observable.LN_RED_RATE],
            "green": samples[..., Observable.LN_GREEN_RATE],
        }.get(of)
        ln_rate = ln_light(samples) if ln_rate is None else ln_rate
        return _beyond(ln_rate, self.at_least, self.at_most, RATE_EDGE)

    def words(self, of: str) -> str:
        """The wish as one reads it."""
        return f"{'all' if of == 'light' else of} light {_ends(self.at_least, self.at_most)} counts/s"


class LifetimeTarget(Frozen):
    """A lifetime within `target +- tolerance`, or of at least, of at most, or of between two."""

    target: Annotated[float, quantity("ns", gt=0, le=1e5)] | None = None
    tolerance: Annotated[float, quantity("ns", gt=0, le=1e5)] | None = None
    at_least: Annotated[float, quantity("ns", "the least", gt=0, le=1e5)] | None = None
    at_most: Annotated[float, quantity("ns", "the most", gt=0, le=1e5)] | None = None

    @model_validator(mode="after")
    def _is_one_wish(self) -> Self:
        is_target = self.target is not None or self.tolerance is not None
        is_limit = self.at_least is not None or self.at_most is not None
        if is_target == is_limit or (self.target is None) != (self.tolerance is None):
            msg = "give target and tolerance, or at_least, at_most or both of these"
            raise ValueError(msg)
        if self.at_least is not None and self.at_most is not None and self.at_least >= self.at_most:
            msg = f"at_least = {self.at_least:g} is not below at_most = {self.at_most:g}: no lifetime is both"
            raise ValueError(msg)
        return self

    def distance(self, samples: Floats, of: str) -> Floats:
        """Signed distance in tolerances; of limits 1 at the limit, 0 well inside. Far from all where none was found."""
        ln_ns = samples[..., Observable.LN_RED_LIFETIME if of == "red" else Observable.LN_GREEN_LIFETIME]
        if self.target is not None and self.tolerance is not None:
            found = (np.exp(np.minimum(ln_ns, LARGEST_LN_LIFETIME)) - self.target) / self.tolerance
        else:
            found = _beyond(ln_ns, self.at_least, self.at_most, LIFETIME_EDGE)
        return np.asarray(np.where(ln_ns < LEAST_LN_LIFETIME, -FAR, found))

    def words(self, of: str) -> str:
        """The wish as one reads it."""
        if self.target is not None:
            return f"{of} lifetime {self.target:g} +- {self.tolerance:g} ns"
        return f"{of} lifetime {_ends(self.at_least, self.at_most)} ns"


def _beyond(ln_value: Floats, at_least: float | None, at_most: float | None, edge: float) -> Floats:
    """Distance of a logarithm from limits: 1 at the limit, one more for each `edge` beyond, 0 inside, negative above."""
    short = -np.inf if at_least is None else np.log(at_least) - ln_value
    over = -np.inf if at_most is None else ln_value - np.log(at_most)
    worst = np.maximum(1.0 + np.maximum(short, over) / edge, 0.0)
    return np.asarray(np.where(over > short, worst, -worst))


def _ends(at_least: float | None, at_most: float | None) -> str:
    ends = (("at least", at_least), ("at most", at_most))
    return " and ".join(f"{name} {value:g}" for name, value in ends if value is not None)
