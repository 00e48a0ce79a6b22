"""The safe state: output closed, attenuator at its minimum, furnace in standby, stage at rest, lamp off.

Hard safety is hardware (interlock chain, over-temperature trip). This is the software's own layer, and it claims no more.
Each step is tried on its own, on the drivers, without the engine: one that fails does not keep the next from being tried.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import bluesky.plan_stubs as bps
from bluesky.utils import MsgGenerator

from devices import Bench

__all__ = ["SafeStep", "make_safe", "safe_state_plan"]


@dataclass(frozen=True)
class SafeStep:
    """One step towards the safe state and how it went; `error` is None where it went well."""

    name: str
    error: str | None = None

    def __str__(self) -> str:
        return self.name if self.error is None else f"NOT DONE: {self.name} ({self.error})"


def make_safe(bench: Bench) -> tuple[SafeStep, ...]:
    """Bring the bench to its safe state; most dangerous first. Never raises; say what failed to the person in charge."""
    laser, furnace, stage, spectrometer = (
        bench.laser.driver,
        bench.furnace.driver,
        bench.stage.driver,
        bench.spectrometer.driver,
    )
    lifetime = bench.lifetime
    least_uJ = bench.geometry.limits.pulse_energy_uJ[0]
    steps = (
        _step("laser output closed", laser.close_output),
        _step("furnace in standby", furnace.standby),
        _step("attenuator at minimum", lambda: laser.start_pulse_energy(least_uJ)),
        _step("stage stopped", stage.stop),
        _step("excitation lamp off", lambda: spectrometer.switch_lamp(on=False)),
    )
    if lifetime is None:
        return steps

    def excitation_off() -> None:
        if "excitation switch" in lifetime.capabilities:
            lifetime.driver.switch_excitation(on=False)

    return (
        *steps,
        _step("lifetime counter stopped", lifetime.driver.abort_acquisition),
        _step("pulsed excitation off", excitation_off),
    )


def _step(name: str, action: Callable[[], object]) -> SafeStep:
    try:
        action()
    except Exception as error:  # noqa: BLE001  # whatever a broken driver raises, the other steps must be tried
        return SafeStep(name, f"{type(error).__name__}: {error}")
    return SafeStep(name)


def safe_state_plan(bench: Bench) -> MsgGenerator[tuple[SafeStep, ...]]:
    """The same at the end of a plan, for `finalize_wrapper`."""
    yield from bps.null()
    return make_safe(bench)
