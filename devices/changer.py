"""The coupon changer as a Bluesky device: two places that hold a coupon or none, and a rack for the rest."""

from __future__ import annotations

import uuid
from typing import Any, get_args

from ophyd import Component
from ophyd.status import StatusBase

from .checks import flag
from .errors import CommunicationError, DriftError, StuckError
from .protocols import ChangerDriver, Station
from .role import Role
from .signals import Described

__all__ = ["Changer", "Place"]

STATIONS: tuple[Station, ...] = get_args(Station)
ONE_COUPON: tuple[Station, ...] = ("stage", "furnace")
"""Those that hold one coupon or none."""


def _new_placement() -> str:
    return uuid.uuid4().hex[:12]


class Place(Described):
    """Which coupon is at a station: `bps.mv(changer.at_stage, "A-01")` brings it there, "" takes it back to the rack.

    A coupon is fetched from wherever it is. A station that holds another coupon refuses; nothing makes way for it.
    """

    def __init__(self, *, station: Station, **kwargs: Any) -> None:
        super().__init__(dtype_numpy="<U32", **kwargs)
        self._station: Station = station

    @property
    def source_name(self) -> str:
        """Where the value comes from."""
        return f"driver:{self.parent.name}.{self._station}"

    def get(self, **_: Any) -> str:
        """Serial of the coupon that is here, or ''.

        Raises:
            CommunicationError: two coupons read here, where only one can lie.
        """
        changer: Changer = self.parent
        return changer.coupon_at(self._station)

    @property
    def position(self) -> str:
        """The same as `get()`, under the name that Bluesky's magics look for."""
        return self.get()

    def check_value(self, value: Any) -> None:
        """Raise ValueError for a coupon that the changer does not know."""
        serials = self.parent.serials()
        if value != "" and value not in serials:
            raise ValueError(
                f"{self.name}: no coupon {value!r} in the changer; it holds {', '.join(serials) or 'none'}"
            )

    def set(self, value: Any, **_: Any) -> StatusBase:
        """Bring a coupon here, or take the one that is here back to the rack.

        Raises:
            ValueError: no such coupon.
            RefusedError: another coupon is here, a transfer runs, or the furnace is too hot to open.
            DriftError: a coupon is not where it was put.
        """
        self.check_value(value)
        changer: Changer = self.parent
        changer.check_stands()
        driver: ChangerDriver = changer.driver
        present = self.get()
        what = f"{self.name}: {'bring ' + value if value else 'empty'}"
        if value == present:
            if value:  # from now on it is watched as one that was carried here
                changer.put[value] = self._station
            return changer.begin(what, lambda: True, expected_s=0.0)
        serial = str(value or present)
        station: Station = self._station if value else "rack"
        changer.put.pop(serial, None)
        expected_s = driver.start_transfer(serial, station)

        def is_done() -> bool:
            if flag(self.name, driver.is_busy):
                return False
            if (where := changer.station_of(serial)) != station:
                raise StuckError(f"{what}: coupon {serial!r} is at the {where}, not at the {station}; {changer.advice}")
            changer.put[serial] = station
            changer.begin_placement()
            return True

        return changer.begin(what, is_done, expected_s=expected_s)

    def stop(self, *, success: bool = False) -> None:
        """Stop the whole changer."""
        self.parent.stop(success=success)


class Changer(Role):
    """Carries coupons between the rack, the stage and the furnace.

    Attributes:
        put: where each coupon was put.
        placement: a new word each time that something was carried: what was found about how a coupon lies is for one of them.
    """

    driver: ChangerDriver
    margin_s = 30.0
    advice = "look where the coupons are before anything moves"

    at_stage = Component(
        Place,
        station="stage",
        labels={"coupons"},
        doc="serial of the coupon there, or empty; set to fetch it, or to empty it",
    )
    in_furnace = Component(
        Place,
        station="furnace",
        labels={"coupons"},
        doc="serial of the coupon there, or empty; set to fetch it, or to empty it",
    )

    def __init__(self, *, labels: set[str] | None = None, **kwargs: Any) -> None:
        super().__init__(labels=labels or {"changers"}, **kwargs)
        self.put: dict[str, Station] = {}
        self.placement = _new_placement()

    def begin_placement(self) -> None:
        """What was found about how a coupon lies holds no more."""
        self.placement = _new_placement()

    def serials(self) -> tuple[str, ...]:
        """Every coupon that the driver knows.

        Raises:
            CommunicationError: what it says are no serials.
        """
        serials: Any = self.driver.serials  # what comes over a wire may be anything
        if not isinstance(serials, tuple) or not all(isinstance(s, str) and s.isprintable() for s in serials):
            raise CommunicationError(f"{self.name}: reads {serials!r}, which are no serials of coupons; {self.advice}")
        return serials

    def station_of(self, serial: str) -> Station:
        """Where the driver says that a coupon is.

        Raises:
            CommunicationError: what it says is no station.
        """
        station = self.driver.station_of(serial)
        if station not in STATIONS:
            raise CommunicationError(
                f"{self.name}: coupon {serial!r} reads at {station!r}, which is none of {', '.join(STATIONS)}; {self.advice}"
            )
        return station

    def coupon_at(self, station: Station) -> str:
        """Serial of the one coupon that the driver says is at a station that holds one, or ''.

        Raises:
            CommunicationError: it says so of two coupons: one reading at least is wrong, and which nobody knows.
        """
        here = [serial for serial in self.serials() if self.station_of(serial) == station]
        if len(here) > 1:
            raise CommunicationError(
                f"{self.name}: coupons {', '.join(map(repr, here))} all read at the {station}, which holds one; {self.advice}"
            )
        return here[0] if here else ""

    def check_stands(self) -> None:
        """Check that every coupon is where it was put, and none beside it.

        Raises:
            DriftError: a coupon is not where it was put.
            CommunicationError: two coupons read at a station that holds one.
        """
        for station in ONE_COUPON:
            self.coupon_at(station)
        for serial, station in self.put.items():
            if (where := self.station_of(serial)) != station:
                raise DriftError(
                    f"{self.name}: coupon {serial!r} was put at the {station} and reads at the {where} now; {self.advice}"
                )

    def forget(self) -> None:
        """Coupons may be anywhere."""
        super().forget()
        self.put.clear()

    def _bring_to_rest(self) -> None:
        self.driver.finish_transfer()
