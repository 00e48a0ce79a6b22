"""What a fault needs to know of each role: its commands and readings in words, what drifts, what a restart changes.

A new role is one more entry of `ROLES`, and its names in `beamline.faults.CALLS`.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from devices.errors import RefusedError
from devices.protocols import Clock

__all__ = ["ROLES", "Acknowledged", "Command", "Reading", "RoleFaults"]

Acknowledged = Mapping[str, Callable[[], Any]]
"""Readings that answer a command which was taken and not carried out, by name."""


def _never(_values: tuple[Any, ...]) -> bool:
    return False


def _always(_values: tuple[Any, ...]) -> bool:
    return True


def _nothing(_driver: Any, _values: tuple[Any, ...], _clock: Clock) -> Acknowledged:
    return {}


@dataclass(frozen=True)
class Command:
    """A method that makes the device do something.

    Attributes:
        words: with its values: "pulse energy {0:g} uJ".
        expected_s: what it returns when it is stuck: driver, values -> s; None where it returns nothing.
        makes_safe: whether, with these values, it leads to the safe state: such a one is spared unless a fault names it.
        acknowledges: driver, values, clock -> what readings say after a command that is stuck.
    """

    words: str
    expected_s: Callable[[Any, tuple[Any, ...]], float] | None = None
    makes_safe: Callable[[tuple[Any, ...]], bool] = _never
    acknowledges: Callable[[Any, tuple[Any, ...], Clock], Acknowledged] = _nothing


@dataclass(frozen=True)
class Reading:
    """A property, or a method that only looks.

    Attributes:
        kind: of its values.
        drift_min: usual drift, in the unit of the reading per minute; 0 does not drift.
        is_relative: `drift_min` is a share of the value.
        is_method: it takes arguments.
        is_busy_flag: True says that something still goes on.
        words_allowed: what a word can be; a drift changes to the next one.
    """

    kind: Literal["number", "flag", "array", "word", "words", "histogram"]
    drift_min: float = 0.0
    is_relative: bool = False
    is_method: bool = False
    is_busy_flag: bool = False
    words_allowed: tuple[str, ...] = ()


@dataclass(frozen=True)
class RoleFaults:
    """One role.

    Attributes:
        timeout_s: a command without a reply for this long has failed, as in the drivers of the instruments.
        stale_s: readings older than this are not served.
        restart: leaves the driver as after a failure of the mains.
        after_restart: why commands are refused after a restart until the fault is over; None: they are not answered.
    """

    name: str
    commands: Mapping[str, Command]
    readings: Mapping[str, Reading]
    restart: Callable[[Any], object]
    timeout_s: float = 1.0
    stale_s: float = 2.0
    after_restart: str | None = None


def _seconds(value: float) -> Callable[[Any, tuple[Any, ...]], float]:
    return lambda _driver, _values: value


def _restart_laser(driver: Any) -> None:
    driver.close_output()
    driver.start_pulse_energy(1.0)
    driver.start_repetition_rate(200.0)


def _restart_spectrometer(driver: Any) -> None:
    driver.abort_acquisition()
    driver.switch_lamp(on=False)
    driver.switch_line_lamp(on=False)


def _restart_lifetime(driver: Any) -> None:
    driver.abort_acquisition()
    driver.switch_excitation(on=False)


def _restart_camera(driver: Any) -> None:
    driver.abort_acquisition()
    driver.start_illumination("off")


def _restart_changer(driver: Any) -> None:
    """Every coupon goes home, as far as it can."""
    driver.finish_transfer()
    for serial in driver.serials:
        if driver.station_of(serial) != "rack":
            with contextlib.suppress(RefusedError):  # a furnace that is hot stays shut
                driver.start_transfer(serial, "rack")
                driver.finish_transfer()


def _open_circuit(driver: Any, values: tuple[Any, ...], clock: Clock) -> Acknowledged:
    """The controller ramps; the heater does not heat."""
    target_C, ramp_C_min = values
    begin_C, begin_s = driver.temperature_C, clock.now_s

    def setpoint_C() -> float:
        moved_C = ramp_C_min * (clock.now_s - begin_s) / 60.0
        return float(begin_C + math.copysign(min(moved_C, abs(target_C - begin_C)), target_C - begin_C))

    return {"is_on": lambda: True, "target_C": lambda: target_C, "setpoint_C": setpoint_C}


def _number(drift_min: float = 0.0, *, is_relative: bool = False, is_method: bool = False) -> Reading:
    return Reading("number", drift_min, is_relative=is_relative, is_method=is_method)


_BUSY = Reading("flag", is_busy_flag=True)
_FLAG = Reading("flag")

ROLES: Mapping[str, RoleFaults] = {
    role.name: role
    for role in (
        RoleFaults(
            "laser",
            {
                "start_pulse_energy": Command("pulse energy {0:g} uJ", _seconds(0.5)),
                "start_repetition_rate": Command("repetition rate {0:g} kHz", _seconds(0.5)),
                "start_exposure": Command("exposure of {0:g} s", lambda _, values: values[0]),
                "open_output": Command("open output"),
                "close_output": Command("close output", makes_safe=_always),
            },
            {
                "pulse_energy_uJ": _number(0.1, is_relative=True),
                "repetition_rate_kHz": _number(0.1, is_relative=True),
                "power_at_sample_W": _number(0.1, is_relative=True),
                "pulses_delivered": _number(),
                "pulses_delivered_sd": _number(),
                "is_output_open": _FLAG,
                "is_busy": _BUSY,
            },
            _restart_laser,
        ),
        RoleFaults(
            "stage",
            {
                "start_move": Command(
                    "move {0} to {1:g} mm", lambda driver, v: abs(v[1] - driver.position_mm(v[0])) / 20.0 + 0.1
                ),
                "start_line": Command(
                    "line to x {0:g} mm, y {1:g} mm at {2:g} mm/s",
                    lambda driver, v: math.hypot(v[0] - driver.position_mm("x"), v[1] - driver.position_mm("y")) / v[2],
                ),
                "switch_gate": Command("gate open: {0}", _seconds(0.0), makes_safe=lambda values: not values[0]),
                "stop": Command("stop", makes_safe=_always),
                "start_home": Command("home", _seconds(5.0)),
            },
            {
                "position_mm": _number(0.05, is_method=True),
                "is_moving": Reading("flag", is_busy_flag=True, is_method=True),
                "is_gate_open": _FLAG,
                "is_homed": _FLAG,
            },
            lambda driver: driver.stop(),
            after_restart="it has restarted and lost its reference; home it with the laser closed",
        ),
        RoleFaults(
            "furnace",
            {
                "start_ramp": Command("ramp to {0:g} degC at {1:g} degC/min", acknowledges=_open_circuit),
                "hold": Command("hold", makes_safe=_always),
                "standby": Command("standby", makes_safe=_always),
            },
            {
                "temperature_C": _number(1.0),
                "setpoint_C": _number(),
                "target_C": _number(),
                "is_sensor_ok": _FLAG,
                "is_on": _FLAG,
            },
            lambda driver: driver.standby(),
            stale_s=5.0,
        ),
        RoleFaults(
            "spectrometer",
            {
                "start_acquisition": Command(
                    "{1} exposures of {0:g} s", lambda _, values: values[1] * (values[0] + 0.005)
                ),
                "abort_acquisition": Command("abort acquisition", makes_safe=_always),
                "switch_lamp": Command("lamp on: {0}", _seconds(1.0), makes_safe=lambda values: not values[0]),
                "switch_line_lamp": Command(
                    "calibration lamp on: {0}", _seconds(60.0), makes_safe=lambda values: not values[0]
                ),
            },
            {
                "counts": Reading("array", 200.0),
                "n_saturated": _number(),
                "is_lamp_on": _FLAG,
                "is_line_lamp_on": _FLAG,
                "is_busy": _BUSY,
            },
            _restart_spectrometer,
        ),
        RoleFaults(
            "lifetime",
            {
                "start_bin_width": Command("bins of {0:g} ns", _seconds(0.0)),
                "start_excitation_rate": Command("pulses at {0:g} kHz", _seconds(0.0)),
                "start_excitation_percent": Command("excitation at {0:g} %", _seconds(1.0)),
                "start_filter": Command("filter {0}", _seconds(1.0)),
                "switch_excitation": Command(
                    "excitation on: {0}", _seconds(2.0), makes_safe=lambda values: not values[0]
                ),
                "start_acquisition": Command("count for {0:g} s", lambda _, values: values[0]),
                "abort_acquisition": Command("abort acquisition", makes_safe=_always),
            },
            {
                "histogram": Reading("histogram"),
                "bin_width_ns": _number(),
                "excitation_rate_kHz": _number(0.1, is_relative=True),
                "excitation_percent": _number(0.1, is_relative=True),
                "filter": Reading("word"),
                "is_excitation_on": _FLAG,
                "is_busy": _BUSY,
            },
            _restart_lifetime,
        ),
        RoleFaults(
            "camera",
            {
                "start_illumination": Command(
                    "illumination {0}", _seconds(0.2), makes_safe=lambda values: values[0] == "off"
                ),
                "start_filter": Command("filter {0}", _seconds(0.5)),
                "start_acquisition": Command("picture of {0:g} s", lambda _, values: values[0] + 0.02),
                "abort_acquisition": Command("abort acquisition", makes_safe=_always),
            },
            {
                "image": Reading("array"),
                "n_saturated": _number(),
                "illumination": Reading("word"),
                "filter": Reading("word", 1.0, words_allowed=("none", "long_pass_645")),
                "is_busy": _BUSY,
            },
            _restart_camera,
        ),
        RoleFaults(
            "changer",
            {
                "start_transfer": Command("bring {0} to the {1}", _seconds(40.0)),
                "finish_transfer": Command("finish transfer", makes_safe=_always),
            },
            {
                "serials": Reading("words"),
                "station_of": Reading("word", 1.0, is_method=True, words_allowed=("rack", "stage", "furnace")),
                "is_busy": _BUSY,
            },
            _restart_changer,
        ),
    )
}
"""Every role, by the name that it has in `Drivers`."""
