"""The coupon changer as a Bluesky device: two places that hold a coupon or none, and a rack for the rest."""

from __future__ import annotations

from typing import Any

from ophyd import Component
from ophyd.status import StatusBase

from .protocols import ChangerDriver, Station
from .role import Role
from .signals import Described

__all__ = ["Changer", "Place"]


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
        """Serial of the coupon that is here, or ''."""
        driver: ChangerDriver = self.parent.driver
        return next((serial for serial in driver.serials if driver.station_of(serial) == self._station), "")

    @property
    def position(self) -> str:
        """The same as `get()`, under the name that Bluesky's magics look for."""
        return self.get()

    def check_value(self, value: Any) -> None:
        """Raise ValueError for a coupon that the changer does not know."""
        serials = self.parent.driver.serials
        if value != "" and value not in serials:
            raise ValueError(
                f"{self.name}: no coupon {value!r} in the changer; it holds {', '.join(serials) or 'none'}"
            )

    def set(self, value: Any, **_: Any) -> StatusBase:
        """Bring a coupon here, or take the one that is here back to the rack.

        Raises:
            ValueError: no such coupon.
            RefusedError: another coupon is here, a transfer runs, or the furnace is too hot to open.
        """
        self.check_value(value)
        changer: Changer = self.parent
        driver: ChangerDriver = changer.driver
        present = self.get()
        what = f"{self.name}: {'bring ' + value if value else 'empty'}"
        if value == present:
            return changer.begin(what, lambda: True, expected_s=0.0)
        expected_s = driver.start_transfer(value, self._station) if value else driver.start_transfer(present, "rack")
        return changer.begin(what, lambda: not driver.is_busy and self.get() == value, expected_s=expected_s)

    def stop(self, *, success: bool = False) -> None:
        """Stop the whole changer."""
        self.parent.stop(success=success)


class Changer(Role):
    """Carries coupons between the rack, the stage and the furnace."""

    driver: ChangerDriver
    margin_s = 30.0

    at_stage = Component(Place, station="stage", labels={"coupons"})
    in_furnace = Component(Place, station="furnace", labels={"coupons"})

    def __init__(self, *, labels: set[str] | None = None, **kwargs: Any) -> None:
        super().__init__(labels=labels or {"changers"}, **kwargs)

    def _bring_to_rest(self) -> None:
        self.driver.finish_transfer()
