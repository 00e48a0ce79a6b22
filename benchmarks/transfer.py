"""How many coupons a campaign needs that begins with what an earlier one has learnt, and what it costs if all has changed.

    python benchmarks/transfer.py [--truths 3] [--first 7] [--coupons 6] [--arms tables learned ...] [--rows FILE]

On every hidden truth of the simulated bench the agent first looks for red 630 nm and green:red = 1 (benchmarks/campaigns,
`--learning` coupons of twelve sites). Then another campaign on fresh coupons of the same bench asks for red `--target` nm
and green:red = 1. Met: a site meets that with probability 0.9, by its measurement alone. Arms of the second campaign:

    tables      the prior of the package, nothing learnt
    learned     the posterior of the first campaign as the prior, with the default forgetting, as a campaign file names it
    insisting   the same without the agents beside it that believe in change
    kept        nothing forgotten, and insisted on
    after       the observations of the first campaign themselves, as with `vitrail campaign run --after`
    changed     as `learned`, but what was learnt is of the next truth: every parameter and all structure have changed since
    changed-insisting, changed-kept     as `insisting` and `kept`, of the next truth
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import warnings
from pathlib import Path
from typing import Any

if __name__ == "__main__":  # before anything loads them, and only where this is the program
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.setdefault("NUMBA_NUM_THREADS", "1")

import numpy as np
from by_hand import make_coupon, simulated_bench
from optimize import Judge, read_campaign, read_rows

from beamline.campaign import Campaign
from beamline.optimize.agent import Agent
from beamline.optimize.knowledge import Knowledge
from beamline.optimize.prior import PhysicsPrior
from beamline.optimize.sceptic import Sceptic
from beamline.optimize.transfer import FORGETTING, INSTRUMENT_FORGETTING, as_prior
from beamline.physics import PRIOR, Prior
from beamline.recipe import Coupon, Observation

ARMS = ("tables", "learned", "insisting", "kept", "after", "changed", "changed-insisting", "changed-kept")


def agent_of(campaign: Campaign, seed: int, prior: Prior = PRIOR, *, insists: bool = False) -> Agent | Sceptic:
    """The agent of a campaign; one that insists has no way out of a learnt prior."""
    task = campaign.space, campaign.objective, campaign.layout, seed
    if insists or not prior.learned_from:
        return Agent(*task, prior=PhysicsPrior(prior=prior))
    return Sceptic(*task, prior=prior)


class Learning:
    """First campaigns, each made once."""

    def __init__(self, n_coupons: int) -> None:
        self.campaign = read_campaign("red-and-green", n_coupons)
        self.n_coupons = n_coupons
        self._done: dict[int, tuple[list[Observation], Agent | Sceptic]] = {}

    def on(self, truth: int) -> tuple[list[Observation], Agent | Sceptic]:
        """What was seen on a truth, and who learnt from it."""
        if truth not in self._done:
            agent, left, seen = agent_of(self.campaign, truth), list(self.campaign.coupons), list[Observation]()
            with simulated_bench(self.campaign, truth) as bench:
                for _ in range(self.n_coupons):
                    asked = agent.suggest(left)
                    left = [coupon for coupon in left if coupon.serial != asked.coupon.serial]
                    found = make_coupon(bench, asked, self.campaign.measurement)
                    agent.ingest(found)
                    seen += found
            self._done[truth] = seen, agent
        return self._done[truth]

    def prior(self, truth: int, *, forgets: bool) -> Prior:
        """The posterior on a truth as a prior."""
        shares = (FORGETTING, INSTRUMENT_FORGETTING) if forgets else (0.0, 0.0)
        knowledge = Knowledge.of(self.on(truth)[1].belief().posterior)
        return as_prior(
            knowledge, learned_from=(f"truth-{truth}",), forgetting=shares[0], instrument_forgetting=shares[1]
        )


def second_campaign(n_coupons: int, target_nm: float) -> Campaign:
    """The other objective, on coupons that were not used before."""
    campaign = read_campaign("red-and-green", n_coupons)
    rack = tuple(entry.model_copy(update={"serial": f"N-{entry.serial}"}) for entry in campaign.coupon)
    red = campaign.objective.red_peak_nm.model_copy(update={"target": target_nm})  # type: ignore[union-attr]  # the file has one
    objective = campaign.objective.model_copy(update={"red_peak_nm": red})
    return campaign.model_copy(update={"coupon": rack, "objective": objective})


def run(arm: str, truth: int, learning: Learning, n_coupons: int, target_nm: float) -> dict[str, Any]:
    """The second campaign of one arm on one truth, until its specification is met."""
    campaign = second_campaign(n_coupons, target_nm)
    of_truth = truth + 1 if arm.startswith("changed") else truth
    prior = PRIOR if arm in {"tables", "after"} else learning.prior(of_truth, forgets=not arm.endswith("kept"))
    agent = agent_of(campaign, truth, prior, insists=arm.endswith(("insisting", "kept")))
    judge, left = Judge(campaign), list[Coupon](campaign.coupons)
    if arm == "after":
        agent.ingest(learning.on(truth)[0])
    trace: list[float] = []
    with simulated_bench(campaign, truth) as bench:
        while len(trace) < n_coupons:
            asked = agent.suggest(left)
            left = [coupon for coupon in left if coupon.serial != asked.coupon.serial]
            found = make_coupon(bench, asked, campaign.measurement)
            agent.ingest(found)
            at = judge.look(found)
            trace.append(at["p"])
            if at["light"] > 0:  # of the sites that meet it
                return {"arm": arm, "truth": truth, "target_nm": target_nm, "met": len(trace), "p": trace}
    return {"arm": arm, "truth": truth, "target_nm": target_nm, "met": None, "p": trace}


def main() -> None:
    """Runs what is missing, and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--truths", type=int, default=3)
    parser.add_argument("--first", type=int, default=7)
    parser.add_argument("--coupons", type=int, default=6, help="of the second campaign, at most")
    parser.add_argument("--learning", type=int, default=4, help="coupons of the first campaign")
    parser.add_argument("--target", type=float, default=640.0, help="nm, of the second campaign")
    parser.add_argument("--arms", nargs="+", default=list(ARMS), choices=ARMS)
    parser.add_argument("--rows", type=Path, help="keeps what is finished; absent: a file that is thrown away")
    options = parser.parse_args()
    warnings.simplefilter("ignore")  # what matters is in the rows
    path = options.rows or Path(tempfile.mkdtemp()) / "rows.jsonl"
    learning, truths = Learning(options.learning), range(options.first, options.first + options.truths)
    for truth in truths:
        for arm in options.arms:
            there = {(row["arm"], row["truth"], row["target_nm"]) for row in read_rows(path)}
            if (arm, truth, options.target) in there:
                continue
            row = run(arm, truth, learning, options.coupons, options.target)
            with path.open("a") as file:
                file.write(json.dumps(row) + "\n")
            print(f"truth {truth}  {arm:12s} met {row['met']}  p {np.round(row['p'], 2).tolist()}", flush=True)
    rows = [row for row in read_rows(path) if row["target_nm"] == options.target]
    for arm in ARMS:
        met = [row["met"] or options.coupons + 1 for row in rows if row["arm"] == arm]
        if met:
            shown = ", ".join(str(n) if n <= options.coupons else f"> {options.coupons}" for n in met)
            print(f"{arm:12s} coupons until met: {shown}; median {np.median(met):g}, mean {np.mean(met):.2f}")


if __name__ == "__main__":
    main()
