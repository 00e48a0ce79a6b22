"""The instrument as one thing to hand around: its roles, the clock, and where things are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

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

__all__ = ["Bench", "Registration", "make_bench"]


@dataclass(frozen=True)
class Registration:
    """How a coupon lies on the stage, found by marks on it.

    Attributes:
        serial: of the coupon.
        shift_x_mm: of its lower left corner against the seat's place.
        shift_y_mm: the same.
        turn_rad: about that corner, counterclockwise.
        run: uid of the run that says so.
        placement: of the changer at that time; when that has changed, the coupon may lie otherwise.
    """

    serial: str
    shift_x_mm: float
    shift_y_mm: float
    turn_rad: float
    run: str
    placement: str


@dataclass(frozen=True)
class Bench:
    """What a plan works with; `clock_s` and `site_name` are read with the devices into an event.

    Attributes:
        identity: of the instrument, in the records of its calibrations: they are for no other one.
        calibrations: which are valid now, by their kind, as `beamline.experiments.valid_calibrations` has them from the records.
        registration: of the coupon on the stage, where `geometry` has it in it.
    """

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
    identity: str = ""
    calibrations: Callable[[], Mapping[str, Any]] = dict
    registration: Registration | None = None

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

    def registered(self, found: Registration) -> Bench:
        """The same bench, on which places of that coupon are where it lies. One that is registered is so no more."""
        plain = self.unregistered()
        geometry = plain.geometry.registered(found.shift_x_mm, found.shift_y_mm, found.turn_rad)
        return replace(plain, geometry=geometry, registration=found)

    def unregistered(self) -> Bench:
        """The same bench with coupons where they are meant to lie."""
        old = self.registration
        if old is None:
            return self
        geometry = self.geometry.registered(-old.shift_x_mm, -old.shift_y_mm, -old.turn_rad)
        return replace(self, geometry=geometry, registration=None)

    def check_registration(self, serial: str) -> None:
        """Before anything moves: what was found about a coupon holds only as long as it has not been taken up.

        Raises:
            RefusedError: the bench is registered for another coupon, or the coupon has been carried since.
        """
        known = self.registration
        if known is None:
            return
        if known.serial != serial or self.changer.placement != known.placement:
            what = (
                "has been carried since" if known.serial == serial else f"is not {known.serial}, which it was made for"
            )
            raise RefusedError(
                f"coupon {serial} {what} the registration of run {known.run[:8]}; register it anew; nothing has moved"
            )

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
