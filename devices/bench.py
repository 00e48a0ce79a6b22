"""The instrument as one thing to hand around: its roles, the clock, and where things are."""

from __future__ import annotations

from dataclasses import dataclass

from .camera import Camera
from .changer import Changer
from .errors import RefusedError
from .furnace import Furnace
from .geometry import Geometry
from .laser import Laser
from .lifetime import Lifetime
from .protocols import Clock, Drivers
from .role import Role
from .soft_signals import ClockSignal, SiteName
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
    lifetime: Lifetime | None = None
    camera: Camera | None = None

    @property
    def roles(self) -> dict[str, Role]:
        """The devices by the name of their role; those that this instrument has."""
        devices: tuple[Role | None, ...] = (
            self.laser,
            self.stage,
            self.furnace,
            self.spectrometer,
            self.changer,
            self.lifetime,
            self.camera,
        )
        return {device.name: device for device in devices if device is not None}

    @property
    def capabilities(self) -> dict[str, list[str]]:
        """What each role has beyond what all of its kind have; JSON."""
        return {name: sorted(role.capabilities) for name, role in self.roles.items()}

    def need_lifetime(self) -> Lifetime:
        """The lifetime counter.

        Raises:
            RefusedError: this instrument has none.
        """
        if self.lifetime is None:
            raise RefusedError(
                "lifetime: this instrument has no lifetime counter, and decays are asked for; leave them out, or take "
                "an instrument that has one"
            )
        return self.lifetime

    def need_camera(self) -> Camera:
        """The camera.

        Raises:
            RefusedError: this instrument has none.
        """
        if self.camera is None:
            raise RefusedError(
                "camera: this instrument has no camera, and pictures are asked for; leave them out, or take an instrument "
                "that has one"
            )
        return self.camera


def make_bench(drivers: Drivers, clock: Clock, geometry: Geometry | None = None) -> Bench:
    """The ophyd devices over the drivers, under the names that our documents use."""
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
        lifetime=(
            Lifetime(name="lifetime", driver=drivers.lifetime, clock=clock, limits=limits)
            if drivers.lifetime is not None
            else None
        ),
        camera=(
            Camera(name="camera", driver=drivers.camera, clock=clock, limits=limits)
            if drivers.camera is not None
            else None
        ),
    )
