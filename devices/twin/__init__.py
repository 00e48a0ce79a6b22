"""The simulated instrument: its drivers around one world, whose hidden truth only the world can read."""

from __future__ import annotations

from collections.abc import Sequence

from beamline.recipe import Coupon
from devices.geometry import Geometry
from devices.protocols import Clock, Drivers

from .camera import TwinCamera
from .changer import TwinChanger
from .effects import Effects
from .furnace import TwinFurnace
from .laser import TwinLaser
from .lifetime import TwinLifetime
from .spectrometer import TwinSpectrometer
from .stage import TwinStage
from .world import World

__all__ = ["Effects", "build_twin"]


def build_twin(
    seed: int,
    coupons: Sequence[Coupon],
    clock: Clock,
    geometry: Geometry | None = None,
    effects: Effects | None = None,
    *,
    stage_acceleration_mm_s2: float = 0.0,
    has_gate: bool = False,
) -> Drivers:
    """The drivers of a simulated instrument.

    Args:
        seed: of the hidden truth and of all noise: the same seed, coupons and plan give the same counts.
        coupons: at hand, all in the rack.
        clock: by which everything takes its time.
        geometry: of the bench; the roles must be made with the same.
        effects: what the truth has that the prior has not; `Effects.none()` is the nominal model without noise.
        stage_acceleration_mm_s2: of the stage, as `TwinStage` has it.
        has_gate: of the stage, the same.

    Raises:
        ValueError: two coupons share a serial.
    """
    world = World(seed, coupons, clock, geometry or Geometry(), effects or Effects())
    stage = TwinStage(world, stage_acceleration_mm_s2, has_gate=has_gate)
    return Drivers(
        laser=TwinLaser(world, stage),
        stage=stage,
        furnace=TwinFurnace(world),
        spectrometer=TwinSpectrometer(world, stage),
        changer=TwinChanger(world),
        lifetime=TwinLifetime(world, stage),
        camera=TwinCamera(world, stage),
    )
