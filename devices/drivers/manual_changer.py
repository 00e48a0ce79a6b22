"""A changer whose hands are an operator's: a `devices.protocols.ChangerDriver` that asks, and waits for a time.

Settings and how a session answers: docs/reference/drivers/changer.md.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from devices.capabilities import Capability
from devices.errors import DeadlineError, RefusedError, StoppedError
from devices.protocols import Clock, FurnaceDriver, ScheduledCall, Station

__all__ = ["ManualChanger", "Request"]

MARGIN_C = 5.0
"""Above `unload_C` by so much the door stays shut."""


@dataclass(frozen=True)
class Request:
    """What the operator is asked to do.

    Attributes:
        number: of the request, counted up: an answer names it, so that a late one is not taken for the next.
        serial: of the coupon.
        origin: where it is.
        station: where it is to go.
        timeout_s: within which to answer.
    """

    number: int
    serial: str
    origin: Station
    station: Station
    timeout_s: float

    def __str__(self) -> str:
        return (
            f"Request {self.number}: carry coupon {self.serial} from the {self.origin} to the {self.station}, then confirm "
            f"(within {self.timeout_s:g} s)"
        )


class ManualChanger:
    """Asks an operator; `confirm` and `decline` answer, from any thread.

    Args:
        stations: where each coupon is now, by serial.
        ask: shows a request, or None when there is none any more; must not block.
        clock: of the time-out.
        timeout_s: within which the operator must answer; give the role `margin_s` to match.
        expected_s: how long it usually takes.
        furnace: whose temperature keeps its door shut; None where a coupon never goes into one.
        unload_C: at which the door may be opened, degC.

    Raises:
        ValueError: two coupons at the stage, or two in the furnace.
    """

    capabilities: frozenset[Capability] = frozenset()

    def __init__(
        self,
        stations: Mapping[str, Station],
        ask: Callable[[Request | None], object],
        clock: Clock,
        *,
        timeout_s: float = 900.0,
        expected_s: float = 10.0,
        furnace: FurnaceDriver | None = None,
        unload_C: float = 60.0,
    ) -> None:
        for station in ("stage", "furnace"):
            there = [serial for serial, where in stations.items() if where == station]
            if len(there) > 1:
                raise ValueError(f"coupons {', '.join(there)} are all at the {station}, which holds one")
        self._stations = dict(stations)
        self._ask = ask
        self._clock = clock
        self._timeout_s = timeout_s
        self._expected_s = expected_s
        self._furnace = furnace
        self._unload_C = unload_C
        self._lock = threading.RLock()
        self._n_requests = 0
        self._request: Request | None = None
        self._timeout: ScheduledCall | None = None
        self._failure: str | None = None
        self._is_late = False

    @property
    def serials(self) -> tuple[str, ...]:
        """Every coupon."""
        return tuple(self._stations)

    def station_of(self, serial: str) -> Station:
        """Where a coupon is; until it is confirmed, where it came from."""
        return self._stations[serial]

    @property
    def request(self) -> Request | None:
        """What the operator is asked now."""
        return self._request

    @property
    def is_busy(self) -> bool:
        """Whether the operator is asked.

        Raises:
            DeadlineError: there was no answer in time; the coupon counts as where it was.
            StoppedError: the operator declined.
        """
        with self._lock:
            if self._failure is not None:
                raise (DeadlineError if self._is_late else StoppedError)(self._failure)
            return self._request is not None

    def start_transfer(self, serial: str, station: Station) -> float:
        """Ask the operator to carry a coupon; returns the expected time, s.

        Raises:
            RefusedError: unknown coupon, occupied station, a request is open, or the furnace is too hot to open.
        """
        with self._lock:
            if self._request is not None:
                raise RefusedError(f"the operator is asked already: {self._request}; wait for the answer")
            if serial not in self._stations:
                raise RefusedError(f"no coupon {serial!r} in the changer; it holds {', '.join(self._stations)}")
            origin = self._stations[serial]
            occupant = next((s for s, where in self._stations.items() if where == station != "rack"), None)
            if occupant is not None:
                raise RefusedError(
                    f"coupon {serial!r} cannot go to the {station}: coupon {occupant!r} is there; take it away first"
                )
            if "furnace" in {origin, station}:
                self._check_furnace()
            self._n_requests += 1
            self._failure = None
            self._request = Request(self._n_requests, serial, origin, station, self._timeout_s)
            number = self._n_requests
            self._timeout = self._clock.call_later(self._timeout_s, lambda: self._late(number))
            self._ask(self._request)
        return self._expected_s

    def finish_transfer(self) -> None:
        """Take the request back: a coupon that nobody confirmed counts as where it was."""
        with self._lock:
            if self._request is not None:
                self._end(None)

    def confirm(self, number: int) -> None:
        """The operator has carried the coupon.

        Args:
            number: of the request.

        Raises:
            RefusedError: that request is not open any more; the operator must look where the coupon is.
        """
        with self._lock:
            request = self._open(number)
            self._stations[request.serial] = request.station
            self._end(None)

    def decline(self, number: int, reason: str) -> None:
        """The operator has not carried the coupon, and will not.

        Args:
            number: of the request.
            reason: in the operator's words.

        Raises:
            RefusedError: that request is not open any more.
        """
        with self._lock:
            request = self._open(number)
            self._is_late = False
            self._end(f"changer: {request}: declined: {reason}; ask again when that is settled")

    def _open(self, number: int) -> Request:
        if self._request is None or self._request.number != number:
            now = str(self._request) if self._request is not None else "none is open"
            raise RefusedError(
                f"changer: request {number} is not open any more ({now}); put the coupon back where it was, or correct the "
                "record of where it is"
            )
        return self._request

    def _late(self, number: int) -> None:
        with self._lock:
            if self._request is not None and self._request.number == number:
                self._is_late = True
                self._end(
                    f"changer: {self._request}: no answer in {self._timeout_s:g} s; look where the coupon is, and ask again "
                    "when somebody is there"
                )

    def _end(self, failure: str | None) -> None:
        if self._timeout is not None:
            self._timeout.cancel()
            self._timeout = None
        self._failure, self._request = failure, None
        self._ask(None)

    def _check_furnace(self) -> None:
        if self._furnace is None:
            raise RefusedError("this changer was given no furnace; a coupon cannot go there")
        temperature_C = self._furnace.temperature_C
        if not self._furnace.is_sensor_ok or temperature_C > self._unload_C + MARGIN_C:
            raise RefusedError(
                f"the furnace is at {temperature_C:.0f} degC, and its door stays shut above {self._unload_C + MARGIN_C:g} "
                f"degC or with a broken sensor; cool it to {self._unload_C:g} degC first"
            )
