"""Starts the servers of a twin."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from beamline.physics import decay, heat, make_settings, nominal, observe, rewrite, spectrum, write
from beamline.recipe import Coupon
from devices.geometry import Geometry
from devices.protocols import Clock, Drivers
from devices.twin import build_twin
from devices.twin.stage import TwinStage

from .carousel import CarouselFace
from .counter import CounterFolder
from .furnace import FurnaceFace
from .laser import LaserFace, LaserServer
from .modbus import ModbusServer
from .shared import Shared
from .spectrometer import SpectrometerFace, SpectrometerServer
from .stage import StageFace, StageServer

__all__ = ["WireTwin", "serve_twin"]

DOOR_MARGIN_C = 5.0
"""Above `Geometry.unload_C` by so much the furnace's door stays shut."""


@dataclass(frozen=True)
class WireTwin:
    """A twin with its servers running; a context manager that ends them.

    Attributes:
        drivers: of the twin, for roles that have no wire; hold `shared.lock` to use one.
        shared: lock and clock.
    """

    drivers: Drivers
    shared: Shared
    laser_face: LaserFace
    laser: LaserServer
    furnace_face: FurnaceFace
    furnace: ModbusServer
    furnace_rtu_face: FurnaceFace
    furnace_rtu: ModbusServer
    stage_face: StageFace
    stage: StageServer
    spectrometer_face: SpectrometerFace
    spectrometer: SpectrometerServer
    carousel_face: CarouselFace
    carousel: ModbusServer
    carousel_rtu: ModbusServer
    counter: CounterFolder | None

    @property
    def addresses(self) -> dict[str, str]:
        """Where each protocol is served."""
        folder = {} if self.counter is None else {"lifetime, folder of histogram files": self.counter.address}
        return {
            "laser, Light Conversion REST": self.laser.address,
            "furnace, Eurotherm EPC3000, Modbus TCP": self.furnace.address,
            "furnace, Eurotherm 3200, Modbus RTU": self.furnace_rtu.address,
            "stage, Zaber ASCII": self.stage.address,
            "spectrometer, Ocean HDX, binary protocol": self.spectrometer.address,
            "carousel, Modbus TCP": self.carousel.address,
            "carousel, Modbus RTU": self.carousel_rtu.address,
        } | folder

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """End the servers; the laser's output is closed."""
        servers = (
            self.laser,
            self.furnace,
            self.furnace_rtu,
            self.stage,
            self.spectrometer,
            self.carousel,
            self.carousel_rtu,
            self.counter,
        )
        for server in servers:
            if server is not None:
                server.stop()
        with self.shared.lock:
            self.drivers.laser.close_output()


def serve_twin(
    seed: int,
    coupons: Sequence[Coupon],
    clock: Clock,
    geometry: Geometry | None = None,
    *,
    laser_port: int = 0,
    furnace_port: int = 0,
    stage_port: int = 0,
    spectrometer_port: int = 0,
    carousel_port: int = 0,
    lifetime_folder: Path | None = None,
    stage_acceleration_mm_s2: float = 200.0,
    has_gate: bool = True,
) -> WireTwin:
    """Build a twin and put it on the wire, on loopback.

    Args:
        seed: as of `devices.twin.build_twin`.
        coupons: the same.
        clock: real or scaled: a discrete-event clock has nobody here who would advance it.
        geometry: of the bench.
        laser_port: 0 takes one that is free.
        furnace_port: of Modbus TCP, the same; the serial line gets a pseudo-terminal of any name.
        stage_port: as the others.
        spectrometer_port: as the others.
        carousel_port: of Modbus TCP, as the others; the serial line gets a pseudo-terminal.
        lifetime_folder: in which requests for decays are answered with files; None: the counter is not served.
        stage_acceleration_mm_s2: of the stage; 0 is without.
        has_gate: a gate in the laser's beam, opened by digital output `devices.twin.wire.stage.GATE_OUTPUT` of the stage's
            controller. It is shut at the beginning, and with it every dot is dark.

    Raises:
        OSError: a port is taken.
    """
    _load_the_model()
    shared = Shared(clock)
    geometry = geometry or Geometry()
    drivers = build_twin(
        seed, coupons, shared, geometry, stage_acceleration_mm_s2=stage_acceleration_mm_s2, has_gate=has_gate
    )
    assert isinstance(drivers.stage, TwinStage)  # as it was just built
    face = LaserFace(drivers.laser, shared)
    stage_face = StageFace(drivers.stage, shared, geometry.limits)
    controller = FurnaceFace(drivers.furnace, shared, "EPC3000")
    controller_rtu = FurnaceFace(drivers.furnace, shared, "3200")
    spectrometer_face = SpectrometerFace(drivers.spectrometer, shared)

    def is_door_free() -> bool:
        return drivers.furnace.temperature_C <= geometry.unload_C + DOOR_MARGIN_C

    carousel_face = CarouselFace(drivers.changer, shared, is_door_free)
    with ExitStack() as started:  # a port that is taken ends those that were started before
        laser = LaserServer(face, laser_port)
        started.callback(laser.stop)
        stage = StageServer(stage_face, stage_port)
        started.callback(stage.stop)
        furnace = ModbusServer(controller, furnace_port)
        started.callback(furnace.stop)
        furnace_rtu = ModbusServer(controller_rtu, None)
        started.callback(furnace_rtu.stop)
        spectrometer = SpectrometerServer(spectrometer_face, spectrometer_port)
        started.callback(spectrometer.stop)
        carousel = ModbusServer(carousel_face, carousel_port)
        started.callback(carousel.stop)
        carousel_rtu = ModbusServer(carousel_face, None)
        counter = None
        if lifetime_folder is not None and drivers.lifetime is not None:
            counter = CounterFolder(drivers.lifetime, shared, lifetime_folder)
        started.pop_all()
    return WireTwin(
        drivers=drivers,
        shared=shared,
        laser_face=face,
        laser=laser,
        furnace_face=controller,
        furnace=furnace,
        furnace_rtu_face=controller_rtu,
        furnace_rtu=furnace_rtu,
        stage_face=stage_face,
        stage=stage,
        spectrometer_face=spectrometer_face,
        spectrometer=spectrometer,
        carousel_face=carousel_face,
        carousel=carousel,
        carousel_rtu=carousel_rtu,
        counter=counter,
    )


def _load_the_model() -> None:
    """Glass that is written, heated and looked at once: in a new checkout the model is compiled now, in half a minute.

    Later it would be compiled while a client waits for its first spectrum, and clients wait for seconds.
    """
    parameters = nominal()
    settings = make_settings(iodide_fraction=0.5, pulse_energy_uJ=200.0, exposure_s=5.0)
    states = rewrite(write(settings, parameters), settings, parameters)
    seen = observe(heat(states, np.array([[400.0, 60.0]]), parameters), parameters)[0]
    spectrum(seen, np.linspace(450.0, 800.0, 8))
    decay(seen, np.linspace(0.0, 100.0, 8))
