"""The words between an engine and its watchdog: settings, beats, and what the watchdog says."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from devices.drivers.eurotherm import EurothermSettings
from devices.drivers.light_conversion import LightConversionSettings

__all__ = ["BEAT", "END", "MOST_BYTES", "SAFE", "Cause", "Trip", "WatchdogSettings", "read_settings", "write_settings"]

BEAT, END, SAFE = b"beat", b"end", b"safe"
"""From the engine: its loop turns; the session ends and the bench is safe; make it safe now."""

MOST_BYTES = 65536
"""Longest message of the two."""

Cause = Literal["hang", "engine gone", "request", "signal", "watchdog gone"]


@dataclass(frozen=True)
class WatchdogSettings:
    """What a watchdog watches, and how long it waits.

    Attributes:
        laser: how to reach it; None where the bench has none.
        furnace: the same.
        journal: file to which it appends what it did.
        engine_pid: of the process that beats.
        beat_s: time between two beats.
        laser_after_s: without a beat for so long the output is closed. An engine's loop is never blocked for more than
            0.05 s by what belongs to it; sixteen times that is no hiccup.
        furnace_after_s: without a beat for so long the furnace goes to standby, too: later, because a standby that was not
            needed costs a heat treatment, and an oven that goes on for some seconds costs nothing.
        look_every_s: how often it tries whether laser and furnace answer it.
        reach_within_s: for so long it tries to reach both before it says, at its start, that it cannot. One look is given
            half a second, as every one is later; a computer that is busy starting a session may need more than one.
    """

    laser: LightConversionSettings | None
    furnace: EurothermSettings | None
    journal: Path
    engine_pid: int
    beat_s: float = 0.1
    laser_after_s: float = 0.8
    furnace_after_s: float = 5.0
    look_every_s: float = 5.0
    reach_within_s: float = 10.0

    def __post_init__(self) -> None:
        if not 0 < 3 * self.beat_s < self.laser_after_s <= self.furnace_after_s:
            raise ValueError(
                f"beat_s={self.beat_s}, laser_after_s={self.laser_after_s}, furnace_after_s={self.furnace_after_s}: three "
                "beats must fit into the first wait, and the furnace comes with the laser or later"
            )


@dataclass(frozen=True)
class Trip:
    """The watchdog acted, or is no longer there to act.

    Attributes:
        cause: why.
        what: it did, in words.
        silent_s: how long the engine had not beaten.
    """

    cause: Cause
    what: str
    silent_s: float = 0.0

    def __str__(self) -> str:
        why = {
            "hang": f"the engine's loop did not turn for {self.silent_s:.2f} s",
            "engine gone": "the engine's process was gone",
            "request": "it was asked to",
            "signal": "it was ended by a signal",
            "watchdog gone": "its process is gone",
        }[self.cause]
        return f"watchdog: {self.what}, because {why}"


def write_settings(settings: WatchdogSettings) -> bytes:
    """Settings as they go to the process."""
    return json.dumps(asdict(settings) | {"journal": str(settings.journal)}).encode()


def read_settings(message: bytes) -> WatchdogSettings:
    """The inverse.

    Raises:
        ValueError: they are not of this version.
        TypeError: the same.
    """
    said: dict[str, Any] = json.loads(message)
    laser: Mapping[str, Any] | None = said.pop("laser")
    furnace: Mapping[str, Any] | None = said.pop("furnace")
    journal = Path(said.pop("journal"))
    if laser is not None:
        laser = {**laser, "calibration": tuple((percent, uJ) for percent, uJ in laser["calibration"])}
    return WatchdogSettings(
        laser=None if laser is None else LightConversionSettings(**laser),
        furnace=None if furnace is None else EurothermSettings(**furnace),
        journal=journal,
        **said,
    )
