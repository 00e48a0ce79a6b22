"""The model once more, in plain numpy: to be read beside the equations of docs/explanation/physics.md, and to check against.

Every formula is written as it stands on the page, in order, with arrays over m settings and J radial nodes; nothing is shared
with the fast model but parameters, settings, the nodes with their Abel matrix, and the weights of the relaxation modes. Tests
hold the two together to 1e-9. One parameter set at a time. Some ten to a hundred times slower; nobody's work needs it.

Here is the order of things; `reference_heat`, `reference_doses`, `reference_crystals` and `reference_light` have the formulas.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from beamline.physics.constants import ROOM_TEMPERATURE_K
from beamline.physics.radial import DOT_PLACES, DOT_WEIGHTS, LINE
from beamline.physics.records import observable_dtype
from beamline.physics.reference_crystals import crystals_of
from beamline.physics.reference_doses import Exposure, Grid, across, around
from beamline.physics.reference_heat import Columns, centre_of, field_of, source_of, window_of
from beamline.physics.reference_light import heated, observed
from beamline.physics.relaxation import MODE_RATES
from beamline.physics.setting_table import check_settings
from beamline.physics.steps import check_steps

__all__ = ["GRID", "Grid", "reference_predict"]

GRID: Final = Grid(LINE, DOT_PLACES, DOT_WEIGHTS)
"""That of the fast model."""


def reference_predict(
    settings: NDArray[np.void],
    steps: ArrayLike,
    parameters: NDArray[np.void],
    grid: Grid = GRID,
    earlier: Sequence[NDArray[np.void]] = (),
) -> NDArray[np.void]:
    """The observables of every setting under one parameter set.

    Args:
        settings: (m,) of `setting_dtype`, the last to be written.
        steps: (k, 2) or (m, k, 2) of [temperature_C, duration_s].
        parameters: (1,) of `parameter_dtype`.
        grid: another one shows what the fast model's costs in accuracy.
        earlier: what was written at the same places before, each (m,), first things first, without an anneal in between.

    Returns:
        (1, m) of `observable_dtype`.

    Raises:
        SettingError: a setting outside the model's validity.
        ValueError: steps outside it, or not one parameter set.
    """
    check_settings(settings)
    history = np.broadcast_to(check_steps(steps, settings.size), (settings.size, np.shape(steps)[-2], 2))
    if parameters.shape != (1,):
        raise ValueError(f"the reference takes one parameter set, got shape {parameters.shape}; expected (1,)")
    p = parameters[0]
    glass = _written([*earlier, settings], p, grid)
    heated(glass, history, p)
    seen = observed(glass, p)
    observables = np.empty((1, settings.size), observable_dtype)
    for name in observable_dtype.names or ():
        observables[name] = seen[name]
    return observables


def _written(sequence: Sequence[NDArray[np.void]], p: np.void, grid: Grid) -> Columns:
    """What the laser leaves: all passes of all settings, one after the other."""
    m = sequence[-1].size
    exposures: list[Exposure] = []
    n_passes, power = np.zeros(m), np.zeros(m)
    peak, valley, mean = (np.full(m, ROOM_TEMPERATURE_K) for _ in range(3))
    last = np.zeros(m, dtype=bool)
    for settings in sequence:
        s = {name: settings[name].astype(np.float64) for name in settings.dtype.names or ()}
        line = s["is_line"] > 0
        first = source_of(s, p, 1.0)
        lit = first["power_W"] > 0.0
        power = np.where(n_passes > 0.0, power, first["power_W"])
        last = np.where(lit, line, last)
        seconds = np.where(line, p["line_equivalence"] / (1e3 * np.where(line, s["speed_mm_s"], 1.0)), s["exposure_s"])
        new = np.where(n_passes > 0.0, 0.0, 1.0) * lit
        for source, n in ((first, new), (source_of(s, p, p["rewrite_absorption_gain"]), s["n_passes"] * lit - new)):
            exposures.append(Exposure(field_of(s, source, p), n * seconds))
            centre = centre_of(s, source, p)
            hotter = (n > 0.0) & ((centre[0] > peak) | (n_passes == 0.0))
            peak, valley, mean = (
                np.where(hotter, new_K, old_K) for new_K, old_K in zip(centre, (peak, valley, mean), strict=True)
            )
            n_passes = n_passes + n

    y = sequence[-1]["iodide_fraction"]
    dark = {"whole": 0.0, "dose": 0.0, "f_R": 0.0, "x": y ** p["birth_exponent"], "peak": 0.0, "size": 0.0}
    crystals = {name: np.broadcast_to(value, (m,)).astype(np.float64) for name, value in dark.items()}
    for is_line in (False, True):
        part = np.flatnonzero((n_passes > 0.0) & (last == is_line))
        if part.size:
            there = [e.of(part) for e in exposures]
            cold, hot = window_of(np.sum([e.effective(p) for e in there], axis=0), p)
            doses = across(there, cold, p, grid) if is_line else around(there, cold, hot, p=p, grid=grid)
            for name, values in crystals_of(doses, y[part], p, is_line=is_line).items():
                crystals[name][part] = values

    lit = n_passes > 0.0
    sound = 1.0 / (1.0 + (peak / p["damage_temperature_K"]) ** p["damage_steepness"])
    growth = np.maximum(crystals["dose"], 1e-3) ** p["size_exponent"]
    rich = np.maximum(2.0 * y - 1.0, 0.0)
    healed = p["balance_healing"] * (1.0 - 1.0 / np.maximum(n_passes, 1.0))
    x_red = crystals["x"]
    mixed = p["balance_mixing"] * 4.0 * x_red * (1.0 - x_red)
    green_balance = p["balance_Br"] + healed
    red_balance = p["balance_Br"] + (p["balance_I"] - p["balance_Br"]) * x_red - mixed + healed
    modes = np.ones(len(MODE_RATES))
    return {
        "y": y,
        "crystal_amount": crystals["whole"] * sound,
        "peak_share": crystals["peak"],
        "nucleation_dose": crystals["dose"],
        "red_share": crystals["f_R"],
        "x": x_red,
        "size_um": crystals["size"],
        "void_share": np.where(lit, 1.0 - sound, 0.0),
        "absorbed_power_W": power,
        "peak_temperature_K": peak,
        "valley_temperature_K": valley,
        "mean_temperature_K": mean,
        "green_diameter_nm": p["green_diameter_nm"] * growth,
        "red_diameter_nm": (p["red_diameter_nm"] + (p["iodide_diameter_nm"] - p["red_diameter_nm"]) * rich) * growth,
        "green_theta": green_balance[:, np.newaxis] * modes,
        "red_theta": red_balance[:, np.newaxis] * modes,
    }
