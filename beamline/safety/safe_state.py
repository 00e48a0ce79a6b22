"""The safe state: output closed, attenuator at its minimum, furnace in standby, stage at rest, lamps off.

Hard safety is hardware (interlock chain, over-temperature trip). This is the software's own layer, and it claims no more.
Each step is tried on its own, on the drivers, without the engine, and within its own time: one that fails, or does not come
back, does not keep the next from being tried. Then each is read back: a command that was given is not yet a laser that is closed.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import cast

import bluesky.plan_stubs as bps
from bluesky.utils import MsgGenerator

from devices import Bench, LineLampDriver

READ_BACK_S = 2.0
"""Time in which a step must read back, s of the wall: drivers poll their instruments a few times a second."""
READING_S = 1.0
"""Longest time that one reading is waited for, s of the wall."""
LOOK_S = 0.02

__all__ = ["STEP_S", "SafeStep", "make_safe", "safe_state_plan"]

STEP_S = 3.0
"""Longest time that a step is waited for, s of the wall; commands of our drivers come back within 0.05 s."""


@dataclass(frozen=True)
class SafeStep:
    """One step towards the safe state and how it went; `error` is None where it went well and, if it can be, was read back."""

    name: str
    error: str | None = None

    def __str__(self) -> str:
        return self.name if self.error is None else f"NOT DONE: {self.name} ({self.error})"


def make_safe(bench: Bench) -> tuple[SafeStep, ...]:
    """Bring the bench to its safe state; most dangerous first. Never raises; say what failed to the person in charge.

    Every command is given before any is read back. What reads back is waited for `READ_BACK_S`, and a reading that does not
    come back `READING_S`.
    """
    work = _work(bench)
    steps = [_step(name, action) for name, action, _ in work]
    waits = {i: is_so for i, (_, _, is_so) in enumerate(work) if is_so is not None and steps[i].error is None}
    end_s = time.monotonic() + READ_BACK_S
    pause = threading.Event()
    while True:
        said = {i: _look(is_so) for i, is_so in waits.items()}
        waits = {i: waits[i] for i, text in said.items() if text}
        clock_s = bench.clock.now_s
        if not waits or time.monotonic() > end_s or pause.wait(LOOK_S) or bench.clock.now_s == clock_s:
            break  # done, too late, or a clock that stands still while nobody plays it: nothing changes by waiting
    for i in waits:
        steps[i] = replace(steps[i], error=f"the command was given, and {said[i]}; look at the device")
    return tuple(steps)


def _work(bench: Bench) -> list[tuple[str, Callable[[], object], Callable[[], bool] | None]]:
    """What is to be done: its name, the command, and whether it is so; None where that is no state that can be read."""
    laser, furnace, stage, spectrometer = (
        bench.laser.driver,
        bench.furnace.driver,
        bench.stage.driver,
        bench.spectrometer.driver,
    )
    least_uJ = bench.geometry.limits.pulse_energy_uJ[0]
    work: list[tuple[str, Callable[[], object], Callable[[], bool] | None]] = [
        ("laser output closed", laser.close_output, lambda: laser.is_output_open is False),
        ("furnace in standby", furnace.standby, lambda: furnace.is_on is False),
        ("attenuator at minimum", lambda: laser.start_pulse_energy(least_uJ), None),
        ("stage stopped", stage.stop, lambda: not any(stage.is_moving(axis) is not False for axis in ("x", "y", "z"))),
        ("excitation lamp off", lambda: spectrometer.switch_lamp(on=False), lambda: spectrometer.is_lamp_on is False),
    ]
    if (
        "line lamp" in bench.spectrometer.capabilities
    ):  # no hazard, but its lines would be in every spectrum of the night
        lines = cast("LineLampDriver", spectrometer)
        work.append(
            ("calibration lamp off", lambda: lines.switch_line_lamp(on=False), lambda: lines.is_line_lamp_on is False)
        )
    if bench.lifetime is not None:
        lifetime = bench.lifetime.driver
        work.append(("lifetime counter stopped", lifetime.abort_acquisition, None))
        if "excitation switch" in bench.lifetime.capabilities:
            is_off = lambda: lifetime.is_excitation_on is False  # noqa: E731  # beside the others
            work.append(("pulsed excitation off", lambda: lifetime.switch_excitation(on=False), is_off))
    if bench.camera is not None:
        camera = bench.camera.driver
        work.append(("camera stopped", camera.abort_acquisition, None))
        if "illumination" in bench.camera.capabilities:
            is_dark = lambda: camera.illumination == "off"  # noqa: E731  # as above
            work.append(("camera's lights off", lambda: camera.start_illumination("off"), is_dark))
    return work


def _look(is_so: Callable[[], bool]) -> str:
    """What a step reads back, in words; empty where it is so."""
    came = _came_of(is_so, READING_S)
    if came is None:
        return f"what came of it cannot be read: no end after {READING_S:g} s"
    if came.error is not None:
        return f"what came of it cannot be read: {type(came.error).__name__}: {came.error}"
    return "" if came.value else f"it does not read back as done within {READ_BACK_S:g} s"


def _step(name: str, action: Callable[[], object]) -> SafeStep:
    came = _came_of(action, STEP_S)
    if came is None:
        return SafeStep(name, f"no end after {STEP_S:g} s; do it by hand, and look at the device")
    return SafeStep(name, None if came.error is None else f"{type(came.error).__name__}: {came.error}")


@dataclass(frozen=True)
class _Came:
    value: object = None
    error: BaseException | None = None


def _came_of(action: Callable[[], object], within_s: float) -> _Came | None:
    """What a call came to, on a thread of its own: a driver that hangs is left behind there, and None is what came of it."""
    came: list[_Came] = []

    def work() -> None:
        try:
            came.append(_Came(action()))
        except BaseException as error:  # noqa: BLE001  # whatever a broken driver raises, the other steps must be tried
            came.append(_Came(error=error))

    thread = threading.Thread(target=work, name="safe-state", daemon=True)
    thread.start()
    thread.join(within_s)
    return came[0] if came else None


def safe_state_plan(bench: Bench) -> MsgGenerator[tuple[SafeStep, ...]]:
    """The same at the end of a plan, for `finalize_wrapper`."""
    yield from bps.null()
    return make_safe(bench)
