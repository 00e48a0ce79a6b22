"""Calibrations of the spectrometer: its dark, its wavelength axis against a lamp of known lines, its response to a standard lamp.

Duration: integration_s x n_averages for each spectrum; the lamp of known lines needs a minute to be warm; and as long as the
person takes who covers and uncovers a lamp that no driver switches.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Annotated, cast

import bluesky.plan_stubs as bps
import numpy as np
from bluesky.utils import MsgGenerator
from numpy.typing import ArrayLike
from pydantic import Field

from beamline.analysis.lamp_lines import LAMPS
from devices import Bench, LineLampDriver
from plans.calibrating import Averages, Integration, Times, calibration_run, lamps_off, spectrum_event, within
from plans.documents import NightLabel
from plans.experiment import ExperimentRefusedError, checked
from plans.threads import in_thread

__all__ = ["calibrate_dark", "calibrate_response", "calibrate_wavelength"]

N_PER_TIME = 2
"""Darks of each integration time: what differs between two is noise."""

Operator = Callable[[str], object]


@checked
def calibrate_dark(
    bench: Bench, label: NightLabel, integrations_s: Times = (0.01, 0.1, 1.0), *, n_averages: Averages = 10
) -> MsgGenerator[str]:
    """Offset, dark current and noise of the spectrometer: stream `dark`, two events for each integration time, lamps off.

    Returns:
        uid of the run.

    Raises:
        ExperimentRefusedError: at the call, for a time outside the limits of the bench.
    """
    within("calibrate_dark: integration time", integrations_s, bench.geometry.limits.integration_s, "s")

    def steps() -> MsgGenerator[None]:
        yield from lamps_off(bench)
        yield from bps.mv(bench.spectrometer.n_averages, n_averages)
        for integration_s in integrations_s:
            yield from bps.mv(bench.spectrometer.integration_s, integration_s)
            for _ in range(N_PER_TIME):
                yield from spectrum_event(bench, "dark")

    times = list(integrations_s)
    return calibration_run(
        bench, label, "spectrometer_dark", "spectrometer", steps, integrations_s=times, n_averages=n_averages
    )


@checked
def calibrate_wavelength(
    bench: Bench,
    label: NightLabel,
    *,
    lamp: Annotated[str, Field(description="its gas")] = "Hg-Ar",
    operator: Operator | None = None,
    integration_s: Integration = 0.05,
    n_averages: Averages = 20,
) -> MsgGenerator[str]:
    """The wavelength axis, with a lamp of known lines: streams `dark` and `lamp`, an event each; all other lamps are off.

    Where the driver switches such a lamp it does; else a person holds one before the slit.

    Args:
        bench: the devices.
        label: of the run.
        lamp: whose lines it has.
        operator: called with what is to be done, as of `calibrate_response`; not needed where the driver switches the lamp.
        integration_s: s; no line may fill its pixels.
        n_averages: exposures.

    Returns:
        uid of the run.

    Raises:
        ExperimentRefusedError: at the call: a lamp whose lines are not known, or that nobody can switch, or a time outside the
            limits.
    """
    spectrometer = bench.spectrometer
    is_switched = "line lamp" in spectrometer.capabilities
    if is_switched:
        built_in = cast("LineLampDriver", spectrometer.driver).line_lamp_gas
        if lamp != built_in:
            raise ExperimentRefusedError(
                f"calibrate_wavelength: lamp {lamp!r}, and this spectrometer's is of {built_in}; nothing has moved"
            )
    if lamp not in LAMPS:
        raise ExperimentRefusedError(
            f"calibrate_wavelength: lamp {lamp!r}; lines are known of {', '.join(LAMPS)}; nothing has moved"
        )
    if not is_switched and operator is None:
        raise ExperimentRefusedError(
            f"calibrate_wavelength: no driver switches a lamp of {lamp} here; give an operator who holds one before the slit; "
            "nothing has moved"
        )
    within("calibrate_wavelength: integration time", [integration_s], bench.geometry.limits.integration_s, "s")

    def light(words: str, *, on: bool) -> MsgGenerator[None]:
        if is_switched:
            yield from bps.mv(spectrometer.line_lamp, "on" if on else "off")
        elif operator is not None:
            yield from in_thread(partial(operator, words))

    def steps() -> MsgGenerator[None]:
        yield from lamps_off(bench)
        yield from bps.mv(spectrometer.n_averages, n_averages, spectrometer.integration_s, integration_s)
        yield from light(f"Cover the lamp of {lamp}, and keep the room as it is", on=False)
        yield from spectrum_event(bench, "dark")
        yield from light(f"Uncover the lamp of {lamp}: it stands before the slit, and has been on for minutes", on=True)
        yield from spectrum_event(bench, "lamp")

    return calibration_run(
        bench,
        label,
        "spectrometer_wavelength",
        "spectrometer",
        steps,
        end=lambda: lamps_off(bench),
        lamp=lamp,
        integration_s=integration_s,
        n_averages=n_averages,
    )


@checked
def calibrate_response(
    bench: Bench,
    label: NightLabel,
    wavelength_nm: ArrayLike,
    irradiance: ArrayLike,
    *,
    operator: Operator,
    integration_s: Integration = 0.1,
    n_averages: Averages = 10,
) -> MsgGenerator[str]:
    """Response of the spectrometer, with a standard lamp: streams `dark` and `lamp`, an event each; its own lamps are off.

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
    within("calibrate_response: integration time", [integration_s], bench.geometry.limits.integration_s, "s")
    spectrometer = bench.spectrometer

    def steps() -> MsgGenerator[None]:
        yield from lamps_off(bench)
        yield from bps.mv(spectrometer.n_averages, n_averages, spectrometer.integration_s, integration_s)
        for stream, words in (
            ("dark", "Cover the standard lamp, and keep the room as it is"),
            ("lamp", "Uncover the standard lamp: it stands where a coupon lies, and is warm"),
        ):
            yield from in_thread(partial(operator, words))
            spectrometer.expect_other_light()  # a lamp that glows shines on every pixel
            yield from spectrum_event(bench, stream)
        yield from in_thread(partial(operator, "Cover the standard lamp, and take it away: its spectrum is taken"))

    def end() -> MsgGenerator[None]:
        yield from bps.null()
        spectrometer.expect_other_light()

    certificate = {"wavelength_nm": axis.tolist(), "irradiance": light.tolist()}
    return calibration_run(
        bench, label, "spectrometer_response", "spectrometer", steps, end=end, certificate=certificate
    )
