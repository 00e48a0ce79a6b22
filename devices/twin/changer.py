"""The twin's changer driver: carries coupons between the stations of the world."""

from __future__ import annotations

from devices.capabilities import Capability
from devices.errors import RefusedError
from devices.protocols import ScheduledCall, Station

from .world import World

__all__ = ["TwinChanger"]

TRANSFER_S = 40.0
"""From one station to another, s."""
DOOR_S = 20.0
"""More, if the furnace's door is to be opened, s."""


class TwinChanger:
    """A `devices.protocols.ChangerDriver`.

    Args:
        world: whose coupons it carries.
    """

    capabilities: frozenset[Capability] = frozenset({"automatic"})

    def __init__(self, world: World) -> None:
        self._world = world
        self._carried: tuple[str, Station] | None = None
        self._arrival: ScheduledCall | None = None

    @property
    def serials(self) -> tuple[str, ...]:
        """Every coupon."""
        return self._world.serials

    def station_of(self, serial: str) -> Station:
        """Where a coupon is; while it is carried, where it came from."""
        return self._world.station_of(serial)

    @property
    def is_busy(self) -> bool:
        """Whether a coupon is being carried."""
        return self._carried is not None

    def start_transfer(self, serial: str, station: Station) -> float:
        """Begin to carry a coupon; returns the time it takes, s."""
        world = self._world
        if self._carried is not None:
            raise RefusedError(
                f"the changer carries coupon {self._carried[0]!r} to the {self._carried[1]}; wait for it"
            )
        if serial not in world.serials:
            raise RefusedError(f"no coupon {serial!r} in the changer; it holds {', '.join(world.serials)}")
        origin = world.station_of(serial)
        occupant = world.coupon_at(station) if station != "rack" else None
        if occupant is not None:
            raise RefusedError(
                f"coupon {serial!r} cannot go to the {station}: coupon {occupant.coupon.serial!r} is there; "
                "take it away first"
            )
        if "furnace" in {origin, station}:
            self._check_furnace()
        duration_s = TRANSFER_S + (DOOR_S if "furnace" in {origin, station} else 0.0)
        self._carried = serial, station
        self._arrival = world.clock.call_later(duration_s, self.finish_transfer)
        return duration_s

    def finish_transfer(self) -> None:
        """Put the coupon down at its target."""
        if self._carried is None:
            return
        if self._arrival is not None:
            self._arrival.cancel()
        (serial, station), self._carried = self._carried, None
        self._world.carry(serial, station)

    def _check_furnace(self) -> None:
        oven, limit_C = self._world.oven, self._world.geometry.unload_C
        oven.advance(self._world.clock.now_s)
        if oven.sensor_C > limit_C + 5.0:
            raise RefusedError(
                f"the furnace is at {oven.sensor_C:.0f} degC, and its door stays shut above {limit_C + 5.0:g} degC; "
                f"cool it to {limit_C:g} degC first"
            )
