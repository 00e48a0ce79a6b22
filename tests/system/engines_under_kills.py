"""Engines at a twin on the wire that are killed or hang at random moments, and how soon their watchdog has closed the laser.

Not a test itself: `test_watchdog.py` runs it, and so does `python tests/system/engines_under_kills.py --n 100`.

The servers live in this process, and so does the twin behind them: what is measured is when the twin's output is closed
and its heater off, and not what anybody says of it. Each engine is a process of its own, forked from one that has imported
everything and has no threads, so that a hundred of them take minutes.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import random
import signal
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Literal, get_args

sys.path.insert(0, str(Path(__file__).parents[1]))  # the tests' shared modules, for this file as a script

How = Literal["kill", "kill with a child", "hang", "stop", "hang up"]
"""SIGKILL; the same of an engine whose own child holds its files open; a loop that is blocked; SIGSTOP of the whole process;
the terminal closes, in a session without handlers."""

LASER_LIMIT_S, FURNACE_LIMIT_S = 1.0, 10.0


@dataclass(frozen=True)
class Case:
    """What came of one engine: seconds from its end to the output closed, and to the furnace in standby.

    `was_open` and `was_on`: what there was to be made safe.
    """

    how: How
    was_open: bool
    was_on: bool
    closed_s: float
    standby_s: float

    @property
    def is_good(self) -> bool:
        return self.closed_s <= LASER_LIMIT_S and self.standby_s <= FURNACE_LIMIT_S


def engine(file: str, data: str, how: How, said: Connection) -> None:
    """The process that is killed: a furnace that heats, and sites that are written one after the other."""
    os.setsid()  # a terminal of its own, so to say
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # however the tests were begun
    import bluesky.plan_stubs as bps

    from beamline.instrument import load_instrument
    from beamline.recipe import Coupon, Dot, Glass, HeatTreatment, Line, Recipe, Site
    from beamline.session import open_session
    from plans import CouponInHand, NightLabel, write_coupon

    coupon = Coupon(serial="A-01", glass=Glass(name="BrI", bromide=1.5, iodide=1.5))
    session = open_session(
        load_instrument(file), coupons=(coupon,), data=Path(data), seed=1, unattended=False, catalog=False
    )
    treatment = HeatTreatment(temperature_C=400, hold_s=600, ramp_C_min=20)
    writings = (
        Line(pulse_energy_uJ=200, speed_mm_s=0.5, length_mm=1.0),
        Dot(pulse_energy_uJ=150, exposure_s=1.0),
        Dot(pulse_energy_uJ=150, exposure_s=0.2),
    )
    names = [f"{row}{column}" for row in "ABCDEFGH" for column in range(1, 9)]
    sites = {
        name: Site(coupon="A-01", name=name, x_mm=2.0 + 2 * (i % 8), y_mm=2.0 + 2 * (i // 8))
        for i, name in enumerate(names)
    }
    recipes = {
        name: Recipe(writing=writings[i % len(writings)], heat_treatment=treatment) for i, name in enumerate(names)
    }
    hand = CouponInHand(NightLabel("killed", "killed-1", {}), coupon, 1, "by-hand", sites, recipes)

    def block(*_: object) -> None:
        session.RE.loop.call_soon_threadsafe(threading.Event().wait, 60.0)

    signal.signal(signal.SIGUSR1, block)
    if how == "kill with a child" and not os.fork():
        while os.getppid() != 1:  # it holds what it has inherited until the engine is gone, and a while longer
            time.sleep(0.05)  # noqa: TID251  # a process of its own, with nothing to wait on
        time.sleep(3.0)  # noqa: TID251  # the same
        os._exit(0)

    def plan() -> Any:
        yield from bps.abs_set(session.bench.furnace, 400.0, group="ramp")
        said.send(session.watch.pid if session.watch else None)
        yield from write_coupon(session.bench, hand)

    session.RE(plan())


class Kills:
    """Runs cases one after the other against one twin.

    Args:
        folder: for instrument files and records.
        model: of the furnace's controller: "EPC3000" by TCP, "3200" by a serial line.
    """

    def __init__(self, folder: Path, model: str = "EPC3000") -> None:
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(
            ["beamline.session", "beamline.night", "plans", "httpx", "pymodbus.client", "beamline.watchdog"]
        )
        self._context.Process(target=int).start()  # the server of forks begins before this process has threads
        from wire_bench import bench_file, ports_of

        from devices import RealClock
        from devices.twin.wire import serve_twin

        self.wire = serve_twin(1, (), RealClock())
        self._folder = folder
        self._file = folder / "instrument.toml"
        line = "" if model == "EPC3000" else self.wire.furnace_rtu.address
        text = bench_file(ports_of(self.wire), poll_s=0.1, furnace_poll_s=0.25, furnace_serial_port=line)
        self._file.write_text(text, encoding="utf-8")
        self._n = 0

    def close(self) -> None:
        """End the servers."""
        self.wire.stop()

    @property
    def data(self) -> Path:
        """Records of the last engine."""
        return self._folder / f"data-{self._n}"

    def run(self, how: How, after_s: float, *, only_open: bool = False) -> Case:
        """End one engine `after_s` after it has begun to write; `only_open`: as soon as the output is open after that."""
        self._n += 1
        ours, its = self._context.Pipe()
        process = self._context.Process(target=engine, args=(str(self._file), str(self.data), how, its))
        process.start()
        its.close()
        try:
            assert ours.poll(60.0), "the engine did not begin"
            dog = ours.recv()
            assert dog is not None
            threading.Event().wait(after_s)
            laser, furnace = self.wire.drivers.laser, self.wire.drivers.furnace
            until(lambda: furnace.is_on, 10.0)
            if only_open:
                until(lambda: laser.is_output_open, 20.0)
            was_open, was_on = laser.is_output_open, furnace.is_on
            begin_s = time.monotonic()
            self._end(process.pid, how)
            closed_s = until(lambda: not laser.is_output_open, 30.0, since_s=begin_s)
            standby_s = until(lambda: not furnace.is_on, 60.0, since_s=begin_s)
            # It must stay so: requests of the engine may have been under way, and one that hangs has threads that live.
            threading.Event().wait(0.5)
            assert not laser.is_output_open
            assert not furnace.is_on
        finally:  # also of a case that fails: whoever waits for this process would wait for that one
            process.kill()
            process.join(30.0)
        until(lambda: not Path(f"/proc/{dog}").exists() or is_zombie(dog), 30.0)
        return Case(how, was_open, was_on, closed_s, standby_s)

    def _end(self, pid: int, how: How) -> None:
        if how == "hang up":
            os.killpg(pid, signal.SIGHUP)
        else:
            number = {"hang": signal.SIGUSR1, "stop": signal.SIGSTOP}.get(how, signal.SIGKILL)
            os.kill(pid, number)


def is_zombie(pid: int) -> bool:
    try:
        return ") Z " in Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except FileNotFoundError:
        return True


def until(is_true: Callable[[], bool], timeout_s: float, since_s: float | None = None) -> float:
    """Wait until something is true; seconds since `since_s`, or since the call."""
    begin_s = time.monotonic() if since_s is None else since_s
    pause = threading.Event()
    while not is_true():
        assert time.monotonic() - begin_s < timeout_s, "it did not become true"
        pause.wait(0.001)
    return time.monotonic() - begin_s


def table(cases: list[Case]) -> str:
    """Figures by how the engines ended."""
    lines = [
        f"{'how':<18}{'n':>4}{'open':>6}{'heating':>8}   output closed, s (min/median/max)   furnace in standby, s"
    ]
    for how in dict.fromkeys(case.how for case in cases):
        mine = [case for case in cases if case.how == how]
        # One that was closed already when the engine ended took no time, and says nothing of the watchdog.
        opened = [case.closed_s for case in mine if case.was_open]
        heated = [case.standby_s for case in mine if case.was_on]
        lines.append(f"{how:<18}{len(mine):>4}{len(opened):>6}{len(heated):>8}   {_three(opened):<36}{_three(heated)}")
    late = sum(not case.is_good for case in cases)
    lines.append(f"later than {LASER_LIMIT_S:g} s (output) or {FURNACE_LIMIT_S:g} s (furnace): {late} of {len(cases)}")
    return "\n".join(lines)


def _three(values: list[float]) -> str:
    if not values:
        return "-"
    return f"{min(values):.3f} / {statistics.median(values):.3f} / {max(values):.3f}"


def run_bench(kills: Kills, hows: list[How], rng: random.Random, latest_s: float, cases: list[Case]) -> None:
    """End engines at one bench, one after the other."""
    for how in hows:
        cases.append(kills.run(how, rng.uniform(0.0, latest_s)))
        if len(cases) % 10 == 0:
            print(table(cases), flush=True)  # noqa: T201  # its output is its purpose


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=10, help="engines for each way to end")
    parser.add_argument("--how", choices=get_args(How), nargs="+", default=["kill"], help="one after the other")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--latest-s", type=float, default=4.0)
    parser.add_argument("--model", choices=["EPC3000", "3200"], default="EPC3000", help="of the furnace's controller")
    parser.add_argument(
        "--bench",
        nargs="+",
        action="append",
        metavar=("MODEL", "HOW"),
        help="instead of --model and --how, and again for each further bench: they work at the same time",
    )
    asked = parser.parse_args()
    cases: list[Case] = []
    with tempfile.TemporaryDirectory(prefix="vitrail-kills-") as name, ThreadPoolExecutor() as pool:
        benches = []
        for i, (model, *hows) in enumerate(asked.bench or [[asked.model, *asked.how]]):
            folder = Path(name) / str(i)
            folder.mkdir()
            benches.append((Kills(folder, model), hows * asked.n, random.Random(asked.seed + i)))
        for done in [pool.submit(run_bench, *bench, asked.latest_s, cases) for bench in benches]:
            done.result()
        print(table(cases))  # noqa: T201  # the same
        for kills, _hows, _rng in benches:
            kills.close()
    sys.exit(any(not case.is_good for case in cases))


if __name__ == "__main__":
    main()
