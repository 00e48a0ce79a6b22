"""What our devices cost in Bluesky's engine: events of a spectrum on the twin against ophyd's simulated detectors, and a night.

    python benchmarks/engine.py [--points 40] [--rounds 15] [--coupons 10] [--profile]

Events: `bp.scan` over one axis, a spectrum of 2048 numbers at each point. Ours is the stage's x axis and the spectrometer on
the discrete-event clock, as a bench has them. ophyd's is `ophyd.sim.SynAxis` without delay and a device of a
`SynSignal` with a ready-made spectrum and `Signal`s, so that the events have as many data keys of the same shapes; it has no
time, noise, limits or deadlines. Both go through an engine of the same kind with the same callback, in turns. The lamp is off:
what the twin's physics costs a lit spectrum is the same whatever drives it.

Night: a campaign of `--coupons` coupons on the simulated bench, with log and analysis, without catalog and report, and where
its wall time goes.
"""

from __future__ import annotations

import argparse
import cProfile
import os
import pstats
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

if __name__ == "__main__":  # before anything loads them, and only where this is the program
    os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPHYD_CONTROL_LAYER", "dummy")

import numpy as np

ALLOWED = 1.15
"""Our devices may take so many times what ophyd's take."""


def collect(documents: list[tuple[str, dict[str, Any]]]) -> Callable[[str, dict[str, Any]], None]:
    """A callback that keeps what it is given."""
    return lambda name, document: documents.append((name, document))


def ours() -> tuple[Any, Any, Any]:
    """Engine, detector and axis: stage and spectrometer over the twin."""
    from bluesky import RunEngine

    from beamline.instrument import Instrument
    from beamline.session import open_session

    folder = tempfile.TemporaryDirectory()
    session = open_session(Instrument(), coupons=(), data=Path(folder.name), seed=1, unattended=False, catalog=False)
    engine = RunEngine({})  # without the log: ophyd's detectors have none either
    session.bench.clock.install(engine)
    spectrometer = session.bench.spectrometer
    spectrometer.integration_s.set(0.01)
    spectrometer.n_averages.set(1)
    engine.folder = folder
    return engine, spectrometer, session.bench.stage.x_mm


def theirs(like: Any) -> tuple[Any, Any, Any]:
    """The same of ophyd's, with as many data keys of the same shapes in an event."""
    from bluesky import RunEngine
    from ophyd import Component, Device, Kind, Signal
    from ophyd.sim import SynAxis, SynSignal

    spectrum = np.random.default_rng(1).normal(1000.0, 3.0, 2048)
    n_scalars = len(like.describe()) - 1 - 1  # one is the spectrum, and ophyd's axis has a setpoint besides
    parts = {"counts": Component(SynSignal, func=lambda: spectrum, kind=Kind.normal)}
    parts |= {f"n{i}": Component(Signal, value=1.0, kind=Kind.normal) for i in range(n_scalars)}
    parts |= {f"c{name}": Component(Signal, value=1.0, kind=Kind.config) for name in like.describe_configuration()}

    def trigger(self: Any) -> Any:
        return self.counts.trigger()

    detector = type("SimulatedDetector", (Device,), {**parts, "trigger": trigger})
    return RunEngine({}), detector("", name="theirs"), SynAxis(name="axis", delay=0)


def scan_s(engine: Any, detector: Any, axis: Any, points: int) -> float:
    """Wall time of a scan of so many points, s."""
    import bluesky.plans as bp

    begin_s = time.perf_counter()
    engine(bp.scan([detector], axis, 100.0, 110.0, points))
    return time.perf_counter() - begin_s


def events(points: int, rounds: int, *, profile: bool) -> float:
    """Print events/s of both; the ratio of the medians."""
    mine = ours()
    other = theirs(mine[1])
    kept: dict[str, list[tuple[str, dict[str, Any]]]] = {"ours": [], "ophyd.sim": []}
    pairs = {"ours": mine, "ophyd.sim": other}
    for name, (engine, _, _) in pairs.items():
        engine.subscribe(collect(kept[name]))
    for engine, detector, axis in pairs.values():
        scan_s(engine, detector, axis, 3)  # what is done once
    shapes = {}
    for name, documents in kept.items():
        keys = next(d for n, d in documents if n == "descriptor")["data_keys"]
        shapes[name] = sorted(tuple(key["shape"]) for key in keys.values())
    taken: dict[str, list[float]] = {name: [] for name in pairs}
    for i in range(rounds):
        for name in list(pairs)[:: 1 if i % 2 else -1]:
            engine, detector, axis = pairs[name]
            taken[name].append(scan_s(engine, detector, axis, points) / points)
    print(f"an event has {len(shapes['ours'])} data keys ours, {len(shapes['ophyd.sim'])} ophyd.sim")
    medians = {name: statistics.median(times) for name, times in taken.items()}
    for name, s in medians.items():
        least_ms, most_ms = 1e3 * min(taken[name]), 1e3 * max(taken[name])
        print(f"{name:10s} {1 / s:7.1f} events/s   {1e3 * s:6.2f} ms an event ({least_ms:.2f} to {most_ms:.2f})")
    if profile:
        for name, (engine, detector, axis) in pairs.items():
            print(f"\n-- {name}")
            recorded = cProfile.Profile()
            engine.loop.call_soon_threadsafe(recorded.enable)  # the engine works in a thread of its own
            scan_s(engine, detector, axis, points)
            engine.loop.call_soon_threadsafe(recorded.disable)
            pstats.Stats(recorded).sort_stats("tottime").print_stats(28)
    return statistics.median(a / b for a, b in zip(taken["ours"], taken["ophyd.sim"], strict=True))


def night(n_coupons: int) -> None:
    """Print what a night of so many coupons takes, and on what the time is spent."""
    from beamline.campaign import load_campaign
    from beamline.instrument import Instrument
    from beamline.night import run_night
    from beamline.optimize import make_optimizer
    from beamline.session import open_session

    campaign = load_campaign(Path(__file__).parents[1] / "examples" / "night.toml")
    template = campaign.coupon[0]
    campaign = campaign.model_copy(
        update={
            "coupon": tuple(template.model_copy(update={"serial": f"C-{i:02d}"}) for i in range(n_coupons)),
            "stop": campaign.stop.model_copy(update={"max_coupons": n_coupons, "target_reached_confidence": None}),
        }
    )
    spent: dict[str, float] = {}
    counted: dict[str, int] = {}
    open_run: list[tuple[str, float]] = []
    last_stop_s = time.perf_counter()

    def watch(name: str, document: dict[str, Any]) -> None:
        nonlocal last_stop_s
        now_s = time.perf_counter()
        counted[name] = counted.get(name, 0) + (len(document["seq_num"]) if name == "event_page" else 1)
        if name == "start":
            between = "learn and suggest" if document["purpose"] in {"decision", "end"} else "between runs"
            spent[between] = spent.get(between, 0.0) + now_s - last_stop_s
            open_run.append((document["purpose"], now_s))
        elif name == "stop":
            purpose, begin_s = open_run.pop()
            spent[purpose] = spent.get(purpose, 0.0) + now_s - begin_s
            last_stop_s = now_s

    for kind in dict.fromkeys(
        ("random", campaign.optimizer.kind)
    ):  # the first pays for what is loaded and compiled once
        spent.clear()
        counted.clear()
        chosen = make_optimizer(
            kind, space=campaign.space, objective=campaign.objective, layout=campaign.layout, seed=campaign.seed
        )
        with (
            tempfile.TemporaryDirectory() as folder,
            open_session(
                Instrument(), coupons=campaign.coupons, data=Path(folder), seed=1, unattended=True, catalog=False
            ) as session,
        ):
            begin_s = last_stop_s = time.perf_counter()
            outcome = run_night(session, campaign, optimizer=chosen, subscribers=[watch])
            took_s = time.perf_counter() - begin_s
        if outcome.exit_status != "success":
            raise SystemExit(f"the night failed: {outcome.reason}")
        hours = outcome.simulated_s / 3600.0
        print(
            f"\nnight of {outcome.n_coupons} coupons, optimiser {kind}: {hours:.1f} simulated h in {took_s:.1f} s, "
            f"{hours / took_s:.1f} simulated h per s; {counted['event']} events in {counted['start']} runs"
        )
        for what, s in sorted(spent.items(), key=lambda item: -item[1]):
            print(f"  {what:18s} {s:6.2f} s  {100 * s / took_s:3.0f} %")


def main() -> None:
    """Run both, and fail where our devices cost more than they may."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", type=int, default=40, help="of a scan")
    parser.add_argument("--rounds", type=int, default=15, help="scans of each, in turns")
    parser.add_argument("--coupons", type=int, default=10, help="of the night; 0 leaves it out")
    parser.add_argument("--profile", action="store_true", help="where the engine's thread spends the time of a scan")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    ratio = events(options.points, options.rounds, profile=options.profile)
    print(f"ratio of times, ours over ophyd.sim: {ratio:.2f} (median of the rounds; at most {ALLOWED:g} is allowed)")
    if options.coupons:
        night(options.coupons)
    if ratio > ALLOWED:
        sys.exit(f"our devices cost {ratio:.2f} times what ophyd.sim's do, more than {ALLOWED:g}")


if __name__ == "__main__":
    main()
