"""Puts an instrument together: engine, clock, devices, records and catalog, from an `Instrument`.

This is the only place outside `devices/twin/` that makes a twin; others know at most, by `instrument.kind`, that it is one.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from beamline.engine import SessionEngine
from beamline.experiments import valid_calibrations
from beamline.faults import FaultSchedule
from beamline.hardware import Ask, connect
from beamline.instrument import Instrument
from beamline.recipe import Coupon
from beamline.records import CatalogOwner, FileLock, LogWriter, Records, session_lock, usable_folder
from beamline.safety import (
    AbortOnSignal,
    EngineAbort,
    Monitors,
    SafeStep,
    Watch,
    bench_monitors,
    make_safe,
    watchdog_journal,
)
from devices import Bench, Clock, DiscreteEventClock, Drivers, RealClock, ScaledClock, make_bench
from devices.faults import Injector, with_faults

_logger = logging.getLogger(__name__)

__all__ = ["Session", "SessionBusyError", "open_session", "twin_on_the_wire"]


class SessionBusyError(RuntimeError):
    """Another session lives on the same records.

    To do: end the other one, or give another folder with `--data`; the message names its process.
    """


@dataclass(frozen=True)
class Session:
    """A running instrument. Use it as a context manager: leaving it makes the bench safe and ends the catalog's process.

    Attributes:
        RE: the engine; its documents go to the log first.
        bench: the devices.
        records: what the logs hold.
        signals: set where the session is unattended; says by which signal a plan was aborted.
        catalog: the process that owns the catalog, or None.
        lock: held as long as the session lives: one session drives an instrument, and its records tell who lives.
        connections: to the instruments; closed at the end, when the bench is safe.
        faults: what fails on purpose, and the list of what has; None where nothing does.
        monitors: what holds a night up when the bench is not as it must be.
        abort: ends what the engine runs; its `reason` says why it did.
        watch: the watchdog over a bench of instruments; the simulated one has none.
        watchdog_did: what a watchdog did since a session was told last, a sentence each.
        safe_steps: how the bench was made safe at the end; empty as long as the session lives.
        coupons: that lay in the rack when it was opened.
    """

    instrument: Instrument
    RE: SessionEngine
    bench: Bench
    records: Records
    signals: AbortOnSignal | None
    catalog: CatalogOwner | None
    lock: FileLock
    connections: ExitStack = field(default_factory=ExitStack)
    faults: Injector | None = None
    abort: EngineAbort = field(kw_only=True)
    monitors: Monitors = field(kw_only=True)
    watch: Watch | None = None
    watchdog_did: tuple[str, ...] = ()
    safe_steps: list[SafeStep] = field(default_factory=list)
    coupons: tuple[Coupon, ...] = ()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def begin(self) -> None:
        """Let the watchdog watch, where there is one.

        Raises:
            WatchdogError: it cannot.
        """
        if self.watch is not None:
            self.watch.start(self.RE.loop)

    def close(self) -> tuple[SafeStep, ...]:
        """Safe state, then the ends of the connections, of the catalog's process and of the engine.

        The catalog first takes in what is finished. A plan that was left paused is aborted, so that its run has an end. May be
        called again: what is closed stays so, and the same steps are given back.
        """
        if self.safe_steps:
            return tuple(self.safe_steps)
        steps = make_safe(self.bench)
        if self.RE.state == "paused":
            try:
                self.RE.abort("the session was closed")
            except Exception:  # what a plan's clean-up fails with must not keep the rest from being ended
                _logger.exception("the plan that was paused could not be aborted")
            steps = make_safe(self.bench)  # again: its clean-up may have moved something
        self.safe_steps.extend(steps)
        if self.watch is not None:
            self.watch.end(is_safe=not any(step.error for step in steps))
        try:
            self.connections.close()
        except Exception:  # what cannot be closed must not keep the rest from being ended
            _logger.exception("the log, or a connection to the bench, could not be closed")
        if self.catalog is not None:
            self.catalog.stop()
        if self.signals is not None:
            self.signals.remove()
        self.RE.end()
        self.lock.release()
        return steps


def open_session(
    instrument: Instrument,
    *,
    coupons: Sequence[Coupon],
    data: Path,
    seed: int,
    unattended: bool,
    catalog: bool = True,
    ask: Ask | None = None,
    faults: FaultSchedule | None = None,
    nominal: bool = False,
    clock_start_s: float = 0.0,
    before_log: Callable[[SessionEngine, Bench, Records], None] | None = None,
    parameters_only: bool = False,
    engine_class: type[SessionEngine] | None = None,
) -> Session:
    """Put an instrument together.

    Args:
        instrument: which.
        coupons: what lies in the rack.
        data: folder of the records; made where it is missing.
        seed: of the twin's hidden truth, where the instrument file states none.
        unattended: signals abort and clean up, instead of Bluesky's pause-and-ask.
        catalog: whether to start the process that takes finished runs into the catalog.
        ask: who carries coupons where the changer is a person; None: whoever is at the terminal.
        faults: what is to fail on purpose; for the simulated bench only.
        nominal: the simulated bench is as the model has it, with the noise of its instruments and nothing else hidden.
        clock_start_s: what a bench's clock begins with, where a night is resumed; the twin's begins with 0.
        before_log: called with the engine, the devices and the records (closed, all of them) before the log is subscribed:
            what it runs leaves no records.
        parameters_only: the same, but with the parameters that the seed's hidden truth has.
        engine_class: of the engine; None: `SessionEngine`.

    Raises:
        InstrumentConnectError: something of a bench does not answer; it names each role, address and what to do.
        ValueError: faults, or a nominal truth, for anything but the simulated bench.
        RecordError: the folder of the records cannot be used.
        SessionBusyError: another session lives on these records.
        WatchdogError: of a bench: nobody would watch the engine, because laser or furnace do not answer the watchdog.
    """
    if faults is not None and faults.entries and instrument.kind != "twin":
        raise ValueError(
            f"faults on purpose are for the simulated bench; {instrument.name} is of kind {instrument.kind}: give none"
        )
    if (nominal or parameters_only) and instrument.kind != "twin":
        raise ValueError(f"a nominal truth is for the simulated bench; {instrument.name} is of kind {instrument.kind}")
    with usable_folder(data):
        data.mkdir(parents=True, exist_ok=True)
        lock = FileLock(session_lock(data))
        is_ours = lock.acquire()
    if not is_ours:
        raise SessionBusyError(
            f"another session works with {data}; one at a time drives an instrument: let it end, or give another --data"
        )
    with ExitStack() as undo:  # whatever fails from here on, nothing is left locked, connected or running
        undo.callback(lock.release)
        clock, drivers, connections = _drivers(
            instrument, coupons, seed, ask, clock_start_s, nominal=nominal, parameters_only=parameters_only
        )
        undo.callback(connections.close)
        injector: Injector | None = None
        if faults is not None and faults.entries:
            drivers, injector = with_faults(drivers, faults, clock)
        records = Records(data)
        identity = _identity(instrument, seed, nominal=nominal, parameters_only=parameters_only)
        bench = _with_calibrations(_made_bench(instrument, drivers, clock), identity, records)
        with usable_folder(data):
            records.close_orphans()
        signals = AbortOnSignal().install() if unattended else None
        if signals is not None:
            undo.callback(signals.remove)
        make_engine = engine_class or SessionEngine
        engine = make_engine({}, context_managers=[signals]) if signals else make_engine({})
        undo.callback(engine.end)
        clock.install(engine)
        if before_log is not None:
            before_log(engine, bench, records)
        log = LogWriter(data)
        engine.subscribe(log)
        connections.callback(log.close)  # first of them: the disk is waited for, whatever else cannot be closed
        owner = CatalogOwner(data) if catalog else None
        if owner is not None:
            undo.callback(owner.stop)
            with usable_folder(data):
                owner.start()
        abort = EngineAbort(engine)
        with usable_folder(data):
            watch, did = _watch(instrument, bench, abort, data)
        undo.pop_all()
    session = Session(
        instrument,
        engine,
        bench,
        records,
        signals,
        owner,
        lock,
        connections,
        injector,
        abort=abort,
        monitors=bench_monitors(bench, data),
        watch=watch,
        watchdog_did=did,
        coupons=tuple(coupons),
    )
    try:
        session.begin()
    except BaseException:
        session.close()
        raise
    return session


def _made_bench(instrument: Instrument, drivers: Drivers, clock: Clock) -> Bench:
    """The devices of an instrument, which wait as long as its connections may be late."""
    bench = make_bench(drivers, clock, instrument.geometry)
    _allow_for_lateness(bench, instrument)
    return bench


def _with_calibrations(bench: Bench, identity: str, records: Records) -> Bench:
    """The bench as one that uses its own newest calibrations."""

    def valid() -> dict[str, dict[str, Any]]:
        return valid_calibrations(records, identity, datetime.now(UTC).timestamp())

    return replace(bench, identity=identity, calibrations=valid)


def _identity(instrument: Instrument, seed: int, *, nominal: bool, parameters_only: bool) -> str:
    """What a calibration is of: a simulated bench is another one with each hidden truth."""
    if instrument.kind != "twin":
        return instrument.name
    truth_seed = instrument.twin.seed if instrument.twin.seed is not None else seed
    kind = "nominal" if nominal else "parameters only" if parameters_only else "whole truth"
    return f"{instrument.name}, {kind} of seed {truth_seed}"


def _watch(
    instrument: Instrument, bench: Bench, abort: EngineAbort, data: Path
) -> tuple[Watch | None, tuple[str, ...]]:
    """The watchdog of a bench, not yet started, and what those before it did that nobody was told of."""
    if instrument.bench is None:
        return None, ()
    laser, furnace = instrument.bench.laser.light_conversion, instrument.bench.furnace.eurotherm
    did = tuple(str(entry) for entry in watchdog_journal(data).take_unreported())
    for text in did:
        _logger.warning("since the last session: %s", text)
    return Watch(bench, abort, data, laser=laser, furnace=furnace), did


def _allow_for_lateness(bench: Bench, instrument: Instrument) -> None:
    """A deadline's margin is for what the wire and this machine are late by, which a scaled clock sees enlarged."""
    if instrument.bench is None:
        return
    for role in bench.roles.values():
        role.allow_for_lateness(instrument.bench.speed)
    if (manual := instrument.bench.changer.manual) is not None:
        bench.changer.margin_s += manual.timeout_s
    if bench.lifetime is not None and instrument.bench.lifetime is not None:
        files = instrument.bench.lifetime.files
        if files is not None:  # whoever runs the counter's program is a person, and late in real seconds
            bench.lifetime.margin_s += files.timeout_s * max(instrument.bench.speed, 1.0)


def _drivers(
    instrument: Instrument,
    coupons: Sequence[Coupon],
    seed: int,
    ask: Ask | None,
    clock_start_s: float,
    *,
    nominal: bool,
    parameters_only: bool,
) -> tuple[Clock, Drivers, ExitStack]:
    """Clock, drivers, and what closes them."""
    if instrument.bench is not None:
        from beamline.operator import TerminalOperator  # noqa: PLC0415  # only where somebody is there

        speed = instrument.bench.speed
        clock: Clock = RealClock(clock_start_s) if speed == 1.0 else ScaledClock(speed, clock_start_s)
        drivers, connections = connect(
            instrument.bench, coupons, clock, instrument.geometry, ask if ask is not None else TerminalOperator()
        )
        return clock, drivers, connections
    from devices.twin import Effects, build_twin  # noqa: PLC0415  # loads numba, which a session at hardware does not need

    simulated = DiscreteEventClock()
    truth_seed = instrument.twin.seed if instrument.twin.seed is not None else seed
    effects = Effects.noise_only() if nominal or parameters_only else None
    if effects is not None and parameters_only:
        effects = replace(effects, parameter_scale=Effects().parameter_scale)
    return simulated, build_twin(truth_seed, coupons, simulated, instrument.geometry, effects), ExitStack()


@contextmanager
def twin_on_the_wire(
    instrument: Instrument,
    *,
    seed: int,
    speed: float,
    laser_port: int,
    furnace_port: int,
    stage_port: int,
    spectrometer_port: int = 0,
    carousel_port: int = 0,
    lifetime_folder: Path | None = None,
    coupons: Sequence[Coupon] = (),
) -> Iterator[Mapping[str, str]]:
    """Serve the simulated instrument by the protocols of real ones, on loopback; gives what is served where.

    Args:
        instrument: which; its geometry says how far the stage goes.
        seed: of the twin's hidden truth, where the instrument file states none.
        speed: how many times faster than real its time runs.
        laser_port: of REST; 0 takes one that is free.
        furnace_port: of Modbus TCP, the same.
        stage_port: of the stage's ASCII protocol, the same.
        spectrometer_port: of the Ocean Binary Protocol, the same.
        carousel_port: of the carousel's Modbus TCP, the same.
        lifetime_folder: in which requests for decays are answered with files; None: they are not.
        coupons: in the rack, which are the carousel's slots from 1 on.

    Raises:
        OSError: a port is taken.
        ModuleNotFoundError: the packages of the extra `hardware` are not installed.
    """
    from devices.twin.wire import serve_twin  # noqa: PLC0415  # loads protocols that nobody else needs

    truth_seed = instrument.twin.seed if instrument.twin.seed is not None else seed
    with serve_twin(
        truth_seed,
        coupons,
        ScaledClock(speed),
        instrument.geometry,
        laser_port=laser_port,
        furnace_port=furnace_port,
        stage_port=stage_port,
        spectrometer_port=spectrometer_port,
        carousel_port=carousel_port,
        lifetime_folder=lifetime_folder,
    ) as wire:
        yield wire.addresses
