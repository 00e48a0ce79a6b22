"""Nights on the simulated bench in which things fail at random, under random policies: how each ends, and what must never be.

    python benchmarks/fault_nights.py [--nights 1000] [--first 0] [--jobs 2] [--folder DIR]

Every night is a whole one of two coupons with four sites, in a process of its own that is forked from one which has
imported everything. Its number alone says what fails and what its campaign file says of faults. What is asked is asked of
the drivers below the faults, and of a witness that has nothing to do with the log: the laser open or the furnace heating
when the night is over; warm still four hours later; a place that has seen the laser open more often than its recipe has
passes; documents that were emitted and are not in the log, or a run without its end; more time than it could need, on the
simulated clock or on the wall. Rows that are in the folder are not made again. Exit code 1 where one of these was found.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import random
import select
import shutil
import signal
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

if __name__ == "__main__":  # before anything loads them, and only where this is the program
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.setdefault("NUMBA_NUM_THREADS", "1")
os.environ.setdefault("OPHYD_CONTROL_LAYER", "dummy")

WALL_S = 120.0
"""A night takes about a second of the wall; one that takes this long hangs."""
COOL_H = 4.0
WARM_C = 60.0
SITE_MM = 0.5
"""An opening that is farther than this from where every site begins belongs to none."""

NIGHT = """
name = "faults"
optimizer.kind = "random"
sites.per_coupon = 4
measurement = { integration_s = 0.2, n_averages = 5 }
stop.max_coupons = 2
[space]
hold_s = [600, 900]
temperature_C = [200, 250]
ramp_C_min = 20.0
[[glass]]
name = "BrI"
bromide = 1.5
iodide = 1.5
[[coupon]]
serial = "C1"
glass = "BrI"
[[coupon]]
serial = "C2"
glass = "BrI"
"""
LENGTH_S = 6000.0
"""Simulated time of it without faults, about."""
MAKES_SAFE = ("close_output", "standby", "switch_lamp", "switch_excitation", "stop")


# -------------------------------------------------------------------------------------------------------- what happens
def chance_faults(rng: random.Random) -> list[dict[str, Any]]:
    """One to three faults, of any kind, of any device that a night uses, at any time or by chance."""
    from beamline.faults import CALLS, FaultKind

    roles = [role for role in CALLS if role != "lifetime"]
    return [_fault(rng, rng.choice(roles), rng.choice(get_args(FaultKind))) for _ in range(rng.choice((1, 1, 2, 3)))]


def _fault(rng: random.Random, role: str, kind: str) -> dict[str, Any]:
    from beamline.faults import CALLS

    entry: dict[str, Any] = {"role": role, "kind": kind, "delay_s": rng.choice((1.0, 5.0, 60.0))}
    entry["duration_s"] = rng.choice((0.0, 1.0, 30.0, 600.0, 5000.0))
    if kind == "drift":
        entry |= {"duration_s": rng.choice((60.0, 600.0, 5000.0)), "size": rng.choice((-20.0, -1.0, 1.0, 5.0, 20.0))}
    elif rng.random() < 0.3:
        entry["command"] = rng.choice(CALLS[role])
    if rng.random() < 0.6:
        # in the minute of writing or of measuring as often as in the hours of the furnace
        entry["at_s"] = round(rng.choice((rng.uniform(0, LENGTH_S), rng.uniform(30, 80))), 3)
    else:
        entry |= {"probability": rng.choice((0.002, 0.02, 0.2)), "at_most": rng.choice((1, 3, 100))}
    if entry.get("command") in MAKES_SAFE:
        # What never obeys the command that makes it safe is what interlock and over-temperature trip are for.
        entry["duration_s"] = 0.0
        if "at_most" in entry:
            entry["at_most"] = 2
    return entry


def chance_policy(rng: random.Random) -> dict[str, Any]:
    """A `[policy]`, with a rule as often as not."""
    from beamline.campaign.policy import ALLOWED, FaultName

    policy: dict[str, Any] = {step: rng.choice(words) for step, words in ALLOWED.items()}
    policy |= {
        "retries": rng.choice((0, 1, 2, 5)),
        "retry_wait_s": rng.choice((0.0, 5.0, 30.0, 300.0)),
        "operator_within_h": rng.choice((0.1, 1.0)),
        "budget": rng.choice((0, 1, 3, 20, 1000)),
    }
    if rng.random() < 0.5:
        step = rng.choice(list(ALLOWED))
        policy["rule"] = [{"step": step, "fault": rng.choice(get_args(FaultName)), "then": rng.choice(ALLOWED[step])}]
    return policy


def night_of(number: int) -> Any:
    """The campaign of a number."""
    from beamline.campaign import parse_campaign

    rng = random.Random(f"night {number}")  # noqa: S311  # faults, not secrets
    tables = [f"[policy]\n{_toml(policy := chance_policy(rng))}"]
    tables += [f"[[policy.rule]]\n{_toml(rule)}" for rule in policy.get("rule", ())]
    tables += [f"[[fault]]\n{_toml(entry)}" for entry in chance_faults(rng)]
    return parse_campaign(f"seed = {number}\n{NIGHT}{''.join(tables)}", f"night {number}")


def _toml(table: dict[str, Any]) -> str:
    return "".join(f"{key} = {json.dumps(value)}\n" for key, value in table.items() if not isinstance(value, list))


def longest_s(campaign: Any, expected_s: float) -> float:
    """What a night may take at most on its clock: as if every fault of the budget were waited for as long as it may be."""
    policy = campaign.policy
    per_fault_s = (policy.retries + 1) * (policy.retry_wait_s + 900.0) + policy.operator_within_h * 3600.0
    n_faults = min(policy.budget, 100) + 1
    return float(2 * expected_s + n_faults * per_fault_s + 4 * 3600.0)


# ------------------------------------------------------------------------------------------------------- what came of it
class Openings:
    """Every opening of the laser, noted below the faults: which coupon lay there, and where."""

    def __init__(self, bench: Any) -> None:
        laser, stage, changer = (underneath(d.driver) for d in (bench.laser, bench.stage, bench.changer))
        open_output = laser.open_output
        self.places: list[tuple[str, float, float]] = []

        def opened() -> None:
            open_output()
            serial = next((s for s in changer.serials if changer.station_of(s) == "stage"), "")
            self.places.append((serial, float(stage.position_mm("x")), float(stage.position_mm("y"))))

        laser.open_output = opened

    def beyond(self, bench: Any, runs: Any) -> tuple[int, int]:
        """Openings beyond what the recipes ask for, and openings where no site is."""
        from beamline.recipe import Recipe, Site

        most: dict[tuple[str, float, float], int] = {}
        for run in runs:
            for name, plain in run.start.get("recipes", {}).items():
                site, writing = Site.model_validate(run.start["sites"][name]), Recipe.model_validate(plain).writing
                begin_x_mm = site.x_mm - getattr(writing, "length_mm", 0.0) / 2
                x_mm, y_mm, _ = bench.geometry.under_laser(begin_x_mm, site.y_mm, writing.depth_mm)
                most[site.coupon, x_mm, y_mm] = writing.n_passes
        met: Counter[tuple[str, float, float]] = Counter()
        n_elsewhere = 0
        for serial, x_mm, y_mm in self.places:
            near = [k for k in most if k[0] == serial and abs(k[1] - x_mm) < SITE_MM and abs(k[2] - y_mm) < SITE_MM]
            n_elsewhere += not near
            met.update(near)
        return sum(max(n - most[key], 0) for key, n in met.items()), n_elsewhere


def underneath(driver: Any) -> Any:
    """The twin's driver, without the faults around it."""
    return getattr(driver, "underneath", driver)


def live(number: int, folder: Path) -> dict[str, Any]:
    """Live through a night and look at what came of it."""
    from beamline.instrument import Instrument
    from beamline.night import run_night
    from beamline.session import open_session

    campaign = night_of(number)
    row: dict[str, Any] = {"night": number, "faults": [str(entry) for entry in campaign.fault]}
    emitted: list[str] = []
    with open_session(
        Instrument(),
        coupons=campaign.coupons,
        data=folder,
        seed=number,
        unattended=True,
        catalog=False,
        faults=campaign.faults,
    ) as session:
        bench, injector = session.bench, session.faults
        assert injector is not None
        openings = Openings(bench)
        session.RE.subscribe(lambda name, _doc: emitted.append(name))
        outcome = run_night(session, campaign)
        laser, furnace = underneath(bench.laser.driver), underneath(bench.furnace.driver)
        row |= {"is_open": laser.is_output_open, "is_heating": furnace.is_on, "simulated_s": outcome.simulated_s}
        bench.clock.advance(COOL_H * 3600.0)
        row |= {"is_open_later": laser.is_output_open, "later_C": float(furnace.temperature_C)}
    runs = session.records.runs()
    n_twice, n_elsewhere = openings.beyond(bench, runs)
    expected_s = float(runs[0].start["expected_s"]) if runs else 0.0
    n_faults = sum(run.start["purpose"] == "fault" for run in runs) + sum(len(run.events("faults")) for run in runs)
    return row | {
        "began": sorted({f"{one.role} {one.kind}" for one in injector.injected}),
        "n_injected": injector.n_injected,
        "n_met": n_faults,
        "exit_status": outcome.exit_status if runs else "not begun",
        "reason": outcome.reason,
        "deadline_s": longest_s(campaign, expected_s),
        "n_openings": len(openings.places),
        "n_twice": n_twice,
        "n_elsewhere": n_elsewhere,
        "n_lost": len(emitted) - sum(len(run.documents) for run in runs),
        "n_without_end": sum(run.stop is None for run in runs),
        "n_documents": len(emitted),
    }


def wrongs(row: dict[str, Any]) -> Iterator[str]:
    """What must not be, by name."""
    if "hang" in row or "error" in row:
        yield "hang" if "hang" in row else "error"
        return
    if row["is_open"] or row["is_open_later"]:
        yield "laser open"
    if row["is_heating"] or row["later_C"] > WARM_C:
        yield "furnace hot"
    if row["n_twice"]:
        yield "exposed twice"
    if row["n_elsewhere"]:
        yield "exposed elsewhere"
    if row["n_lost"] or row["n_without_end"]:
        yield "lost documents"
    if row["simulated_s"] > row["deadline_s"]:
        yield "hang"


# ------------------------------------------------------------------------------------------------------------- the nights
def fork(number: int, rows: Path) -> int:
    """Live through a night in a process of its own; returns its id."""
    sys.stdout.flush()
    pid = os.fork()
    if pid:
        return pid
    try:
        folder = Path(tempfile.mkdtemp(prefix="fault-night-"))
        begin_s = time.monotonic()
        try:
            row = live(number, folder)
        except BaseException as error:  # noqa: BLE001  # whatever comes out of a night is a finding
            row = {"night": number, "error": f"{type(error).__name__}: {error}"}
        write(rows, row | {"wall_s": round(time.monotonic() - begin_s, 2)})
        shutil.rmtree(folder, ignore_errors=True)
    finally:
        os._exit(0)


def write(rows: Path, row: dict[str, Any]) -> None:
    """Whole, or not at all."""
    draft = rows / f"{row['night']}.draft"
    draft.write_text(json.dumps(row) + "\n", encoding="utf-8")
    draft.replace(rows / f"{row['night']:05d}.json")


def run_all(numbers: list[int], rows: Path, jobs: int) -> None:
    """The nights that have no row yet, so many at once."""
    import skopt  # noqa: F401  # a night loads it when it needs it; here the process that forks has it

    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    left = [number for number in numbers if not (rows / f"{number:05d}.json").exists()]
    running: dict[int, tuple[int, int, float]] = {}  # by pidfd: pid, night, when it must have ended
    while left or running:
        while left and len(running) < jobs:
            number = left.pop(0)
            pid = fork(number, rows)
            running[os.pidfd_open(pid)] = (pid, number, time.monotonic() + WALL_S)
        ready, _, _ = select.select(list(running), [], [], 0.5)
        for descriptor, (pid, number, end_s) in list(running.items()):
            if descriptor not in ready and time.monotonic() < end_s:
                continue
            if descriptor not in ready:
                signal.pidfd_send_signal(descriptor, signal.SIGKILL)
                write(rows, {"night": number, "hang": f"no end after {WALL_S:g} s of the wall"})
            os.waitpid(pid, 0)
            os.close(descriptor)
            del running[descriptor]
            if not (rows / f"{number:05d}.json").exists():
                write(rows, {"night": number, "error": "its process died without a word"})


def tell(rows: list[dict[str, Any]]) -> bool:
    """Print the table by fault and outcome, and the counts; whether something was found that must not be."""
    outcomes = ("done, nothing met", "done despite it", "ended by it", "not begun")
    table: dict[str, Counter[str]] = {}
    for row in rows:
        for fault in row.get("began", ()):
            table.setdefault(fault, Counter())[outcome_of(row)] += 1
    print("| fault that began | nights | " + " | ".join(outcomes) + " |\n|---|---|" + "---|" * len(outcomes))
    for fault, counts in sorted(table.items()):
        print(f"| {fault} | {sum(counts.values())} | " + " | ".join(str(counts[o]) for o in outcomes) + " |")
    total = Counter(outcome_of(row) for row in rows)
    print(f"| all nights | {len(rows)} | " + " | ".join(str(total[o]) for o in outcomes) + " |")
    found = Counter(name for row in rows for name in wrongs(row))
    names = ("laser open", "furnace hot", "exposed twice", "exposed elsewhere", "lost documents", "hang", "error")
    whole = [row for row in rows if "n_documents" in row]
    print(
        f"\n{len(rows)} nights, {sum(bool(row.get('began')) for row in rows)} with a fault that began; "
        f"{sum(row['n_injected'] for row in whole)} faults injected, {sum(row['n_met'] for row in whole)} met by a policy; "
        f"{sum(row['n_openings'] for row in whole)} openings of the laser; {sum(row['n_documents'] for row in whole)} "
        f"documents; {sum(row['simulated_s'] for row in whole) / 3600:.0f} simulated hours"
    )
    print("; ".join(f"{name}: {found[name]}" for name in names))
    for row in rows:
        if names_found := list(wrongs(row)):
            what = row.get("error") or row.get("hang") or row.get("reason")
            print(f"night {row['night']}: {', '.join(names_found)}: {what}; faults: {'; '.join(row.get('faults', ()))}")
    return bool(found)


def outcome_of(row: dict[str, Any]) -> str:
    """How a night ended, for the table."""
    if row.get("exit_status") == "success":
        return "done despite it" if row["n_met"] else "done, nothing met"
    return "not begun" if row.get("exit_status") == "not begun" else "ended by it"


def main() -> None:
    """Live through the nights and print what came of them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nights", type=int, default=1000)
    parser.add_argument("--first", type=int, default=0, help="number of the first")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--folder", type=Path, help="where the rows go, and stay; default: a temporary one")
    given = parser.parse_args()
    rows = given.folder or Path(tempfile.mkdtemp(prefix="fault-nights-"))
    rows.mkdir(parents=True, exist_ok=True)
    numbers = list(range(given.first, given.first + given.nights))
    run_all(numbers, rows, given.jobs)
    sys.exit(tell([json.loads((rows / f"{number:05d}.json").read_text()) for number in numbers]))


if __name__ == "__main__":
    main()
