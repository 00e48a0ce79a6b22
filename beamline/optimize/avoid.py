"""What people have rejected, as places that a search keeps away from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from beamline.optimize.cube import Cube, factors_of
from beamline.optimize.decide import Decided, Reject

__all__ = ["Avoided", "avoided"]

Floats = npt.NDArray[np.float64]
Which = npt.NDArray[np.bool_]

REACH = 0.12
"""How far around a rejected recipe nothing is suggested, in the unit cube of the factors: 42 degC of 200 to 550. An
assumption: less would be the same again with another last digit."""


@dataclass(frozen=True)
class Avoided:
    """Rejected recipes.

    Attributes:
        programmes: iodide fraction, temperature (degC) and hold (s) of rejected coupons.
        writings: factors (energy, speed or exposure, passes) of rejected sites.
    """

    programmes: tuple[tuple[float, float, float], ...] = ()
    writings: tuple[tuple[float, float, float], ...] = ()

    def programmes_left(self, furnace: Cube, values: Floats, fraction: float) -> Which:
        """Which heat treatments (n, 2) on a glass are not too near to a rejected one, (n,)."""
        here = np.array([one[1:] for one in self.programmes if one[0] == fraction]).reshape(-1, 2)
        return _apart(furnace, values, here)

    def writings_left(self, laser: Cube, values: Floats) -> Which:
        """Which writings (n, 3) are not too near to a rejected one, (n,); all, where none is left."""
        left = _apart(laser, values, np.array(self.writings).reshape(-1, 3))
        return left if left.any() else np.ones(len(values), dtype=np.bool_)


def _apart(cube: Cube, values: Floats, rejected: Floats) -> Which:
    if not len(rejected):
        return np.ones(len(values), dtype=np.bool_)
    distance = np.abs(cube.points(values)[:, None] - cube.points(rejected)[None]).max(axis=2, initial=0.0)
    return np.asarray((distance > REACH).all(axis=1))


def avoided(told: Sequence[Decided]) -> Avoided:
    """What the rejections among some decisions speak of."""
    programmes, writings = [], []
    for decided in told:
        if not isinstance(decided.decision, Reject):
            continue
        heat, glass = decided.suggestion.heat_treatment, decided.suggestion.coupon.glass
        if not decided.decision.sites:
            programmes.append((glass.iodide_fraction, heat.temperature_C, heat.hold_s))
        named = decided.decision.sites
        writings += [factors_of(one.writing) for one in decided.suggestion.sites if one.site.name in named]
    return Avoided(tuple(programmes), tuple(writings))
