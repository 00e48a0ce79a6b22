"""Every device times every fault on the simulated bench: what comes of it, after how long, and in which state it ends.

A new role is one entry of `WORK`. `vitrail twin faults` prints the table.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, get_args

import bluesky.plan_stubs as bps
import bluesky.preprocessors as bpp
from bluesky.utils import MsgGenerator

from beamline.campaign.layout import layout
from beamline.faults import FaultEntry, FaultKind, FaultSchedule
from beamline.instrument import Instrument
from beamline.recipe import Coupon, Dot, Glass, HeatTreatment, Line, Measurement, Recipe
from beamline.safety import safe_state_plan
from beamline.session import Session, open_session
from devices import Bench
from devices.errors import why
from plans import (
    CouponInHand,
    NightLabel,
    calibrate_wavelength,
    empty_stage,
    heat_treat_coupon,
    home_stage,
    load_on_stage,
    measure_coupon,
    write_coupon,
)

__all__ = ["WORK", "Outcome", "Work", "cases", "run_case", "work_for"]

COUPON = Coupon(serial="C1", glass=Glass(name="BrI", bromide=1.5, iodide=1.5))
TREATMENT = HeatTreatment(temperature_C=200.0, hold_s=1800.0, ramp_C_min=20.0)
MEASUREMENT = Measurement(integration_s=0.2, n_averages=10)


@dataclass(frozen=True)
class Work:
    """What a device is given to do while it fails.

    Attributes:
        plan: of the project's own, over bench and coupon.
        at_s: when the fault begins, on the clock: in the middle of it.
        deadline_s: from the fault on, within which the work is done or has failed.
        drift_size: times the usual rate: enough to be found while the work lasts.
        makes_safe: a command that leads to the safe state; it fails once.
    """

    plan: Callable[[Bench, CouponInHand], MsgGenerator[Any]]
    at_s: float
    deadline_s: float
    drift_size: float = 10.0
    makes_safe: str = ""


def _write(bench: Bench, hand: CouponInHand) -> MsgGenerator[Any]:
    yield from load_on_stage(bench, hand.coupon.serial)
    yield from write_coupon(bench, hand)


def _measure(bench: Bench, hand: CouponInHand) -> MsgGenerator[Any]:
    yield from load_on_stage(bench, hand.coupon.serial)
    yield from measure_coupon(bench, hand, MEASUREMENT)


def _carry(bench: Bench, hand: CouponInHand) -> MsgGenerator[Any]:
    for _ in range(2):
        yield from load_on_stage(bench, hand.coupon.serial)
        yield from empty_stage(bench)


def _count(bench: Bench, hand: CouponInHand) -> MsgGenerator[Any]:
    lifetime, stage = bench.need_lifetime(), bench.stage
    yield from load_on_stage(bench, hand.coupon.serial)
    x_mm, y_mm, z_mm = bench.geometry.under_spectrometer(10.0, 10.0)
    yield from bps.open_run(hand.metadata("measurement", bench.clock.now_s))
    yield from bps.mv(stage.x_mm, x_mm, stage.y_mm, y_mm, stage.z_mm, z_mm)
    for setting, value in (
        (lifetime.bin_width_ns, 0.128),
        (lifetime.excitation_rate_kHz, 500.0),
        (lifetime.excitation_percent, 50.0),
        (lifetime.filter, "green"),
        (lifetime.duration_s, 10.0),
        (lifetime.excitation, "on"),
    ):
        yield from bps.mv(setting, value)
    for _ in range(6):
        yield from bps.trigger_and_read([lifetime, bench.clock_s, bench.site_name], name="decays")
    yield from bps.mv(lifetime.excitation, "off")
    yield from bps.close_run()


def _photograph(bench: Bench, hand: CouponInHand) -> MsgGenerator[Any]:
    camera, stage = bench.need_camera(), bench.stage
    yield from load_on_stage(bench, hand.coupon.serial)
    x_mm, y_mm, z_mm = bench.geometry.under_camera(10.0, 10.0)
    yield from bps.open_run(hand.metadata("measurement", bench.clock.now_s))
    yield from bps.mv(stage.x_mm, x_mm, stage.y_mm, y_mm, stage.z_mm, z_mm)
    yield from bps.mv(camera.filter, "long_pass_645", camera.exposure_s, 20.0)
    yield from bps.mv(camera.illumination, "uv_365nm")
    for _ in range(3):
        yield from bps.trigger_and_read([camera, bench.clock_s, bench.site_name], name="pictures")
    yield from bps.mv(camera.illumination, "off")
    yield from bps.close_run()


WORK: Mapping[str, Work] = {
    "laser": Work(_write, 41.5, 60.0, makes_safe="close_output"),
    "stage": Work(_write, 41.5, 60.0),
    "furnace": Work(
        lambda bench, hand: heat_treat_coupon(bench, hand, TREATMENT), 300.0, 4 * 3600.0, makes_safe="standby"
    ),
    "spectrometer": Work(_measure, 41.5, 60.0, 100.0, makes_safe="switch_lamp"),
    "lifetime": Work(_count, 60.0, 120.0, makes_safe="switch_excitation"),
    "camera": Work(_photograph, 60.0, 120.0, makes_safe="start_illumination"),
    "changer": Work(_carry, 10.0, 200.0),
}
"""By role."""

_AXIS = Work(lambda bench, hand: calibrate_wavelength(bench, hand.label), 30.0, 120.0)
_HOMING = Work(lambda bench, hand: home_stage(bench, hand.label), 0.0, 60.0)
CALIBRATIONS: Mapping[str, tuple[str, Work, tuple[FaultKind, ...]]] = {
    "switch_line_lamp": ("spectrometer", _AXIS, ("silent", "refuse", "stuck", "drop")),  # off, when it has burnt
    "start_home": ("stage", _HOMING, ("silent", "refuse", "stuck")),
}
"""By the command that fails: what no work of a night calls."""


def work_for(entry: FaultEntry) -> Work:
    """What is done while this fails."""
    return CALIBRATIONS[entry.command][1] if entry.command in CALIBRATIONS else WORK[entry.role]


@dataclass(frozen=True)
class Outcome:
    """What came of a case.

    Attributes:
        how: "one call", "for a while", or the command that was to make it safe.
        n_injected: faults that began; 0 would be a case that tests nothing.
        error: the failure as the plan met it, or None where the work was done all the same.
        after_s: from the first fault to the end of the plan, s on the clock.
        unsafe: what was not in its safe state at the end; empty as it must be.
        n_lost: documents that the engine emitted and the log does not hold.
        has_ended: every run has its end in the records.
    """

    role: str
    kind: str
    how: str
    n_injected: int
    error: BaseException | None
    after_s: float
    unsafe: tuple[str, ...]
    n_lost: int
    has_ended: bool

    @property
    def words(self) -> str:
        """Recovery, or the error by kind and message."""
        return "recovered" if self.error is None else why(self.error)


def cases(*roles: str) -> Iterator[FaultEntry]:
    """Every fault for these roles (none given: all): one call, everything for a while, one that makes safe; and calibrations."""
    for role in roles or tuple(WORK):
        for kind in get_args(FaultKind):
            if kind != "drift":
                yield FaultEntry(role=role, kind=kind, at_s=WORK[role].at_s)
            entry = {"role": role, "kind": kind, "at_s": WORK[role].at_s, "duration_s": 7200.0, "delay_s": 30.0}
            yield FaultEntry.model_validate(entry | {"size": WORK[role].drift_size})
        if command := WORK[role].makes_safe:
            for kind in ("silent", "garbage", "refuse", "stuck", "drop"):
                yield FaultEntry.model_validate(
                    {"role": role, "kind": kind, "at_s": WORK[role].at_s, "command": command}
                )
        for command, (of, work, kinds) in CALIBRATIONS.items():
            for kind in kinds if of == role else ():
                yield FaultEntry.model_validate({"role": role, "kind": kind, "at_s": work.at_s, "command": command})


def run_case(entry: FaultEntry, *, seed: int = 1) -> Outcome:
    """Let one device fail in the middle of its work, on a bench of its own."""
    with TemporaryDirectory(prefix="vitrail-faults-") as folder:
        session = open_session(
            Instrument(),
            coupons=[COUPON],
            data=Path(folder),
            seed=seed,
            unattended=False,
            catalog=False,
            faults=FaultSchedule(entries=(entry,), seed=seed),
        )
        with session, _quiet("bluesky", "devices"):
            return _run(session, entry)


@contextmanager
def _quiet(*names: str) -> Iterator[None]:
    """No tracebacks of the failures that are wanted here."""
    loggers = [logging.getLogger(name) for name in names]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def _run(session: Session, entry: FaultEntry) -> Outcome:
    bench, injector = session.bench, session.faults
    assert injector is not None
    emitted: list[str] = []
    session.RE.subscribe(lambda name, _doc: emitted.append(name))
    plan = work_for(entry).plan(bench, _hand())
    error: BaseException | None = None
    try:
        session.RE(bpp.finalize_wrapper(plan, lambda: safe_state_plan(bench)))
    except Exception as failed:  # noqa: BLE001  # whatever a plan fails with is the outcome
        error = failed
    begin_s = injector.injected[0].clock_s if injector.injected else bench.clock.now_s
    if entry.duration_s and entry.at_s is not None:
        begin_s = entry.at_s
    logged = [name for run in session.records.runs() for name, _ in run.documents]
    return Outcome(
        entry.role,
        entry.kind,
        entry.command or ("for a while" if entry.duration_s else "one call"),
        injector.n_injected,
        error,
        max(bench.clock.now_s - begin_s, 0.0),
        tuple(_unsafe(bench)),
        len(emitted) - len(logged),
        all(run.stop is not None for run in session.records.runs()),
    )


def _unsafe(bench: Bench) -> Iterator[str]:
    """What is really not safe: asked of the drivers below the faults."""
    devices: tuple[Any, ...] = (bench.laser, bench.stage, bench.furnace, bench.spectrometer)
    laser, stage, furnace, lamp = (getattr(device.driver, "underneath", device.driver) for device in devices)
    if laser.is_output_open:
        yield "laser open"
    if furnace.is_on:
        yield "furnace on"
    if any(stage.is_moving(axis) for axis in ("x", "y", "z")):
        yield "stage moves"
    if lamp.is_lamp_on:
        yield "lamp on"
    if lamp.is_line_lamp_on:
        yield "calibration lamp on"
    if bench.lifetime is not None:
        counter: Any = bench.lifetime.driver
        if getattr(counter, "underneath", counter).is_excitation_on:
            yield "pulsed excitation on"
    if bench.camera is not None:
        camera: Any = bench.camera.driver
        if getattr(camera, "underneath", camera).illumination != "off":
            yield "camera's light on"


def _hand() -> CouponInHand:
    sites = layout(COUPON, 3, spacing_mm=2.0, margin_mm=2.0, line_length_mm=1.0)
    writings = (
        Line(pulse_energy_uJ=200, speed_mm_s=0.4, length_mm=1.0),
        Dot(pulse_energy_uJ=150, exposure_s=4.0),
        Line(pulse_energy_uJ=180, speed_mm_s=0.5, length_mm=1.0, n_passes=2),
    )
    return CouponInHand(
        label=NightLabel("faults", "00000000-0000-4000-8000-000000000000", {}),
        coupon=COUPON,
        n_coupon=1,
        suggestion_id="by-hand",
        sites={site.name: site for site in sites},
        recipes={s.name: Recipe(writing=w, heat_treatment=TREATMENT) for s, w in zip(sites, writings, strict=True)},
    )
