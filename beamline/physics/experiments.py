"""The paper's experiments as settings of the model, run together: what the calibration and the comparison look at.

The paper gives no hold time and no ramp (P5): every heat treatment here is an isothermal hold of 2 h, an assumption.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from beamline.physics.constants import HC_eV_nm
from beamline.physics.model import predict
from beamline.physics.setting_table import make_settings

__all__ = ["EXPERIMENTS", "Experiment", "HOLD_s", "Results", "run_experiments"]

HOLD_s: Final = 7200.0
"""Hold of every heat treatment in the comparison with the paper (assumed)."""

_NO_FURNACE_C: Final = 25.0


@dataclass(frozen=True, slots=True)
class Experiment:
    """One site of the paper: P2's line unless said otherwise.

    Attributes:
        iodide_fraction: of the glass: 0 ("Br"), 0.5 ("Br&I"), 1 ("I") (P4).
        pulse_energy_uJ: set pulse energy (P2: 200 uJ).
        speed_mm_s: of a line (P2: 0.4 mm/s).
        exposure_s: of a dot; None for a line.
        n_passes: 2 for a rewritten line (P32).
        furnace_C: temperature of a heat treatment of `HOLD_s`; None as written.
    """

    iodide_fraction: float = 0.5
    pulse_energy_uJ: float = 200.0
    speed_mm_s: float = 0.4
    exposure_s: float | None = None
    n_passes: int = 1
    furnace_C: float | None = None


_BR, _MIXED, _I = 0.0, 0.5, 1.0
_STEP: Final = 1.02
"""Relative step by which slopes at the optimum are taken."""

EXPERIMENTS: Final[dict[str, Experiment]] = {
    "Br&I": Experiment(),
    "Br&I twice": Experiment(n_passes=2),
    **{f"Br&I {T} C": Experiment(furnace_C=T) for T in (200, 300, 400, 450, 500, 550)},
    "Br": Experiment(_BR),
    **{f"Br {T} C": Experiment(_BR, furnace_C=T) for T in (200, 350, 400, 450, 550)},
    "I": Experiment(_I),
    **{f"I {T} C": Experiment(_I, furnace_C=T) for T in (200, 300, 450, 550)},
    "I slower": Experiment(_I, speed_mm_s=0.4 / _STEP),
    "I faster": Experiment(_I, speed_mm_s=0.4 * _STEP),
    "I weaker": Experiment(_I, pulse_energy_uJ=200.0 / _STEP),
    "I stronger": Experiment(_I, pulse_energy_uJ=200.0 * _STEP),
    **{f"dot {t:g} s": Experiment(exposure_s=t) for t in (0.5, 0.9, 1.0, 1.01, 2.0, 3.0, 5.0, 10.0)},
    **{f"dot 5 s {E} uJ": Experiment(exposure_s=5.0, pulse_energy_uJ=E) for E in (50, 100, 150, 200, 250)},
    **{f"line {v:g} mm/s": Experiment(speed_mm_s=v) for v in (0.1, 0.2, 0.4, 0.8, 1.6, 3.0)},
    **{f"line {E} uJ": Experiment(pulse_energy_uJ=E) for E in (60, 100, 150, 200, 250, 300)},
    **{f"I line {v:g} mm/s": Experiment(_I, speed_mm_s=v) for v in (0.2, 0.4, 0.8)},
    **{f"I line {E} uJ": Experiment(_I, pulse_energy_uJ=E) for E in (150, 200, 250)},
    "unwritten 500 C": Experiment(pulse_energy_uJ=0.0, furnace_C=500.0),
}
"""By name: glass, how it was written, temperature of its heat treatment."""

_names: Final = {name: index for index, name in enumerate(EXPERIMENTS)}


@dataclass(frozen=True, slots=True)
class Results:
    """Observables of all experiments under one parameter set, and that set's visible share."""

    observables: NDArray[np.void]
    visible_share: float

    def of(self, experiment: str, observable: str) -> float:
        """One observable of one experiment."""
        return float(self.observables[_names[experiment]][observable])

    def peak_nm(self, experiment: str, phase: str, kind: str = "peak") -> float:
        """Wavelength of the emission (`peak`) or of the absorption (`bleach`) of a phase."""
        return HC_eV_nm / self.of(experiment, f"{phase}_{kind}_eV")

    def light(self, experiment: str) -> float:
        """Photons of both phases."""
        return self.of(experiment, "green_intensity") + self.of(experiment, "red_intensity")

    def record(self, experiment: str) -> NDArray[np.void]:
        """All observables of one experiment, (1,)."""
        index = _names[experiment]
        return self.observables[index : index + 1]


@cache
def _settings_and_steps() -> tuple[NDArray[np.void], NDArray[np.float64]]:
    rows = []
    steps = np.zeros((len(EXPERIMENTS), 1, 2))
    for index, experiment in enumerate(EXPERIMENTS.values()):
        is_line = experiment.exposure_s is None
        rows.append(
            make_settings(
                iodide_fraction=experiment.iodide_fraction,
                pulse_energy_uJ=experiment.pulse_energy_uJ,
                speed_mm_s=experiment.speed_mm_s if is_line else None,
                exposure_s=experiment.exposure_s,
                n_passes=experiment.n_passes,
            )
        )
        heated = experiment.furnace_C is not None
        steps[index, 0] = (experiment.furnace_C, HOLD_s) if heated else (_NO_FURNACE_C, 0.0)
    return np.concatenate(rows), steps


def run_experiments(parameters: NDArray[np.void]) -> list[Results]:
    """All experiments under every parameter set.

    Args:
        parameters: (n,) of `parameter_dtype`.

    Returns:
        n results.
    """
    settings, steps = _settings_and_steps()
    rows = predict(settings, steps, parameters)
    return [Results(row, float(p["visible_share"])) for row, p in zip(rows, parameters, strict=True)]
