"""Stretched relaxation as a fixed sum of exponentials, so that a furnace history can be cut anywhere.

exp(-t^beta) is not a semigroup: what it does next depends on how long it has run, so it cannot follow an equilibrium that
moves with temperature. A sum of exponentials can: each mode forgets all but its value. The rates are fixed, a factor of
eight apart; the weights depend on beta.

The weights are non-negative least squares to exp(-t^beta) over t = 1e-7 ... 300, with largest error 0.7 % at beta = 0.4,
3 % at 0.25 and 0.6 (`tests/unit/physics/test_relaxation.py` solves them again).
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from beamline.physics.jit import compiled
from beamline.physics.records import N_MODES

__all__ = ["MODE_RATES", "MODE_STRETCHES", "MODE_WEIGHTS", "Equilibrium", "approach", "mode_weight"]

_SLOWEST: Final = 0.02
MODE_RATES: Final = _SLOWEST * 8.0 ** np.arange(N_MODES)
"""Rates of the modes in units of the nominal rate."""

MODE_STRETCHES: Final = np.array([0.25, 0.30, 0.35, 0.40, 0.45, 0.50, 0.55, 0.60])
"""Stretching exponents at which the weights are tabulated."""

_TABLE: Final = np.array(
    [
        (0.1725, 0.1630, 0.2088, 0.1557, 0.1050, 0.0922, 0.0013, 0.1014),
        (0.1109, 0.2252, 0.2409, 0.1752, 0.1049, 0.0734, 0.0117, 0.0578),
        (0.0635, 0.2659, 0.2831, 0.1853, 0.0991, 0.0571, 0.0135, 0.0326),
        (0.0288, 0.2878, 0.3336, 0.1866, 0.0901, 0.0430, 0.0119, 0.0181),
        (0.0045, 0.2948, 0.3899, 0.1804, 0.0797, 0.0313, 0.0095, 0.0099),
        (0.0000, 0.2715, 0.4608, 0.1629, 0.0712, 0.0207, 0.0076, 0.0052),
        (0.0000, 0.2431, 0.5318, 0.1410, 0.0631, 0.0122, 0.0062, 0.0025),
        (0.0000, 0.2169, 0.5986, 0.1172, 0.0554, 0.0057, 0.0052, 0.0010),
    ]
)

MODE_WEIGHTS: Final[NDArray[np.float64]] = _TABLE / _TABLE.sum(axis=1, keepdims=True)
"""(stretch, mode); each row sums to 1."""


@compiled
def mode_weight(stretch: float, mode: int) -> float:
    """Weight of a mode at a stretching exponent, linear between the tabulated ones and constant beyond."""
    place = (stretch - MODE_STRETCHES[0]) / (MODE_STRETCHES[1] - MODE_STRETCHES[0])
    place = min(max(place, 0.0), len(MODE_STRETCHES) - 1.0)
    row = min(int(place), len(MODE_STRETCHES) - 2)
    part = place - row
    return (1.0 - part) * MODE_WEIGHTS[row, mode] + part * MODE_WEIGHTS[row + 1, mode]  # type: ignore[no-any-return]


class Equilibrium(NamedTuple):
    """Where a balance relaxes to: from `low` without supply to `high` with full supply (1)."""

    low: float
    high: float
    supply: float


@compiled
def approach(
    values: NDArray[np.float64], supplied: NDArray[np.float64], reduced_time: float, equilibrium: Equilibrium
) -> None:
    """Lets every mode relax for a reduced time towards low + (high - low) max(supply, what it has taken up already).

    `supplied` follows the supply upwards with the mode's own rate and never falls: halide that has been taken up stays
    on cooling. Without that, a sample that cools through the depleting temperatures at any furnace rate would lose what
    the hold has given it, and P28 could not be.

    Args:
        values: (modes,) changed in place.
        supplied: (modes,) changed in place.
        reduced_time: rate times duration.
        equilibrium: at the temperature of the step.
    """
    low = equilibrium.low
    gain = equilibrium.high - low
    decayed = -math.expm1(-_SLOWEST * reduced_time)
    for mode in range(N_MODES):
        reached = max(equilibrium.supply, supplied[mode])
        values[mode] += (low + gain * reached - values[mode]) * decayed
        supplied[mode] += (reached - supplied[mode]) * decayed
        for _ in range(3):  # the next mode is 8 times as fast: 1 - (1 - d)^2 thrice, without loss of digits
            decayed *= 2.0 - decayed
