"""The rows of benchmarks/optimize.py as a table and as a figure."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import wilcoxon

__all__ = ["coupons_needed", "draw", "table"]

Rows = list[dict[str, Any]]
GOALS = {"met": "specification met", "bright": "bright"}
"""Bright: and in the specification, where there is one."""


def coupons_needed(rows: Rows, goal: str) -> dict[str, dict[int, int]]:
    """By arm and truth the coupon at which a goal was reached; one more than the budget where it was not."""
    needed: dict[str, dict[int, int]] = {}
    for row in rows:
        if row["arm"] != "attainable":
            needed.setdefault(row["arm"], {})[row["truth"]] = row[goal] or row["n_coupons"] + 1
    return needed


def table(rows: Rows) -> str:
    """Coupons needed by every arm, each against ours, and what a suggestion takes."""
    lines = []
    for name in dict.fromkeys(row["campaign"] for row in rows):
        here = [row for row in rows if row["campaign"] == name and row["arm"] != "attainable"]
        for goal, words in GOALS.items():
            if any(row[goal] for row in here):
                lines += ["", f"{name}: {words}", *_goal(here, goal)]
        lines += ["", *_foreseen(here)]
    return "\n".join(lines)


def _goal(rows: Rows, goal: str) -> list[str]:
    budget = max(row["n_coupons"] for row in rows)
    needed = coupons_needed(rows, goal)
    head = (
        "arm               reached      coupons, median [quartiles]   fewer/same/more than ours     p    CPU s, longest"
    )
    lines = [head]
    for arm, by_truth in needed.items():
        counts = np.array(list(by_truth.values()))
        low, median, high = np.percentile(counts, [25, 50, 75])
        shown = [f">{budget}" if value > budget else f"{value:g}" for value in (median, low, high)]
        cpu_s = np.concatenate([row["cpu_s"] for row in rows if row["arm"] == arm])
        lines.append(
            f"{arm:16s} {(counts <= budget).sum():3d} of {len(counts):3d}   {shown[0]:>4s} [{shown[1]}, {shown[2]}]".ljust(
                58
            )
            + _against(needed.get("ours", {}), by_truth, is_ours=arm == "ours")
            + f"   {np.median(cpu_s):6.2f} {cpu_s.max():7.2f}"
        )
    return lines


def _against(ours: dict[int, int], other: dict[int, int], *, is_ours: bool) -> str:
    """Wins, ties and losses on common truths, and Wilcoxon's signed-rank test, two-sided, ties split."""
    truths = sorted(set(ours) & set(other))
    if is_ours or not truths:
        return " " * 36
    difference = np.array([other[truth] - ours[truth] for truth in truths])
    p = wilcoxon(difference, zero_method="zsplit").pvalue if np.any(difference) else 1.0
    counts = f"{(difference < 0).sum()}/{(difference == 0).sum()}/{(difference > 0).sum()}"
    return f"   {counts:>14s}        {p:9.2g}"


def _foreseen(rows: Rows) -> list[str]:
    """Coupons of the arms with a model against what was predicted before they were seen: 1, 68 %, 95 %."""
    lines = []
    for arm in dict.fromkeys(row["arm"] for row in rows if row["checks"]):
        texts = []
        for name in ("red_peak_eV", "green_peak_eV", "ln_red_rate", "ln_green_rate"):
            checks = [check for row in rows if row["arm"] == arm for check in row["checks"]]
            found = [o for check in checks for o in check["observables"] if o["observable"] == name]
            n = sum(o["n"] for o in found)
            if n:
                rms = math.sqrt(sum(o["n"] * o["z_rms"] ** 2 for o in found) / n)
                one, two = (sum(o["n"] * o[f"share_within_{k}_sd"] for o in found) / n for k in (1, 2))
                texts.append(f"{name} {rms:.2f} {one:.0%} {two:.0%} of {n}")
        lines.append(f"{arm}: foreseen, rms z and shares within 1 and 2 sd: {'; '.join(texts)}")
    return lines


def draw(rows: Rows, path: Path) -> None:
    """Share of truths on which an arm was there after so many coupons, a panel for each campaign and goal."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    campaigns = dict.fromkeys(row["campaign"] for row in rows)
    panels = [
        (name, goal)
        for name in campaigns
        for goal in GOALS
        if any(row.get(goal) for row in rows if row["campaign"] == name)
    ]
    figure, axes = plt.subplots(
        1, len(panels), figsize=(4.2 * len(panels) + 1.5, 3.8), squeeze=False, sharey=True, layout="constrained"
    )
    arms = list(dict.fromkeys(row["arm"] for row in rows if row["arm"] != "attainable"))
    for axis, (name, goal) in zip(axes[0], panels, strict=True):
        here = [row for row in rows if row["campaign"] == name and row["arm"] != "attainable"]
        budget = max(row["n_coupons"] for row in here)
        for arm, by_truth in coupons_needed(here, goal).items():
            counts = np.array(list(by_truth.values()))
            share = [(counts <= n).mean() for n in range(budget + 1)]
            style = {"color": f"C{arms.index(arm) % 10}", "lw": 2.5 if arm == "ours" else 1.2}
            dash = "--" if arm in {"oracle", "ours-4-sigma", "ours-no-exchange"} else "-"
            apart = 0.012 * (arms.index(arm) - len(arms) / 2)  # arms that go together stay visible
            axis.step(
                np.arange(budget + 1) + 2 * apart,
                np.array(share) + apart,
                dash,
                where="post",
                label=f"{arm} ({len(counts)})",
                **style,
            )
        axis.set(xlabel="coupons", title=f"{name}: {GOALS[goal]}", xlim=(0, budget + 0.3), ylim=(-0.08, 1.08))
    axes[0][0].set_ylabel("share of truths")
    handles, labels = axes[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, fontsize=8, loc="outside center right")
    figure.savefig(path, dpi=150)
    plt.close(figure)
