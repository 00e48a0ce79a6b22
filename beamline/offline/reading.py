"""Files of measurements made elsewhere. They are untrusted: bounded in size, checked against the axis they are said to have.

Text (.xy, .txt, .csv, .dat, .tsv, .asc) is read as manual spectra are; VAMAS (.vms, ISO 14976) by the package vamas.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from beamline.imports.files import UnusableFileError, read_numbers, read_source
from beamline.imports.manual import SourceFile
from beamline.offline.technique import AXES, TECHNIQUES, Axis, Technique, axis_of_heading

__all__ = ["OfflineError", "OfflineMeasurement", "read_measurement"]

Floats = NDArray[np.float64]

FEWEST_POINTS, FEWEST_CRYSTALS = 5, 3
X_RAY_A = (0.1, 5.0)
PROPRIETARY = frozenset({".spe", ".wdf", ".raw", ".brml", ".xrdml", ".sif", ".dm3", ".dm4", ".spc"})


class OfflineError(ValueError):
    """A measurement that cannot be taken in; the message says why, and what is wanted.

    To do: give the file in the form that the message wants.
    """


@dataclass(frozen=True, eq=False)
class OfflineMeasurement:
    """A file as it was understood.

    Attributes:
        technique: how it was measured.
        axis: what `x` is.
        x: shape (n,), rising; of sizes in their order.
        y: shape (n,), or (delays, n) of transient absorption; ones of sizes.
        delays_ps: shape (delays,), of transient absorption only.
        x_ray_wavelength_A: of diffraction only.
        note: what was done to the file's numbers; empty where they are as they were.
        file: where it comes from.
    """

    technique: Technique
    axis: Axis
    x: Floats
    y: Floats
    delays_ps: Floats | None
    x_ray_wavelength_A: float | None
    note: str
    file: SourceFile


def read_measurement(
    path: Path | str,
    technique: str,
    *,
    axis: str | None = None,
    x_ray_wavelength_A: float | None = None,
    block: int | None = None,
) -> OfflineMeasurement:
    """Read and check a file.

    Args:
        path: of the file.
        technique: one of `TECHNIQUES`.
        axis: name of the axis, with its unit; None: the file's heading must say.
        x_ray_wavelength_A: of diffraction, which means nothing without it.
        block: of a VAMAS file with several, from 1.

    Raises:
        OfflineError: it cannot be read, or is not what it is said to be.
    """
    path = Path(path)
    if technique not in TECHNIQUES:
        raise OfflineError(f"technique {technique!r} is not known here; there are {', '.join(TECHNIQUES)}")
    method = TECHNIQUES[technique]
    _check_x_rays(method, x_ray_wavelength_A)
    if path.suffix.lower() in PROPRIETARY:
        raise OfflineError(
            f"{path.name}: {path.suffix} files of makers are not read; export it as text, x and y in columns"
        )
    try:
        if path.suffix.lower() == ".vms":
            return _vamas(path, method, axis, block)
        return _text(path, method, axis, x_ray_wavelength_A)
    except UnusableFileError as error:
        raise OfflineError(str(error)) from error


def _check_x_rays(technique: Technique, wavelength_A: float | None) -> None:
    low, high = X_RAY_A
    if technique.name == "xrd" and wavelength_A is None:
        raise OfflineError(
            "xrd: angles mean nothing without the X-rays' wavelength; give it in angstrom (Cu K alpha 1: 1.5406)"
        )
    if technique.name != "xrd" and wavelength_A is not None:
        raise OfflineError(f"{technique.name} has no X-ray wavelength: it belongs to xrd")
    if wavelength_A is not None and not low <= wavelength_A <= high:
        raise OfflineError(f"an X-ray wavelength of {wavelength_A:g} A; allowed: {low:g} to {high:g} A")


def _axis(technique: Technique, asked: str | None, heading: str, name: str) -> Axis:
    """The axis that was asked for, or that the heading names; both where they agree."""
    said = axis_of_heading(heading)
    allowed = ", ".join(technique.axes)
    if asked is not None and asked not in technique.axes:
        raise OfflineError(f"{technique.name} has no axis {asked!r}; allowed: {allowed}")
    if asked is not None and said is not None and said.name != asked:
        raise OfflineError(f"{name}: its first column is headed {heading!r}, and not {asked}")
    if asked is None and said is None:
        raise OfflineError(
            f"{name}: the heading of its first column ({heading!r}) does not say axis and unit; give one of {allowed}"
        )
    found = AXES[asked] if asked is not None else said
    if found is None or found.name not in technique.axes:
        raise OfflineError(f"{name}: its first column is headed {heading!r}; {technique.name} has {allowed}")
    return found


def _text(path: Path, technique: Technique, asked: str | None, x_ray_wavelength_A: float | None) -> OfflineMeasurement:
    is_sizes = technique.name == "tem_sizes"
    numbers = read_numbers(path.parent, path.name, fewest_columns=1 if is_sizes else 2)
    axis = _axis(technique, asked, numbers.heading[0] if numbers.heading else "", path.name)
    values, delays_ps = numbers.values, None
    if technique.name == "transient_absorption":
        values, delays_ps = values[1:], values[0, 1:]
        if values.shape[1] < 3 or not (np.isfinite(delays_ps).all() and (np.diff(delays_ps) > 0).all()):
            raise OfflineError(
                f"{path.name}: the first row must be 0 and then the delays in ps, rising, at least two; below it a row for "
                "each wavelength or energy"
            )
    return _made(
        technique, axis, values, path.name, numbers.source, delays_ps=delays_ps, x_ray_wavelength_A=x_ray_wavelength_A
    )


def _made(
    technique: Technique,
    axis: Axis,
    values: Floats,
    name: str,
    source: SourceFile,
    *,
    delays_ps: Floats | None = None,
    x_ray_wavelength_A: float | None = None,
    note: str = "",
) -> OfflineMeasurement:
    """Checked numbers, a row for each point."""
    is_sizes = technique.name == "tem_sizes"
    fewest = FEWEST_CRYSTALS if is_sizes else FEWEST_POINTS
    used = values if delays_ps is not None else values[:, : 1 if is_sizes else 2]
    if len(used) < fewest or not np.isfinite(used).all():
        raise OfflineError(f"{name}: {len(used)} rows; at least {fewest} are needed, and numbers in all of them")
    if not is_sizes:
        used = used[np.argsort(used[:, 0], kind="stable")]
        if not (np.diff(used[:, 0]) > 0).all():
            raise OfflineError(f"{name}: the same {axis.name} stands in two rows")
    x = used[:, 0]
    if x.min() < axis.low or x.max() > axis.high:
        raise OfflineError(
            f"{name}: the first column goes from {x.min():g} to {x.max():g}; {axis.name} lies in {axis.low:g} to "
            f"{axis.high:g} {axis.unit}: is it another axis or unit?"
        )
    y = np.ones(len(x)) if is_sizes else (used[:, 1:].T if delays_ps is not None else used[:, 1])
    return OfflineMeasurement(technique, axis, x, np.ascontiguousarray(y), delays_ps, x_ray_wavelength_A, note, source)


def _vamas(path: Path, technique: Technique, asked: str | None, block: int | None) -> OfflineMeasurement:
    """A block of a VAMAS file; kinetic energies become binding energies."""
    if technique.name != "xps":
        raise OfflineError(f"{path.name}: VAMAS files are read for xps")
    try:
        from vamas import Vamas  # noqa: PLC0415  # an extra
        from vamas.errors import VmsIdentifierError  # noqa: PLC0415
    except ImportError as error:
        raise OfflineError(
            f"{path.name}: VAMAS files need the extra `offline`: pip install 'vitrail[offline]'"
        ) from error
    content, source = read_source(path.parent, path.name)
    try:
        blocks: list[Any] = Vamas(content).blocks
    # a counted line that is no number, or is not there: what the package raises for a file that is damaged
    except (ValueError, KeyError, IndexError, StopIteration, AttributeError, VmsIdentifierError) as error:
        raise OfflineError(f"{path.name}: no VAMAS file (ISO 14976) that can be read: {error!r}") from error
    names = ", ".join(f"{i}: {one.block_identifier}" for i, one in enumerate(blocks, start=1))
    if block is None and len(blocks) != 1:
        raise OfflineError(f"{path.name} holds {len(blocks)} blocks ({names}); say which with its number")
    if not 1 <= (block or 1) <= len(blocks):
        raise OfflineError(f"{path.name}: there is no block {block}; it holds {names}")
    one = blocks[(block or 1) - 1]
    label, unit = str(one.x_label).lower(), str(one.x_units).strip()
    if unit != "eV" or not one.corresponding_variables:
        raise OfflineError(f"{path.name}: {one.x_label!r} in {unit!r}; energies in eV are wanted")
    y = np.array(one.corresponding_variables[0].y_values, dtype=float)
    x = float(one.x_start) + float(one.x_step) * np.arange(len(y))
    note = f"block {one.block_identifier}"
    if "kinetic" in label:
        source_eV = float(one.analysis_source_characteristic_energy)
        x = source_eV - x
        note += f"; binding energy = {source_eV:g} eV - kinetic energy, as the file has it"
    elif "binding" not in label:
        raise OfflineError(f"{path.name}: its axis is {one.x_label!r}; binding or kinetic energy is wanted")
    axis = _axis(technique, asked or "binding_energy_eV", "", path.name)
    return _made(technique, axis, np.stack((x, y), axis=1), path.name, source, note=note)
