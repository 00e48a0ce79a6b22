"""Are predicted intervals right? Coupons of chance recipes, each foreseen from those before it, and then learnt.

    python benchmarks/interval_coverage.py [--campaign examples/night.toml] [--first 107] [--nights 8] [--coupons 6]
                                           [--recipes chance|agent] [--jobs 2] [--keep FOLDER]

Every night has its own hidden truth of the simulated bench. Its recipes are drawn by chance, so that neither the optimiser nor
what it believes decides where it is asked; the bench is driven without an engine (by_hand.py). What came of them is told to the
agent, coupon by coupon. Counted are measured values within the central 68.3 % and 95.4 % of what was expected of them, by
observable, of all coupons and of those from the second and from the third on, with one standard error. The sites of a coupon
share what the coupon has for itself: the error is that of shares by coupon.

With `--recipes agent` the agent chooses, as in a night: it then asks where it expects much, and asks there again.

The rates of the first coupon are foreseen before it is known how many counts a photon gives (a factor of twenty either way):
one number of the spectrometer, which all simulated benches share, and so the same answer in every night.

`--keep` keeps the outcomes of the nights in a folder, and takes them from there where they are.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import warnings
from pathlib import Path

if __name__ == "__main__":  # before anything loads them, and only where this is the program
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.setdefault("NUMBA_NUM_THREADS", "1")

import numpy as np
import numpy.typing as npt
from by_hand import make_coupon, simulated_bench
from joblib import Parallel, delayed

from beamline.campaign import load_campaign
from beamline.optimize.agent import Agent
from beamline.optimize.observables import Observable
from beamline.optimize.peers import RandomOptimizer
from beamline.recipe import Observation

Floats = npt.NDArray[np.float64]
Foreseen = list[dict[str, list[float]]]
"""By coupon: z-scores by observable."""

LEVELS = {"68 %": 1.0, "95 %": 2.0}
"""Half widths in standard deviations."""


def night(file: str, seed: int, n_coupons: int, recipes: str, keep: Path | None) -> list[tuple[Observation, ...]]:
    """Outcomes of coupons on the truth of a seed, of recipes drawn by chance or chosen by the agent."""
    path = None if keep is None else keep / f"{Path(file).stem}-{recipes}-{seed}-{n_coupons}.json"
    if path is not None and path.exists():
        return [tuple(map(Observation.model_validate, group)) for group in json.loads(path.read_text())]
    campaign = load_campaign(file)
    make = RandomOptimizer if recipes == "chance" else Agent
    chooses = make(campaign.space, campaign.objective, campaign.layout, seed)
    found = []
    with simulated_bench(campaign, seed) as bench:
        for _ in range(n_coupons):
            seen = make_coupon(bench, chooses.suggest(campaign.coupons), campaign.measurement)
            chooses.ingest(seen)
            found.append(seen)
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps([[seen.model_dump(mode="json") for seen in group] for group in found]))
    return found


def foreseen(file: str, seed: int, n_coupons: int, recipes: str, keep: Path | None) -> Foreseen:
    """Z-scores of a night's values, each coupon foreseen from those before it."""
    warnings.simplefilter("ignore")  # workers of a benchmark: what matters is in the result
    campaign = load_campaign(file)
    agent = Agent(campaign.space, campaign.objective, campaign.layout, seed)
    found = []
    for group in night(file, seed, n_coupons, recipes, keep):
        found.append({one.name: list(map(float, z)) for one, z in agent.z_scores(group).items()})
        agent.ingest(group)
    return found


def share(coupons: list[list[float]], half_width: float) -> tuple[float, float]:
    """Share of the values within, with its standard error by coupons (a ratio of sums)."""
    inside = np.array([sum(abs(z) <= half_width for z in coupon) for coupon in coupons], dtype=float)
    count = np.array([len(coupon) for coupon in coupons], dtype=float)
    mean = inside.sum() / count.sum()
    spread = ((inside - mean * count) ** 2).sum() / max(len(coupons) - 1, 1) * len(coupons)
    return float(mean), math.sqrt(spread) / float(count.sum())


def table(nights: list[Foreseen]) -> str:
    """Shares by observable and level, all coupons and later ones."""
    lines = []
    for title, first in (("all coupons", 0), ("from the second on", 1), ("from the third on", 2)):
        lines.append(f"{title:20s}" + "".join(f"{level:>16s}" for level in LEVELS) + "    values, rms z")
        for observable in Observable:
            coupons = [c[observable.name] for night in nights for c in night[first:] if c.get(observable.name)]
            if not coupons:
                continue
            shares = [share(coupons, half_width) for half_width in LEVELS.values()]
            every = np.concatenate(coupons)
            cells = "".join(f"{100 * mean:10.1f} ± {100 * error:3.1f}" for mean, error in shares)
            lines.append(f"{observable.name.lower():20s}{cells}    {len(every):4d}, {np.sqrt((every**2).mean()):.2f}")
    return "\n".join(lines)


def main() -> None:
    """Run the nights and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--campaign", default="examples/night.toml")
    parser.add_argument("--first", type=int, default=107)
    parser.add_argument("--nights", type=int, default=8)
    parser.add_argument("--coupons", type=int, default=6)
    parser.add_argument("--recipes", choices=("chance", "agent"), default="chance")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--keep", type=Path)
    options = parser.parse_args()
    nights = Parallel(n_jobs=options.jobs)(
        delayed(foreseen)(options.campaign, seed, options.coupons, options.recipes, options.keep)
        for seed in range(options.first, options.first + options.nights)
    )
    print(table(nights))


if __name__ == "__main__":
    main()
