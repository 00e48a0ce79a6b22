"""Nights on many hidden truths: how many coupons each optimiser needs to meet the specification of a campaign.

    python benchmarks/nights.py [--campaign examples/night.toml] [--seeds 20] [--kinds physics,random] [--jobs 2]

Every night is a whole one: plans, engine, devices, log and analysis, on the simulated bench; only the catalog and the report
are left out. All kinds get the same truths, coupons and noise. All are judged alike, by the measured outcomes alone and without
any model: the night has reached its target when some site meets the specification with probability 0.9 or more.
"""

from __future__ import annotations

import argparse
import math
import os
import statistics
import tempfile
import warnings
from pathlib import Path
from typing import Any

if __name__ == "__main__":  # before anything loads them, and only where this is the program
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.setdefault("NUMBA_NUM_THREADS", "1")

from joblib import Parallel, delayed

CONFIDENCE = 0.9


def night(file: str, kind: str, seed: int) -> tuple[str, int, list[float], float, list[Any]]:
    """Run one night; probability of having reached the target after each coupon, its simulated hours, and its own checks."""
    warnings.simplefilter("ignore")  # workers of a benchmark: what matters is in the result
    from beamline.campaign import OptimizerChoice, load_campaign
    from beamline.instrument import Instrument
    from beamline.night import earlier_observations, optimizer_of, run_night
    from beamline.optimize import make_optimizer
    from beamline.session import open_session

    campaign = load_campaign(file)
    campaign = campaign.model_copy(update={"seed": seed, "optimizer": OptimizerChoice(kind=kind)})
    with tempfile.TemporaryDirectory() as data:
        with open_session(
            Instrument(), coupons=campaign.coupons, data=Path(data), seed=seed, unattended=True, catalog=False
        ) as session:
            optimizer = optimizer_of(campaign)
            outcome = run_night(session, campaign, optimizer=optimizer)
        if outcome.exit_status != "success":
            raise RuntimeError(f"{kind=} {seed=}: {outcome.reason}")
        judge = make_optimizer(
            "random", space=campaign.space, objective=campaign.objective, layout=campaign.layout, seed=0
        )
        judge.ingest(earlier_observations(session.records, outcome.campaign_uid))
    checks = [check.model_dump() for check in optimizer.status().checks]
    return kind, seed, [entry.p_reached for entry in judge.status().trace], outcome.simulated_s / 3600, checks


def coverage(checks: list[Any]) -> str:
    """Coupons against what was predicted before they were seen: rms z and shares within 1 and 2 sd (1, 68 %, 95 %)."""
    texts = []
    for name in ("red_peak_eV", "green_peak_eV", "ln_red_rate", "ln_green_rate"):
        rows = [o for check in checks for o in check["observables"] if o["observable"] == name]
        n = sum(o["n"] for o in rows)
        if n:
            rms = math.sqrt(sum(o["n"] * o["z_rms"] ** 2 for o in rows) / n)
            one, two = (sum(o["n"] * o[f"share_within_{k}_sd"] for o in rows) / n for k in (1, 2))
            texts.append(f"{name} {rms:.2f} {one:.0%} {two:.0%} of {n}")
    return "; ".join(texts)


def main() -> None:
    """Run all nights and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--campaign", default="examples/night.toml")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--kinds", default="physics,random")
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    kinds = options.kinds.split(",")
    tasks = [delayed(night)(options.campaign, kind, seed) for seed in range(1, options.seeds + 1) for kind in kinds]
    results = Parallel(n_jobs=options.jobs, return_as="generator_unordered")(tasks)
    reached: dict[str, dict[int, int | None]] = {kind: {} for kind in kinds}
    checked: dict[str, list[Any]] = {kind: [] for kind in kinds}
    for kind, seed, trace, hours, checks in results:
        checked[kind] += checks
        first = next((i + 1 for i, p in enumerate(trace) if p >= CONFIDENCE), None)
        reached[kind][seed] = first
        after = f"after coupon {first}" if first else "not reached"
        print(
            f"seed {seed:3d}  {kind:8s} {after:15s} {hours:5.1f} h  p = {' '.join(f'{p:.2f}' for p in trace)}",
            flush=True,
        )
    print(f"\ncampaign {options.campaign}, target reached with p >= {CONFIDENCE} on measured outcomes")
    for kind in kinds:
        needed = [reached[kind][seed] for seed in sorted(reached[kind])]
        n_reached = sum(first is not None for first in needed)
        worst = max((first for first in needed if first), default=0) + 1
        median = statistics.median(first or worst for first in needed)
        text = f"{median:g}" if n_reached > len(needed) / 2 else "not reached"
        print(f"{kind:8s} {n_reached:2d} of {len(needed)} nights; median coupon at which it was reached: {text}")
        if checked[kind]:
            print(f"         foreseen, rms z and shares within 1 and 2 sd: {coverage(checked[kind])}")


if __name__ == "__main__":
    main()
