"""How many coupons each optimiser needs, on many hidden truths of the simulated bench: ours against what else could be used.

    python benchmarks/optimize.py [--truths 3] [--first 1] [--campaigns red-and-green amber-with-red brightest-iodide]
                                  [--arms ours skopt random] [--coupons 8] [--jobs 2] [--rows FILE] [--figure FILE] [--table]

All arms of a truth get the same hidden truth, coupons, noise, seed and budget, and are judged alike, by measured outcomes alone
and without any model: as in benchmarks/nights.py a specification is met when a site meets it with probability 0.9. Bright is
at least half (where nothing but light is asked for, more: `BRIGHT`) of what the best site that meets the specification gives in
a search of its own: 864 sites on further coupons of the same truth, told to nobody. A campaign is a file in benchmarks/campaigns.
The bench is driven without an engine (by_hand.py). Arms: optimize_arms.py; those of BoTorch need the extra `botorch`.

`--rows` keeps what is finished, a line of JSON for each campaign, truth and arm; what is there already is not run again, and
`--table` runs nothing. Medians with quartiles over truths; coupons that were not enough count as one more than the budget.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import tempfile
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

if __name__ == "__main__":  # before anything loads them, and only where this is the program
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.setdefault("NUMBA_NUM_THREADS", "1")

import numpy as np
from by_hand import make_coupon, simulated_bench
from joblib import Parallel, delayed
from optimize_arms import ARMS, PARAMETERS_ONLY, make_arm
from optimize_table import draw, table

from beamline.campaign import Campaign, load_campaign
from beamline.optimize.peers import RandomOptimizer
from beamline.recipe import Coupon, HeatTreatment, Luminescence, Observation, SiteSuggestion, Suggestion

CAMPAIGNS = Path(__file__).parent / "campaigns"
CONFIDENCE = 0.9
BRIGHT = {"red-and-green": 0.5, "pure-iodide": 0.8, "brightest-iodide": 0.85}
"""Where brightness is all that is asked for, a site must come near to the best there is; coupons alone differ by a tenth, and the
best of a search's 864 sites is the luckiest too."""
SEARCH_COUPONS, SEARCH_SITES, SPREAD_COUPONS = 24, 36, 12


def read_campaign(name: str, n_coupons: int, *, n_sites: int | None = None) -> Campaign:
    """A campaign of this benchmark with a rack of `n_coupons` of each glass."""
    campaign = load_campaign(CAMPAIGNS / f"{name}.toml")
    rack = tuple(
        entry.model_copy(update={"serial": f"{entry.serial}-{i:02d}"})
        for i in range(1, n_coupons + 1)
        for entry in campaign.coupon
    )
    sites = (
        campaign.sites
        if n_sites is None
        else campaign.sites.model_copy(update={"per_coupon": n_sites, "spacing_mm": 1.0})
    )
    return campaign.model_copy(update={"coupon": rack, "sites": sites})


def rate(seen: Observation) -> float:
    """All light of a site, counts/s."""
    return sum(band.rate_counts_s for band in seen.outcome.bands) if isinstance(seen.outcome, Luminescence) else 0.0


class Judge:
    """Says what measured outcomes are worth, the same for all arms."""

    def __init__(self, campaign: Campaign) -> None:
        self.has_specification = len(campaign.objective.deviations(np.zeros((1, 4)))) > 0
        self._believer = RandomOptimizer(campaign.space, campaign.objective, campaign.layout, 0)

    def look(self, found: Sequence[Observation]) -> dict[str, float]:
        """After one more coupon: probability that the best site meets the specification, and the light of the sites that do."""
        self._believer.ingest(found)
        evidence, standing, _ = self._believer.standing(self._believer.history.n_coupons)
        meets = standing.p_in_specification >= CONFIDENCE
        if not self.has_specification:
            meets[:] = True
        light = np.array([rate(seen) for seen in evidence.observations])
        return {"p": standing.p_reached, "light": float(np.max(light[meets], initial=0.0))}

    def best(self) -> tuple[float, str]:
        """Expected utility of the best site that luminesced, as measured, and its name; -inf where none did."""
        evidence, standing, _ = self._believer.standing(self._believer.history.n_coupons)
        if standing.index is None:
            return -math.inf, ""
        return float(standing.utility[standing.index]), evidence.observations[standing.index].site.name


def attainable(name: str, truth: int) -> dict[str, Any]:
    """What a truth has to give: a search that no arm could afford, first spread, then around its three best sites."""
    campaign = read_campaign(name, SEARCH_COUPONS, n_sites=SEARCH_SITES)
    spread = make_arm("sobol", campaign, truth)
    rng = np.random.default_rng([43, truth])
    best: list[tuple[float, SiteSuggestion, Suggestion]] = []
    light, left = 0.0, list(campaign.coupons)
    with simulated_bench(campaign, truth) as bench:
        for n in range(SEARCH_COUPONS):
            if n < SPREAD_COUPONS or not best:
                asked = spread.suggest(left)
            else:
                width = 0.15 * 0.85 ** (n - SPREAD_COUPONS)
                _, site, coupon = best[(n - SPREAD_COUPONS) % min(len(best), 3)]
                asked = _around(campaign, (site, coupon), left, width, rng)
            left = [coupon for coupon in left if coupon.serial != asked.coupon.serial]
            found = make_coupon(bench, asked, campaign.measurement)
            if n < SPREAD_COUPONS:
                spread.ingest(found)
            judge = Judge(campaign)  # every coupon for itself: what it shows is measured well enough
            light = max(light, judge.look(found)["light"])
            utility, site_name = judge.best()
            best += [(utility, one, asked) for one in asked.sites if one.site.name == site_name]
            best.sort(key=lambda entry: -entry[0])
    return {"campaign": name, "arm": "attainable", "truth": truth, "light": light}


def _around(
    campaign: Campaign,
    centre: tuple[SiteSuggestion, Suggestion],
    left: Sequence[Coupon],
    width: float,
    rng: np.random.Generator,
) -> Suggestion:
    """A coupon of the same glass about a site: one heat treatment near its own, writings near its own."""
    site, before = centre
    space = campaign.space
    coupon = next(one for one in left if one.glass == before.coupon.glass)

    def near(value: float, ends: tuple[float, float], *, log: bool) -> float:
        low, high = (math.log(end) if log else end for end in ends)
        moved = (math.log(value) if log else value) + width * (high - low) * float(rng.standard_normal())
        moved = min(max(moved, low), high)
        return min(max(math.exp(moved) if log else moved, ends[0]), ends[1])

    heat: HeatTreatment = space.heat_treatment(
        near(before.heat_treatment.temperature_C, space.temperature_C, log=False),
        near(before.heat_treatment.hold_s, space.hold_s, log=True),
    )
    writing: Any = site.writing
    sites = tuple(
        SiteSuggestion(
            suggestion_id=f"around-{coupon.serial}",
            site=place,
            writing=space.writing(
                near(writing.pulse_energy_uJ, space.pulse_energy_uJ, log=False),
                near(writing.speed_mm_s, space.speed_mm_s, log=True),
                writing.n_passes,
            ),
            reason="near a good one",
        )
        for place in campaign.layout(coupon)
    )
    return Suggestion(
        suggestion_id=f"around-{coupon.serial}",
        coupon=coupon,
        heat_treatment=heat,
        sites=sites,
        reason="near a good one",
    )


def run(name: str, arm: str, truth: int, n_coupons: int, light: float) -> dict[str, Any]:
    """One campaign of one arm on one truth, until it has reached what there is to reach."""
    campaign = read_campaign(name, n_coupons)
    optimizer, judge = make_arm(arm, campaign, truth), Judge(campaign)
    left = list(campaign.coupons)
    wanted = max(BRIGHT.get(name, 0.5) * light, 1e-9)
    trace: list[dict[str, Any]] = []
    wall_s, cpu_s = [], []
    with simulated_bench(campaign, truth, parameters_only=arm in PARAMETERS_ONLY) as bench:
        while len(trace) < n_coupons:
            begin_wall_s, begin_cpu_s = time.perf_counter(), time.process_time()
            asked = optimizer.suggest(left)
            wall_s.append(time.perf_counter() - begin_wall_s)
            cpu_s.append(time.process_time() - begin_cpu_s)
            left = [coupon for coupon in left if coupon.serial != asked.coupon.serial]
            found = make_coupon(bench, asked, campaign.measurement)
            optimizer.ingest(found)
            trace.append(
                judge.look(found) | {"glass": asked.coupon.glass.name, "best": max(rate(seen) for seen in found)}
            )
            if trace[-1]["light"] >= wanted:
                break
    checks = [check.model_dump() for check in optimizer.status().checks]
    met = next((n for n, at in enumerate(trace, 1) if at["light"] > 0), None) if judge.has_specification else None
    bright = next((n for n, at in enumerate(trace, 1) if at["light"] >= wanted), None)
    return {
        "campaign": name, "arm": arm, "truth": truth, "n_coupons": n_coupons, "met": met, "bright": bright,
        "attainable": light, "wanted": wanted, "trace": trace, "wall_s": wall_s, "cpu_s": cpu_s, "checks": checks,
    }  # fmt: skip


def read_rows(path: Path) -> list[dict[str, Any]]:
    """Finished rows; a line that was cut off is left out."""
    rows = []
    for line in path.read_text().splitlines() if path.exists() else []:
        try:
            rows.append(json.loads(line))
        except json.JSONDecodeError:
            continue
    return rows


def of_truth(name: str, truth: int, arms: Sequence[str], n_coupons: int, path: Path) -> None:
    """All arms on one truth, as far as they are not there yet."""
    warnings.simplefilter("ignore")  # workers of a benchmark: what matters is in the rows
    there = {row["arm"]: row for row in read_rows(path) if row["campaign"] == name and row["truth"] == truth}
    if "attainable" not in there:
        there["attainable"] = _keep(path, attainable(name, truth))
    for arm in arms:
        # On the bench without structure the best is not what it is with it: the oracle is to meet the specification.
        light = 0.0 if arm in PARAMETERS_ONLY and "iodide" not in name else there["attainable"]["light"]
        if arm not in there or there[arm]["n_coupons"] < n_coupons:
            row = _keep(path, run(name, arm, truth, n_coupons, light))
            print(
                f"{name} truth {truth:3d}  {arm:16s} met {row['met']}  bright {row['bright']}  "
                f"cpu {np.sum(row['cpu_s']):.0f} s",
                flush=True,
            )


def _keep(path: Path, row: dict[str, Any]) -> dict[str, Any]:
    # One write of a whole line, to the end: several processes may add to the same file.
    with path.open("ab", buffering=0) as file:
        file.write((json.dumps(row) + "\n").encode())
    return row


def main() -> None:
    """Run what is missing, print the table, draw the figure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--truths", type=int, default=3)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--campaigns", nargs="+", default=["red-and-green", "amber-with-red", "brightest-iodide"])
    parser.add_argument("--arms", nargs="+", default=["ours", "skopt", "random"], choices=list(ARMS))
    parser.add_argument("--coupons", type=int, default=8)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--rows", type=Path, help="absent: a file that is thrown away")
    parser.add_argument("--figure", type=Path)
    parser.add_argument("--table", action="store_true", help="only of the rows that are there, all of them")
    options = parser.parse_args()
    path = options.rows or Path(tempfile.mkdtemp()) / "rows.jsonl"
    if not options.table:
        tasks = [
            delayed(of_truth)(name, truth, options.arms, options.coupons, path)
            for truth in range(options.first, options.first + options.truths)
            for name in options.campaigns
        ]
        Parallel(n_jobs=options.jobs)(tasks)
    rows = [row for row in read_rows(path) if row["campaign"] in options.campaigns]
    print(table(rows))
    if options.figure:
        draw(rows, options.figure)


if __name__ == "__main__":
    main()
