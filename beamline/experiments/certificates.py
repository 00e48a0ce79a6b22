"""Certificates of standard lamps: spectral irradiance over wavelength, from a file, and between its wavelengths."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from beamline.experiments.calibrations import CalibrationError
from beamline.experiments.planckian import between

__all__ = ["Certificate", "read_certificate"]

Floats = NDArray[np.float64]

HEADING: Final = "wavelength_nm"
LARGEST_BYTES: Final = 1_000_000


@dataclass(frozen=True, eq=False)
class Certificate:
    """A standard lamp's certificate.

    Attributes:
        wavelength_nm: rising, in air, shape (n,), n of at least 4.
        irradiance: per nm, in any unit, above 0, shape (n,).
    """

    wavelength_nm: Floats
    irradiance: Floats

    def __post_init__(self) -> None:
        axis, light = self.wavelength_nm, self.irradiance
        is_good = axis.ndim == 1 and axis.size >= 4 and light.shape == axis.shape and np.isfinite(axis + light).all()
        if not is_good or not ((np.diff(axis) > 0).all() and (axis[0] > 0) and (light > 0).all()):
            raise CalibrationError(
                f"a certificate of shapes {axis.shape} and {light.shape}: wavelengths in nm, rising, at least four, with "
                "irradiances above 0 are needed"
            )

    def at(self, wavelength_nm: ArrayLike) -> Floats:
        """Irradiance between the wavelengths of the certificate; NaN outside, shape of the argument."""
        return between(wavelength_nm, self.wavelength_nm, self.irradiance)


def read_certificate(path: Path | str) -> Certificate:
    """A certificate from a CSV file: a row of headings, `wavelength_nm` first, then two columns of numbers.

    Lines that begin with # are remarks.

    Raises:
        CalibrationError: the file cannot be read, or holds no certificate; with the line.
    """
    try:
        if Path(path).stat().st_size > LARGEST_BYTES:
            raise CalibrationError(
                f"{path}: more than {LARGEST_BYTES} bytes; a certificate has a line for each wavelength"
            )
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CalibrationError(f"{path}: cannot be read: {error}") from error
    rows = [(n, row) for n, row in enumerate(csv.reader(text.splitlines()), 1) if row and not row[0].startswith("#")]
    if not rows or rows[0][1][0].strip() != HEADING:
        raise CalibrationError(
            f"{path}: the first line names the columns: {HEADING},irradiance_mW_m2_nm (or another unit)"
        )
    numbers = []
    for n, row in rows[1:]:
        try:
            wavelength_nm, light = (float(cell) for cell in row)
        except ValueError as error:
            raise CalibrationError(f"{path}, line {n}: {','.join(row)!r} is not two numbers") from error
        numbers.append((wavelength_nm, light))
    table = np.array(numbers, dtype=float).reshape(-1, 2)
    try:
        return Certificate(table[:, 0], table[:, 1])
    except CalibrationError as error:
        raise CalibrationError(f"{path}: {error}") from error
