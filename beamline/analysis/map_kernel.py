"""The compiled part of map analysis: a green and a red band of fixed shape fitted to many spectra at once.

Only `beamline.analysis.maps` imports this, when it has a map: numba takes its time to load.
"""

from __future__ import annotations

import math
from typing import Any, Final

import numba
import numpy as np
from numpy.typing import NDArray

__all__ = ["N_NUMBERS", "fit_spectra"]

N_NUMBERS: Final = 7
"""Background, then area, place (eV) and width (eV) of the green and of the red band."""
_N_STEPS: Final = 16
_GAUSSIAN: Final = 4.0 * math.log(2.0)
_NORM: Final = 2.0 * math.sqrt(math.log(2.0) / math.pi)

Floats = NDArray[np.float64]


@numba.njit(parallel=True, nogil=True, cache=True, error_model="numpy")  # type: ignore[untyped-decorator]  # numba has no types
def fit_spectra(  # noqa: C901, PLR0912, PLR0915, PLR0917  # one loop, compiled
    energy: Any, width: Any, net: Any, sd: Any, start: Any, low: Any, high: Any
) -> Any:
    """Gauss-Newton with damping, one spectrum after the other on each core.

    Args:
        energy: middle of each bin, eV, (b,).
        width: eV of each bin, (b,).
        net: counts per bin above the dark, (n, b).
        sd: one sigma, (n, b).
        start: where each begins, (n, 7).
        low: bounds, (7,).
        high: bounds, (7,).

    Returns:
        (n, 15): the seven numbers, one sigma of each, chi^2.
    """
    n, b = net.shape
    out = np.empty((n, 2 * N_NUMBERS + 1))
    for i in numba.prange(n):
        at = start[i].copy()
        trial = np.empty(N_NUMBERS)
        normal = np.zeros((N_NUMBERS, N_NUMBERS))
        kept = np.zeros((N_NUMBERS, N_NUMBERS))
        gradient = np.zeros(N_NUMBERS)
        kept_gradient = np.zeros(N_NUMBERS)
        row = np.empty(N_NUMBERS)
        best = np.inf
        damping = 1e-3
        trial[:] = at
        for _ in range(_N_STEPS):
            normal[:] = 0.0
            gradient[:] = 0.0
            cost = 0.0
            for j in range(b):
                weight = 1.0 / sd[i, j]
                model = trial[0]
                row[0] = weight
                for k in (1, 4):
                    per = 1.0 / trial[k + 2]
                    x = (energy[j] - trial[k + 1]) * per
                    exponent = _GAUSSIAN * x * x
                    if exponent < 40.0:
                        unit = _NORM * per * width[j] * math.exp(-exponent)
                        model += trial[k] * unit
                        row[k] = unit * weight
                        row[k + 1] = trial[k] * unit * 2.0 * _GAUSSIAN * x * per * weight
                        row[k + 2] = trial[k] * unit * per * (2.0 * exponent - 1.0) * weight
                    else:
                        row[k] = 0.0
                        row[k + 1] = 0.0
                        row[k + 2] = 0.0
                left = (net[i, j] - model) * weight
                cost += left * left
                for k in range(N_NUMBERS):
                    if row[k] != 0.0:
                        gradient[k] += row[k] * left
                        for m in range(k + 1):
                            normal[k, m] += row[k] * row[m]
            if cost <= best:
                gained = best - cost
                best = cost
                at[:] = trial
                for k in range(N_NUMBERS):
                    kept_gradient[k] = gradient[k]
                    for m in range(k + 1):
                        kept[k, m] = normal[k, m]
                        kept[m, k] = normal[k, m]
                damping = max(0.2 * damping, 1e-9)
                if gained < 1e-2:
                    break
            else:
                damping *= 8.0
                if damping > 1e6:
                    break
            matrix = kept.copy()
            for k in range(N_NUMBERS):
                matrix[k, k] = kept[k, k] * (1.0 + damping) + 1e-12
            step = np.linalg.solve(matrix, kept_gradient)
            for k in range(N_NUMBERS):
                trial[k] = min(max(at[k] + step[k], low[k]), high[k])
        size = np.empty(N_NUMBERS)
        for k in range(N_NUMBERS):
            size[k] = math.sqrt(kept[k, k]) + 1e-150
        for k in range(N_NUMBERS):
            for m in range(N_NUMBERS):
                kept[k, m] /= size[k] * size[m]
            kept[k, k] += 1e-10
        inverse = np.linalg.inv(kept)
        scale = math.sqrt(max(1.0, best / (b - N_NUMBERS)))
        for k in range(N_NUMBERS):
            out[i, k] = at[k]
            out[i, N_NUMBERS + k] = scale * math.sqrt(max(inverse[k, k], 0.0)) / size[k]
        out[i, 2 * N_NUMBERS] = best
    return out
