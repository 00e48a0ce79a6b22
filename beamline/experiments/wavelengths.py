"""The wavelength axis, from a run of a lamp of known lines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from beamline.analysis.axis import axis_error_nm
from beamline.analysis.lamp_lines import AxisError, LampError, find_axis_error
from beamline.experiments.calibrations import CalibrationError, table_of
from beamline.records import Run

__all__ = ["WavelengthCalibration", "wavelength_calibration"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class WavelengthCalibration:
    """What is wrong with the axis that a spectrometer states.

    Attributes:
        lamp: its gas.
        found: the lines, and the parabola through them.
    """

    lamp: str
    found: AxisError

    def error_nm(self, stated_nm: ArrayLike) -> Floats:
        """Stated minus true wavelength, shape of the argument."""
        return axis_error_nm(stated_nm, self.found.coefficients_nm)

    @property
    def plain(self) -> dict[str, Any]:
        """What a run that uses it holds of it."""
        return {
            "lamp": self.lamp,
            "coefficients_nm": list(self.found.coefficients_nm),
            "n_lines": int(self.found.lines_nm.size),
            "rms_nm": self.found.rms_nm,
        }


def wavelength_calibration(run: Run) -> WavelengthCalibration:
    """The error of the axis from a run of `calibrate_wavelength`.

    Raises:
        CalibrationError: another run, a lamp that is not seen, a detector that is full, or lines that fit no smooth error.
    """
    lit, dark = (table_of(run, "spectrometer_wavelength", stream) for stream in ("lamp", "dark"))
    config, about = run.config("lamp"), run.start["calibration"]["parameters"]
    if (n_full := int(lit["spectrometer_n_saturated"][0])) > 0:
        raise CalibrationError(
            f"run {run.uid[:8]}: {n_full} pixels were full, and a line that is cut off has no middle; expose for a shorter time"
        )
    try:
        found = find_axis_error(
            config["spectrometer_wavelength_nm"],
            np.asarray(lit["spectrometer_counts"][0] - dark["spectrometer_counts"][0], dtype=float),
            lamp=about["lamp"],
            gain_counts_per_electron=float(config["spectrometer_gain_counts_per_electron"])
            / int(lit["spectrometer_n_averages"][0]),
        )
    except LampError as error:
        raise CalibrationError(f"run {run.uid[:8]}: {error}") from error
    return WavelengthCalibration(about["lamp"], found)
