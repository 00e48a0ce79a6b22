"""Connects the drivers of a bench, and lets go of them again: what `[bench]` says becomes a driver for each role.

All roles are tried before anything is said, so that one look at the error tells everything that is switched off.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

from beamline.bench_file import BenchSettings, OceanAddress
from beamline.recipe import Coupon
from devices import Clock, DeviceError, Drivers, Geometry, Station
from devices.drivers.carousel import CarouselSettings
from devices.drivers.manual_changer import ManualChanger, Request

__all__ = ["Ask", "InstrumentConnectError", "connect", "open_role"]

EXTRA = {"spectrometer": "spectrometer", "lifetime": "lifetime", "camera": "camera"}
"""By role, the extra that brings what its driver needs, where that is not `hardware`."""

Ask = Callable[[ManualChanger, Request | None], object]
"""Shows an operator what a manual changer wants, or None when it wants nothing any more; must not block."""


class InstrumentConnectError(RuntimeError):
    """Something of the bench does not answer; `failures` has a sentence for each role that does not, by its name.

    To do: switch on or connect what each sentence names, then `vitrail bench smoke`.
    """

    def __init__(self, failures: dict[str, str]) -> None:
        lines = [f"{role}: {text}" for role, text in failures.items()]
        super().__init__("the bench is not complete, and nothing was moved\n  " + "\n  ".join(lines))
        self.failures = failures


def open_role(settings: BenchSettings, role: str, *, furnace: Any = None) -> Any:
    """The driver of one role, connected; the caller closes it.

    Args:
        settings: of the bench.
        role: "laser", "stage", "furnace", "spectrometer", "changer", "lifetime" or "camera".
        furnace: whose temperature keeps a carousel's door shut, besides the carousel's own lock.

    Raises:
        DeviceError: it does not answer, or is not what the settings say.
        ModuleNotFoundError: a package that the driver needs is not installed.
        ValueError: there is nothing to connect to in this role.
    """
    driver: Any
    if role == "laser" and settings.laser.light_conversion is not None:
        from devices.drivers.light_conversion import LightConversionLaser  # noqa: PLC0415  # each loads its protocol

        driver = LightConversionLaser(settings.laser.light_conversion, speed=settings.speed)
    elif role == "stage" and settings.stage.zaber is not None:
        from devices.drivers.zaber import ZaberStage  # noqa: PLC0415  # as above

        driver = ZaberStage(settings.stage.zaber)
    elif role == "furnace" and settings.furnace.eurotherm is not None:
        from devices.drivers.eurotherm import EurothermFurnace  # noqa: PLC0415  # as above

        driver = EurothermFurnace(settings.furnace.eurotherm)
    elif role == "spectrometer" and settings.spectrometer is not None and settings.spectrometer.ocean is not None:
        return _spectrometer(settings.spectrometer.ocean)
    elif role == "changer" and settings.changer.carousel is not None:
        from devices.drivers.carousel import Carousel  # noqa: PLC0415  # as above

        driver = Carousel(settings.changer.carousel, furnace)
    elif role == "lifetime" and settings.lifetime is not None and settings.lifetime.files is not None:
        from devices.drivers.counter_files import CounterFiles  # noqa: PLC0415  # as above

        driver = CounterFiles(settings.lifetime.files)
    elif role == "camera" and settings.camera is not None and settings.camera.micromanager is not None:
        from devices.drivers.micromanager import MicroManagerCamera  # noqa: PLC0415  # as above

        driver = MicroManagerCamera(settings.camera.micromanager)
    else:
        raise ValueError(f"{role}: the instrument file names nothing to connect to")
    try:
        driver.connect()
    except BaseException:
        driver.release()
        raise
    return driver


def connect(
    settings: BenchSettings, coupons: Sequence[Coupon], clock: Clock, geometry: Geometry, ask: Ask
) -> tuple[Drivers, ExitStack]:
    """The drivers of a bench, connected, and what closes them.

    Args:
        settings: of the bench.
        coupons: in the rack, but for those that the settings put elsewhere.
        clock: of the time-outs of requests to the operator.
        geometry: says at which temperature the furnace may be opened.
        ask: see `Ask`.

    Raises:
        InstrumentConnectError: a role does not answer; those that did are let go of.
    """
    opened: dict[str, Any] = {}
    failures: dict[str, str] = {}
    roles = [role for role, driver in settings.drivers.items() if role != "changer" and driver != "none"]
    carousel = settings.changer.carousel
    with ExitStack() as connections:
        with ThreadPoolExecutor(len(roles)) as pool:  # each may wait some seconds for what is switched off
            attempts = {role: pool.submit(open_role, settings, role) for role in roles}
        for role, attempt in attempts.items():
            try:
                opened[role] = attempt.result()
            except (DeviceError, OSError) as error:
                failures[role] = str(error)
            except ModuleNotFoundError as error:
                failures[role] = f"{error}; install it: pip install 'vitrail[{EXTRA.get(role, 'hardware')}]'"
            else:
                connections.callback(opened[role].close)
        changer: Any = None
        try:
            if carousel is not None:
                _check_slots(carousel, coupons)
                changer = open_role(settings, "changer", furnace=opened.get("furnace"))
                connections.callback(changer.close)
            else:
                changer = _manual(settings, coupons, clock, geometry, ask=ask, furnace=opened.get("furnace"))
        except (DeviceError, OSError, ValueError) as error:
            failures["changer"] = str(error)
        if failures:
            raise InstrumentConnectError(failures)
        if "spectrometer" not in opened:
            from devices.drivers.absent import AbsentSpectrometer  # noqa: PLC0415  # seldom

            opened["spectrometer"] = AbsentSpectrometer()
        return Drivers(changer=changer, **opened), connections.pop_all()


def _manual(
    settings: BenchSettings, coupons: Sequence[Coupon], clock: Clock, geometry: Geometry, *, ask: Ask, furnace: Any
) -> ManualChanger:
    manual = settings.changer.manual
    assert manual is not None  # the one driver of its table
    stations: dict[str, Station] = {coupon.serial: "rack" for coupon in coupons}
    places: tuple[tuple[str | None, Station], ...] = ((manual.at_stage, "stage"), (manual.in_furnace, "furnace"))
    for serial, station in places:
        if serial is not None:
            if stations.get(serial) != "rack":
                raise ValueError(
                    f"coupon {serial} is to be at the {station}, and is not in the rack: at hand are {', '.join(stations)}; "
                    "correct [bench.changer.manual]"
                )
            stations[serial] = station
    changer = ManualChanger(
        stations,
        lambda request: ask(changer, request),
        clock,
        timeout_s=manual.timeout_s,
        expected_s=manual.expected_s,
        furnace=furnace,
        unload_C=geometry.unload_C,
    )
    return changer


def _check_slots(carousel: CarouselSettings, coupons: Sequence[Coupon]) -> None:
    """Raise ValueError for coupons that no slot is said to hold."""
    missing = [coupon.serial for coupon in coupons if coupon.serial not in carousel.slots]
    if missing:
        raise ValueError(
            f"coupons {', '.join(missing)} are in no slot; [bench.changer.carousel] names slots of "
            f"{', '.join(carousel.slots) or 'none'}: put them in, and add them to slots"
        )


def _spectrometer(settings: OceanAddress) -> Any:
    from devices.drivers.ocean import OceanSpectrometer  # noqa: PLC0415  # loads seabreeze

    if settings.host is None:
        return OceanSpectrometer.find(settings, None)  # its lamp is switched by hand
    return OceanSpectrometer.at_address(
        settings.host, settings, port=settings.port, model=settings.model, has_lamp=settings.has_lamp
    )
