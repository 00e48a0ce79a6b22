"""Calibrations: power at the sample, dark and response of the spectrometer, offset of the furnace.

Each is one run of `purpose="calibration"`. What they mean is worked out from the runs by `beamline.experiments.calibrations`.

Duration: power: a second for each energy; dark and response: integration_s x n_averages for each spectrum; furnace: ramps at its
own rate and hold_s at each temperature, and as long as the person takes who reads the reference.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise
from typing import Annotated, Any

import bluesky.plan_stubs as bps
import bluesky.preprocessors as bpp
import numpy as np
from bluesky.utils import MsgGenerator
from numpy.typing import ArrayLike
from pydantic import Field

from beamline.recipe import quantity
from devices import Bench
from devices.notes import Noted
from plans.anneal import ramp_to
from plans.documents import NightLabel, event_of
from plans.experiment import ExperimentRefusedError, checked
from plans.threads import in_thread
from plans.write import empty_stage

__all__ = ["calibrate_dark", "calibrate_furnace", "calibrate_power", "calibrate_response"]

Energies = Annotated[
    Sequence[Annotated[float, quantity("uJ", "set, before the optics", ge=1, le=400)]],
    Field(min_length=2, max_length=50),
]
Times = Annotated[
    Sequence[Annotated[float, quantity("s", "of one exposure", ge=0.001, le=60)]], Field(min_length=2, max_length=20)
]
Temperatures = Annotated[
    Sequence[Annotated[float, quantity("degC", "of the furnace", ge=30, le=560)]], Field(min_length=1, max_length=20)
]
N_PER_TIME = 2
"""Darks of each integration time: what differs between two is noise."""


def _metadata(bench: Bench, label: NightLabel, kind: str, role: str, **parameters: Any) -> dict[str, Any]:
    about = {"kind": kind, "role": role, "parameters": parameters}
    return {**label.metadata("calibration", bench.clock.now_s), "calibration": about}


def _within(name: str, values: Sequence[float], limits: tuple[float, float], unit: str) -> None:
    low, high = limits
    wrong = [value for value in values if not low <= value <= high]
    if wrong:
        raise ExperimentRefusedError(
            f"{name}: {wrong[0]:g} {unit}, allowed are {low:g} to {high:g} {unit}; nothing has moved"
        )


@checked
def calibrate_power(
    bench: Bench,
    label: NightLabel,
    pulse_energies_uJ: Energies = (20.0, 50.0, 100.0, 200.0),
    *,
    repetition_rate_kHz: Annotated[float, quantity("kHz", "of the pulses", ge=0.001, le=1000)] = 10.0,
    exposure_s: Annotated[float, quantity("s", "of each", ge=0.1, le=60)] = 1.0,
) -> MsgGenerator[str]:
    """Power at the sample against set energy (P3): stream `power`, an event for each. The stage is emptied: light goes nowhere.

    What the laser took as its reference before is forgotten.

    Returns:
        uid of the run.

    Raises:
        ExperimentRefusedError: at the call, for an energy or a rate above the limits of the bench.
    """
    limits, laser = bench.geometry.limits, bench.laser
    _within("calibrate_power: pulse energy", pulse_energies_uJ, limits.pulse_energy_uJ, "uJ")
    _within("calibrate_power: repetition rate", [repetition_rate_kHz], limits.repetition_rate_kHz, "kHz")
    _within("calibrate_power: exposure", [exposure_s], limits.exposure_s, "s")

    def plan() -> MsgGenerator[str]:
        yield from empty_stage(bench)
        laser.recalibrate()
        about = _metadata(bench, label, "power_at_sample", "laser", pulse_energies_uJ=list(pulse_energies_uJ))
        uid = yield from bps.open_run(about)
        yield from bps.mv(laser.repetition_rate_kHz, repetition_rate_kHz, laser.exposure_s, exposure_s)
        for energy_uJ in pulse_energies_uJ:
            yield from bps.mv(laser.pulse_energy_uJ, energy_uJ)
            yield from bps.trigger(laser, wait=True)
            yield from event_of("power", bench.clock_s, laser)
        yield from bps.close_run()
        return str(uid)

    return plan()


@checked
def calibrate_dark(
    bench: Bench,
    label: NightLabel,
    integrations_s: Times = (0.01, 0.1, 1.0),
    *,
    n_averages: Annotated[int, quantity("exposures", "in each mean", ge=1, le=1000)] = 10,
) -> MsgGenerator[str]:
    """Offset, dark current and noise of the spectrometer: stream `dark`, two events for each integration time, lamp off.

    Returns:
        uid of the run.

    Raises:
        ExperimentRefusedError: at the call, for a time outside the limits of the bench.
    """
    _within("calibrate_dark: integration time", integrations_s, bench.geometry.limits.integration_s, "s")
    spectrometer = bench.spectrometer

    def plan() -> MsgGenerator[str]:
        parameters = {"integrations_s": list(integrations_s), "n_averages": n_averages}
        uid = yield from bps.open_run(_metadata(bench, label, "spectrometer_dark", "spectrometer", **parameters))
        if "lamp" in spectrometer.capabilities:
            yield from bps.mv(spectrometer.lamp, "off")
        yield from bps.mv(spectrometer.n_averages, n_averages)
        for integration_s in integrations_s:
            yield from bps.mv(spectrometer.integration_s, integration_s)
            for _ in range(N_PER_TIME):
                yield from bps.trigger(spectrometer, wait=True)
                yield from event_of("dark", bench.clock_s, bench.site_name, spectrometer)
        yield from bps.close_run()
        return str(uid)

    return plan()


@checked
def calibrate_response(
    bench: Bench,
    label: NightLabel,
    wavelength_nm: ArrayLike,
    irradiance: ArrayLike,
    *,
    operator: Callable[[str], object],
    integration_s: Annotated[float, quantity("s", "of one exposure", ge=0.001, le=60)] = 0.1,
    n_averages: Annotated[int, quantity("exposures", "in each mean", ge=1, le=1000)] = 10,
) -> MsgGenerator[str]:
    """Response of the spectrometer, with a standard lamp: streams `dark` and `lamp`, an event each; its own lamp is off.

    Args:
        bench: the devices.
        label: of the run.
        wavelength_nm: of the lamp's certificate, rising, shape (n,), n of at least 4.
        irradiance: of the certificate per nm, in any unit, above 0, shape (n,).
        operator: called with what is to be done, in a thread beside the engine; it returns when that is done.
        integration_s: s.
        n_averages: exposures.

    Returns:
        uid of the run, in whose start document the certificate stands.

    Raises:
        ExperimentRefusedError: at the call, for a certificate that is none, or a time outside the limits.
    """
    axis, light = np.asarray(wavelength_nm, dtype=float), np.asarray(irradiance, dtype=float)
    good = axis.ndim == 1 and axis.size >= 4 and light.shape == axis.shape and np.isfinite(axis + light).all()
    if not good or not ((np.diff(axis) > 0).all() and (light > 0).all()):
        raise ExperimentRefusedError(
            f"calibrate_response: a certificate of shapes {axis.shape} and {light.shape}; wavelengths in nm, rising, at "
            "least four, with irradiances above 0; nothing has moved"
        )
    _within("calibrate_response: integration time", [integration_s], bench.geometry.limits.integration_s, "s")
    spectrometer = bench.spectrometer
    certificate = {"wavelength_nm": axis.tolist(), "irradiance": light.tolist()}

    def plan() -> MsgGenerator[str]:
        about = _metadata(bench, label, "spectrometer_response", "spectrometer", certificate=certificate)
        uid = yield from bps.open_run(about)
        if "lamp" in spectrometer.capabilities:
            yield from bps.mv(spectrometer.lamp, "off")
        yield from bps.mv(spectrometer.n_averages, n_averages, spectrometer.integration_s, integration_s)
        for stream, words in (
            ("dark", "Cover the standard lamp, and keep the room as it is"),
            ("lamp", "Uncover the standard lamp: it stands where a coupon lies, and is warm"),
        ):
            yield from in_thread(partial(operator, words))
            yield from bps.trigger(spectrometer, wait=True)
            yield from event_of(stream, bench.clock_s, bench.site_name, spectrometer)
        yield from bps.close_run()
        return str(uid)

    return plan()


@checked
def calibrate_furnace(
    bench: Bench,
    label: NightLabel,
    temperatures_C: Temperatures,
    *,
    reference_C: Callable[[float], float],
    hold_s: Annotated[float, quantity("s", "at each before the reference is read", ge=0, le=36000)] = 1200.0,
) -> MsgGenerator[str]:
    """Offset of the furnace's sensor against a reference thermometer where the coupon lies: streams `furnace` and `reference`.

    However it ends, the heater is in standby.

    Args:
        bench: the devices.
        label: of the run.
        temperatures_C: rising.
        reference_C: called with the furnace's target at each, in a thread beside the engine; gives what the reference reads,
            typed by a person, or from a file.
        hold_s: s.

    Returns:
        uid of the run.

    Raises:
        ExperimentRefusedError: at the call: temperatures that do not rise or are outside the limits, or a coupon in the furnace;
            within the run: the reference gives no finite number.
    """
    _within("calibrate_furnace: temperature", temperatures_C, bench.geometry.limits.furnace_temperature_C, "degC")
    if any(b <= a for a, b in pairwise(temperatures_C)):
        raise ExperimentRefusedError(f"calibrate_furnace: {list(temperatures_C)} degC must rise; nothing has moved")
    inside = bench.changer.in_furnace.get()
    if inside:
        raise ExperimentRefusedError(
            f"calibrate_furnace: coupon {inside} is in the furnace, and would be heated; take it out; nothing has moved"
        )
    reference = Noted(name="reference_temperature_C", unit="degC")

    def steps() -> MsgGenerator[str]:
        uid = yield from bps.open_run(
            _metadata(bench, label, "furnace_offset", "furnace", temperatures_C=list(temperatures_C), hold_s=hold_s)
        )
        for temperature_C in temperatures_C:
            yield from ramp_to(bench, temperature_C)
            yield from bps.sleep(hold_s)
            read_C = yield from in_thread(partial(reference_C, temperature_C))
            if not math.isfinite(read_C):
                raise ExperimentRefusedError(
                    f"calibrate_furnace: the reference gave {read_C!r} at {temperature_C:g} degC"
                )
            reference.say(read_C)
            yield from event_of("reference", bench.clock_s, bench.furnace, reference)
        yield from bps.close_run()
        return str(uid)

    def standby() -> MsgGenerator[None]:
        # by the driver: the device would end a ramp in flight as failed, and turn an abort into a failure of the furnace
        yield from bps.null()
        bench.furnace.driver.standby()

    return bpp.finalize_wrapper(steps(), standby)
