"""From the records of a coupon to what the optimiser learns: analysis of its spectra, its real heat history, its measured power.

A pure function of documents: run again, it gives the same, so outcomes are never stored as a truth of their own.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from beamline.analysis import Detector, analyse_spectrum
from beamline.campaign.decays import lifetimes_of
from beamline.recipe import (
    ROOM_TEMPERATURE_C,
    Coupon,
    Failed,
    HeatStep,
    HeatTreatment,
    Lifetime,
    NoLifetime,
    Observation,
    Outcome,
    Recipe,
    Site,
)
from beamline.records import Quantities, Records, Run, axis_of, response_of, true_temperature_C

__all__ = [
    "coupon_observations",
    "dark_for",
    "detector_of",
    "heat_history",
    "observations_of",
    "outcomes_of",
    "whole_history",
]

_NOTHING = {"site_name": np.array([], dtype=str), "laser_power_at_sample_W": np.array([])}
COOLING_TIME_S = 600.0
"""Time constant with which a furnace that is off comes down (fan on), where the records say nothing better."""
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
    history = whole_history([run for run in runs if run.start["purpose"] == "heat_treatment"])
    measured = [run for run in runs if run.start["purpose"] == "measurement"]
    outcomes: dict[str, Outcome] = {}
    lifetimes: dict[str, tuple[Lifetime | NoLifetime, ...]] = {}
    for i, run in enumerate(measured):
        # Where a measurement was interrupted, its darks were taken by the one that went on.
        outcomes |= outcomes_of(run, measured[i + 1 :])
        lifetimes |= lifetimes_of(run)
    observations = []
    for run in runs:
        if run.start["purpose"] == "writing":
            observations += _observations(run, history, outcomes, lifetimes)
    return tuple(observations)


def _observations(
    run: Run,
    history: tuple[HeatStep, ...],
    outcomes: dict[str, Outcome],
    lifetimes: dict[str, tuple[Lifetime | NoLifetime, ...]],
) -> list[Observation]:
    exposures = run.table("exposures") if "exposures" in run.streams else _NOTHING
    names = exposures["site_name"].tolist()
    fired_at = run.table("intents")["site_name"].tolist() if "intents" in run.streams else []
    glass = Coupon.model_validate(run.start["coupon"]).glass
    found = []
    for name in dict.fromkeys([*fired_at, *names]):
        powers_W = [p for n, p in zip(names, exposures["laser_power_at_sample_W"], strict=True) if n == name]
        power_W = float(np.mean(powers_W)) if powers_W else 0.0
        writing = Recipe.model_validate(run.start["recipes"][name]).writing
        outcome = outcomes.get(name, Failed(reason="no spectrum was taken: the instrument stopped before"))
        if len(powers_W) < writing.n_passes:
            outcome = Failed(
                reason=f"{len(powers_W)} of {writing.n_passes} exposures are confirmed: how much light it got nobody knows"
            )
        found.append(
            Observation(
                site=Site.model_validate(run.start["sites"][name]),
                glass=glass,
                writing=writing,
                heat_history=history,
                outcome=outcome,
                power_at_sample_W=power_W if power_W > 0 else None,
                # Of a site whose exposures are not all confirmed nobody knows what the light is of.
                lifetimes=None if isinstance(outcome, Failed) else lifetimes.get(name),
            )
        )
    return found


def outcomes_of(run: Run, later: Sequence[Run] = ()) -> dict[str, Outcome]:
    """What the present analysis makes of each site's spectrum in a measurement run, by site name.

    Args:
        run: the measurement.
        later: measurements of the same coupon that went on where this one was interrupted; their darks serve it too.
    """
    if "spectra" not in run.streams:
        return {}
    config = run.config("spectra")
    detector = detector_of(config)
    spectra = run.table("spectra")
    darks = [one.table("dark") for one in (run, *later) if "dark" in one.streams]
    axis_nm = axis_of(run)
    response = response_of(run.start, axis_nm)
    return {
        name: _outcome(i, spectra, darks, detector, axis_nm=axis_nm, response=response)
        for i, name in enumerate(spectra["site_name"].tolist())
    }


def _outcome(
    i: int,
    spectra: Quantities,
    darks: Sequence[Quantities],
    detector: Detector,
    *,
    axis_nm: NDArray[np.float64],
    response: NDArray[np.float64] | None,
) -> Outcome:
    integration_s = float(spectra["spectrometer_integration_s"][i])
    found = (dark_for(integration_s, table) for table in darks)
    dark = next((counts for counts in found if counts is not None), None)
    if dark is None:
        return Failed(
            reason="no dark spectrum of the same integration time: the instrument stopped before it was taken"
        )
    return analyse_spectrum(
        axis_nm,
        spectra["spectrometer_counts"][i],
        dark,
        integration_s=float(spectra["spectrometer_integration_s"][i]),
        n_averages=int(spectra["spectrometer_n_averages"][i]),
        detector=detector,
        response=response,
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
    """What the coupon saw in a heat-treatment run, as isothermal steps: the furnace's sensor, corrected by the run's calibration.

    Between two samples the temperature is taken for their mean; neighbouring stretches that span less than `span_C` become
    one step at their mean, weighted by time. Of an imported run without samples, the programme is taken as it was written down.
    """
    if "furnace" not in run.streams:
        return _programme(run, span_C) if run.start.get("imported") else ()
    furnace = run.table("furnace")
    clock_s = furnace["clock_s"]
    temperature_C = true_temperature_C(run.start, furnace["furnace_temperature_C"])
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


def whole_history(heats: Sequence[Run], span_C: float = HISTORY_SPAN_C) -> tuple[HeatStep, ...]:
    """What a coupon has been through in all its heat treatments, in their order.

    Between one that was interrupted and the one that went on, the furnace was off and nobody looked: it came down
    exponentially from the last temperature that was seen to the first that was seen again.
    """
    steps: list[HeatStep] = []
    before: Run | None = None
    for run in heats:
        if before is not None and run.start.get("part", "whole") != "whole":
            steps += _unseen(before, run, span_C)
        steps += heat_history(run, span_C)
        before = run
    return tuple(steps)


def _unseen(before: Run, after: Run, span_C: float) -> list[HeatStep]:
    if "furnace" not in before.streams or "furnace" not in after.streams:
        return []
    last, first = before.table("furnace"), after.table("furnace")
    gap_s = float(first["clock_s"][0] - last["clock_s"][-1])
    begin_C = float(true_temperature_C(before.start, last["furnace_temperature_C"][-1]))
    end_C = float(true_temperature_C(after.start, first["furnace_temperature_C"][0]))
    if gap_s <= 0:
        return []
    n_steps = max(math.ceil(abs(begin_C - end_C) / span_C), 1)
    rise_C, left_C = begin_C - ROOM_TEMPERATURE_C, end_C - ROOM_TEMPERATURE_C
    if n_steps == 1 or rise_C <= left_C or rise_C <= 0:
        return [HeatStep(temperature_C=(begin_C + end_C) / 2, duration_s=gap_s)]
    # Down by the law of cooling; what is left of the gap it lay there.
    n_folds = math.log(rise_C / max(left_C, 1.0))
    constant_s = min(COOLING_TIME_S, gap_s / n_folds)
    edges_C = np.linspace(rise_C, max(left_C, 1.0), n_steps + 1)
    steps = [
        HeatStep(temperature_C=ROOM_TEMPERATURE_C + float(high + low) / 2, duration_s=constant_s * math.log(high / low))
        for high, low in pairwise(edges_C)
    ]
    rest_s = gap_s - sum(step.duration_s for step in steps)
    return [*steps, HeatStep(temperature_C=end_C, duration_s=rest_s)] if rest_s > 1e-6 else steps


def _programme(run: Run, span_C: float) -> tuple[HeatStep, ...]:
    treatment = HeatTreatment.model_validate(run.start["heat_treatment"])
    return treatment.steps(pieces_per_ramp=math.ceil((treatment.temperature_C - ROOM_TEMPERATURE_C) / span_C))
