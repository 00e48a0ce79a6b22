"""Intervals of average lifetimes from the profile of the likelihood.

An average of several exponentials is no linear function of their logarithms, and the last of them trades places with the
background: its likelihood is skew, and one sigma of the Fisher information is too short on one side. The interval here holds
the averages for which the best fit that has this average is worse by less than chi^2 of one degree of freedom allows.
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from beamline.analysis.decay_model import Data, Held, Point, climb

__all__ = ["Average", "log_average", "profile_interval_ns"]

Floats = NDArray[np.float64]
Average = Literal["intensity", "amplitude"]

STIFF = 30.0
NEAR = 0.02
MAX_POINTS = 8


def log_average(values: Floats, kind: Average) -> tuple[float, Floats]:
    """Logarithm of an average lifetime (ns) at a point's values, and its derivatives, shape (values,)."""
    k = (values.size - 2) // 2
    photons, lifetimes = np.exp(values[:k]), np.exp(values[k : 2 * k])
    share = photons / photons.sum()
    slope = np.zeros_like(values)
    if kind == "intensity":
        weight = share * lifetimes
        mean = float(weight.sum())
        slope[:k], slope[k : 2 * k] = weight / mean - share, weight / mean
        return math.log(mean), slope
    weight = share / lifetimes
    rate = float(weight.sum())
    slope[:k], slope[k : 2 * k] = share - weight / rate, weight / rate
    return -math.log(rate), slope


def profile_interval_ns(data: Data, best: Point, kind: Average, level: float, widening: float) -> tuple[float, float]:
    """The interval of an average, ns; an end that the data do not give is 0 or infinite.

    Args:
        data: the histogram.
        best: the most likely point.
        kind: which average.
        level: of the interval, 0 to 1.
        widening: factor on the scatter of counting.
    """
    middle, slope = log_average(best.values, kind)
    size = np.sqrt(np.maximum(np.diag(best.information), 1e-12))
    inverse = np.linalg.pinv(best.information / np.outer(size, size), rcond=1e-10, hermitian=True)
    sd = max(math.sqrt(max(float((slope / size) @ inverse @ (slope / size)), 0.0)), 1e-6)
    root = float(ndtri(0.5 * (1.0 + level))) * widening
    ends = []
    for side in (-1.0, 1.0):
        distance, values = sd * root, best.values
        end, nearest = side * math.inf, 0.5 * root
        for _ in range(MAX_POINTS):
            point = climb(data, values, Held(lambda at: log_average(at, kind), middle + side * distance, STIFF / sd**2))
            found = log_average(point.values, kind)[0]
            height = math.sqrt(max(point.deviance - best.deviance, 0.0))
            if abs(height - root) < nearest:
                nearest, end = abs(height - root), middle + (found - middle) * root / height
            if nearest < NEAR * root:
                break
            distance *= min(max(root / max(height, 1e-9), 0.3), 3.0)
            values = point.values
        ends.append(end)
    return math.exp(ends[0]), math.exp(ends[1])
