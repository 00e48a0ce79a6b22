"""The table `[bench]` of an instrument file: which driver each role has, and what that driver must know.

A role's table holds one table, named after the driver: `[bench.furnace.eurotherm]`. The keys of that one are the driver's own
settings, and its page explains them (docs/reference/drivers/). No secret stands in the file: none of these drivers has one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field, model_validator

from beamline.problems import InconsistentError, Problem
from beamline.recipe import Frozen, Serial
from devices.drivers.carousel import CarouselSettings
from devices.drivers.counter_files import CounterSettings
from devices.drivers.eurotherm import EurothermSettings
from devices.drivers.light_conversion import LightConversionSettings
from devices.drivers.micromanager import MicroManagerSettings
from devices.drivers.ocean import OceanSettings
from devices.drivers.zaber import ZaberSettings

__all__ = [
    "BenchSettings",
    "CameraTable",
    "ChangerTable",
    "FurnaceTable",
    "LaserTable",
    "LifetimeTable",
    "ManualChangerSettings",
    "OceanAddress",
    "SpectrometerTable",
    "StageTable",
]


class Table(Frozen):
    """A role's table: one driver of those that the role knows."""

    @property
    def driver(self) -> str:
        """The name of the driver that was chosen."""
        return next(name for name in type(self).model_fields if getattr(self, name) is not None)

    @model_validator(mode="after")
    def _is_one(self) -> Table:
        known = tuple(type(self).model_fields)
        given = [name for name in known if getattr(self, name) is not None]
        if len(given) != 1:
            said = " and ".join(given) or "none"
            raise InconsistentError(
                [Problem("bench", f"{said} given for a role; give one driver of: {', '.join(known)}")]
            )
        return self


class LaserTable(Table):
    """`[bench.laser.light_conversion]`."""

    light_conversion: LightConversionSettings | None = None


class StageTable(Table):
    """`[bench.stage.zaber]`."""

    zaber: ZaberSettings | None = None


class FurnaceTable(Table):
    """`[bench.furnace.eurotherm]`."""

    eurotherm: EurothermSettings | None = None


@dataclass(frozen=True)
class OceanAddress(OceanSettings):
    """A spectrometer on USB, or on the network where it has an address.

    Attributes:
        host: its IPv4 address; None: it is on this machine's USB.
        port: of the network.
        model: that is on the network; seabreeze knows Ethernet of these.
        has_lamp: the excitation lamp is at the output of a spectrometer on the network, and switched by it; without, a hand
            switches the lamp.
    """

    host: str | None = None
    port: int = 57357
    model: Literal["HDX", "FX"] = "HDX"
    has_lamp: bool = False

    def __post_init__(self) -> None:
        if self.has_lamp and self.host is None:
            raise ValueError(
                "has_lamp: only a spectrometer on the network switches a lamp; give its host, or take it away"
            )


class SpectrometerTable(Table):
    """`[bench.spectrometer.ocean]`."""

    ocean: OceanAddress | None = None


class LifetimeTable(Table):
    """`[bench.lifetime.files]`."""

    files: CounterSettings | None = None


class CameraTable(Table):
    """`[bench.camera.micromanager]`."""

    micromanager: MicroManagerSettings | None = None


@dataclass(frozen=True)
class ManualChangerSettings:
    """A person carries the coupons.

    Attributes:
        timeout_s: within which a request must be answered.
        expected_s: how long carrying a coupon usually takes.
        at_stage: serial of the coupon that lies on the stage when the session begins; None: none does.
        in_furnace: the same of the furnace.
    """

    timeout_s: float = 900.0
    expected_s: float = 10.0
    at_stage: Serial | None = None
    in_furnace: Serial | None = None


class ChangerTable(Table):
    """`[bench.changer.manual]` or `[bench.changer.carousel]`."""

    manual: ManualChangerSettings | None = None
    carousel: CarouselSettings | None = None


class BenchSettings(Frozen):
    """The table `[bench]`."""

    laser: LaserTable
    stage: StageTable
    furnace: FurnaceTable
    changer: ChangerTable
    spectrometer: SpectrometerTable | None = None
    lifetime: LifetimeTable | None = None
    camera: CameraTable | None = None
    speed: Annotated[
        float,
        Field(gt=0, le=4000, description="how many times faster than real the instruments' time runs; 1 for real ones"),
    ] = 1.0

    @property
    def drivers(self) -> Mapping[str, str]:
        """By role, the name of its driver; "none" for a spectrometer, lifetime counter or camera that is not there."""
        tables: dict[str, Table | None] = {
            "laser": self.laser,
            "stage": self.stage,
            "furnace": self.furnace,
            "changer": self.changer,
            "spectrometer": self.spectrometer,
            "lifetime": self.lifetime,
            "camera": self.camera,
        }
        return {role: "none" if table is None else table.driver for role, table in tables.items()}
