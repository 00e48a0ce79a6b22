"""Crystals from doses: how much, how red, and how far out they can be seen."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from beamline.physics.doses import NUCLEATION, TRANSPORT, Laid, Work
from beamline.physics.exchange import birth_iodide_fraction, red_iodide_fraction, red_share, residual_iodide_fraction
from beamline.physics.exponential import exp, expm1
from beamline.physics.jit import compiled
from beamline.physics.records import Record

__all__ = ["Crystals", "integrate"]

_LEAST_DOSE = 1e-4
"""Dose below which nothing is there: its share, 1e-10, is far below any detection, and its power need not be computed."""

_ALL_LOST = 400.0
"""Exponent of the loss beyond which nothing is left: 1e-174."""

_NOTHING = -500.0
"""Logarithm of the power of a dose below that."""

_LEAST_BESIDE = 0.01
"""Shares below this part of the largest are taken as it where its place is looked for."""

_ROUNDS = 5


class Crystals(NamedTuple):
    """Integrals of the crystallised share over a feature, before voids."""

    amount: float
    """Width of a line, um, or area of a dot, um2."""
    dose: float
    red: float
    green: float
    red_iodide: float
    peak: float
    radius_um: float


@compiled
def integrate(iodide_fraction: float, p: Record, laid: Laid, work: Work) -> Crystals:
    """Crystals from the doses at the nodes.

    Args:
        iodide_fraction: of the glass.
        p: of `parameter_dtype`.
        laid: the grid, of `add_up`.
        work: of `add_up`; shares are filled.
    """
    y = iodide_fraction
    birth = birth_iodide_fraction(y, p)
    residual = residual_iodide_fraction(y, p)
    exponent = p.avrami_exponent
    amount = 0.0
    dose_sum = 0.0
    red_sum = 0.0
    green_sum = 0.0
    red_iodide_sum = 0.0
    for j in range(laid.n):
        dose = work.doses[NUCLEATION, j]
        work.powers[j] = exponent * math.log(dose) if dose > _LEAST_DOSE else _NOTHING
    for j in range(laid.n):  # several at a time
        transport = work.doses[TRANSPORT, j]
        power = exp(work.powers[j])
        lost = p.loss_per_transport * transport
        share = -expm1(-power) * exp(-lost) if work.powers[j] > _NOTHING and lost < _ALL_LOST else 0.0
        # exchange acts only while droplets exist
        exchanged = p.exchange_per_transport * transport * power / (power + exponent + 1.0)
        red = red_share(y, exchanged, p)
        here = work.weights[j] * share
        amount += here
        dose_sum += here * work.doses[NUCLEATION, j]
        red_sum += here * red
        green_sum += here * (1.0 - red)
        red_iodide_sum += here * red * red_iodide_fraction(birth, residual, exchanged)
        work.shares[j] = share
    peak = _highest(work.shares, laid)
    radius_um = _contour_um(work.shares, work.radii_um, laid, p.visible_share)
    return Crystals(amount, dose_sum, red_sum, green_sum, red_iodide_sum, peak, radius_um)


@compiled
def _highest(shares: NDArray[np.float64], laid: Laid) -> float:
    """The largest share: the top of the quartic of its logarithm through five nodes, within half a node of the largest.

    At most a tenth above the largest node: where a front leaves nothing beside it, a polynomial has no say.
    """
    n = laid.n
    top = 0
    for j in range(1, n):
        if shares[j] > shares[top]:
            top = j
    largest: float = shares[top]
    if largest <= 0.0:
        return 0.0
    middle = min(top if laid.is_line else max(top, 2), n - 3)
    least = _LEAST_BESIDE * largest
    a = math.log(max(shares[_mirrored(middle - 2)], least))
    b = math.log(max(shares[_mirrored(middle - 1)], least))
    c = math.log(max(shares[middle], least))
    d = math.log(max(shares[middle + 1], least))
    e = math.log(max(shares[middle + 2], least))
    d1 = (a - 8.0 * b + 8.0 * d - e) / 12.0
    d2 = (-a + 16.0 * b - 30.0 * c + 16.0 * d - e) / 12.0
    d3 = (-a + 2.0 * b - 2.0 * d + e) / 2.0
    d4 = a - 4.0 * b + 6.0 * c - 4.0 * d + e
    start = float(top - middle)
    t = start
    for _ in range(_ROUNDS):
        bend = d2 + t * (d3 + t * d4 / 2.0)
        if bend >= 0.0:
            break
        t = min(max(t - (d1 + t * (d2 + t * (d3 / 2.0 + t * d4 / 6.0))) / bend, start - 0.5), start + 0.5)
    found = math.exp(c + t * (d1 + t * (d2 / 2.0 + t * (d3 / 6.0 + t * d4 / 24.0))))
    return min(max(found, largest), 1.1 * largest, 1.0)


@compiled
def _mirrored(j: int) -> int:
    """A line is the same on both sides of its axis."""
    return j if j >= 0 else -1 - j


@compiled
def _contour_um(shares: NDArray[np.float64], radii_um: NDArray[np.float64], laid: Laid, visible: float) -> float:
    """Where the share last falls through the visible one: a cubic of its logarithm through four nodes; 0 where it never does."""
    n = laid.n
    if shares[n - 1] >= visible:
        return laid.end_um
    j = n - 2
    while j >= 0 and shares[j] < visible:
        j -= 1
    if j < 0:
        return 0.0
    h0 = math.log(shares[j] / visible)
    h1 = math.log(max(shares[j + 1] / visible, 1e-9))
    r0 = radii_um[j]
    r1 = radii_um[j + 1]
    has_before = j > 0 and shares[max(j - 1, 0)] > 0.0
    has_after = j + 2 < n and shares[min(j + 2, n - 1)] > 0.0
    ha = math.log(shares[j - 1] / visible) if has_before else 0.0
    hb = math.log(shares[j + 2] / visible) if has_after else 0.0
    ra = radii_um[j - 1] if has_before else 0.0
    rb = radii_um[j + 2] if has_after else 0.0
    if not has_before and not has_after:
        ha, hb = 2.0 * h0 - h1, 2.0 * h1 - h0
        ra, rb = 2.0 * r0 - r1, 2.0 * r1 - r0
    elif not has_before:
        ha, ra = 3.0 * (h0 - h1) + hb, 3.0 * (r0 - r1) + rb
    elif not has_after:
        hb, rb = 3.0 * (h1 - h0) + ha, 3.0 * (r1 - r0) + ra
    t = h0 / (h0 - h1)
    for _ in range(_ROUNDS):
        slope = _cubic_slope(ha, h0, h1, hb, t)
        if slope >= 0.0:
            break
        t = min(max(t - _cubic(ha, h0, h1, hb, t) / slope, 0.0), 1.0)
    return _cubic(ra, r0, r1, rb, t)


@compiled
def _cubic(before: float, at_0: float, at_1: float, after: float, t: float) -> float:
    """Through values at -1, 0, 1, 2."""
    d1 = at_1 - at_0
    d2 = at_1 - 2.0 * at_0 + before
    d3 = after - 3.0 * at_1 + 3.0 * at_0 - before
    return at_0 + t * (d1 + 0.5 * (t - 1.0) * (d2 + (t + 1.0) * d3 / 3.0))


@compiled
def _cubic_slope(before: float, at_0: float, at_1: float, after: float, t: float) -> float:
    d1 = at_1 - at_0
    d2 = at_1 - 2.0 * at_0 + before
    d3 = after - 3.0 * at_1 + 3.0 * at_0 - before
    return d1 + 0.5 * (2.0 * t - 1.0) * d2 + (3.0 * t * t - 1.0) * d3 / 6.0
