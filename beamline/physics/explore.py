"""Exploring: one observable over one or two settings, with the spread of the prior's draws."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from beamline.physics.constants import HC_eV_nm
from beamline.physics.model import predict
from beamline.physics.prior import PRIOR, Prior
from beamline.physics.records import OBSERVABLE_UNITS
from beamline.physics.setting_table import SETTING_RANGES, make_settings
from beamline.physics.steps import STEP_TEMPERATURES_C

__all__ = ["AXES", "DERIVED_UNITS", "Axis", "Exploration", "ExploreError", "explore", "observable_unit"]


class ExploreError(ValueError):
    """What was asked cannot be explored: says what, and what can.

    To do: ask for one of what it lists.
    """


@dataclass(frozen=True, slots=True)
class Axis:
    """A setting that can be varied or held.

    Attributes:
        low: of the default range; the validity of the model may be wider.
        high: of the default range.
        unit: of the values.
        default: value where it is neither varied nor set; None for those that are then left out.
        is_log: steps are equal ratios.
    """

    low: float
    high: float
    unit: str
    default: float | None
    is_log: bool = False


AXES: Final[dict[str, Axis]] = {
    "iodide_fraction": Axis(0.0, 1.0, "1", 0.5),
    "pulse_energy_uJ": Axis(20.0, 300.0, "uJ", 200.0),
    "speed_mm_s": Axis(0.05, 3.0, "mm/s", None, is_log=True),
    "exposure_s": Axis(0.2, 60.0, "s", None, is_log=True),
    "n_passes": Axis(1.0, 5.0, "passes", 1.0),
    "depth_mm": Axis(0.05, 0.5, "mm", 0.2),
    "repetition_rate_kHz": Axis(1.0, 200.0, "kHz", 10.0, is_log=True),
    "pulse_duration_fs": Axis(100.0, 5000.0, "fs", 300.0, is_log=True),
    "numerical_aperture": Axis(0.2, 0.8, "1", 0.4),
    "power_at_sample_W": Axis(0.1, 1.0, "W", 0.0),
    "temperature_C": Axis(200.0, 600.0, "degC", None),
    "hold_s": Axis(60.0, 1e5, "s", 7200.0, is_log=True),
}
"""By name; temperature and hold are of one isothermal furnace step, which is left out without a temperature."""

_DEFAULT_SPEED_mm_s: Final = 0.4
"""P2's line is written where neither speed nor exposure is named."""

_Derivation = Callable[[NDArray[np.void]], NDArray[np.float64]]


def _wavelength(field: str) -> _Derivation:
    return lambda seen: HC_eV_nm / seen[field]


def _red_over_green(seen: NDArray[np.void]) -> NDArray[np.float64]:
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = seen["red_intensity"] / seen["green_intensity"]
    return np.where(np.isfinite(ratio), ratio, np.nan)


_DERIVED: Final[dict[str, tuple[str, tuple[str, ...], _Derivation]]] = {
    **{
        f"{phase}_{kind}_nm": ("nm", (f"{phase}_{kind}_eV", f"{phase}_intensity"), _wavelength(f"{phase}_{kind}_eV"))
        for phase in ("green", "red")
        for kind in ("peak", "bleach")
    },
    "red_over_green": ("1", ("red_intensity", "green_intensity"), _red_over_green),
}

DERIVED_UNITS: Final[dict[str, str]] = {name: unit for name, (unit, _, _) in _DERIVED.items()}
"""Units of what can be explored beyond the observables of the model."""


def observable_unit(name: str) -> str:
    """Unit of an observable, also of a derived one.

    Raises:
        ExploreError: there is no such observable.
    """
    units = OBSERVABLE_UNITS | DERIVED_UNITS
    if name not in units:
        raise ExploreError(f"no observable {name!r}; there are: {', '.join(sorted(units))}")
    return units[name]


@dataclass(frozen=True, slots=True)
class Exploration:
    """An observable over settings.

    Attributes:
        observable: its name.
        unit: of its values.
        varied: values of each varied setting by name, one-dimensional; the grid is their product.
        held: the settings that were held.
        nominal: (grid) under the nominal parameters; NaN where there is nothing to see.
        quantiles: (5, grid) of the draws in which there is something to see, at `LEVELS`; NaN where there is none.
        share_seen: (grid) share of the draws in which there is something to see.
        n_draws: from the prior.
    """

    observable: str
    unit: str
    varied: dict[str, NDArray[np.float64]]
    held: dict[str, float]
    nominal: NDArray[np.float64]
    quantiles: NDArray[np.float64]
    share_seen: NDArray[np.float64]
    n_draws: int

    LEVELS = (0.05, 0.16, 0.5, 0.84, 0.95)


def _check(varied: Mapping[str, NDArray[np.float64]], held: Mapping[str, float]) -> None:
    if not 1 <= len(varied) <= 2:
        raise ExploreError(f"vary one setting or two, not {len(varied)}")
    for name in [*varied, *held]:
        if name not in AXES:
            raise ExploreError(f"no setting {name!r}; there are: {', '.join(AXES)}")
    if twice := sorted(set(varied) & set(held)):
        raise ExploreError(f"{twice[0]} is both varied and set; only one of them")
    named = {*varied, *held}
    if {"speed_mm_s", "exposure_s"} <= named:
        raise ExploreError("speed_mm_s is of lines and exposure_s of dots; name only one of them")
    if "hold_s" in named and "temperature_C" not in named:
        raise ExploreError("hold_s needs a temperature_C: set it or vary it")
    for name, values in [*varied.items(), *((name, np.array([value])) for name, value in held.items())]:
        _check_values(name, values)


def _check_values(name: str, values: NDArray[np.float64]) -> None:
    if name in SETTING_RANGES:
        low, high, unit = SETTING_RANGES[name].low, SETTING_RANGES[name].high, SETTING_RANGES[name].unit
    else:
        low, high, unit = (*STEP_TEMPERATURES_C, "degC") if name == "temperature_C" else (0.0, 1e9, "s")
    bad = ~((values >= low) & (values <= high))
    if bad.any():
        raise ExploreError(
            f"{name}={float(values[bad][0])!r} is outside the model's validity, {low:g} to {high:g} {unit}"
        )
    broken = values != np.round(values)
    if name == "n_passes" and broken.any():
        raise ExploreError(f"n_passes={float(values[broken][0])!r}: passes are whole")


def _predict(
    columns: Mapping[str, NDArray[np.float64]], parameters: NDArray[np.void], fields: Sequence[str]
) -> NDArray[np.void]:
    m = next(iter(columns.values())).size
    steps = np.zeros((m, 1, 2))
    if "temperature_C" in columns:
        steps[:, 0, 0], steps[:, 0, 1] = columns["temperature_C"], columns["hold_s"]
    writing = {name: column for name, column in columns.items() if name not in {"temperature_C", "hold_s"}}
    writing["n_passes"] = writing["n_passes"].astype(np.int64)
    return predict(make_settings(**writing), steps, parameters, fields)


def _values(observable: str, seen: NDArray[np.void]) -> NDArray[np.float64]:
    """The observable, NaN where its phase emits nothing and so nobody could see it."""
    values = _DERIVED[observable][2](seen) if observable in _DERIVED else seen[observable]
    phase, _, rest = observable.partition("_")
    if phase in {"green", "red"} and rest not in {"intensity", "share", "over_green"}:
        values = np.where(seen[f"{phase}_intensity"] > 0.0, values, np.nan)
    return np.asarray(values, dtype=np.float64)


def explore(
    observable: str,
    varied: Mapping[str, NDArray[np.float64]],
    held: Mapping[str, float],
    *,
    n_draws: int = 300,
    scale: float = 1.0,
    seed: int = 0,
    prior: Prior = PRIOR,
) -> Exploration:
    """An observable over the product of one or two varied settings, under draws of the prior.

    Args:
        observable: of the model, or one of `DERIVED_UNITS`.
        varied: values by name of `AXES`.
        held: values by name of `AXES`; others have their defaults.
        n_draws: of the prior; the same seed gives the same.
        scale: factor on all spreads.
        seed: of the draws.
        prior: of the parameters.

    Returns:
        Nominal values and quantiles of the draws.

    Raises:
        ExploreError: unknown names, values outside the model's validity, or settings that exclude each other.
    """
    unit = observable_unit(observable)
    _check(varied, held)
    settings = {name: axis.default for name, axis in AXES.items() if axis.default is not None} | dict(held)
    if not {"speed_mm_s", "exposure_s"} & {*varied, *held}:
        settings["speed_mm_s"] = _DEFAULT_SPEED_mm_s
    if "temperature_C" not in {*varied, *held}:
        del settings["hold_s"]
    for name in varied:
        settings.pop(name, None)
    shape = tuple(values.size for values in varied.values())
    grids = np.meshgrid(*varied.values(), indexing="ij")
    columns = {name: grid.ravel() for name, grid in zip(varied, grids, strict=True)}
    columns |= {name: np.full(grids[0].size, value) for name, value in settings.items()}
    fields = _DERIVED[observable][1] if observable in _DERIVED else tuple({observable, *_light(observable)})
    parameters = np.concatenate([prior.nominal(), prior.draw(np.random.default_rng(seed), n_draws, scale)])
    values = _values(observable, _predict(columns, parameters, fields))
    drawn = values[1:]
    quantiles = np.full((len(Exploration.LEVELS), drawn.shape[1]), np.nan)
    some = np.isfinite(drawn).any(axis=0)
    quantiles[:, some] = np.nanquantile(drawn[:, some], Exploration.LEVELS, axis=0)
    return Exploration(
        observable,
        unit,
        dict(varied),
        settings,
        values[0].reshape(shape),
        quantiles.reshape(len(Exploration.LEVELS), *shape),
        np.isfinite(drawn).mean(axis=0).reshape(shape),
        n_draws,
    )


def _light(observable: str) -> tuple[str, ...]:
    """The intensity that says whether an observable of a phase can be seen."""
    phase = observable.partition("_")[0]
    return (f"{phase}_intensity",) if phase in {"green", "red"} else ()
