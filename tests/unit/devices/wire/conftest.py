"""A twin on the wire in real time, and drivers of the instruments that talk to it over real sockets."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

import pytest
from hypothesis import settings
from wire_bench import served_twin

from beamline.recipe import Coupon, Glass
from devices import RealClock
from devices.drivers.light_conversion import LightConversionLaser, LightConversionSettings
from devices.twin.wire import WireTwin
from devices.twin.wire.laser import FULL_ENERGY_uJ

COUPONS = (Coupon(serial="A", glass=Glass(name="BrI", bromide=1.5, iodide=1.5)),)

FUZZ = settings(max_examples=10_000 if os.environ.get("HYPOTHESIS_PROFILE") == "nightly" else 500)
"""How far parsers of what comes over a wire are searched."""


def laser_settings(port: int, **changes: object) -> LightConversionSettings:
    values = {
        "host": "127.0.0.1",
        "port": port,
        "calibration": ((0.0, 0.0), (100.0, FULL_ENERGY_uJ)),
        "transmission": 0.6,
        "numerical_aperture": 0.4,
    }
    return LightConversionSettings(**(values | changes))


@pytest.fixture
def wire() -> Iterator[WireTwin]:
    with served_twin(1, COUPONS, RealClock()) as twin:
        yield twin


@pytest.fixture
def laser(wire: WireTwin) -> Iterator[LightConversionLaser]:
    driver = LightConversionLaser(laser_settings(wire.laser.port, poll_s=0.05))
    driver.connect()
    yield driver
    driver.close()


@pytest.fixture(scope="module")
def matrix() -> Iterator[dict[tuple[str, str], str]]:
    """What came of which fault; `pytest -s` prints it."""
    seen: dict[tuple[str, str], str] = {}
    yield seen
    sys.stdout.write("\n| role | fault | outcome |\n|---|---|---|\n")
    for (role, kind), outcome in seen.items():
        sys.stdout.write(f"| {role} | {kind} | {outcome} |\n")
