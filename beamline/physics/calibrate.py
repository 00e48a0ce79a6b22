"""Calibration: solves the fitted parameters against the fitted and set rows of the comparison, as one square system.

The solution stands in the parameter table as nominal values; solving again from there, or from nearby, comes back to it
(a test does). Not independent of the table: parameters that are not fitted keep their nominal values.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from beamline.physics.experiments import Results, run_experiments
from beamline.physics.parameters import PARAMETERS, Parameter
from beamline.physics.prior import PRIOR, Prior
from beamline.physics.quantities import QUANTITIES
from beamline.physics.quantity import Quantity

__all__ = ["FITTED", "TARGETS", "Calibration", "calibrate", "fitted_of"]

FITTED: Final = tuple(parameter for parameter in PARAMETERS if parameter.status == "fitted")
"""The parameters that are solved."""

TARGETS: Final[tuple[Quantity, ...]] = tuple(quantity for quantity in QUANTITIES if quantity.kind != "predicted")
"""The rows that they are solved to; as many."""

_STEP: Final = 1e-5
"""Step of the central differences, in units of the spread."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """A solution.

    Attributes:
        parameters: (1,) of `parameter_dtype`: nominal but for the fitted ones.
        values: the fitted parameters by name.
        residuals: model minus target by row name, in units of the row's tolerance.
        n_iterations: Newton steps taken.
    """

    parameters: NDArray[np.void]
    values: dict[str, float]
    residuals: dict[str, float]
    n_iterations: int


def _residuals(results: Results) -> NDArray[np.float64]:
    return np.array([(q.model(results)[0] - (q.target or 0.0)) / q.tolerance for q in TARGETS])


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
    start: NDArray[np.float64] | None = None, tolerance: float = 1e-6, max_iterations: int = 60, prior: Prior = PRIOR
) -> Calibration:
    """Solves the fitted parameters by a damped Newton iteration with central differences.

    Args:
        start: (n_fitted,) standardised deviations from the table to start from; zero by default.
        tolerance: largest residual at the end, in units of the rows' tolerances.
        max_iterations: Newton steps before it gives up.
        prior: where parameters that are not fitted stay, and the others begin.

    Returns:
        The solution.

    Raises:
        RuntimeError: no convergence; says which row is farthest off.
    """
    n = len(FITTED)
    if n != len(TARGETS):
        raise RuntimeError(f"{n} fitted parameters for {len(TARGETS)} rows: the system must be square")
    scores = np.zeros(n) if start is None else np.array(start, dtype=np.float64)
    residual = _residuals(run_experiments(_parameters(scores[np.newaxis], prior))[0])
    for iteration in range(max_iterations):
        if np.abs(residual).max() <= tolerance:
            found = _parameters(scores[np.newaxis], prior)
            values = {parameter.name: float(found[parameter.name][0]) for parameter in FITTED}
            off = {q.name: float(r) for q, r in zip(TARGETS, residual, strict=True)}
            return Calibration(found, values, off, iteration)
        trials = np.concatenate([scores + _STEP * np.eye(n), scores - _STEP * np.eye(n)])
        moved = np.array([_residuals(results) for results in run_experiments(_parameters(trials, prior))])
        jacobian = (moved[:n] - moved[n:]).T / (2.0 * _STEP)
        step = np.linalg.solve(jacobian, -residual)
        step *= min(1.0, 1.0 / np.abs(step).max())  # at most one sigma at a time
        lengths = 0.5 ** np.arange(6)
        tried = scores + lengths[:, np.newaxis] * step
        outcomes = np.array([_residuals(results) for results in run_experiments(_parameters(tried, prior))])
        norms = np.linalg.norm(outcomes, axis=1)
        best = int(np.nanargmin(norms))
        scores, residual = tried[best], outcomes[best]
    worst = int(np.abs(residual).argmax())
    raise RuntimeError(
        f"no solution after {max_iterations} steps: {TARGETS[worst].name!r} is {residual[worst]:.3g} tolerances off"
    )
