"""The conditions that a bench is watched for. Thresholds are assumptions until a bench has been seen; each has a name."""

from __future__ import annotations

import math
import shutil
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bluesky.utils import Msg

from beamline.safety.monitors import Finding, Monitor, Monitors
from devices import Bench, DeviceError

__all__ = [
    "DetectorSaturation",
    "DiskSpace",
    "FurnaceTemperature",
    "Interlock",
    "LaserPower",
    "StageStands",
    "bench_monitors",
]

LEAST_FREE_BYTES = 500_000_000
"""Below this no run is begun: a night of 20 coupons writes some 100 MB."""


def bench_monitors(bench: Bench, data: Path) -> Monitors:
    """All of them, for a session."""
    found: tuple[Monitor, ...] = (
        Interlock(bench),
        FurnaceTemperature(bench),
        StageStands(bench),
        LaserPower(bench),
        DetectorSaturation(bench),
        DiskSpace(lambda: shutil.disk_usage(data).free),
    )
    return Monitors(bench.clock, found)


def _is_opening(msg: Msg, bench: Bench) -> bool:
    """Whether light leaves the laser by this message."""
    if msg.command == "trigger":
        return bool(msg.obj is bench.laser)
    return bool(msg.command == "set" and msg.obj is bench.laser.output and "open" in msg.args)


def _begins_event(msg: Msg, stream: str) -> bool:
    return bool(msg.command == "create" and msg.kwargs.get("name") == stream)


class Interlock:
    """The laser's remote interlock, where its driver reads one; never reset from here."""

    name = "interlock"
    again_s = 1.0

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._has_tripped = False

    def concerns(self, msg: Msg) -> bool:
        """Before light leaves the laser; and after, before an exposure counts as one."""
        return _is_opening(msg, self._bench) or _begins_event(msg, "exposures")

    def look(self, msg: Msg | None) -> Finding | None:
        """Active: wait. Active at any time during an exposure: the site got less, and is not recorded as exposed."""
        is_active = self._is_active()
        if msg is not None and msg.command == "create":
            has_tripped, self._has_tripped = self._has_tripped or is_active, False
            if has_tripped:
                return Finding(
                    "the remote interlock tripped during the exposure: how much light the site got is not known",
                    "look why it tripped; the site is suspect and is not written again",
                    can_wait=False,
                )
            return None
        self._has_tripped = False
        if not is_active:
            return None
        return Finding(
            "the remote interlock of the laser is active",
            "somebody has found out why, and has reset it at the laser",
        )

    def keep_watch(self) -> None:
        """Remember a trip that is over before the exposure is."""
        if self._is_active():
            self._has_tripped = True

    def _is_active(self) -> bool:
        return getattr(self._bench.laser.driver, "is_interlocked", False) is True


class FurnaceTemperature:
    """The furnace above what it may ever be, or running away from its setpoint: standby at once, and no waiting."""

    name = "furnace temperature"
    again_s = 5.0
    above_limit_C = 15.0
    """Above the highest temperature of the bench's limits by so much."""
    above_setpoint_C = 40.0
    """Above the working setpoint by so much while the heater is on, and still rising; the device's own figure."""
    rose_C = 3.0
    """Since it was lowest above that, by more than noise."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._found: Finding | None = None
        self._lowest_C: float | None = None

    def concerns(self, msg: Msg) -> bool:
        """Before each wait, each ramp and each sample: so within a minute, and at once beside a plan in real time."""
        if msg.command in {"sleep", "wait"} or _begins_event(msg, "furnace"):
            return True
        return bool(msg.command == "set" and msg.obj is self._bench.furnace)

    def look(self, _msg: Msg | None) -> Finding | None:
        """Too hot, or running away."""
        found, self._found = self._found or self._look(), None
        return found

    def keep_watch(self) -> None:
        """Standby within the fraction of a second, and the plan hears of it at its next message."""
        self._found = self._found or self._look()

    def _look(self) -> Finding | None:
        driver = self._bench.furnace.driver
        temperature_C, is_on = driver.temperature_C, driver.is_on is True
        most_C = self._bench.geometry.limits.furnace_temperature_C[1] + self.above_limit_C
        above_C = temperature_C - driver.setpoint_C
        if above_C <= self.above_setpoint_C or self._lowest_C is None:
            self._lowest_C = temperature_C
        # A furnace that cools is above its setpoint, too, but it falls.
        rose_C = temperature_C - self._lowest_C
        self._lowest_C = min(self._lowest_C, temperature_C)
        reason = ""
        if math.isnan(temperature_C):
            reason = "its temperature reads as nothing, and nobody knows how hot it is"
        elif temperature_C > most_C:
            reason = f"it is at {temperature_C:.1f} degC, {most_C:g} degC are allowed"
        elif is_on and above_C > self.above_setpoint_C and rose_C > self.rose_C:
            reason = (
                f"it is at {temperature_C:.1f} degC, {above_C:.0f} degC above its working setpoint; allowed are "
                f"{self.above_setpoint_C:g}: it runs away"
            )
        if not reason:
            return None
        self._standby()
        return Finding(reason, "it was put in standby; look at controller, thermocouple and heater", can_wait=False)

    def _standby(self) -> None:
        try:
            self._bench.furnace.driver.standby()
        except DeviceError:
            return  # the end of the plan tries again, and the hardware's own trip does not need us


class StageStands:
    """The stage stands where it was sent, before light leaves the laser; on a line the device itself sees that it follows."""

    name = "stage"
    again_s = 1.0

    def __init__(self, bench: Bench) -> None:
        self._bench = bench

    def concerns(self, msg: Msg) -> bool:
        """Before light leaves the laser."""
        return _is_opening(msg, self._bench)

    def look(self, msg: Msg | None) -> Finding | None:
        """An axis that has wandered off, or lost its reference."""
        stage = self._bench.stage
        if msg is not None:
            for axis in (stage.x_mm, stage.y_mm, stage.z_mm):
                try:
                    axis.check_stands()
                except DeviceError as error:
                    return Finding(str(error), "nothing was exposed", can_wait=False)
        if getattr(stage.driver, "is_homed", True) is False:
            return Finding("the stage has no reference", "somebody has seen that the way is free and has homed it")
        return None

    def keep_watch(self) -> None:
        """Nothing: what has moved stays moved."""


class Retried(ABC):
    """A condition that only the next attempt can clear: the plan waits `again_s` and then tries, `n_tries` times in a row.

    Args:
        bench: that is looked at.
    """

    again_s: float
    n_tries = 3
    advice: str

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._msg: Msg | None = None
        self._finding: Finding | None = None
        self._until_s = 0.0
        self._n_found = 0

    def look(self, msg: Msg | None) -> Finding | None:
        """What the last attempt came to; of one and the same message the same, until the wait is over."""
        if msg is None:
            return None
        now_s = self._bench.clock.now_s
        if msg is self._msg:
            return self._finding if now_s < self._until_s else None
        self._msg, self._finding = msg, None
        reason = self._reason()
        if reason is None:
            self._n_found = 0
        elif reason:
            self._n_found += 1
            self._until_s = now_s + self.again_s
            self._finding = (
                Finding(f"{reason}, for the {self._n_found}th time", self.advice, can_wait=False)
                if self._n_found > self.n_tries
                else Finding(reason, f"{self.again_s:g} s have passed: then it is tried again ({self.advice})")
            )
        return self._finding

    def keep_watch(self) -> None:  # noqa: B027  # of a Monitor, and nothing is the answer of every condition of this kind
        """Nothing: what an attempt came to stays what it is."""

    @abstractmethod
    def _reason(self) -> str | None:
        """What is wrong with the last attempt; None where nothing is, empty where it cannot be said."""


class LaserPower(Retried):
    """Power at the sample over set power, against that of the first opening: a laser that fades is given time to come back."""

    name = "laser power"
    again_s = 120.0
    advice = "look at laser, attenuator and power meter"
    band = 0.15
    """Share by which it may differ; the device itself ends the plan at 25 %."""

    def __init__(self, bench: Bench) -> None:
        super().__init__(bench)
        self._set_W = 0.0
        self._reference: float | None = None

    def concerns(self, msg: Msg) -> bool:
        """Before light leaves the laser."""
        return _is_opening(msg, self._bench)

    def _reason(self) -> str | None:
        """Of the last opening, whose power is known by now."""
        laser = self._bench.laser
        power_W = laser.power_at_sample_W.get()
        set_W, self._set_W = self._set_W, laser.pulse_energy_uJ.get() * laser.repetition_rate_kHz.get() * 1e-3
        if set_W <= 0 or power_W <= 0:
            return ""
        if self._reference is None:
            self._reference = power_W / set_W
        expected_W = self._reference * set_W
        if abs(power_W / expected_W - 1.0) <= self.band:
            return None
        return f"the last opening gave {power_W:.3g} W at the sample, {expected_W:.3g} W +- {100 * self.band:g} % were expected"


class DetectorSaturation(Retried):
    """Sites whose spectra stay full at the shortest integration: stray light, an open lid, a lamp too near."""

    name = "detector"
    again_s = 300.0
    advice = "look for stray light, at the filter and at the lamp"
    n_in_a_row = 3

    def __init__(self, bench: Bench) -> None:
        super().__init__(bench)
        self._n_full = 0

    def concerns(self, msg: Msg) -> bool:
        """Before a spectrum goes into the record."""
        return _begins_event(msg, "spectra")

    def _reason(self) -> str | None:
        """How many sites in a row were full."""
        n_pixels = int(self._bench.spectrometer.n_saturated.get())
        self._n_full = self._n_full + 1 if n_pixels else 0
        if not n_pixels:
            return None
        if self._n_full % self.n_in_a_row:
            return ""
        return (
            f"{self._n_full} sites in a row were full, the last one at {n_pixels} pixels, at the shortest integration"
        )


class DiskSpace:
    """Room for what comes, before a run is begun.

    Args:
        free_bytes: reads it.
    """

    name = "disk"
    again_s = 30.0

    def __init__(self, free_bytes: Callable[[], int], least_bytes: int = LEAST_FREE_BYTES) -> None:
        self._free_bytes = free_bytes
        self._least_bytes = least_bytes

    def concerns(self, msg: Msg) -> bool:
        """Before a run is begun."""
        return bool(msg.command == "open_run")

    def look(self, _msg: Msg | None) -> Finding | None:
        """Too little is left."""
        try:
            free: Any = self._free_bytes()
        except OSError as error:
            return Finding(f"the folder of the records cannot be looked at: {error}", "it can be")
        if free >= self._least_bytes:
            return None
        return Finding(
            f"{free / 1e6:.0f} MB are left for the records, {self._least_bytes / 1e6:.0f} MB are wanted",
            "there is room again: move something away",
        )

    def keep_watch(self) -> None:
        """Nothing: a run that has begun is ended by the log, if it must be."""
