"""The prior over parameters: draws, and the whitening map between parameters and standard normal coordinates."""

from __future__ import annotations

from functools import cache
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from beamline.physics.parameters import PARAMETERS, parameter_dtype

__all__ = ["CORRELATIONS", "draw", "from_standard", "to_standard"]

CORRELATIONS: Final[dict[tuple[str, str], float]] = {
    ("gap_Br_eV", "reduced_mass_Br"): 0.6,
    ("reduced_mass_Br", "permittivity_Br"): 0.5,
    ("gap_I_eV", "reduced_mass_I"): 0.6,
    ("reduced_mass_I", "permittivity_I"): 0.5,
}
"""Correlation coefficients of the standard scores; pairs that are not named are independent.

Gap and mass: the emission fixes their sum of gap and confinement energy, so a heavier mass goes with a wider gap. Mass
and permittivity: the published pairs (0.126, 7.3) and (0.18, 8.7) keep the exciton binding energy.
"""

_names: Final = tuple(parameter.name for parameter in PARAMETERS)
_medians: Final = np.array([parameter.nominal for parameter in PARAMETERS])
_spreads: Final = np.array([parameter.spread for parameter in PARAMETERS])
_is_lognormal: Final = np.array([parameter.prior == "lognormal" for parameter in PARAMETERS])


@cache
def _mixing() -> NDArray[np.float64]:
    """Lower Cholesky factor of the correlation matrix, (n_parameters, n_parameters)."""
    correlation = np.eye(len(_names))
    for (one, other), value in CORRELATIONS.items():
        i, j = _names.index(one), _names.index(other)
        correlation[i, j] = correlation[j, i] = value
    return np.asarray(np.linalg.cholesky(correlation), dtype=np.float64)


def _checked_scale(scale: float) -> float:
    if not (np.isfinite(scale) and scale > 0):
        raise ValueError(f"scale={scale!r}: the factor on all spreads must be a finite number above 0")
    return float(scale)


def from_standard(z: ArrayLike, scale: float = 1.0) -> NDArray[np.void]:
    """Parameter sets of standard normal coordinates: z ~ N(0, 1) is the prior, z = 0 the nominal set.

    Args:
        z: (n, n_parameters) in the order of `PARAMETERS`.
        scale: factor on all spreads.

    Returns:
        (n,) of `parameter_dtype`.

    Raises:
        ValueError: the shape is wrong, a coordinate is not finite, or the scale is not above 0.
    """
    coordinates = np.asarray(z, dtype=np.float64)
    if coordinates.ndim != 2 or coordinates.shape[1] != len(_names):
        raise ValueError(f"z has shape {coordinates.shape}; expected (n, {len(_names)}), one column per parameter")
    if not np.isfinite(coordinates).all():
        raise ValueError("z holds NaN or infinity; standard coordinates must be finite")
    deviation = (coordinates @ _mixing().T) * (_spreads * _checked_scale(scale))
    values = np.where(_is_lognormal, _medians * np.exp(np.where(_is_lognormal, deviation, 0.0)), _medians + deviation)
    return np.ascontiguousarray(values).view(parameter_dtype)[:, 0]


def to_standard(parameters: NDArray[np.void], scale: float = 1.0) -> NDArray[np.float64]:
    """Inverse of `from_standard`.

    Args:
        parameters: (n,) of `parameter_dtype`.
        scale: factor on all spreads, as given to `from_standard`.

    Returns:
        (n, n_parameters).

    Raises:
        ValueError: not an array of parameter sets, a lognormal parameter is not above 0, or the scale is not above 0.
    """
    if parameters.dtype != parameter_dtype or parameters.ndim != 1:
        raise ValueError(f"expected (n,) of parameter_dtype, got shape {parameters.shape} of {parameters.dtype.kind!r}")
    values = np.ascontiguousarray(parameters).view(np.float64).reshape(-1, len(_names))
    bad = _is_lognormal & ~(values > 0)
    if bad.any():
        row, column = np.argwhere(bad)[0]
        raise ValueError(f"{_names[column]}={values[row, column]!r} in set {row}: must be above 0 (lognormal prior)")
    safe = np.where(_is_lognormal, values, 1.0)
    medians = np.where(_is_lognormal, _medians, 1.0)
    deviation = np.where(_is_lognormal, np.log(safe / medians), values - _medians)
    scores = deviation / (_spreads * _checked_scale(scale))
    return np.asarray(np.linalg.solve(_mixing(), scores.T).T, dtype=np.float64)


def draw(rng: np.random.Generator, n: int, scale: float = 1.0) -> NDArray[np.void]:
    """Draws from the prior; the same generator state gives the same draws.

    Args:
        rng: source of randomness.
        n: number of draws.
        scale: factor on all spreads (the twin's truth: 0.4 to 0.5).

    Returns:
        (n,) of `parameter_dtype`.

    Raises:
        ValueError: n is below 1 or the scale is not above 0.
    """
    if n < 1:
        raise ValueError(f"n={n}: at least one draw")
    return from_standard(rng.standard_normal((n, len(_names))), scale)
