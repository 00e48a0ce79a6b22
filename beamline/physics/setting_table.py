"""Writing settings as arrays: one record per writing, validated field by field."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    from beamline.recipe import Dot, Line

__all__ = ["SETTING_RANGES", "Range", "SettingError", "check_settings", "make_settings", "setting_dtype", "settings"]

setting_dtype: Final[np.dtype[np.void]] = np.dtype(
    [
        ("iodide_fraction", "f8"),
        ("pulse_energy_uJ", "f8"),
        ("repetition_rate_kHz", "f8"),
        ("pulse_duration_fs", "f8"),
        ("numerical_aperture", "f8"),
        ("depth_mm", "f8"),
        ("exposure_s", "f8"),  # dots; 0 for lines
        ("speed_mm_s", "f8"),  # lines; 0 for dots
        ("power_at_sample_W", "f8"),  # 0: not measured
        ("n_passes", "i8"),
        ("is_line", "?"),
    ],
    align=True,
)
"""One writing in one glass."""


@dataclass(frozen=True, slots=True)
class Range:
    """Where a setting is valid: `low` to `high`, ends included."""

    low: float
    high: float
    unit: str
    why: str = ""


SETTING_RANGES: Final[dict[str, Range]] = {
    "iodide_fraction": Range(0.0, 1.0, "1"),
    "pulse_energy_uJ": Range(0.0, 400.0, "uJ"),
    "repetition_rate_kHz": Range(1.0, 1000.0, "kHz"),
    "pulse_duration_fs": Range(30.0, 20_000.0, "fs"),
    "numerical_aperture": Range(0.1, 0.95, "1"),
    "depth_mm": Range(0.02, 1.0, "mm"),
    "exposure_s": Range(1e-6, 60.0, "s"),
    "speed_mm_s": Range(0.01, 3.0, "mm/s", "the quasi-static heat solution is 1-2 % off at 2 mm/s and 50 % at 10 mm/s"),
    "power_at_sample_W": Range(0.0, 20.0, "W"),
    "n_passes": Range(1, 10, "passes"),
}
"""Validity of each setting; exposure applies to dots, speed to lines."""


_CHECKED: Final = tuple(name for name in setting_dtype.names or () if setting_dtype[name] == np.float64)
"""The fields that are float64: the first of a record, one after the other."""


def _bounds(which: str) -> NDArray[np.float64]:
    """Lows or highs, (2, n_checked): for dots and for lines, in the order of the fields; the other's pace is free."""
    free = {"low": -np.inf, "high": np.inf}[which]
    rows = [
        [free if name == others else float(getattr(SETTING_RANGES[name], which)) for name in _CHECKED]
        for others in ("speed_mm_s", "exposure_s")
    ]
    return np.array(rows)


_LOWS: Final = _bounds("low")
_HIGHS: Final = _bounds("high")


_FEW: Final = 4
"""Rows up to which plain Python is quicker than numpy."""

_PLAIN_LOWS: Final = tuple(tuple(row) for row in _LOWS.tolist())
_PLAIN_HIGHS: Final = tuple(tuple(row) for row in _HIGHS.tolist())


def _is_valid(row: tuple[float, ...]) -> bool:
    kind = int(row[-1])
    n_passes = row[-2]
    if not SETTING_RANGES["n_passes"].low <= n_passes <= SETTING_RANGES["n_passes"].high:
        return False
    bounds = zip(row, _PLAIN_LOWS[kind], _PLAIN_HIGHS[kind], strict=False)  # what comes after them is not float
    return all(low <= value <= high for value, low, high in bounds)


def _all_valid(table: NDArray[np.void]) -> bool:
    """All fields at once: one call of the model is a few microseconds, and so must be its check."""
    if table.size <= _FEW:
        return all(_is_valid(row) for row in table.tolist())
    table = np.ascontiguousarray(table)
    kind = table["is_line"].view(np.int8)
    n = len(_CHECKED)
    values = np.ndarray((table.size, n), np.float64, table, 0, (setting_dtype.itemsize, 8))
    inside = (values >= _LOWS[kind]) & (values <= _HIGHS[kind])
    passes = SETTING_RANGES["n_passes"]
    n_passes = table["n_passes"]
    return bool(inside.all() and ((n_passes >= passes.low) & (n_passes <= passes.high)).all())


class SettingError(ValueError):
    """A setting outside the validity of the model: says which, its value, the range and the unit.

    To do: stay within the range: beyond it the model says nothing.
    """


def _refuse(name: str, values: NDArray[np.float64], applies: NDArray[np.bool_]) -> None:
    allowed = SETTING_RANGES[name]
    bad = applies & ~((values >= allowed.low) & (values <= allowed.high))
    if bad.any():
        first = int(np.flatnonzero(bad)[0])
        many = f" ({int(bad.sum())} of {bad.size} settings)" if bad.size > 1 else ""
        why = f": {allowed.why}" if allowed.why else ""
        raise SettingError(
            f"{name}={float(values[first])!r} in setting {first}{many} is outside the model's validity, "
            f"{allowed.low:g} to {allowed.high:g} {allowed.unit}{why}"
        )


def check_setting_array(table: NDArray[np.void]) -> None:
    """Refuses what is no table of settings; their values are not looked at.

    Raises:
        ValueError: not an array (m,) of `setting_dtype`.
    """
    if table.dtype != setting_dtype or table.ndim != 1:
        raise ValueError(f"expected (m,) of setting_dtype, got shape {table.shape} of {table.dtype}")


def check_settings(table: NDArray[np.void]) -> None:
    """Refuses settings outside the model's validity.

    Args:
        table: (m,) of `setting_dtype`.

    Raises:
        SettingError: names the setting, its value, the range and the unit; NaN is refused.
        ValueError: not an array (m,) of `setting_dtype`.
    """
    check_setting_array(table)
    if _all_valid(table):
        return
    everywhere = np.ones(table.size, dtype=bool)
    for name in SETTING_RANGES:
        applies = {"exposure_s": ~table["is_line"], "speed_mm_s": table["is_line"]}.get(name, everywhere)
        _refuse(name, table[name].astype(np.float64), applies)


def make_settings(
    *,
    iodide_fraction: ArrayLike,
    pulse_energy_uJ: ArrayLike,
    exposure_s: ArrayLike | None = None,
    speed_mm_s: ArrayLike | None = None,
    n_passes: ArrayLike = 1,
    depth_mm: ArrayLike = 0.2,
    repetition_rate_kHz: ArrayLike = 10.0,
    pulse_duration_fs: ArrayLike = 300.0,
    numerical_aperture: ArrayLike = 0.4,
    power_at_sample_W: ArrayLike = 0.0,
) -> NDArray[np.void]:
    """Settings from arrays that broadcast against each other: dots where `exposure_s` is given, lines where `speed_mm_s` is.

    Defaults are P1's, and an objective of NA 0.4 (assumed: the paper names none).

    Args:
        iodide_fraction: I / (Br + I) of the glass.
        pulse_energy_uJ: set pulse energy, before the optics.
        exposure_s: exposure per pass; give this for dots.
        speed_mm_s: stage speed; give this for lines.
        n_passes: passes over the same place.
        depth_mm: focus below the surface.
        repetition_rate_kHz: pulses per millisecond.
        pulse_duration_fs: of the laser.
        numerical_aperture: of the objective.
        power_at_sample_W: measured; authoritative over energy x rate x transmission (P3). 0 means not measured; for a
            laser that is off give a pulse energy of 0.

    Returns:
        (m,) of `setting_dtype`.

    Raises:
        SettingError: a value outside the model's validity.
        ValueError: both or neither of exposure and speed, or arrays that do not broadcast to one dimension.
    """
    if (exposure_s is None) == (speed_mm_s is None):
        raise ValueError("give exposure_s (dots) or speed_mm_s (lines), and only one of them")
    columns: dict[str, ArrayLike] = {
        "iodide_fraction": iodide_fraction,
        "pulse_energy_uJ": pulse_energy_uJ,
        "repetition_rate_kHz": repetition_rate_kHz,
        "pulse_duration_fs": pulse_duration_fs,
        "numerical_aperture": numerical_aperture,
        "depth_mm": depth_mm,
        "exposure_s": 0.0 if exposure_s is None else exposure_s,
        "speed_mm_s": 0.0 if speed_mm_s is None else speed_mm_s,
        "power_at_sample_W": power_at_sample_W,
        "n_passes": n_passes,
    }
    try:
        shape = np.broadcast_shapes((1,), *(np.shape(column) for column in columns.values()))
    except ValueError as error:
        shapes = {name: np.shape(column) for name, column in columns.items()}
        raise ValueError(f"settings do not broadcast against each other: {shapes}") from error
    if len(shape) != 1:
        raise ValueError(f"settings must be numbers or one-dimensional arrays; together they have shape {shape}")
    table = np.zeros(shape, dtype=setting_dtype)
    for name, column in columns.items():
        table[name] = column
    table["is_line"] = speed_mm_s is not None
    check_settings(table)
    return table


def settings(
    writings: Sequence[Dot | Line],
    iodide_fraction: ArrayLike,
    power_at_sample_W: ArrayLike | None = None,
    *,
    pulse_duration_fs: float = 300.0,
    numerical_aperture: float = 0.4,
) -> NDArray[np.void]:
    """Settings of writings in a glass, or each in its own.

    Args:
        writings: m dots and lines.
        iodide_fraction: I / (Br + I) of the glass, a number or (m,).
        power_at_sample_W: measured power, a number or (m,); None or 0 where not measured (a site that got no
            light is no writing).
        pulse_duration_fs: of the laser (P1).
        numerical_aperture: of the objective (assumed: the paper names none).

    Returns:
        (m,) of `setting_dtype`.

    Raises:
        SettingError: a value outside the model's validity.
    """
    table = np.zeros(len(writings), dtype=setting_dtype)
    for row, writing in zip(table, writings, strict=True):
        row["pulse_energy_uJ"] = writing.pulse_energy_uJ
        row["repetition_rate_kHz"] = writing.repetition_rate_kHz
        row["depth_mm"] = writing.depth_mm
        row["n_passes"] = writing.n_passes
        row["is_line"] = writing.mode == "line"
        if writing.mode == "line":
            row["speed_mm_s"] = writing.speed_mm_s
        else:
            row["exposure_s"] = writing.exposure_s
    table["iodide_fraction"] = iodide_fraction
    table["power_at_sample_W"] = 0.0 if power_at_sample_W is None else power_at_sample_W
    table["pulse_duration_fs"] = pulse_duration_fs
    table["numerical_aperture"] = numerical_aperture
    check_settings(table)
    return table
