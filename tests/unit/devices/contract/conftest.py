"""Each role's driver, twice: the twin's on simulated time, and the instrument's over real sockets at the twin's server.

What a test of this folder asserts must hold for both. `Rig` hides which it is.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from bluesky import RunEngine

from beamline.recipe import Coupon, Glass
from devices import DiscreteEventClock, RefusedError, ScaledClock
from devices.drivers.eurotherm import EurothermFurnace, EurothermSettings
from devices.drivers.light_conversion import LightConversionLaser, LightConversionSettings
from devices.drivers.zaber import ZaberSettings, ZaberStage
from devices.twin import build_twin
from devices.twin.wire import WireTwin, serve_twin
from devices.twin.wire.laser import FULL_ENERGY_uJ
from devices.twin.wire.stage import MICROSTEP_um

COUPONS = (Coupon(serial="A", glass=Glass(name="BrI", bromide=1.5, iodide=1.5)),)


@dataclass
class Rig:
    """A driver, and how its time passes.

    Attributes:
        driver: that is tested.
        clock: for a role of it.
        pass_time: let so many seconds of the clock pass.
    """

    driver: Any
    clock: Any
    pass_time: Callable[[float], object]

    def until(self, is_true: Callable[[], object], within_s: float) -> None:
        """Let time pass until something is true; an error if it is not within so many seconds of the clock.

        What the machine is late by is not the driver's fault: it is looked at three hundred times at least.
        """
        for _ in range(300):
            if is_true():
                return
            self.pass_time(within_s / 300)
        pytest.fail(f"not true after {within_s:g} s")

    def refused(self, command: Callable[[], object], match: str) -> None:
        """A command is refused, at once or by the next look at the driver."""

        def command_and_look() -> None:
            command()
            self.until(lambda: not self.driver.is_busy, 5.0)

        with pytest.raises(RefusedError, match=match):
            command_and_look()

    def engine(self) -> RunEngine:
        """An engine that lives by the clock."""
        engine = RunEngine({})
        self.clock.install(engine)
        return engine


def on_twin(role: str) -> Rig:
    clock = DiscreteEventClock()
    return Rig(getattr(build_twin(1, COUPONS, clock), role), clock, clock.advance)


@contextmanager
def on_wire(speed: float, make: Callable[[WireTwin], Any]) -> Iterator[Rig]:
    clock = ScaledClock(speed)
    pause = threading.Event()
    with serve_twin(1, COUPONS, clock) as wire:
        driver = make(wire)
        driver.connect()
        yield Rig(driver, clock, lambda seconds: pause.wait(seconds / speed))
        driver.close()


def light_conversion(wire: WireTwin) -> LightConversionLaser:
    calibration = (0.0, 0.0), (100.0, FULL_ENERGY_uJ)
    return LightConversionLaser(
        LightConversionSettings("127.0.0.1", wire.laser.port, calibration, 0.6, 0.4, poll_s=0.03)
    )


def eurotherm_tcp(wire: WireTwin) -> EurothermFurnace:
    return EurothermFurnace(EurothermSettings("EPC3000", host="127.0.0.1", port=wire.furnace.port, poll_s=0.02))


def eurotherm_rtu(wire: WireTwin) -> EurothermFurnace:
    port = wire.furnace_rtu.serial_port
    return EurothermFurnace(EurothermSettings("3200", serial_port=port, baud_rate=115200, poll_s=0.02))


def zaber(wire: WireTwin) -> ZaberStage:
    steps = (MICROSTEP_um,) * 3
    return ZaberStage(ZaberSettings(steps, host="127.0.0.1", port=wire.stage.port, poll_s=0.02))


def rigs(role: str, speed: float, **makers: Callable[[WireTwin], Any]) -> Any:
    """A fixture that gives the twin's driver, then each of the instrument's."""

    @pytest.fixture(params=["twin", *makers])
    def rig(request: pytest.FixtureRequest) -> Iterator[Rig]:
        if request.param == "twin":
            yield on_twin(role)
            return
        with ExitStack() as stack:
            yield stack.enter_context(on_wire(speed, makers[request.param]))

    return rig


laser = rigs("laser", 1.0, light_conversion=light_conversion)
# Ramps last minutes: the servers' time runs 200 times as fast.
furnace = rigs("furnace", 200.0, eurotherm_tcp=eurotherm_tcp, eurotherm_rtu=eurotherm_rtu)
stage = rigs("stage", 1.0, zaber=zaber)
