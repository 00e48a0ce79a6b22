"""Sensitivities: how observables move with each parameter, in units of its prior.

Central differences over perturbed parameter sets in one parallel call. docs/decisions/010-sensitivities-by-differences.md
has the reason, and the errors that were measured.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from beamline.physics.model import predict
from beamline.physics.parameters import PARAMETERS
from beamline.physics.prior import from_standard, to_standard

__all__ = ["sensitivities"]


def sensitivities(
    settings: NDArray[np.void],
    steps: ArrayLike,
    parameters: NDArray[np.void],
    fields: Sequence[str],
    *,
    scale: float = 1.0,
    step: float = 1e-4,
) -> dict[str, NDArray[np.float64]]:
    """Derivatives of observables by the standardised parameters z (`to_standard`).

    Args:
        settings: (m,) of `setting_dtype`.
        steps: (k, 2) or (m, k, 2) of [temperature_C, duration_s].
        parameters: (1,) of `parameter_dtype`: where.
        fields: names of observables.
        scale: factor on all spreads, so that z is in units of the scaled prior.
        step: of the differences, in z.

    Returns:
        By field, (m, n_parameters), in the observable's unit per unit of z, columns in the order of `PARAMETERS`.

    Raises:
        ValueError: more than one parameter set, or what `predict` refuses.
    """
    if parameters.shape != (1,):
        raise ValueError(f"sensitivities are taken at one parameter set, got shape {parameters.shape}; expected (1,)")
    n = len(PARAMETERS)
    z = to_standard(parameters, scale)
    moved = np.concatenate([z + step * np.eye(n), z - step * np.eye(n)])
    values = predict(settings, steps, from_standard(moved, scale), fields)
    return {name: (values[name][:n] - values[name][n:]).T / (2.0 * step) for name in fields}
