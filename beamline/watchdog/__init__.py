"""A small process beside the engine that closes the laser and switches the heater off when the engine no longer beats.

`Watchdog` is the engine's end of it; `beamline.watchdog.process` is the process, started as `python -m beamline.watchdog`. It has
connections of its own to laser and furnace. What it promises and what it does not: docs/explanation/safety.md.
"""

from beamline.watchdog.engine import Watchdog, WatchdogError
from beamline.watchdog.journal import Journal
from beamline.watchdog.words import Trip, WatchdogSettings

__all__ = ["Journal", "Trip", "Watchdog", "WatchdogError", "WatchdogSettings"]
