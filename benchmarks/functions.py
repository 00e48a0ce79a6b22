"""Hartmann6 and Ackley5 with noise, at 20 and 40 points: our engine without a physics prior, and others.

    python benchmarks/functions.py [--arms ours botorch] [--seeds 20] [--functions hartmann6 ackley5] [--points 40] [--rows FILE]

Every run begins with the same 6 points (scrambled Sobol', from the seed); the noise of the n-th evaluation of a seed is the same
for all arms. Hartmann6 on [0, 1]^6 with noise of 0.1 (sd); Ackley5 with noise of 0.5 on [-5, 10]^5 (Eriksson et al. 2019:
the optimum is not the centre) and, as "ackley5wide", on [-32.768, 32.768]^5, where it is. Regret is free of noise: "best"
of the best point evaluated, "chosen" of the point that the optimiser would recommend. `--rows` keeps finished runs, one JSON line
each, and skips what is there already. The p value is Wilcoxon's signed-rank test on pairs of equal seed, two-sided.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from general_arms import make_arm
from scipy.stats import qmc, wilcoxon

Floats = npt.NDArray[np.float64]
N_INITIAL = 6

HARTMANN_A = np.array(
    [[10, 3, 17, 3.5, 1.7, 8], [0.05, 10, 17, 0.1, 8, 14], [3, 3.5, 1.7, 10, 17, 8], [17, 8, 0.05, 10, 0.1, 14]]
)
HARTMANN_P = 1e-4 * np.array(
    [
        [1312, 1696, 5569, 124, 8283, 5886],
        [2329, 4135, 8307, 3736, 1004, 9991],
        [2348, 1451, 3522, 2883, 3047, 6650],
        [4047, 8828, 8732, 5743, 1091, 381],
    ]
)


def hartmann6(x: Floats) -> float:
    """To be maximised; 3.32237 at best (Picheny, Wagner and Ginsbourger 2013)."""
    return float(np.array([1, 1.2, 3, 3.2]) @ np.exp(-(HARTMANN_A * (x - HARTMANN_P) ** 2).sum(1)))


def ackley(z: Floats) -> float:
    """Negative of Ackley's function: 0 at best, at 0."""
    wave, slope = np.exp(np.cos(2 * np.pi * z).mean()), 20 * np.exp(-0.2 * np.sqrt((z**2).mean()))
    return float(slope + wave - 20 - np.e)


FUNCTIONS: dict[str, tuple[Any, int, float, float]] = {
    "hartmann6": (hartmann6, 6, 3.32237, 0.1),
    "ackley5": (lambda x: ackley(15 * x - 5), 5, 0.0, 0.5),
    "ackley5wide": (lambda x: ackley(65.536 * x - 32.768), 5, 0.0, 0.5),
}
"""Function of the unit cube, dimensions, maximum, sd of the noise."""


def run(name: str, arm: str, seed: int, n_points: int) -> dict[str, Any]:
    """One run: regret after 20 points and at the end, and the seconds of the slowest choice."""
    function, d, maximum, noise_sd = FUNCTIONS[name]
    noise = noise_sd * np.random.default_rng([seed, 2]).standard_normal(n_points)
    x = qmc.Sobol(d, seed=np.random.default_rng(seed)).random(8)[:N_INITIAL]
    true = [function(point) for point in x]
    optimizer = make_arm(arm, d, seed)
    row: dict[str, Any] = {"function": name, "arm": arm, "seed": seed}
    slowest = 0.0
    for n in range(N_INITIAL, n_points + 1):
        y = np.array(true) + noise[:n]
        if n in {20, n_points}:
            row[f"best{n}"] = maximum - max(true)
            row[f"chosen{n}"] = maximum - true[optimizer.recommended(x, y)]
        if n == n_points:
            break
        begin = time.perf_counter()
        x = np.vstack([x, optimizer.next_point(x, y)])
        slowest = max(slowest, time.perf_counter() - begin)
        true.append(function(x[-1]))
    return row | {"slowest_s": slowest}


def summary(rows: list[dict[str, Any]], keys: list[str]) -> None:
    """Prints medians with interquartile ranges, and the test of our arm against each other one."""
    of = {(row["function"], row["arm"], row["seed"]): row for row in rows}
    arms = list(dict.fromkeys(row["arm"] for row in rows))
    for name in dict.fromkeys(row["function"] for row in rows):
        for arm in arms:
            mine = [row for (f, a, _), row in of.items() if (f, a) == (name, arm)]
            if not mine:
                continue
            line = f"{name:12s} {arm:10s} {len(mine):3d} seeds"
            for key in keys:
                low, mid, high = np.percentile([row[key] for row in mine], [25, 50, 75])
                line += f"  {key} {mid:.3f} [{low:.3f}, {high:.3f}]"
                if arm != "ours":
                    pairs = [
                        (of[name, "ours", row["seed"]][key], row[key])
                        for row in mine
                        if (name, "ours", row["seed"]) in of
                    ]
                    if len(pairs) > 5:
                        a, b = np.transpose(pairs)
                        line += f" (ours lower in {np.mean(a < b):.0%}, p = {wilcoxon(a, b).pvalue:.2g})"
            print(line, f" slowest choice {np.median([row['slowest_s'] for row in mine]):.2f} s")


def main() -> None:
    """Runs what is missing and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--arms", nargs="+", default=["ours", "random"])
    parser.add_argument("--functions", nargs="+", default=["hartmann6", "ackley5"], choices=list(FUNCTIONS))
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--points", type=int, default=40)
    parser.add_argument("--rows", type=Path)
    arguments = parser.parse_args()
    rows = []
    if arguments.rows is not None and arguments.rows.exists():
        rows = [json.loads(line) for line in arguments.rows.read_text().splitlines()]
    done = {(row["function"], row["arm"], row["seed"]) for row in rows}
    for seed in range(arguments.seeds):
        for name in arguments.functions:
            for arm in arguments.arms:
                if (name, arm, seed) in done:
                    continue
                rows.append(run(name, arm, seed, arguments.points))
                if arguments.rows is not None:
                    with arguments.rows.open("a") as file:
                        file.write(json.dumps(rows[-1]) + "\n")
    summary(rows, [f"{what}{n}" for n in dict.fromkeys((20, arguments.points)) for what in ("best", "chosen")])


if __name__ == "__main__":
    main()
