"""The instrument as one thing to hand around: five roles, the clock, and where things are."""

from __future__ import annotations

from dataclasses import dataclass

from .changer import Changer
from .furnace import Furnace
from .geometry import Geometry
from .laser import Laser
from .protocols import Clock, Drivers
from .signals import ClockSignal, SiteName
from .spectrometer import Spectrometer
from .stage import Stage

__all__ = ["Bench", "make_bench"]


@dataclass(frozen=True)
class Bench:
    """What a plan works with; `clock_s` and `site_name` are read with the devices into an event."""

    laser: Laser
    stage: Stage
    furnace: Furnace
    spectrometer: Spectrometer
    changer: Changer
    clock: Clock
    geometry: Geometry
    clock_s: ClockSignal
    site_name: SiteName


def make_bench(drivers: Drivers, clock: Clock, geometry: Geometry | None = None) -> Bench:
    """The ophyd devices over five drivers, under the names that our documents use."""
    geometry = geometry or Geometry()
    limits = geometry.limits
    return Bench(
        laser=Laser(name="laser", driver=drivers.laser, clock=clock, limits=limits),
        stage=Stage(name="stage", driver=drivers.stage, clock=clock, limits=limits),
        furnace=Furnace(name="furnace", driver=drivers.furnace, clock=clock, limits=limits),
        spectrometer=Spectrometer(name="spectrometer", driver=drivers.spectrometer, clock=clock, limits=limits),
        changer=Changer(name="changer", driver=drivers.changer, clock=clock, limits=limits),
        clock=clock,
        geometry=geometry,
        clock_s=ClockSignal(clock=clock),
        site_name=SiteName(),
    )
