"""What calibration runs say: pure functions of their records, so that an older run can be worked out again."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from beamline.experiments.planckian import between
from beamline.recipe import ROOM_TEMPERATURE_C
from beamline.records import Quantities, RecordError, Records, Run, axis_of

__all__ = [
    "CalibrationError",
    "DarkCalibration",
    "FurnaceCalibration",
    "PowerCalibration",
    "dark_calibration",
    "furnace_calibration",
    "last_calibrations",
    "power_calibration",
    "response_calibration",
    "table_of",
]

Floats = NDArray[np.float64]

PURPOSE = "calibration"
LEAST_RESPONSE = 0.01
"""Where the response is below this share of its largest, the lamp is noise."""


class CalibrationError(RecordError):
    """A run that gives no such calibration.

    To do: repeat the calibration; what the message names was not good enough.
    """


@dataclass(frozen=True)
class PowerCalibration:
    """Power at the sample over set power.

    Attributes:
        transmission: of the optics, by least squares through the origin.
        transmission_sd: one sigma, from the scatter.
        nonlinearity: largest deviation of a point from that line, as a share of it.
        set_power_W: pulse energy times repetition rate, shape (n,).
        power_at_sample_W: measured, shape (n,).
    """

    transmission: float
    transmission_sd: float
    nonlinearity: float
    set_power_W: Floats
    power_at_sample_W: Floats


@dataclass(frozen=True)
class DarkCalibration:
    """The spectrometer without light.

    Attributes:
        offset_counts: at no time at all, mean over the pixels.
        dark_current_counts_s: mean over the pixels.
        read_noise_counts: of one exposure, from the two shortest darks.
        hot_pixels: those whose current lies eight sigma of the others' scatter above them.
    """

    offset_counts: float
    dark_current_counts_s: float
    read_noise_counts: float
    hot_pixels: tuple[int, ...]


@dataclass(frozen=True)
class FurnaceCalibration:
    """The reference over the furnace's sensor.

    Attributes:
        temperature_C: of the sensor, shape (n,).
        offset_C: reference minus sensor at each, shape (n,).
    """

    temperature_C: Floats
    offset_C: Floats

    def true_C(self, sensor_C: float) -> float:
        """What the reference would read; above the highest temperature the offset is as there, elsewhere as of `nodes`."""
        return sensor_C + float(np.interp(sensor_C, *self.nodes))

    @property
    def nodes(self) -> tuple[Floats, Floats]:
        """Sensor and offset between which it is on a line, degC, with where both have lain in the room."""
        if self.temperature_C[0] <= ROOM_TEMPERATURE_C:
            return self.temperature_C, self.offset_C
        return np.append(ROOM_TEMPERATURE_C, self.temperature_C), np.append(0.0, self.offset_C)


def last_calibrations(records: Records) -> dict[str, Run]:
    """The newest calibration run of each role that ended well."""
    found: dict[str, Run] = {}
    for run in records.runs(purpose=PURPOSE):
        if (run.stop or {}).get("exit_status") == "success":
            found[run.start["calibration"]["role"]] = run
    return found


def table_of(run: Run, kind: str, stream: str) -> Quantities:
    """A stream of a calibration run.

    Raises:
        CalibrationError: it is of another kind, or ended before.
    """
    about = run.start.get("calibration") or {}
    if about.get("kind") != kind:
        raise CalibrationError(
            f"run {run.uid[:8]} is {about.get('kind') or run.start.get('purpose')!r}, and not {kind!r}"
        )
    if stream not in run.streams:
        raise CalibrationError(f"run {run.uid[:8]} holds no {stream}: it was ended before")
    return run.table(stream)


def power_calibration(run: Run) -> PowerCalibration:
    """The transmission from a run of `calibrate_power`.

    Raises:
        CalibrationError: another run, fewer than two points, or no light at the sample.
    """
    table = table_of(run, "power_at_sample", "power")
    set_W = np.asarray(table["laser_pulse_energy_uJ"] * table["laser_repetition_rate_kHz"] * 1e-3, dtype=float)
    measured_W = np.asarray(table["laser_power_at_sample_W"], dtype=float)
    if set_W.size < 2 or not (measured_W > 0).all():
        raise CalibrationError(
            f"run {run.uid[:8]}: {set_W.size} points, least power {measured_W.min():g} W: is the meter in the beam?"
        )
    # each point weighs alike as a share: a meter is wrong by percents
    shares = measured_W / set_W
    transmission = float(np.mean(shares))
    sd = float(np.std(shares, ddof=1)) / math.sqrt(shares.size)
    return PowerCalibration(transmission, sd, float(np.max(np.abs(shares / transmission - 1.0))), set_W, measured_W)


def dark_calibration(run: Run) -> DarkCalibration:
    """Offset, current and noise from a run of `calibrate_dark`.

    Raises:
        CalibrationError: another run, or fewer than two integration times.
    """
    table = table_of(run, "spectrometer_dark", "dark")
    times_s = np.asarray(table["spectrometer_integration_s"], dtype=float)
    counts = np.asarray(table["spectrometer_counts"], dtype=float)
    if np.unique(times_s).size < 2:
        raise CalibrationError(
            f"run {run.uid[:8]}: darks of {np.unique(times_s).size} integration times; two are needed"
        )
    middle_s = float(times_s.mean())
    slope = (times_s - middle_s) @ counts / float((times_s - middle_s) @ (times_s - middle_s))
    offset = counts.mean(axis=0) - slope * middle_s
    shortest = np.flatnonzero(times_s == times_s.min())
    if shortest.size < 2:
        raise CalibrationError(f"run {run.uid[:8]}: one dark of {times_s.min():g} s; its noise needs two")
    difference = counts[shortest[1]] - counts[shortest[0]]
    n_averages = float(table["spectrometer_n_averages"][shortest[0]])
    noise = 1.4826 * float(np.median(np.abs(difference - np.median(difference)))) * math.sqrt(0.5 * n_averages)
    scatter = 1.4826 * float(np.median(np.abs(slope - np.median(slope))))
    hot = np.flatnonzero(slope - np.median(slope) > 8.0 * scatter)
    return DarkCalibration(float(np.median(offset)), float(np.median(slope)), noise, tuple(int(pixel) for pixel in hot))


def response_calibration(run: Run) -> tuple[Floats, Floats]:
    """Wavelength (nm) and response from a run of `calibrate_response`, 1 where it is largest; NaN outside the certificate.

    Divide counts by it to have the light's shape per nm.

    Raises:
        CalibrationError: another run, or a lamp that is not seen.
    """
    lamp = table_of(run, "spectrometer_response", "lamp")
    dark = table_of(run, "spectrometer_response", "dark")
    axis = axis_of(run, "lamp")
    net = np.asarray(lamp["spectrometer_counts"][0] - dark["spectrometer_counts"][0], dtype=float)
    certificate = run.start["calibration"]["parameters"]["certificate"]
    known_nm = np.asarray(certificate["wavelength_nm"], dtype=float)
    light = between(axis, known_nm, np.asarray(certificate["irradiance"], dtype=float))
    noise = 1.4826 * float(np.median(np.abs(np.diff(net)))) / math.sqrt(2.0)
    if not np.nanmax(np.where(np.isfinite(light), net, np.nan)) > 20.0 * noise:
        raise CalibrationError(f"run {run.uid[:8]}: the standard lamp is not seen; is it on, and long enough exposed?")
    response = net / light
    response /= np.nanmax(response)
    return axis, np.where(response > LEAST_RESPONSE, response, np.nan)


def furnace_calibration(run: Run) -> FurnaceCalibration:
    """Offsets from a run of `calibrate_furnace`.

    Raises:
        CalibrationError: another run, or a reference that does not rise with the sensor.
    """
    table = table_of(run, "furnace_offset", "reference")
    sensor_C = np.asarray(table["furnace_temperature_C"], dtype=float)
    if (np.diff(sensor_C) <= 0).any() or (
        np.diff(np.asarray(table["reference_temperature_C"], dtype=float)) <= 0
    ).any():
        raise CalibrationError(
            f"run {run.uid[:8]}: the reference does not rise with the sensor; is it where the coupon lies?"
        )
    return FurnaceCalibration(sensor_C, np.asarray(table["reference_temperature_C"], dtype=float) - sensor_C)
