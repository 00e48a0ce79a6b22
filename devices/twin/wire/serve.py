"""Starts the servers of a twin."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from beamline.recipe import Coupon
from devices.geometry import Geometry
from devices.protocols import Clock, Drivers
from devices.twin import build_twin

from .furnace import FurnaceFace
from .laser import LaserFace, LaserServer
from .modbus import ModbusServer
from .shared import Shared
from .stage import StageFace, StageServer

__all__ = ["WireTwin", "serve_twin"]


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
    furnace_rtu: ModbusServer
    stage_face: StageFace
    stage: StageServer

    @property
    def addresses(self) -> dict[str, str]:
        """Where each protocol is served."""
        return {
            "laser, Light Conversion REST": self.laser.address,
            "furnace, Eurotherm EPC3000, Modbus TCP": self.furnace.address,
            "furnace, Eurotherm 3200, Modbus RTU": self.furnace_rtu.address,
            "stage, Zaber ASCII": self.stage.address,
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """End the servers; the laser's output is closed."""
        for server in (self.laser, self.furnace, self.furnace_rtu, self.stage):
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

    Raises:
        OSError: a port is taken.
    """
    shared = Shared(clock)
    geometry = geometry or Geometry()
    drivers = build_twin(seed, coupons, shared, geometry)
    face = LaserFace(drivers.laser, shared)
    stage_face = StageFace(drivers.stage, shared, geometry.limits)
    controller = FurnaceFace(drivers.furnace, shared, "EPC3000")
    with ExitStack() as started:  # a port that is taken ends those that were started before
        laser = LaserServer(face, laser_port)
        started.callback(laser.stop)
        stage = StageServer(stage_face, stage_port)
        started.callback(stage.stop)
        furnace = ModbusServer(controller, furnace_port)
        started.callback(furnace.stop)
        furnace_rtu = ModbusServer(FurnaceFace(drivers.furnace, shared, "3200"), None)
        started.pop_all()
    return WireTwin(
        drivers=drivers,
        shared=shared,
        laser_face=face,
        laser=laser,
        furnace_face=controller,
        furnace=furnace,
        furnace_rtu=furnace_rtu,
        stage_face=stage_face,
        stage=stage,
    )
