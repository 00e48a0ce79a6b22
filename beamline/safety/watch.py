"""A session's watchdog: when it has acted, what the engine still does is ended, unless nothing could have been spoilt."""

from __future__ import annotations

import asyncio
import logging
import math
from pathlib import Path

from beamline.safety.aborting import EngineAbort
from beamline.watchdog import Journal, Trip, Watchdog, WatchdogSettings
from devices import Bench
from devices.drivers.eurotherm import EurothermSettings
from devices.drivers.light_conversion import LightConversionSettings

__all__ = ["JOURNAL", "Watch", "watchdog_journal"]

JOURNAL = "watchdog.jsonl"
"""In the folder of the records."""

_logger = logging.getLogger(__name__)


def watchdog_journal(data: Path) -> Journal:
    """What the watchdogs of the sessions on these records did."""
    return Journal(data / JOURNAL)


class Watch:
    """A watchdog over a bench.

    Args:
        bench: what is fired and heated with.
        abort: ends what the engine runs.
        data: folder of the records.
        laser: how the watchdog reaches the laser; None: it need not.
        furnace: the same of the furnace.

    Attributes:
        trips: what it did in this session.
    """

    def __init__(
        self,
        bench: Bench,
        abort: EngineAbort,
        data: Path,
        *,
        laser: LightConversionSettings | None,
        furnace: EurothermSettings | None,
    ) -> None:
        self._bench = bench
        self._abort = abort
        self._pulses_at_rest = math.nan  # of the last beat; not a number where light may have left the laser then
        self.trips: list[Trip] = []
        settings = WatchdogSettings(laser, furnace, data / JOURNAL, engine_pid=0)
        self._watchdog = Watchdog(settings, self._on_trip, self._on_beat)

    @property
    def pid(self) -> int | None:
        """Of the watchdog's process."""
        return self._watchdog.pid

    @property
    def is_alive(self) -> bool:
        """Whether the bench is watched."""
        return self._watchdog.is_alive

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin to watch the engine's loop.

        Raises:
            WatchdogError: there is none, or it cannot reach laser or furnace.
        """
        self._watchdog.start(loop)

    def end(self, *, is_safe: bool) -> None:
        """End it quietly where the bench is safe; else leave the bench to it: it tries on until it is."""
        if is_safe:
            self._watchdog.end()
        else:
            self._watchdog.leave()

    # --------------------------------------------------------------------------------------------- on the engine's loop
    def _on_beat(self) -> None:
        self._pulses_at_rest = math.nan if self._is_firing() else self._pulses_delivered()

    def _is_firing(self) -> bool:
        laser, stage = self._bench.laser, self._bench.stage
        if laser.is_in_flight or stage.is_in_flight or getattr(laser.driver, "is_wanted_open", False):
            return True
        try:
            return laser.driver.is_output_open is not False
        except Exception:  # noqa: BLE001  # what is not known may be open
            return True

    def _pulses_delivered(self) -> float:
        try:
            return float(self._bench.laser.driver.pulses_delivered)
        except Exception:  # noqa: BLE001  # the same
            return math.nan

    def _on_trip(self, trip: Trip) -> None:
        self.trips.append(trip)
        # An exposure may have begun after the last beat, or have ended before this one.
        has_fired = self._is_firing() or self._pulses_at_rest != self._pulses_delivered()
        has_spoilt = trip.cause != "hang" or "furnace" in trip.what or has_fired
        if not has_spoilt:
            _logger.warning("%s; nothing was being written, the plan goes on", trip)
        elif self._abort(str(trip)):
            _logger.error("%s; the plan is ended", trip)
        else:
            _logger.error("%s", trip)
