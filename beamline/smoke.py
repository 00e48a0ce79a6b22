"""A look at each instrument of a bench that reads and writes nothing: identity, state, values, and what is not as it should be.

For the first time at an instrument, with somebody beside it: a driver that reads wrongly must not be let write.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from beamline.bench_file import BenchSettings
from beamline.hardware import open_role
from devices import DeviceError

__all__ = ["ROLES", "Finding", "look"]

ROLES = ("laser", "stage", "furnace", "spectrometer", "lifetime", "camera", "changer")
"""In the order in which they are looked at. A manual changer is a person, who is not looked at."""

Facts = list[tuple[str, str, str]]


@dataclass(frozen=True)
class Finding:
    """One thing that was read, or why it could not be.

    Attributes:
        role: whose.
        what: that was read.
        value: with its unit.
        warning: what is not as it should be, and what to do; empty where all is well.
    """

    role: str
    what: str
    value: str
    warning: str = ""


def look(settings: BenchSettings, roles: Sequence[str] = ROLES) -> tuple[Finding, ...]:
    """Connect to each role, read, and let go again; nothing is written, and no role keeps another from being looked at."""
    findings: list[Finding] = []
    for role in roles:
        findings.append(Finding(role, "driver", settings.drivers[role]))
        if settings.drivers[role] in {"none", "manual"}:
            continue
        try:
            driver = open_role(settings, role)
        except (DeviceError, OSError, ModuleNotFoundError) as error:
            findings.append(Finding(role, "connection", "no", str(error)))
            continue
        try:
            findings += [Finding(role, *fact) for fact in FACTS[role](driver)]
        except DeviceError as error:
            findings.append(Finding(role, "reading", "failed", str(error)))
        finally:
            driver.release()
    return tuple(findings)


def _laser(driver: Any) -> Facts:
    is_open, is_interlocked = driver.is_output_open, driver.is_interlocked
    return [
        ("state", driver.state_name, ""),
        ("output", "open" if is_open else "closed", "light may leave the laser: close it" if is_open else ""),
        (
            "remote interlock",
            "active" if is_interlocked else "clear",
            "find out why, and reset it by hand at the laser" if is_interlocked else "",
        ),
        ("pulse energy, by calibration", f"{driver.pulse_energy_uJ:g} uJ", ""),
        ("repetition rate", f"{driver.repetition_rate_kHz:g} kHz", ""),
        ("pulse duration", f"{driver.pulse_duration_fs:g} fs", ""),
    ]


def _stage(driver: Any) -> Facts:
    axes = ("x", "y", "z")
    facts = [
        (
            axis,
            f"{driver.position_mm(axis):g} mm, {'moves' if driver.is_moving(axis) else 'at rest'}, {low:g} to {high:g} mm",
            "",
        )
        for axis, (low, high) in zip(axes, driver.limits_mm, strict=True)
    ]
    is_homed = driver.is_homed
    lost = "" if is_homed else "it has no reference: see that the way is free, then start_home()"
    return [*facts, ("homed", "yes" if is_homed else "no", lost)]


def _furnace(driver: Any) -> Facts:
    alarms = driver.alarms
    low_C, high_C = driver.limits_C
    least, most = driver.output_limits_percent
    broken = "look at the thermocouple" if not driver.is_sensor_ok else ""
    return [
        ("temperature", f"{driver.temperature_C:g} degC", broken),
        ("working setpoint, target", f"{driver.setpoint_C:g} degC, {driver.target_C:g} degC", ""),
        ("heater", f"{'on' if driver.is_on else 'standby'}, {driver.output_percent:g} %", ""),
        ("sensor", "good" if driver.is_sensor_ok else "broken", broken),
        (
            "alarms",
            ", ".join(map(str, alarms)) or "none",
            "find out why, and clear it at the controller" if alarms else "",
        ),
        ("limits of the setpoint", f"{low_C:g} to {high_C:g} degC", ""),
        ("limits of the output", f"{least:g} to {most:g} %", ""),
    ]


def _spectrometer(driver: Any) -> Facts:
    axis_nm, (low_s, high_s) = driver.wavelength_nm, driver.limits_s
    return [
        ("pixels", str(axis_nm.size), ""),
        ("wavelength", f"{axis_nm[0]:.1f} to {axis_nm[-1]:.1f} nm", ""),
        ("full at", f"{driver.saturation_counts:g} counts", ""),
        ("integration time", f"{low_s:g} to {high_s:g} s", ""),
    ]


def _lifetime(driver: Any) -> Facts:
    has_response = "instrument response" in driver.capabilities
    return [
        ("bins", f"{driver.histogram.counts.size} of {driver.bin_width_ns:g} ns", ""),
        ("pulses", f"{driver.excitation_rate_kHz:g} kHz, {driver.excitation_nm:g} nm", ""),
        ("filters", ", ".join(driver.filters), ""),
        ("instrument response", "measured" if has_response else "none", ""),
    ]


def _camera(driver: Any) -> Facts:
    rows, columns, _ = driver.image.shape
    light = driver.illumination
    return [
        (
            "picture",
            f"{columns} x {rows} pixels of {driver.pixel_size_um:g} um, full at {driver.saturation_counts:g} counts",
            "",
        ),
        ("lights", ", ".join(driver.illuminations), ""),
        ("light", light or "none of them", "" if light == "off" else "switch it off"),
        ("filters", ", ".join(driver.filters), ""),
        ("filter", driver.filter or "none of them", "" if driver.filter else "put one in"),
    ]


def _changer(driver: Any) -> Facts:
    places = ", ".join(f"{serial}: {driver.station_of(serial)}" for serial in driver.serials) or "none"
    moves = driver.is_busy
    return [("coupons", places, ""), ("arm", "moves" if moves else "at rest", "")]


FACTS: dict[str, Callable[[Any], Facts]] = {
    "laser": _laser,
    "stage": _stage,
    "furnace": _furnace,
    "spectrometer": _spectrometer,
    "lifetime": _lifetime,
    "camera": _camera,
    "changer": _changer,
}
"""What is read of each role."""
