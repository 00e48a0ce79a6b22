"""The instrument: one ophyd class per role over a driver, the clock that they live by, and the simulated instrument.

The names below are loaded at first use, so that a driver, a protocol or the twin is imported without ophyd.
"""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING, Any

# Without it ophyd looks for an EPICS library first; its dummy layer starts no threads. Read when ophyd is imported.
os.environ.setdefault("OPHYD_CONTROL_LAYER", "dummy")

if TYPE_CHECKING:
    from .bench import Bench, Registration, make_bench
    from .camera import Camera
    from .capabilities import CAPABILITIES, Capability
    from .changer import Changer
    from .clock import DiscreteEventClock, RealClock, ScaledClock
    from .errors import (
        ClockStalledError,
        CommunicationError,
        DeadlineError,
        DeviceError,
        DriftError,
        RefusedError,
        SensorError,
        StoppedError,
        StuckError,
    )
    from .furnace import Furnace
    from .geometry import Geometry, Limits
    from .histogram import Histogram
    from .laser import Laser
    from .lifetime import Lifetime
    from .positions import CouponAxis, Fluence
    from .protocols import (
        CameraDriver,
        ChangerDriver,
        Clock,
        Drivers,
        FurnaceDriver,
        HomingDriver,
        LaserDriver,
        LifetimeDriver,
        LineLampDriver,
        SpectrometerDriver,
        StageDriver,
        Station,
    )
    from .soft_signals import ClockSignal, SiteName
    from .spectrometer import Spectrometer
    from .stage import LineMove, Stage

_HOME = {
    "CAPABILITIES": "capabilities",
    "Bench": "bench",
    "Camera": "camera",
    "CameraDriver": "protocols",
    "Capability": "capabilities",
    "Changer": "changer",
    "ChangerDriver": "protocols",
    "Clock": "protocols",
    "ClockSignal": "soft_signals",
    "ClockStalledError": "errors",
    "CommunicationError": "errors",
    "CouponAxis": "positions",
    "DeadlineError": "errors",
    "DeviceError": "errors",
    "DiscreteEventClock": "clock",
    "DriftError": "errors",
    "Drivers": "protocols",
    "Fluence": "positions",
    "Furnace": "furnace",
    "FurnaceDriver": "protocols",
    "Geometry": "geometry",
    "Histogram": "histogram",
    "HomingDriver": "protocols",
    "Laser": "laser",
    "LaserDriver": "protocols",
    "Lifetime": "lifetime",
    "LifetimeDriver": "protocols",
    "Limits": "geometry",
    "LineLampDriver": "protocols",
    "LineMove": "stage",
    "RealClock": "clock",
    "RefusedError": "errors",
    "Registration": "bench",
    "ScaledClock": "clock",
    "SensorError": "errors",
    "SiteName": "soft_signals",
    "Spectrometer": "spectrometer",
    "SpectrometerDriver": "protocols",
    "Stage": "stage",
    "StageDriver": "protocols",
    "Station": "protocols",
    "StoppedError": "errors",
    "StuckError": "errors",
    "make_bench": "bench",
}

__all__ = [
    "CAPABILITIES",
    "Bench",
    "Camera",
    "CameraDriver",
    "Capability",
    "Changer",
    "ChangerDriver",
    "Clock",
    "ClockSignal",
    "ClockStalledError",
    "CommunicationError",
    "CouponAxis",
    "DeadlineError",
    "DeviceError",
    "DiscreteEventClock",
    "DriftError",
    "Drivers",
    "Fluence",
    "Furnace",
    "FurnaceDriver",
    "Geometry",
    "Histogram",
    "HomingDriver",
    "Laser",
    "LaserDriver",
    "Lifetime",
    "LifetimeDriver",
    "Limits",
    "LineLampDriver",
    "LineMove",
    "RealClock",
    "RefusedError",
    "Registration",
    "ScaledClock",
    "SensorError",
    "SiteName",
    "Spectrometer",
    "SpectrometerDriver",
    "Stage",
    "StageDriver",
    "Station",
    "StoppedError",
    "StuckError",
    "make_bench",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".{_HOME[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
