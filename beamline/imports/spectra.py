"""A spectrum with its dark, from the files that a row of the table names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from beamline.imports.files import NumberFile, UnusableFileError, read_numbers
from beamline.imports.manual import ManualSpectrum, SourceFile

__all__ = ["SUBTRACTED", "DarkError", "manual_spectrum"]

SUBTRACTED = "subtracted"
"""In `dark_file`: the dark has been taken off the counts already."""

_AXIS_nm = (100.0, 5000.0)


class DarkError(UnusableFileError):
    """The dark of a spectrum is missing, or does not fit.

    To do: name a dark with the same integration time, in the table.
    """


def manual_spectrum(folder: Path, name: str, dark_name: str | None) -> ManualSpectrum:
    """Read a spectrum.

    Args:
        folder: where the files are.
        name: of the file: wavelength (nm), counts, and the dark where there is a third column.
        dark_name: of the dark's file; `SUBTRACTED`; or None for the third column.

    Raises:
        DarkError: something is wrong with the dark.
        UnusableFileError: something is wrong with the spectrum.
    """
    file = read_numbers(folder, name)
    values = _rising(file)
    wavelength_nm, counts = values[:, 0], values[:, 1]
    if not np.all(np.isfinite(values[:, :2])) or not np.all(np.diff(wavelength_nm) > 0):
        raise UnusableFileError(f"{name!r}: wavelengths and counts must be numbers, each wavelength once")
    if not _AXIS_nm[0] < wavelength_nm[0] < wavelength_nm[-1] < _AXIS_nm[1]:
        span = f"{wavelength_nm[0]:g} to {wavelength_nm[-1]:g}"
        raise UnusableFileError(f"{name!r}: the first column goes from {span}; wanted: wavelengths in nm")
    if dark_name == SUBTRACTED:
        return _made(values, np.zeros_like(counts), file, is_subtracted=True)
    if dark_name:
        dark = read_dark(folder, dark_name)
        dark_values = _rising(dark)
        if dark_values.shape[0] != len(counts) or not np.allclose(dark_values[:, 0], wavelength_nm, rtol=0, atol=1e-3):
            raise DarkError(f"{dark_name!r} has other wavelengths than {name!r}")
        return _made(values, dark_values[:, 1], file, dark=dark.source)
    if values.shape[1] < 3:
        raise DarkError(
            f"there is no dark: name a file, or give {name!r} a third column, or write {SUBTRACTED!r} if it was taken off"
        )
    return _made(values, values[:, 2], file)


def read_dark(folder: Path, name: str) -> NumberFile:
    """The file of a dark.

    Raises:
        DarkError: it cannot be used.
    """
    try:
        return read_numbers(folder, name)
    except UnusableFileError as error:
        raise DarkError(str(error)) from error.__cause__


def _rising(file: NumberFile) -> NDArray[np.float64]:
    """The rows by wavelength: some programs write from red to blue."""
    rows: NDArray[np.float64] = file.values[np.argsort(file.values[:, 0], kind="stable")]
    return rows


def _made(
    values: Any, dark_counts: Any, file: NumberFile, *, dark: SourceFile | None = None, is_subtracted: bool = False
) -> ManualSpectrum:
    if not np.all(np.isfinite(dark_counts)):
        raise DarkError(f"the dark of {file.source.name!r} is not made of numbers throughout")
    return ManualSpectrum(values[:, 0], values[:, 1], np.asarray(dark_counts), is_subtracted, file.source, dark)
