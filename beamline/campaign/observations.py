"""From the records of a coupon to what the optimiser learns: analysis of its spectra, its real heat history, its measured power.

A pure function of documents: run again, it gives the same, so outcomes are never stored as a truth of their own.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from beamline.analysis import Detector, analyse_spectrum
from beamline.recipe import (
    ROOM_TEMPERATURE_C,
    Coupon,
    Failed,
    HeatStep,
    HeatTreatment,
    Observation,
    Outcome,
    Recipe,
    Site,
)
from beamline.records import Quantities, Records, Run

__all__ = ["coupon_observations", "dark_for", "detector_of", "heat_history", "observations_of", "outcomes_of"]

HISTORY_SPAN_C = 20.0
"""Samples of the furnace are merged into one step while they span less than this; within it the rates of the model's
furnace steps (1.3 eV at 550 degC) change by half, and their mean by a percent."""


def coupon_observations(records: Records, campaign_uid: str, serial: str) -> tuple[Observation, ...]:
    """Observations of every site that a campaign fired at on a coupon.

    A site without a spectrum, because the instrument failed before it, is an observation with a `Failed` outcome.

    Args:
        records: where the campaign's runs are.
        campaign_uid: whose.
        serial: of the coupon.
    """
    return observations_of(records.runs(campaign=campaign_uid, coupon=serial))


def observations_of(runs: Sequence[Run]) -> tuple[Observation, ...]:
    """The same from the runs of one coupon in one campaign, in their order, wherever they come from."""
    history = tuple(step for run in runs if run.start["purpose"] == "heat_treatment" for step in heat_history(run))
    outcomes: dict[str, Outcome] = {}
    for run in runs:
        if run.start["purpose"] == "measurement":
            outcomes |= outcomes_of(run)
    observations = []
    for run in runs:
        if run.start["purpose"] == "writing" and "exposures" in run.streams:
            observations += _observations(run, history, outcomes)
    return tuple(observations)


def _observations(run: Run, history: tuple[HeatStep, ...], outcomes: dict[str, Outcome]) -> list[Observation]:
    exposures = run.table("exposures")
    names = exposures["site_name"].tolist()
    glass = Coupon.model_validate(run.start["coupon"]).glass
    found = []
    for name in dict.fromkeys(names):
        power_W = float(
            np.mean([p for n, p in zip(names, exposures["laser_power_at_sample_W"], strict=True) if n == name])
        )
        found.append(
            Observation(
                site=Site.model_validate(run.start["sites"][name]),
                glass=glass,
                writing=Recipe.model_validate(run.start["recipes"][name]).writing,
                heat_history=history,
                outcome=outcomes.get(name, Failed(reason="no spectrum was taken: the instrument stopped before")),
                power_at_sample_W=power_W if power_W > 0 else None,
            )
        )
    return found


def outcomes_of(run: Run) -> dict[str, Outcome]:
    """What the present analysis makes of each site's spectrum in a measurement run, by site name."""
    if "spectra" not in run.streams:
        return {}
    config = run.config("spectra")
    detector = detector_of(config)
    spectra = run.table("spectra")
    darks = run.table("dark") if "dark" in run.streams else None
    return {name: _outcome(i, spectra, darks, config, detector) for i, name in enumerate(spectra["site_name"].tolist())}


def _outcome(i: int, spectra: Quantities, darks: Quantities | None, config: Quantities, detector: Detector) -> Outcome:
    dark = dark_for(float(spectra["spectrometer_integration_s"][i]), darks)
    if dark is None:
        return Failed(
            reason="no dark spectrum of the same integration time: the instrument stopped before it was taken"
        )
    return analyse_spectrum(
        np.asarray(config["spectrometer_wavelength_nm"], dtype=float),
        spectra["spectrometer_counts"][i],
        dark,
        integration_s=float(spectra["spectrometer_integration_s"][i]),
        n_averages=int(spectra["spectrometer_n_averages"][i]),
        detector=detector,
    )


def detector_of(config: Quantities) -> Detector:
    """The detector as the configuration of a measurement run describes it."""
    return Detector(
        saturation_counts=float(config["spectrometer_saturation_counts"]),
        read_noise_counts=float(config["spectrometer_read_noise_counts"]),
        gain_counts_per_electron=float(config["spectrometer_gain_counts_per_electron"]),
    )


def dark_for(integration_s: float, darks: Quantities | None) -> NDArray[np.float64] | None:
    """The last dark spectrum with this integration time, raw counts of shape (pixels,); None where there is none."""
    if darks is None:
        return None
    same = np.flatnonzero(np.isclose(darks["spectrometer_integration_s"], integration_s, rtol=1e-6))
    return None if len(same) == 0 else np.asarray(darks["spectrometer_counts"][same[-1]], dtype=float)


def heat_history(run: Run, span_C: float = HISTORY_SPAN_C) -> tuple[HeatStep, ...]:
    """What the furnace's sensor saw in a heat-treatment run, as isothermal steps.

    Between two samples the temperature is taken for their mean; neighbouring stretches that span less than `span_C` become
    one step at their mean, weighted by time. Of an imported run without samples, the programme is taken as it was written down.
    """
    if "furnace" not in run.streams:
        return _programme(run, span_C) if run.start.get("imported") else ()
    furnace = run.table("furnace")
    clock_s, temperature_C = furnace["clock_s"], furnace["furnace_temperature_C"]
    durations_s = np.diff(clock_s)
    means_C = (temperature_C[1:] + temperature_C[:-1]) / 2
    steps: list[HeatStep] = []
    begin = 0
    for i in range(1, len(means_C) + 1):
        is_end = i == len(means_C) or np.ptp(means_C[begin : i + 1]) > span_C
        if is_end and (total_s := float(np.sum(durations_s[begin:i]))) > 0:
            mean_C = float(np.sum(means_C[begin:i] * durations_s[begin:i])) / total_s
            steps.append(HeatStep(temperature_C=mean_C, duration_s=total_s))
        if is_end:
            begin = i
    return tuple(steps)


def _programme(run: Run, span_C: float) -> tuple[HeatStep, ...]:
    treatment = HeatTreatment.model_validate(run.start["heat_treatment"])
    return treatment.steps(pieces_per_ramp=math.ceil((treatment.temperature_C - ROOM_TEMPERATURE_C) / span_C))
