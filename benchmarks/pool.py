"""Optimisers on measured data: they choose, one after the other, among designs that somebody made (Liang et al. 2021).

    python benchmarks/pool.py FILE --objective COLUMN --maximise|--minimise [--seeds 30] [--initial 2] [--points 60]
                              [--arms ours random] [--rows FILE]
    python benchmarks/pool.py --liang2021 [...]     # the three data sets of benchmarks/data/liang2021

A CSV file with a header; every column but the objective is a factor and must be a number; repeats of a design are averaged. Two
designs, drawn from the seed and the same for all arms, are known at the beginning; then an arm chooses, and is told the
measurement. Share: of the best 5 % of all designs, how many were found. Random finds n/N of them after n of N, so
enhancement EF(n) = share(n) / (n/N), and acceleration AF(share) = N share / n(share), n counting the designs known at the
beginning. Medians with interquartile ranges over seeds; p from Wilcoxon's signed-rank test on the area under the share curve,
pairs of equal seed, two-sided. `--rows` keeps finished runs and skips what is there already.
"""

from __future__ import annotations

import argparse
import csv
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from general_arms import make_arm
from scipy.stats import wilcoxon

Floats = npt.NDArray[np.float64]

LIANG = Path(__file__).parent / "data" / "liang2021"
LIANG_2021 = (
    ("perovskite.csv", "Instability index", False, 60),
    ("p3ht_cnt.csv", "Conductivity (measured) (S/cm)", True, 60),
    ("crossed_barrel.csv", "toughness", True, 100),
)
"""File, objective, whether it is maximised, designs to choose."""
SHARES = (0.2, 0.5, 0.8)


@dataclass(frozen=True)
class Pool:
    """Distinct designs and what was measured of them, larger better.

    Attributes:
        name: of the file.
        x: factors scaled to the unit cube, (n, d).
        y: objective, (n,).
    """

    name: str
    x: Floats
    y: Floats

    @property
    def top(self) -> npt.NDArray[np.bool_]:
        """The best 5 %, at least one design, (n,)."""
        n_top = max(round(0.05 * len(self.y)), 1)
        is_top = np.zeros(len(self.y), dtype=bool)
        is_top[np.argsort(-self.y, kind="stable")[:n_top]] = True
        return is_top


def read_pool(path: Path, objective: str, *, maximise: bool) -> Pool:
    """The designs of a CSV file.

    Raises:
        ValueError: a column or a number is missing, or there is nothing to choose from.
    """
    with path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file)
        names = [name for name in reader.fieldnames or [] if name]
        if objective not in names:
            raise ValueError(f"{path}: no column {objective!r}; there are: {', '.join(names)}")
        factors = [name for name in names if name != objective]
        repeats: dict[tuple[float, ...], list[float]] = {}
        for line, row in enumerate(reader, start=2):
            try:
                design = tuple(float(row[name]) for name in factors)
                value = float(row[objective])
            except (TypeError, ValueError) as wrong:
                raise ValueError(
                    f"{path}, line {line}: not a number ({wrong}); text must be coded as numbers"
                ) from None
            if not np.isfinite([*design, value]).all():
                raise ValueError(f"{path}, line {line}: a number is not finite; leave the line out")
            repeats.setdefault(design, []).append(value)
    x = np.array(list(repeats)).reshape(len(repeats), len(factors))
    x = x[:, np.ptp(x, axis=0) > 0] if len(x) else x
    if len(x) < 10 or x.shape[1] == 0:
        raise ValueError(
            f"{path}: {len(x)} distinct designs in {x.shape[1]} factors that vary; at least 10 in 1 are needed"
        )
    y = np.array([np.mean(values) for values in repeats.values()])
    return Pool(path.stem, (x - x.min(0)) / np.ptp(x, axis=0), y if maximise else -y)


def run(pool: Pool, arm: str, seed: int, *, n_initial: int, n_points: int) -> dict[str, Any]:
    """One run: how many of the best were known after every choice, and the seconds of the slowest one."""
    known = [int(i) for i in np.random.default_rng([seed, 3]).permutation(len(pool.y))[:n_initial]]
    optimizer = make_arm(arm, pool.x.shape[1], seed)
    slowest = 0.0
    while len(known) < min(n_points, len(pool.y)):
        left = np.setdiff1d(np.arange(len(pool.y)), known)
        begin = time.perf_counter()
        known.append(int(left[optimizer.next_of(pool.x[known], pool.y[known], pool.x[left])]))
        slowest = max(slowest, time.perf_counter() - begin)
    found = np.cumsum(pool.top[known])
    return {"pool": pool.name, "arm": arm, "seed": seed, "found": found.tolist(), "slowest_s": slowest}


def _quartiles(values: Floats) -> str:
    low, mid, high = np.percentile(values, [25, 50, 75], method="nearest")
    return f"{mid:.2f} [{low:.2f}, {high:.2f}]"


def summary(pool: Pool, rows: list[dict[str, Any]], arms: list[str], n_points: int) -> None:
    """Prints one line for each arm."""
    n, n_top = len(pool.y), int(pool.top.sum())
    print(f"{pool.name}: {n} designs, {pool.x.shape[1]} factors, {n_top} among the best 5 %")
    area: dict[str, dict[int, float]] = {}
    for arm in arms:
        mine = [row for row in rows if (row["pool"], row["arm"]) == (pool.name, arm) and len(row["found"]) >= n_points]
        if not mine:
            continue
        share = np.array([row["found"][:n_points] for row in mine]) / n_top
        count = np.arange(1, n_points + 1)
        enhancement = share / (count / n)
        area[arm] = {row["seed"]: float(one) for row, one in zip(mine, share.mean(1), strict=True)}
        line = f"  {arm:12s} {len(mine):3d} seeds"
        for at in sorted({20, 50, n_points}):
            if at <= n_points:
                line += f"  share({at}) {_quartiles(share[:, at - 1])} EF {np.median(enhancement[:, at - 1]):.1f}"
        peak = np.median(enhancement, axis=0)[5:]
        line += f"  peak EF {peak.max():.1f} at {int(peak.argmax()) + 6}"
        for level in SHARES:
            # The first count with at least this share; never reached counts as beyond all.
            first = np.where(share >= level - 1e-9, count, np.inf).min(1)
            middle = float(np.sort(first)[(len(first) - 1) // 2])
            line += f"  AF({level:g}) " + (f"{n * level / middle:.2f} (n={middle:.0f})" if np.isfinite(middle) else "-")
        if arm != "ours" and "ours" in area:
            pairs = [(area["ours"][seed], one) for seed, one in area[arm].items() if seed in area["ours"]]
            if len(pairs) > 5:
                a, b = np.transpose(pairs)
                line += f"  | area: ours larger in {np.mean(a > b):.0%}, p = {wilcoxon(a, b).pvalue:.2g}"
        print(line + f"  | slowest choice {np.median([row['slowest_s'] for row in mine]):.2f} s")


def _pools(asked: argparse.Namespace) -> list[tuple[Pool, int]]:
    """The tables that were asked for, and how many designs to choose."""
    if not asked.liang2021:
        return [(read_pool(asked.file, asked.objective, maximise=asked.maximise), asked.points or 60)]
    return [
        (read_pool(LIANG / file, column, maximise=up), asked.points or points)
        for file, column, up, points in LIANG_2021
        if asked.only is None or file.removesuffix(".csv") in asked.only
    ]


def main() -> None:
    """Runs what is missing and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path, nargs="?")
    parser.add_argument("--objective", help="name of the column")
    direction = parser.add_mutually_exclusive_group()
    direction.add_argument("--maximise", action="store_true")
    direction.add_argument("--minimise", action="store_true")
    parser.add_argument("--liang2021", action="store_true", help="the three data sets that come with vitrail")
    parser.add_argument("--only", nargs="+", help="of these: perovskite, p3ht_cnt, crossed_barrel")
    parser.add_argument("--arms", nargs="+", default=["ours", "random"])
    parser.add_argument("--seeds", type=int, default=30)
    parser.add_argument("--initial", type=int, default=2)
    parser.add_argument("--points", type=int)
    parser.add_argument("--rows", type=Path)
    asked = parser.parse_args()
    if asked.liang2021 == (asked.file is not None):
        parser.error("give a file, or --liang2021")
    if asked.file is not None and not (asked.objective and (asked.maximise or asked.minimise)):
        parser.error("say which column is the objective (--objective COLUMN), and --maximise or --minimise")
    try:
        pools = _pools(asked)
    except (OSError, ValueError) as wrong:
        parser.exit(2, f"{wrong}\n")
    rows = []
    if asked.rows is not None and asked.rows.exists():
        rows = [json.loads(line) for line in asked.rows.read_text().splitlines()]
    for pool, asked_points in pools:
        n_points = min(asked_points, len(pool.y))
        done = {(row["arm"], row["seed"]) for row in rows if row["pool"] == pool.name and len(row["found"]) >= n_points}
        for seed in range(asked.seeds):
            for arm in asked.arms:
                if (arm, seed) in done:
                    continue
                rows.append(run(pool, arm, seed, n_initial=asked.initial, n_points=n_points))
                if asked.rows is not None:
                    with asked.rows.open("a") as file:
                        file.write(json.dumps(rows[-1]) + "\n")
        summary(pool, rows, asked.arms, n_points)


if __name__ == "__main__":
    main()
