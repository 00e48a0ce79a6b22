"""The prior over parameters: draws, and the whitening map between parameters and standard normal coordinates.

`PRIOR` is that of the tables of this package; `beamline.physics.parameter_file` reads another from a file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from beamline.physics.parameters import PARAMETERS, Parameter, parameter_dtype

__all__ = ["CORRELATIONS", "PRIOR", "InstrumentNumber", "Prior", "draw", "from_standard", "to_standard"]

InstrumentName = Literal["collection_counts_s", "green_over_red_detection", "dot_over_line_collection"]

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


def _checked_scale(scale: float) -> float:
    if not (np.isfinite(scale) and scale > 0):
        raise ValueError(f"scale={scale!r}: the factor on all spreads must be a finite number above 0")
    return float(scale)


def _checked_parameters(parameters: tuple[Parameter, ...]) -> None:
    names = tuple(parameter.name for parameter in parameters)
    if names != parameter_dtype.names:
        raise ValueError("a prior holds the parameters of the model, all of them and in the order of parameter_dtype")
    for parameter in parameters:
        if not np.isfinite(parameter.nominal):
            raise ValueError(f"{parameter.name}: nominal {parameter.nominal!r} must be a finite number")
        if not (np.isfinite(parameter.spread) and parameter.spread > 0):
            raise ValueError(f"{parameter.name}: spread {parameter.spread!r} must be a finite number above 0")
        if parameter.prior == "lognormal" and parameter.nominal <= 0:
            raise ValueError(
                f"{parameter.name}: nominal {parameter.nominal!r} {parameter.unit} must be above 0 (lognormal prior)"
            )


def _checked_instrument(numbers: tuple[InstrumentNumber, ...]) -> None:
    for number in numbers:
        if not (
            np.isfinite(number.nominal) and number.nominal > 0 and np.isfinite(number.spread) and number.spread > 0
        ):
            raise ValueError(
                f"{number.name}: nominal {number.nominal!r} and spread {number.spread!r} must be finite numbers above 0"
            )


@dataclass(frozen=True, slots=True)
class InstrumentNumber:
    """A number of the spectrometer that was learnt together with the parameters; lognormal.

    Attributes:
        name: of it, as the optimiser knows it.
        nominal: median.
        spread: one sigma of the logarithm.
    """

    name: InstrumentName
    nominal: float
    spread: float


@dataclass(frozen=True)
class Prior:
    """A prior over the parameters of the model.

    Standard coordinates z ~ N(0, 1) are mixed by the lower Cholesky factor of the correlation matrix, so that they are
    independent where the parameters are not: z is what an optimiser or a sampler should move.

    Attributes:
        parameters: all of the model, in the order of `parameter_dtype`.
        correlations: coefficients of the standard scores by pairs of names; pairs that are not named are independent.
        instrument: numbers of the spectrometer that were learnt with the parameters; the model does not have them, but
            what is known of it may hang together with them.
        learned_from: uids of the campaigns whose posterior this is; empty where it is of tables.

    Raises:
        ValueError: parameters are missing or have no proper spread, or the coefficients are those of no distribution.
    """

    parameters: tuple[Parameter, ...]
    correlations: Mapping[tuple[str, str], float]
    instrument: tuple[InstrumentNumber, ...] = ()
    learned_from: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuses what is no distribution."""
        _checked_parameters(self.parameters)
        _checked_instrument(self.instrument)
        _ = self.mixing

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Of the parameters."""
        return tuple(parameter.name for parameter in self.parameters)

    @cached_property
    def all_names(self) -> tuple[str, ...]:
        """Of the parameters, and then of the instrument's numbers."""
        return (*self.names, *(number.name for number in self.instrument))

    @cached_property
    def _medians(self) -> NDArray[np.float64]:
        return np.array([parameter.nominal for parameter in self.parameters])

    @cached_property
    def _spreads(self) -> NDArray[np.float64]:
        return np.array([parameter.spread for parameter in self.parameters])

    @cached_property
    def _is_lognormal(self) -> NDArray[np.bool_]:
        return np.array([parameter.prior == "lognormal" for parameter in self.parameters])

    @cached_property
    def mixing(self) -> NDArray[np.float64]:
        """Lower Cholesky factor of the correlation matrix of `all_names`.

        It turns standard coordinates into standard scores. The parameters come first, so theirs do not depend on the
        instrument's coordinates.
        """
        names = self.all_names
        index = {name: i for i, name in enumerate(names)}
        correlation = np.eye(len(names))
        for pair, value in self.correlations.items():
            unknown = sorted(set(pair) - set(names))
            if unknown or len(set(pair)) < 2:
                raise ValueError(
                    f"correlation of {' and '.join(pair)}: two different parameters of the model are needed"
                )
            i, j = (index[name] for name in pair)
            if correlation[i, j] != 0.0:
                raise ValueError(f"correlation of {' and '.join(pair)}: given twice")
            if not -1.0 < value < 1.0:
                raise ValueError(f"correlation of {' and '.join(pair)}: {value!r} is not between -1 and 1")
            correlation[i, j] = correlation[j, i] = value
        try:
            return np.asarray(np.linalg.cholesky(correlation), dtype=np.float64)
        except np.linalg.LinAlgError:
            raise ValueError(
                "the correlations contradict each other: no distribution has them all (their matrix is not positive "
                "definite); make the largest smaller"
            ) from None

    @cached_property
    def _mixing(self) -> NDArray[np.float64]:
        """That of the parameters alone."""
        return self.mixing[: len(self.names), : len(self.names)]

    def nominal(self) -> NDArray[np.void]:
        """The nominal parameter set, (1,) of `parameter_dtype`."""
        return np.array([tuple(self._medians)], dtype=parameter_dtype)

    def from_standard(self, z: ArrayLike, scale: float = 1.0) -> NDArray[np.void]:
        """Parameter sets of standard normal coordinates: z ~ N(0, 1) is the prior, z = 0 the nominal set.

        Args:
            z: (n, n_parameters) in the order of `parameters`.
            scale: factor on all spreads.

        Returns:
            (n,) of `parameter_dtype`.

        Raises:
            ValueError: the shape is wrong, a coordinate is not finite, or the scale is not above 0.
        """
        coordinates = np.asarray(z, dtype=np.float64)
        if coordinates.ndim != 2 or coordinates.shape[1] != len(self.names):
            raise ValueError(
                f"z has shape {coordinates.shape}; expected (n, {len(self.names)}), one column per parameter"
            )
        if not np.isfinite(coordinates).all():
            raise ValueError("z holds NaN or infinity; standard coordinates must be finite")
        log = self._is_lognormal
        deviation = (coordinates @ self._mixing.T) * (self._spreads * _checked_scale(scale))
        values = np.where(log, self._medians * np.exp(np.where(log, deviation, 0.0)), self._medians + deviation)
        return np.ascontiguousarray(values).view(parameter_dtype)[:, 0]

    def to_standard(self, parameters: NDArray[np.void], scale: float = 1.0) -> NDArray[np.float64]:
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
            raise ValueError(
                f"expected (n,) of parameter_dtype, got shape {parameters.shape} of {parameters.dtype.kind!r}"
            )
        values = np.ascontiguousarray(parameters).view(np.float64).reshape(-1, len(self.names))
        log = self._is_lognormal
        bad = log & ~(values > 0)
        if bad.any():
            row, column = np.argwhere(bad)[0]
            raise ValueError(
                f"{self.names[column]}={values[row, column]!r} in set {row}: must be above 0 (lognormal prior)"
            )
        medians = np.where(log, self._medians, 1.0)
        deviation = np.where(log, np.log(np.where(log, values, 1.0) / medians), values - self._medians)
        scores = deviation / (self._spreads * _checked_scale(scale))
        return np.asarray(np.linalg.solve(self._mixing, scores.T).T, dtype=np.float64)

    def draw(self, rng: np.random.Generator, n: int, scale: float = 1.0) -> NDArray[np.void]:
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
        return self.from_standard(rng.standard_normal((n, len(self.names))), scale)


PRIOR: Final = Prior(PARAMETERS, CORRELATIONS)
"""That of the tables of this package."""

from_standard: Final = PRIOR.from_standard
to_standard: Final = PRIOR.to_standard
draw: Final = PRIOR.draw
