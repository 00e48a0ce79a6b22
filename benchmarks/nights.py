"""Nights on many hidden truths: how many coupons each optimiser needs to meet the specification of a campaign.

    python benchmarks/nights.py [--campaign examples/night.toml] [--seeds 20] [--kinds physics,random] [--jobs 2]

Every night is a whole one: plans, engine, devices, log and analysis, on the simulated bench; only the catalog and the report
are left out. All kinds get the same truths, coupons and noise. All are judged alike, by the measured outcomes alone and without
any model: the night has reached its target when some site meets the specification with probability 0.9 or more.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import warnings
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("NUMBA_NUM_THREADS", "1")

from joblib import Parallel, delayed

CONFIDENCE = 0.9


def night(file: str, kind: str, seed: int) -> tuple[str, int, list[float], float]:
    """Run one night; probability of having reached the target after each coupon, and its simulated hours."""
    warnings.simplefilter("ignore")  # workers of a benchmark: what matters is in the result
    from beamline.campaign import OptimizerChoice, load_campaign
    from beamline.instrument import Instrument
    from beamline.night import earlier_observations, run_night
    from beamline.optimize import make_optimizer
    from beamline.session import open_session

    campaign = load_campaign(file)
    campaign = campaign.model_copy(update={"seed": seed, "optimizer": OptimizerChoice(kind=kind)})
    with tempfile.TemporaryDirectory() as data:
        with open_session(
            Instrument(), coupons=campaign.coupons, data=Path(data), seed=seed, unattended=True, catalog=False
        ) as session:
            outcome = run_night(session, campaign)
        if outcome.exit_status != "success":
            raise RuntimeError(f"{kind=} {seed=}: {outcome.reason}")
        judge = make_optimizer(
            "random", space=campaign.space, objective=campaign.objective, layout=campaign.layout, seed=0
        )
        judge.ingest(earlier_observations(session.records, outcome.campaign_uid))
    return kind, seed, [entry.p_reached for entry in judge.status().trace], outcome.simulated_s / 3600


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
    for kind, seed, trace, hours in results:
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


if __name__ == "__main__":
    main()
