"""The compiled part of the posterior of two bands: how well each draw explains a spectrum, areas and background solved for.

Only `beamline.analysis.posterior` imports this, when bands overlap: numba takes its time to load.
"""

from __future__ import annotations

import math
from typing import Any, Final

import numba
import numpy as np

__all__ = ["explained"]

_N_SHAPE: Final = 4
_SIGMAS_PER_FWHM: Final = math.sqrt(2.0 * math.log(2.0))
_HALF: Final = math.sqrt(math.pi / 2.0)
_RIDGE: Final = 1e-10
"""On the diagonal of the normal matrix of unit shapes: two that are alike still have a root."""
_NOTHING: Final = -80.0
"""Exponent of light that no sum of doubles notices."""


@numba.njit(nogil=True, cache=True, error_model="numpy")  # type: ignore[untyped-decorator]  # numba has no types
def explained(  # noqa: C901  # one loop, compiled
    numbers: Any, energy: Any, weight: Any, flat: Any, data: Any
) -> Any:
    """Least squares of a background and two bands of given shapes, for each draw.

    A band is that of `beamline.analysis.bands`, the sum over the two nodes of a bin.

    Args:
        numbers: peak_eV, fwhm_eV, log_asymmetry and tail of each band, (n, 8).
        energy: of the nodes, eV, (2 b,).
        weight: of the nodes over one sigma of their bin, eV, (2 b,).
        flat: a background of 1 over sigma, (b,).
        data: counts over sigma, (b,).

    Returns:
        (n, 6): the areas of the bands, their variances, by how much they lower chi^2, and the logarithm of the determinant of
        the normal matrix.
    """
    n, b = len(numbers), len(data)
    out = np.empty((n, 6))
    shapes = np.empty((3, b))
    shapes[0] = flat
    normal, root, inverse = np.empty((3, 3)), np.empty((3, 3)), np.zeros((3, 3))
    size, overlap, half_solved = np.empty(3), np.empty(3), np.empty(3)
    for i in range(n):
        for band in range(2):
            _whitened(shapes[1 + band], numbers[i, _N_SHAPE * band : _N_SHAPE * (band + 1)], energy, weight)
        for k in range(3):
            size[k] = math.sqrt(_product(shapes[k], shapes[k]))
            overlap[k] = _product(shapes[k], data) / size[k]
            for m in range(k):
                normal[k, m] = _product(shapes[k], shapes[m]) / (size[k] * size[m])
            normal[k, k] = 1.0 + _RIDGE
        gain, log_determinant = 0.0, 0.0
        for k in range(3):  # Cholesky's root, and its inverse; both are lower triangles
            for m in range(k + 1):
                left = normal[k, m]
                for j in range(m):
                    left -= root[k, j] * root[m, j]
                root[k, m] = math.sqrt(left) if k == m else left / root[m, m]
            inverse[k, k] = 1.0 / root[k, k]
            for m in range(k):
                left = 0.0
                for j in range(m, k):
                    left -= root[k, j] * inverse[j, m]
                inverse[k, m] = left / root[k, k]
            half_solved[k] = 0.0
            for m in range(k + 1):
                half_solved[k] += inverse[k, m] * overlap[m]
            gain += half_solved[k] ** 2
            log_determinant += 2.0 * math.log(root[k, k] * size[k])
        for band in range(2):
            area, variance = 0.0, 0.0
            for j in range(1 + band, 3):
                area += inverse[j, 1 + band] * half_solved[j]
                variance += inverse[j, 1 + band] ** 2
            out[i, band] = area / size[1 + band]
            out[i, 2 + band] = variance / size[1 + band] ** 2
        out[i, 4] = gain
        out[i, 5] = log_determinant
    return out


@numba.njit(nogil=True, cache=True, error_model="numpy")  # type: ignore[untyped-decorator]  # numba has no types
def _whitened(out: Any, shape: Any, energy: Any, weight: Any) -> None:
    """Light of a band of area 1 in each bin over the bin's sigma, into `out`."""
    peak, fwhm, log_asymmetry, tail = shape
    b = len(out)
    a, k = math.exp(log_asymmetry), 1.0 / tail
    per_eV = _SIGMAS_PER_FWHM * (1.0 + a) / fwhm
    low = _HALF * math.erf(k / math.sqrt(2.0)) + math.exp(-0.5 * k * k) / k
    height = _SIGMAS_PER_FWHM * (1.0 + a) / ((_HALF + a * low) * fwhm)
    for j in range(b):
        light = 0.0
        for node in (j, j + b):
            x = (energy[node] - peak) * per_eV
            if x < 0.0:
                x /= a
            exponent = -0.5 * x * x if x > -k else 0.5 * k * k + k * x
            if exponent > _NOTHING:
                light += weight[node] * math.exp(exponent)
        out[j] = height * light


@numba.njit(nogil=True, cache=True, error_model="numpy")  # type: ignore[untyped-decorator]  # numba has no types
def _product(one: Any, other: Any) -> float:
    total = 0.0
    for j in range(len(one)):
        total += one[j] * other[j]
    return total
