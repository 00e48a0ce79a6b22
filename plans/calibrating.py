"""What the calibrations share: their run, and values that are looked at before anything moves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any

import bluesky.plan_stubs as bps
import bluesky.preprocessors as bpp
from bluesky.utils import MsgGenerator
from pydantic import Field

from beamline.recipe import quantity
from devices import Bench
from plans.documents import NightLabel, event_of, valid_metadata
from plans.experiment import ExperimentRefusedError

__all__ = ["Averages", "Integration", "calibration_run", "lamps_off", "spectrum_event", "within"]

Integration = Annotated[float, quantity("s", "of one exposure", ge=0.001, le=60)]
Averages = Annotated[int, quantity("exposures", "in each mean", ge=1, le=1000)]
Times = Annotated[Sequence[Integration], Field(min_length=2, max_length=20)]


def calibration_run(
    bench: Bench,
    label: NightLabel,
    kind: str,
    role: str,
    steps: Callable[[], MsgGenerator[None]],
    *,
    begin: Callable[[], MsgGenerator[None]] | None = None,
    end: Callable[[], MsgGenerator[None]] | None = None,
    **parameters: Any,
) -> MsgGenerator[str]:
    """One run of `purpose="calibration"`.

    Args:
        bench: the devices.
        label: of the run.
        kind: of calibration.
        role: that is calibrated.
        steps: what is done within the run.
        begin: before the run.
        end: however it ends.
        **parameters: as the plan was given them, JSON.

    Returns:
        uid of the run.
    """

    def plan() -> MsgGenerator[str]:
        if begin is not None:
            yield from begin()
        about = {"kind": kind, "role": role, "instrument": bench.identity, "parameters": parameters}
        uid = yield from bps.open_run(
            {**label.metadata("calibration", bench.clock.now_s), "calibration": about, **valid_metadata(bench)}
        )
        yield from steps()
        yield from bps.close_run()
        return str(uid)

    return plan() if end is None else bpp.finalize_wrapper(plan(), end)


def within(name: str, values: Sequence[float], limits: tuple[float, float], unit: str) -> None:
    """Raise for a value that the bench does not allow.

    Raises:
        ExperimentRefusedError: with the first of them, and what is allowed.
    """
    low, high = limits
    wrong = [value for value in values if not low <= value <= high]
    if wrong:
        raise ExperimentRefusedError(
            f"{name}: {wrong[0]:g} {unit}, allowed are {low:g} to {high:g} {unit}; nothing has moved"
        )


def lamps_off(bench: Bench) -> MsgGenerator[None]:
    """Those of the spectrometer that its driver switches."""
    spectrometer = bench.spectrometer
    if "line lamp" in spectrometer.capabilities:  # first: at the end of a calibration it is the one that burns
        yield from bps.mv(spectrometer.line_lamp, "off")
    if "lamp" in spectrometer.capabilities:
        yield from bps.mv(spectrometer.lamp, "off")


def spectrum_event(bench: Bench, stream: str) -> MsgGenerator[None]:
    """A spectrum with the settings as they are, as one event."""
    yield from bps.trigger(bench.spectrometer, wait=True)
    yield from event_of(stream, bench.clock_s, bench.site_name, bench.spectrometer)
