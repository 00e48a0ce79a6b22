"""Text files of numbers as spectrometers and spreadsheets write them: spectra, darks, furnace logs.

Columns apart by comma, semicolon, tab or blanks; lines that begin with no number are headings or comments; a decimal comma is
understood where the comma does not part the columns. The files are untrusted: their size is bounded, nothing in them is run.
"""

from __future__ import annotations

import csv
import hashlib
import math
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from beamline.imports.manual import FurnaceSamples, SourceFile

__all__ = ["NumberFile", "UnusableFileError", "furnace_samples", "read_numbers", "read_source"]

MAX_FILE_BYTES = 32 * 1024 * 1024
_SUFFIXES = (".csv", ".txt", ".xy", ".dat", ".tsv", ".asc")

_SEPARATORS = tuple(re.compile(pattern) for pattern in (";", "\t", ",", r"\s+"))
"""In the order in which they are tried; the comma parts columns only where nothing stronger does."""


class UnusableFileError(ValueError):
    """A file that cannot be used; the message says why and what is wanted.

    To do: give the file in the form that the message wants.
    """


@dataclass(frozen=True, slots=True)
class NumberFile:
    """A table of numbers.

    Attributes:
        values: shape (rows, columns).
        heading: words of the last line before the numbers, one a column; empty where there is none.
    """

    source: SourceFile
    values: NDArray[np.float64]
    heading: tuple[str, ...]


def read_source(folder: Path, name: str) -> tuple[bytes, SourceFile]:
    """The bytes of a file in a folder, or in one below it.

    Raises:
        UnusableFileError: there is no such file, it is too large, or it lies elsewhere.
    """
    pure = Path(name)
    path = (folder / pure).resolve()
    if pure.is_absolute() or not path.is_relative_to(folder.resolve()):
        raise UnusableFileError(f"{name!r} is not in the folder of the table or below it; copy it there")
    try:
        if not path.is_file():
            raise UnusableFileError(f"there is no file {name!r} in {folder}")
        if path.stat().st_size > MAX_FILE_BYTES:
            raise UnusableFileError(f"{name!r} is larger than {MAX_FILE_BYTES // 2**20} MiB: is it the right file?")
        content = path.read_bytes()
    except (OSError, ValueError) as error:
        if isinstance(error, UnusableFileError):
            raise
        raise UnusableFileError(f"{name!r} cannot be read: {getattr(error, 'strerror', None) or error}") from error
    return content, SourceFile(pure.as_posix(), hashlib.sha256(content).hexdigest(), len(content))


def read_numbers(folder: Path, name: str, *, fewest_columns: int = 2) -> NumberFile:
    """A file of numbers.

    Args:
        folder: where it is.
        name: of the file.
        fewest_columns: that it must have.

    Raises:
        UnusableFileError: it cannot be read, or its lines do not all have the same number of numbers, `fewest_columns` at
            least.
    """
    if Path(name).suffix.lower() not in _SUFFIXES:
        raise UnusableFileError(f"{name!r} is not one of {', '.join(_SUFFIXES)}: export the spectrum as text")
    content, source = read_source(folder, name)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("latin-1")  # headings of older programs; the numbers are the same
    heading: list[str] = []
    rows: list[list[float]] = []
    separator: re.Pattern[str] | None = None
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        separator = separator or next((s for s in _SEPARATORS if _numbers(line, s, fewest_columns) is not None), None)
        row = _numbers(line, separator, fewest_columns) if separator is not None else None
        if row is not None and (not rows or len(row) == len(rows[0])):
            rows.append(row)
        elif rows:
            raise UnusableFileError(
                f"{name!r}, line {number}: {line[:40]!r} is not {len(rows[0])} numbers as in the lines before"
            )
        else:
            heading = [word.strip(' "#').lower() for word in re.split(r"[,;\t]|\s{2,}", line)]
    if not rows:
        raise UnusableFileError(f"{name!r} holds no {fewest_columns} columns of numbers")
    return NumberFile(source, np.array(rows, dtype=float), tuple(heading))


def furnace_samples(folder: Path, name: str, serial: str) -> FurnaceSamples:
    """What the furnace read while a coupon was in it: columns `time_s`, `temperature_C`, and `setpoint_C` where there is one.

    A file with a column `coupon` holds several coupons, and the rows of this one are taken.

    Raises:
        UnusableFileError: columns are missing, or times do not rise.
    """
    content, source = read_source(folder, name)
    rows = list(csv.DictReader(content.decode("utf-8-sig", errors="replace").splitlines()))
    rows = [row for row in rows if row.get("coupon", serial) == serial]
    if not rows or "time_s" not in rows[0] or "temperature_C" not in rows[0]:
        raise UnusableFileError(
            f"{name!r} has no rows of coupon {serial} with the columns time_s (s) and temperature_C (degC)"
        )
    try:
        time_s, temperature_C = (np.array([float(row[key]) for row in rows]) for key in ("time_s", "temperature_C"))
        setpoint_C = np.array([float(row.get("setpoint_C") or "nan") for row in rows])
    except (TypeError, ValueError) as error:
        raise UnusableFileError(f"{name!r}: {error}; write numbers with a decimal point") from error
    if len(time_s) < 2 or not np.all(np.diff(time_s) >= 0) or not np.all(np.isfinite(time_s + temperature_C)):
        raise UnusableFileError(f"{name!r}: time_s must rise, from at least two finite samples of coupon {serial}")
    return FurnaceSamples(time_s - time_s[0], temperature_C, setpoint_C, source)


def _numbers(line: str, separator: re.Pattern[str], fewest: int) -> list[float] | None:
    """The finite numbers of a line, `fewest` at least, NaN for an empty cell; None where it is something else."""
    cells = [cell.strip().strip('"') for cell in separator.split(line.strip())]
    if separator.pattern != ",":
        cells = [cell.replace(",", ".") for cell in cells]
    try:
        values = [float(cell or "nan") for cell in cells]
    except ValueError:
        return None
    is_good = len(values) >= fewest and bool(cells[0]) and not any(math.isinf(value) for value in values)
    return values if is_good else None
