"""Faults on purpose: a wrapper over the drivers of a simulated bench that fails by a schedule, the same with each seed."""

from __future__ import annotations

from .driver import FaultyDriver
from .injector import InjectedFault, Injector
from .roles import ROLES, Command, Reading, RoleFaults
from .wrap import with_faults

__all__ = ["ROLES", "Command", "FaultyDriver", "InjectedFault", "Injector", "Reading", "RoleFaults", "with_faults"]
