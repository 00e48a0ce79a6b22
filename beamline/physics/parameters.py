"""What a parameter of the physics model is, and the arrays of parameter sets that the kernels read by name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from beamline.physics.parameter_table import ROWS

__all__ = ["PARAMETERS", "Parameter", "nominal", "parameter_dtype"]


@dataclass(frozen=True, slots=True)
class Parameter:
    """One uncertain number of the model.

    Attributes:
        name: the field name in arrays of `parameter_dtype`; carries the unit where there is one.
        symbol: as in docs/explanation/physics.md.
        unit: "1" where there is none.
        nominal: median of the prior.
        spread: one sigma: of the logarithm (`lognormal`, so nearly the relative spread), or absolute, in `unit` (`normal`).
        prior: kind of the prior.
        status: `fitted` to the paper's numbers by `calibrate()`; `tuned` by hand towards them; `literature`: looked up;
            `unverified`: literature quoted from memory; `assumed`: a guess that nothing here tests.
        source: where the nominal value comes from.
    """

    name: str
    symbol: str
    unit: str
    nominal: float
    spread: float
    prior: Literal["lognormal", "normal"]
    status: Literal["fitted", "tuned", "literature", "unverified", "assumed"]
    source: str


PARAMETERS: tuple[Parameter, ...] = tuple(Parameter(*row) for row in ROWS)
"""All uncertain numbers of the model, in the order of the fields of `parameter_dtype` and of standardised vectors."""

parameter_dtype: np.dtype[np.void] = np.dtype([(parameter.name, np.float64) for parameter in PARAMETERS])
"""One parameter set: a float64 per `Parameter`, by name."""


def nominal() -> NDArray[np.void]:
    """The nominal parameter set.

    Returns:
        Array (1,) of `parameter_dtype`.
    """
    return np.array([tuple(parameter.nominal for parameter in PARAMETERS)], dtype=parameter_dtype)
