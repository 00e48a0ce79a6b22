"""A driver of each role on a wire that can be made to fail: how to command it, to read it, and what it must say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from waiting import until

from devices.drivers.carousel import Carousel, CarouselSettings
from devices.drivers.eurotherm import EurothermFurnace, EurothermSettings
from devices.drivers.light_conversion import LightConversionLaser
from devices.drivers.ocean import OceanSettings, OceanSpectrometer
from devices.drivers.zaber import ZaberSettings, ZaberStage
from devices.twin.wire import WireTwin
from devices.twin.wire.faults import (
    FaultySerialLine,
    FaultyWire,
    acknowledge_modbus,
    acknowledge_obp,
    acknowledge_rest,
    acknowledge_rtu,
    acknowledge_zaber,
    drift_modbus,
    drift_obp,
    drift_rest,
    drift_rtu,
    drift_zaber,
    refuse_modbus,
    refuse_obp,
    refuse_rest,
    refuse_rtu,
    refuse_zaber,
)
from devices.twin.wire.stage import MICROSTEP_um

from .conftest import laser_settings

TIMEOUT_S, STALE_S = 0.3, 1.2
"""What a test has time to wait for."""


@dataclass
class Case:
    """A driver over a faulty wire, with the command that the faults meet.

    Attributes:
        command: with a value.
        named: what an error about it must name: command and value.
        is_write: which requests carry it out.
        read: looks at the driver.
    """

    wire: FaultyWire
    driver: Any
    command: Callable[[], object]
    named: str
    is_write: Callable[[bytes], bool]
    read: Callable[[], object]
    has_happened: Callable[[], bool]
    address: str = ""
    timeout_s: float = TIMEOUT_S

    def look(self) -> object:
        """What a plan does while it waits."""
        return self.read()

    def command_and_look(self) -> None:
        """What a plan does: the failure comes from the one or the other."""
        self.command()
        until(lambda: self.look() is None, 5.0)


def laser_case(twin: WireTwin) -> Case:
    face = twin.laser_face
    wire = FaultyWire(
        twin.laser.port,
        twin.shared,
        refuse=refuse_rest,
        restart=face.restart,
        acknowledge=acknowledge_rest,
        drift=drift_rest,
    )
    driver = LightConversionLaser(laser_settings(wire.port, poll_s=0.02, timeout_s=TIMEOUT_S, stale_s=STALE_S))
    return Case(
        wire,
        driver,
        lambda: driver.start_pulse_energy(150.0),
        "pulse energy 150 uJ",
        lambda request: b"TargetAttenuatorPercentage" in request,
        lambda: driver.is_busy,
        lambda: driver.pulse_energy_uJ == 150.0,
    )


def furnace_case(twin: WireTwin) -> Case:
    wire = FaultyWire(
        twin.furnace.port,
        twin.shared,
        refuse=refuse_modbus,
        restart=twin.furnace_face.restart,
        acknowledge=acknowledge_modbus,
        drift=drift_modbus,
    )
    settings = EurothermSettings(
        "EPC3000", host="127.0.0.1", port=wire.port, poll_s=0.02, timeout_s=TIMEOUT_S, stale_s=STALE_S
    )
    driver = EurothermFurnace(settings)
    return Case(
        wire,
        driver,
        lambda: driver.start_ramp(300.0, 10.0),
        "ramp to 300 degC at 10 degC/min",
        lambda request: request[7:8] == b"\x06",
        lambda: driver.is_busy,
        lambda: driver.is_on and driver.target_C == 300.0,
    )


def furnace_rtu_case(twin: WireTwin) -> Case:
    assert twin.furnace_rtu.serial_port is not None
    wire = FaultySerialLine(
        twin.furnace_rtu.serial_port,
        twin.shared,
        refuse=refuse_rtu,
        restart=twin.furnace_rtu_face.restart,
        acknowledge=acknowledge_rtu,
        drift=drift_rtu,
    )
    settings = EurothermSettings(
        "3200", serial_port=wire.serial_port, baud_rate=115200, poll_s=0.02, timeout_s=TIMEOUT_S, stale_s=STALE_S
    )
    driver = EurothermFurnace(settings)
    return Case(
        wire,
        driver,
        lambda: driver.start_ramp(300.0, 10.0),
        "ramp to 300 degC at 10 degC/min",
        lambda request: request[1:2] == b"\x06",
        lambda: driver.is_busy,
        lambda: driver.is_on and driver.target_C == 300.0,
        address=f"furnace at {wire.serial_port}",
    )


def spectrometer_case(twin: WireTwin) -> Case:
    wire = FaultyWire(
        twin.spectrometer.port,
        twin.shared,
        refuse=refuse_obp,
        restart=twin.spectrometer_face.restart,
        acknowledge=acknowledge_obp,
        drift=drift_obp,
    )
    settings = OceanSettings(read_noise_counts=10.0, gain_counts_per_electron=0.3, warm_up_s=0.0)
    driver = OceanSpectrometer.at_address("127.0.0.1", settings, port=wire.port, has_lamp=True, timeout_s=0.5)

    def wait() -> None:
        until(lambda: not driver.is_busy)

    return Case(
        wire,
        driver,
        lambda: driver.start_acquisition(0.02, 2),
        "2 exposures of 0.02 s",
        lambda request: int.from_bytes(request[8:12], "little") in {0x101000, 0x101100},
        wait,
        lambda: not driver.is_busy and driver.counts.mean() == pytest.approx(981.0, abs=5.0),
        address="spectrometer TWIN00001",
        timeout_s=0.5,
    )


def stage_case(twin: WireTwin) -> Case:
    wire = FaultyWire(
        twin.stage.port,
        twin.shared,
        refuse=refuse_zaber,
        restart=twin.stage_face.restart,
        acknowledge=acknowledge_zaber,
        drift=drift_zaber,
    )
    steps = (MICROSTEP_um,) * 3
    settings = ZaberSettings(steps, host="127.0.0.1", port=wire.port, poll_s=0.02, timeout_s=TIMEOUT_S, stale_s=STALE_S)
    driver = ZaberStage(settings)
    return Case(
        wire,
        driver,
        lambda: driver.start_move("x", 11.0),
        "move x to 11 mm",
        lambda request: b"move abs" in request,
        lambda: driver.is_moving("x"),
        lambda: driver.position_mm("x") == pytest.approx(11.0),
    )


def carousel_case(twin: WireTwin) -> Case:
    wire = FaultyWire(twin.carousel.port, twin.shared, refuse=refuse_modbus, restart=twin.carousel_face.restart)
    settings = CarouselSettings(
        {"A": 1}, host="127.0.0.1", port=wire.port, poll_s=0.02, timeout_s=TIMEOUT_S, stale_s=STALE_S
    )
    driver = Carousel(settings)

    def again() -> float:
        twin.carousel_face.home()  # at its panel, after a restart
        driver.finish_transfer()  # as the device does when a transfer has failed
        with twin.shared.lock:  # what was carried out all the same is over, and taken back by hand
            twin.drivers.changer.finish_transfer()
            if twin.drivers.changer.station_of("A") == "stage":
                twin.drivers.changer.start_transfer("A", "rack")
                twin.drivers.changer.finish_transfer()
        return driver.start_transfer("A", "stage")

    return Case(
        wire,
        driver,
        again,
        "carry coupon 'A' to the stage",
        lambda request: request[7:8] == b"\x10",
        lambda: driver.is_busy,
        lambda: driver.is_busy,  # for 40 s
    )


CASES = {
    "laser": laser_case,
    "furnace": furnace_case,
    "furnace RTU": furnace_rtu_case,
    "stage": stage_case,
    "carousel": carousel_case,
    "spectrometer": spectrometer_case,
}
