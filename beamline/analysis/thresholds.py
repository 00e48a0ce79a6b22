"""At which dose light begins, of a dose series, with a confidence interval; and whether a series rises or falls."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import gammaincinv, ndtr

__all__ = ["Threshold", "Trend", "find_threshold", "trend"]

Floats = NDArray[np.float64]

POWERS = np.linspace(0.25, 6.0, 47)
"""Exponents of the rise above threshold that are tried: steeper than these is a step, for a series of a few doses."""
N_PLACES = 400
N_REWEIGHTED = 5
SIGNIFICANT_SD = 3.3
"""A rate this far above nothing is light (one in 2000)."""


@dataclass(frozen=True, slots=True)
class Threshold:
    """The dose above which there is light.

    Attributes:
        dose: best estimate, in the unit of the doses.
        low: lower end of the confidence interval; 0 where the lowest dose gave light already.
        high: its upper end.
        level: probability that the interval is made for.
        power: exponent of the rise at the best estimate.
    """

    dose: float
    low: float
    high: float
    level: float
    power: float


def find_threshold(
    doses: ArrayLike, rates: ArrayLike, sds: ArrayLike, *, scatter: float = 0.1, level: float = 0.95
) -> Threshold | None:
    """Fit rate = 0 below a threshold and a (ln dose / threshold)^p above it; the interval is the profile likelihood's.

    Args:
        doses: above 0, shape (n,), n of at least 3; repeats are welcome.
        rates: light at each, any unit, shape (n,); about 0 (not missing) where there was none.
        sds: one sigma of each rate, shape (n,).
        scatter: by which sites of one dose differ beyond that, relative: laser, glass.
        level: of the confidence interval.

    Returns:
        The threshold; None where no dose gave light.

    Raises:
        ValueError: shapes that do not fit, doses or sigmas that are not above 0, fewer than three.
    """
    dose, rate, sd = (np.asarray(a, dtype=float) for a in (doses, rates, sds))
    if dose.ndim != 1 or dose.size < 3 or dose.shape != rate.shape or dose.shape != sd.shape:
        raise ValueError(f"shapes {dose.shape}, {rate.shape}, {sd.shape}: three of (n,) with n >= 3 are asked for")
    if not ((dose > 0).all() and (sd > 0).all() and np.isfinite(rate).all()):
        raise ValueError("doses and sigmas must be above 0, and rates finite")
    lit = rate > SIGNIFICANT_SD * sd
    if not lit.any():
        return None
    logs = np.log(dose)
    first_lit = float(logs[lit].min())
    span = max(float(logs.max() - logs.min()), 0.1)
    places = np.linspace(float(logs.min()) - 0.5 * span, first_lit - 1e-9, N_PLACES)
    costs, powers = np.array([_profile(place, logs, rate, sd, scatter) for place in places]).T
    best = int(costs.argmin())
    inside = costs <= costs[best] + 2.0 * float(gammaincinv(0.5, level))
    low = float(places[inside].min())
    is_open = bool(inside[0]) or not (~lit & (logs < first_lit)).any()
    return Threshold(
        dose=math.exp(float(places[best])),
        low=0.0 if is_open else math.exp(low),
        high=math.exp(float(places[inside].max())),
        level=level,
        power=float(powers[best]),
    )


def _profile(place: float, logs: Floats, rate: Floats, sd: Floats, scatter: float) -> tuple[float, float]:
    """-2 ln likelihood of a threshold at its best height and exponent, and that exponent.

    The scatter between sites goes with the light that the model expects, not with what came: the other would favour low ones.
    """
    above = np.maximum(logs - place, 0.0)
    shapes = np.where(above > 0, above, 1.0) ** POWERS[:, np.newaxis] * (above > 0)
    variance = sd**2 + (scatter * np.maximum(rate, 0.0)) ** 2 + np.zeros_like(shapes)
    for _ in range(N_REWEIGHTED):
        overlap, norm = (shapes * rate / variance).sum(axis=1), (shapes**2 / variance).sum(axis=1)
        height = np.maximum(overlap, 0.0) / np.maximum(norm, 1e-300)
        model = height[:, np.newaxis] * shapes
        variance = sd**2 + (scatter * model) ** 2
    cost = ((rate - model) ** 2 / variance + np.log(variance)).sum(axis=1)
    i = int(cost.argmin())
    return float(cost[i]), float(POWERS[i])


@dataclass(frozen=True, slots=True)
class Trend:
    """Whether something rises along a series.

    Attributes:
        slope: d ln value / d ln x, by weighted least squares.
        slope_sd: one sigma.
    """

    slope: float
    slope_sd: float

    @property
    def p_rises(self) -> float:
        """Probability that the slope is above 0, from the normal distribution."""
        return float(ndtr(self.slope / self.slope_sd))

    def verdict(
        self, expected: Literal["rises", "falls"], level: float = 0.975
    ) -> Literal["agrees", "contradicts", "cannot say"]:
        """Whether a statement of a trend holds."""
        p = self.p_rises if expected == "rises" else 1.0 - self.p_rises
        return "agrees" if p >= level else "contradicts" if p <= 1.0 - level else "cannot say"


def trend(x: ArrayLike, values: ArrayLike, sds: ArrayLike, *, scatter: float = 0.05) -> Trend:
    """The mean logarithmic slope of positive values over positive x.

    Args:
        x: shape (n,), n of at least 2 different ones.
        values: shape (n,); those not above 0 are left out.
        sds: one sigma of each, shape (n,).
        scatter: between sites, relative.

    Raises:
        ValueError: fewer than two different x with light.
    """
    place, value, sd = (np.asarray(a, dtype=float) for a in (x, values, sds))
    some = (value > 0) & (place > 0)
    if np.unique(place[some]).size < 2:
        raise ValueError("a trend needs light at two different settings at least")
    logs, of = np.log(place[some]), np.log(value[some])
    weight = 1.0 / ((sd[some] / value[some]) ** 2 + scatter**2)
    centre = float(weight @ logs / weight.sum())
    spread = float(weight @ (logs - centre) ** 2)
    slope = float(weight @ ((logs - centre) * of)) / spread
    return Trend(slope, math.sqrt(1.0 / spread))
