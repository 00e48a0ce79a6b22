"""exp and expm1 written out, so that loops over them run several at a time: a call of the library's would keep them from it.

exp(x) = 2^k exp(r) with |r| < 0.35, where twelve terms of the series are enough for all digits; 2^k is put together from its
bits. Meant for the middle of a plain loop over arrays, with nothing in it that has to be called.
"""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]  # has no types
from numba.core import types
from numba.extending import intrinsic

from beamline.physics.jit import compiled

__all__ = ["exp", "expm1"]

_LOG2_E: Final = 1.0 / math.log(2.0)
_LN_2: Final = math.log(2.0)
_C2, _C3, _C4, _C5, _C6, _C7, _C8, _C9, _C10, _C11, _C12 = (1.0 / math.factorial(k) for k in range(2, 13))

_LOWEST: Final = -700.0
"""Exponents below it are taken as it: 1e-304 is nothing, and stays above the smallest number."""
_HIGHEST: Final = 700.0


@intrinsic  # type: ignore[untyped-decorator]  # numba has no types
def _float_of_bits(_: Any, bits: Any) -> Any:  # a numba intrinsic has no types of its own
    """The float64 that has these bits."""

    def codegen(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], ir.DoubleType())

    return types.float64(bits), codegen


@compiled
def _doublings(x: float) -> float:
    return math.floor(x * _LOG2_E + 0.5)


@compiled
def _series(r: float) -> float:
    """exp(r) - 1 for |r| < 0.35; in pairs, which is quicker than one term after the other."""
    r2 = r * r
    r4 = r2 * r2
    low = (r + r2 * _C2) + r2 * (r * _C3 + r2 * _C4)
    middle = (r * _C5 + r2 * _C6) + r2 * (r * _C7 + r2 * _C8)
    high = (r * _C9 + r2 * _C10) + r2 * (r * _C11 + r2 * _C12)
    return low + r4 * (middle + r4 * high)


@compiled
def _power_of_two(k: float) -> float:
    return _float_of_bits((np.int64(np.int32(k)) + 1023) << 52)  # type: ignore[no-any-return]  # as above


@compiled
def exp(x: float) -> float:
    """The exponential, within 2e-15 of itself up to |x| = 50 and 4e-14 up to 700; beyond, that of the end."""
    inside = min(max(x, _LOWEST), _HIGHEST)
    k = _doublings(inside)
    return (1.0 + _series(inside - k * _LN_2)) * _power_of_two(k)


@compiled
def expm1(x: float) -> float:
    """exp(x) - 1, as exact as `exp`, also near zero."""
    inside = min(max(x, _LOWEST), _HIGHEST)
    k = _doublings(inside)
    power = _power_of_two(k)
    return _series(inside - k * _LN_2) * power + (power - 1.0)
