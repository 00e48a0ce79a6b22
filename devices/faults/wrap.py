"""Puts the wrapper around the drivers of a bench."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

from beamline.faults import FaultSchedule
from devices.protocols import Clock, Drivers

from .driver import FaultyDriver
from .injector import Injector
from .roles import ROLES

__all__ = ["with_faults"]


def with_faults(drivers: Drivers, schedule: FaultSchedule, clock: Clock) -> tuple[Drivers, Injector]:
    """The drivers, of which those that the schedule names fail by it, and what keeps the list of what was injected.

    Args:
        drivers: of a simulated bench; the wrapper never makes a real one safer or less safe, it has no business there.
        schedule: what is to fail, in seconds from now.
        clock: of the bench.

    Raises:
        ValueError: the schedule names a role that the bench has not.
    """
    injector = Injector(schedule, clock)
    named = {entry.role for entry in schedule.entries}
    if missing := sorted(role for role in named if getattr(drivers, role, None) is None):
        raise ValueError(
            f"faults of {', '.join(missing)}: this bench has no such device; take them out of the schedule"
        )
    changes: dict[str, Any] = {
        field.name: FaultyDriver(getattr(drivers, field.name), ROLES[field.name], injector)
        for field in fields(drivers)
        if field.name in named
    }
    return replace(drivers, **changes), injector
