"""A bench of a few lines for what looks at one: values that a test sets, and no clock that runs."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from bluesky.utils import Msg

from devices import CommunicationError, DriftError


class Value:
    """A signal, and an axis that stands or does not."""

    def __init__(self, value: float) -> None:
        self.value = value
        self.wrong: str | None = None
        self.n_checks = 0

    def get(self) -> float:
        return self.value

    def check_stands(self) -> None:
        self.n_checks += 1
        if self.wrong:
            raise DriftError(self.wrong)


class Furnace:
    """A controller that counts its standbys, and may be dead."""

    def __init__(self) -> None:
        self.temperature_C, self.setpoint_C, self.is_on = 25.0, 25.0, True
        self.n_standbys = 0
        self.is_dead = False

    def standby(self) -> None:
        self.n_standbys += 1
        if self.is_dead:
            raise CommunicationError("no answer")


def fake_bench() -> Any:
    """A bench as far as the monitors look at one: all in order, 1 W at the sample, the furnace cold."""
    laser = SimpleNamespace(
        driver=SimpleNamespace(is_interlocked=False),
        output=object(),
        power_at_sample_W=Value(1.0),
        pulse_energy_uJ=Value(100.0),
        repetition_rate_kHz=Value(10.0),
    )
    stage = SimpleNamespace(driver=SimpleNamespace(is_homed=True), x_mm=Value(0), y_mm=Value(0), z_mm=Value(0))
    return SimpleNamespace(
        laser=laser,
        stage=stage,
        furnace=SimpleNamespace(driver=Furnace()),
        spectrometer=SimpleNamespace(n_saturated=Value(0)),
        clock=SimpleNamespace(now_s=0.0),
        geometry=SimpleNamespace(limits=SimpleNamespace(furnace_temperature_C=(20.0, 560.0))),
    )


def openings(bench: Any) -> list[Msg]:
    """The messages by which light leaves the laser."""
    return [Msg("trigger", bench.laser), Msg("set", bench.laser.output, "open")]


def others(bench: Any) -> list[Msg]:
    """Messages that are like those that a monitor minds, and are not."""
    return [
        Msg("trigger", bench.spectrometer),
        Msg("set", bench.laser.output, "closed"),
        Msg("set", bench.stage, "open"),
        Msg("create", None, name="intents"),
        Msg("create", None, name="dark"),
        Msg("exposures"),
        Msg("read", bench.laser),
        Msg("null"),
    ]


EXPOSED = Msg("create", None, name="exposures")
SPECTRUM = Msg("create", None, name="spectra")


def furnace_at(bench: Any, temperature_C: float, setpoint_C: float | None = None, *, is_on: bool = True) -> Any:
    """The furnace's driver, which from now on reads so; without a setpoint it is at its setpoint."""
    driver = bench.furnace.driver
    driver.temperature_C, driver.is_on = temperature_C, is_on
    driver.setpoint_C = temperature_C if setpoint_C is None else setpoint_C
    return driver
