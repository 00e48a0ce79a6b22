"""A twin's changer behind the registers of a carousel's PLC."""

from __future__ import annotations

from collections.abc import Callable

from devices.drivers.carousel_registers import COMMAND, MAP_VERSION, N_STATE, STATE, STATIONS, Result, result_of
from devices.errors import DeviceError
from devices.protocols import ChangerDriver

from .shared import Shared

__all__ = ["CarouselFace"]

IDLE, MOVING, NOT_HOMED = 0, 1, 3


class CarouselFace:
    """What each register holds, and what writing it does; slot n is the twin's n-th coupon.

    Args:
        driver: of the twin.
        shared: its lock.
        is_door_free: whether the furnace may be opened.
    """

    def __init__(self, driver: ChangerDriver, shared: Shared, is_door_free: Callable[[], bool]) -> None:
        self._driver = driver
        self._shared = shared
        self._is_door_free = is_door_free
        self._is_homed = True
        self._slot = self._station = self._number = 0
        self._result: Result = "done"

    @property
    def addresses(self) -> tuple[int, ...]:
        """Every register's, rising."""
        return (*range(STATE, STATE + N_STATE), *range(COMMAND, COMMAND + 3))

    def read(self) -> dict[int, int]:
        """Every register by its address."""
        driver = self._driver
        with self._shared.lock:
            is_moving = driver.is_busy
            if not is_moving and self._result == "accepted":
                self._result = "done"
            places = {driver.station_of(serial): i + 1 for i, serial in enumerate(driver.serials)}
            phase = MOVING if is_moving else IDLE if self._is_homed else NOT_HOMED
            state = (
                MAP_VERSION,
                phase,
                0,
                places.get("stage", 0),
                places.get("furnace", 0),
                len(driver.serials),
                self._number,
                result_of(self._result),
            )
            command = (self._slot, self._station, self._number)
        return dict(enumerate(state, STATE)) | dict(enumerate(command, COMMAND))

    def write(self, address: int, word: int) -> bool:
        """Write a register of a command; its number begins it. False for the others."""
        with self._shared.lock:
            if address == COMMAND:
                self._slot = word
            elif address == COMMAND + 1:
                self._station = word
            elif address == COMMAND + 2:
                if word != self._number:  # the same number again is the same command
                    self._number = word
                    self._result = self._begin()
            else:
                return False
        return True

    def restart(self) -> None:
        """As after a failure of the mains: a coupon on its way was put down, the arm has lost its reference."""
        with self._shared.lock:
            self._driver.finish_transfer()
            self._is_homed, self._number, self._result = False, 0, "failed"

    def home(self) -> None:
        """What is done at the panel after a restart."""
        with self._shared.lock:
            self._is_homed = True

    def _begin(self) -> Result:
        driver = self._driver
        is_known = 1 <= self._slot <= len(driver.serials) and 1 <= self._station <= len(STATIONS)
        if not self._is_homed or driver.is_busy or not is_known:
            return "not homed" if not self._is_homed else "busy" if driver.is_busy else "no such slot"
        serial, station = driver.serials[self._slot - 1], STATIONS[self._station - 1]
        if "furnace" in {station, driver.station_of(serial)} and not self._is_door_free():
            return "door locked"
        if station != "rack" and any(driver.station_of(other) == station for other in driver.serials):
            return "occupied"
        try:
            driver.start_transfer(serial, station)
        except DeviceError:
            return "failed"
        return "accepted"
