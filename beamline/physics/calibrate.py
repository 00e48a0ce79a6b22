"""Calibration: solves the fitted parameters against the fitted and set rows of the comparison, as one square system.

The solution stands in the parameter table as nominal values; solving again from there, or from nearby, comes back to it
(a test does). Not independent of the table: parameters that are not fitted keep their nominal values.

A row's number may be replaced by one that was measured here, with its uncertainty (`Measured`): the system stays square, and
the uncertainty goes into the parameters by the inverse of its matrix.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from beamline.physics.experiments import Results, run_experiments
from beamline.physics.parameters import PARAMETERS, Parameter
from beamline.physics.prior import PRIOR, Prior
from beamline.physics.quantities import QUANTITIES
from beamline.physics.quantity import Quantity

__all__ = ["FITTED", "TARGETS", "Calibration", "Measured", "calibrate", "fitted_of"]

FITTED: Final = tuple(parameter for parameter in PARAMETERS if parameter.status == "fitted")
"""The parameters that are solved."""

TARGETS: Final[tuple[Quantity, ...]] = tuple(quantity for quantity in QUANTITIES if quantity.kind != "predicted")
"""The rows that they are solved to; as many."""

_STEP: Final = 1e-5
"""Step of the central differences, in units of the spread."""


@dataclass(frozen=True, slots=True)
class Measured:
    """A number of ours in place of the paper's, in the row's unit; `sd` one sigma."""

    value: float
    sd: float


@dataclass(frozen=True, slots=True)
class Calibration:
    """A solution.

    Attributes:
        parameters: (1,) of `parameter_dtype`: nominal but for the fitted ones.
        values: the fitted parameters by name.
        residuals: model minus target by row name, in units of the row's tolerance.
        n_iterations: Newton steps taken.
        sds: what the measured rows' uncertainties leave open, one sigma by parameter, in units of its spread; empty without
            measured rows.
    """

    parameters: NDArray[np.void]
    values: dict[str, float]
    residuals: dict[str, float]
    n_iterations: int
    sds: dict[str, float] = field(default_factory=dict)


def _residuals(results: Results, measured: Mapping[str, Measured]) -> NDArray[np.float64]:
    """Model minus target in tolerances."""
    targets = [measured[q.name].value if q.name in measured else (q.target or 0.0) for q in TARGETS]
    return np.array([(q.model(results)[0] - target) / q.tolerance for q, target in zip(TARGETS, targets, strict=True)])


def fitted_of(prior: Prior) -> tuple[Parameter, ...]:
    """The parameters that are solved, as a prior has them: the same ones whatever a file says of their status."""
    names = {parameter.name for parameter in FITTED}
    return tuple(parameter for parameter in prior.parameters if parameter.name in names)


def _parameters(scores: NDArray[np.float64], prior: Prior) -> NDArray[np.void]:
    """Parameter sets of standardised deviations (n, n_fitted) of the fitted parameters from the prior's nominal set."""
    sets = np.repeat(prior.nominal(), scores.shape[0])
    for column, parameter in zip(scores.T, fitted_of(prior), strict=True):
        if parameter.prior == "lognormal":
            sets[parameter.name] = parameter.nominal * np.exp(parameter.spread * column)
        else:
            sets[parameter.name] = parameter.nominal + parameter.spread * column
    return sets


def calibrate(
    start: NDArray[np.float64] | None = None,
    tolerance: float = 1e-6,
    max_iterations: int = 60,
    prior: Prior = PRIOR,
    measured: Mapping[str, Measured] | None = None,
) -> Calibration:
    """Solves the fitted parameters by a damped Newton iteration with central differences.

    Args:
        start: (n_fitted,) standardised deviations from the table to start from; zero by default.
        tolerance: largest residual at the end, in units of the rows' tolerances.
        max_iterations: Newton steps before it gives up.
        prior: where parameters that are not fitted stay, and the others begin.
        measured: numbers in place of the targets' of fitted rows, by the rows' names.

    Returns:
        The solution.

    Raises:
        ValueError: a measured row is not among the fitted ones, or its number is none.
        RuntimeError: no convergence; says which row is farthest off.
    """
    n = len(FITTED)
    if n != len(TARGETS):
        raise RuntimeError(f"{n} fitted parameters for {len(TARGETS)} rows: the system must be square")
    ours = dict(measured or {})
    _check(ours)
    scores = np.zeros(n) if start is None else np.array(start, dtype=np.float64)
    residual = _residuals(run_experiments(_parameters(scores[np.newaxis], prior))[0], ours)
    for iteration in range(max_iterations):
        if np.abs(residual).max() <= tolerance:
            found = _parameters(scores[np.newaxis], prior)
            values = {parameter.name: float(found[parameter.name][0]) for parameter in FITTED}
            off = {q.name: float(r) for q, r in zip(TARGETS, residual, strict=True)}
            return Calibration(found, values, off, iteration, _sds(scores, prior, ours))
        step = np.linalg.solve(_jacobian(scores, prior, ours), -residual)
        step *= min(1.0, 1.0 / np.abs(step).max())  # at most one sigma at a time
        lengths = 0.5 ** np.arange(6)
        tried = scores + lengths[:, np.newaxis] * step
        outcomes = np.array([_residuals(results, ours) for results in run_experiments(_parameters(tried, prior))])
        norms = np.linalg.norm(outcomes, axis=1)
        best = int(np.nanargmin(norms))
        scores, residual = tried[best], outcomes[best]
    worst = int(np.abs(residual).argmax())
    raise RuntimeError(
        f"no solution after {max_iterations} steps: {TARGETS[worst].name!r} is {residual[worst]:.3g} tolerances off"
    )


def _check(measured: Mapping[str, Measured]) -> None:
    fitted = [q for q in TARGETS if q.kind == "fitted"]
    for name, ours in measured.items():
        if name not in {q.name for q in fitted}:
            raise ValueError(f"no fitted row {name!r}; there are {', '.join(repr(q.name) for q in fitted)}")
        if not (np.isfinite(ours.value) and np.isfinite(ours.sd) and ours.sd >= 0.0):
            raise ValueError(f"{name}: {ours.value:g} +- {ours.sd:g}: a finite number, with a sigma of at least 0")


def _jacobian(scores: NDArray[np.float64], prior: Prior, measured: Mapping[str, Measured]) -> NDArray[np.float64]:
    """Derivatives of the residuals by the standardised parameters, (rows, parameters)."""
    n = scores.size
    trials = np.concatenate([scores + _STEP * np.eye(n), scores - _STEP * np.eye(n)])
    moved = np.array([_residuals(results, measured) for results in run_experiments(_parameters(trials, prior))])
    return np.asarray((moved[:n] - moved[n:]).T / (2.0 * _STEP))


def _sds(scores: NDArray[np.float64], prior: Prior, measured: Mapping[str, Measured]) -> dict[str, float]:
    """What the measured rows' sigmas, independent of each other, do to the parameters."""
    if not measured:
        return {}
    sigmas = np.array([measured[q.name].sd / q.tolerance if q.name in measured else 0.0 for q in TARGETS])
    spread = np.linalg.norm(np.linalg.inv(_jacobian(scores, prior, measured)) * sigmas, axis=1)
    return {parameter.name: float(sd) for parameter, sd in zip(FITTED, spread, strict=True)}
