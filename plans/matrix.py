"""Series of writings on one coupon: dots over energy and exposure, lines over energy and speed, each measured after it.

Duration: sum over the sites of travel + n_passes x (exposure_s, or length / speed) + half a second for the attenuator; then
per site travel + integration_s x n_averages; and the transfers to the stage and back.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Annotated

from bluesky.utils import MsgGenerator
from pydantic import Field

from beamline.recipe import Dot, Line, Measurement, quantity
from plans.experiment import Experiment, checked
from plans.measure import measure_coupon
from plans.reach import check_measuring
from plans.write import load_on_stage, write_coupon

__all__ = ["dot_matrix", "line_series", "measuring_s", "settings_map"]

Energies = Annotated[Sequence[Annotated[float, quantity("uJ", "set pulse energy", ge=1, le=400)]], Field(min_length=1)]
Exposures = Annotated[Sequence[Annotated[float, quantity("s", "exposure", gt=0, le=60)]], Field(min_length=1)]
Speeds = Annotated[Sequence[Annotated[float, quantity("mm/s", "stage speed", ge=0.01, le=3)]], Field(min_length=1)]
Pitch = Annotated[float, quantity("mm", "distance of neighbouring sites", gt=0, le=50)]
Length = Annotated[float, quantity("mm", "written length", ge=0.1, le=50)]
Passes = Annotated[int, Field(strict=True, ge=1, le=10, json_schema_extra={"unit": "passes"})]
Corner = Annotated[float, quantity("mm", "of the first site, from the coupon's lower left corner", ge=0, le=100)]


def measuring_s(experiment: Experiment, n_sites: int, measurement: Measurement) -> float:
    """Time for the spectra of sites and one dark, without travel, s."""
    times = experiment.times
    one_s = measurement.n_averages * (measurement.integration_s + times.readout_s)
    return 2 * times.transfer_s + times.lamp_s + (n_sites + 1) * (one_s + times.settle_s)


@checked
def dot_matrix(
    experiment: Experiment,
    energies_uJ: Energies,
    exposures_s: Exposures,
    *,
    pitch_mm: Pitch = 1.0,
    x_mm: Corner = 2.0,
    y_mm: Corner = 2.0,
    measurement: Measurement | None = None,
) -> MsgGenerator[tuple[str, str]]:
    """Fig. 1a-c: dots, pulse energy along x, exposure along y. Sites are named `E<i>t<j>`.

    Preconditions: the coupon is in the rack or on the stage; the places are free.

    Returns:
        uids of the writing and of the measurement run.

    Raises:
        ExperimentRefusedError: at the call, before anything moves.
    """
    measurement = measurement or Measurement()
    writings: dict[str, tuple[float, float, Dot | Line]] = {
        f"E{i}t{j}": (x_mm + i * pitch_mm, y_mm + j * pitch_mm, Dot(pulse_energy_uJ=energy, exposure_s=exposure))
        for (i, energy), (j, exposure) in itertools.product(enumerate(energies_uJ), enumerate(exposures_s))
    }
    parameters = {"energies_uJ": list(energies_uJ), "exposures_s": list(exposures_s), "pitch_mm": pitch_mm}
    return _write_and_measure(experiment, "dot_matrix", writings, measurement, parameters)


@checked
def line_series(
    experiment: Experiment,
    energies_uJ: Energies,
    speeds_mm_s: Speeds,
    *,
    length_mm: Length = 1.0,
    pitch_mm: Pitch = 1.0,
    n_passes: Passes = 1,
    x_mm: Corner = 2.0,
    y_mm: Corner = 2.0,
    measurement: Measurement | None = None,
) -> MsgGenerator[tuple[str, str]]:
    """Fig. 1d-f: lines along x, one column per energy, speeds along y; `x_mm` is where the first begins. Names `E<i>v<j>`.

    The columns are `length_mm` + `pitch_mm` apart. Preconditions, return and refusals as of `dot_matrix`.
    """
    measurement = measurement or Measurement()
    writings: dict[str, tuple[float, float, Dot | Line]] = {
        f"E{i}v{j}": (
            x_mm + length_mm / 2 + i * (length_mm + pitch_mm),
            y_mm + j * pitch_mm,
            Line(pulse_energy_uJ=energy, speed_mm_s=speed, length_mm=length_mm, n_passes=n_passes),
        )
        for (i, energy), (j, speed) in itertools.product(enumerate(energies_uJ), enumerate(speeds_mm_s))
    }
    parameters = {
        "energies_uJ": list(energies_uJ),
        "speeds_mm_s": list(speeds_mm_s),
        "length_mm": length_mm,
        "pitch_mm": pitch_mm,
        "n_passes": n_passes,
    }
    return _write_and_measure(experiment, "line_series", writings, measurement, parameters)


def settings_map(
    experiment: Experiment,
    *,
    energies_uJ: Energies = (100.0, 150.0, 200.0, 250.0, 300.0),
    speeds_mm_s: Speeds = (0.1, 0.2, 0.4, 0.8, 1.6),
    measurement: Measurement | None = None,
) -> MsgGenerator[tuple[str, str]]:
    """Fig. S5: the laser settings around the optimum (P2), as `line_series` with the settings of the map by default."""
    return line_series(experiment, energies_uJ, speeds_mm_s, measurement=measurement)


def _write_and_measure(
    experiment: Experiment,
    name: str,
    writings: dict[str, tuple[float, float, Dot | Line]],
    measurement: Measurement,
    parameters: dict[str, object],
) -> MsgGenerator[tuple[str, str]]:
    check_measuring(name, experiment.bench, measurement)
    hand = experiment.place(
        name, writings, parameters=parameters, further_s=measuring_s(experiment, len(writings), measurement)
    )

    def plan() -> MsgGenerator[tuple[str, str]]:
        yield from load_on_stage(experiment.bench, experiment.coupon.serial)
        written = yield from write_coupon(experiment.bench, hand)
        measured = yield from measure_coupon(experiment.bench, hand, measurement)
        return written, measured

    return plan()
