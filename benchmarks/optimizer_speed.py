"""What a suggestion costs as outcomes pile up: to learn the last coupon, and to choose the next.

    python benchmarks/optimizer_speed.py [--outcomes 12 60 240 504 996 2004] [--skopt 60 240]

Coupons of 12 sites, drawn at random in the default space and made on a truth of `agent.py`. "Learn" is the belief after the
last coupon, given that before it; "choose" is `suggest` with that belief. `--skopt` gives scikit-optimize's `tell` and `ask(12)`,
as it comes, the same conditions and the utility that the objective gives them.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
from agent import GLASS, Truth

from beamline.optimize import Objective, SearchSpace, make_optimizer
from beamline.optimize.agent import Agent
from beamline.optimize.belief import believe
from beamline.recipe import Coupon, Observation, Site

N_SITES = 12


def layout(coupon: Coupon) -> tuple[Site, ...]:
    """Twelve sites."""
    return tuple(
        Site(coupon=coupon.serial, name=f"S{i + 1:02d}", x_mm=2.0 + 4 * (i % 4), y_mm=2.0 + 4 * (i // 4))
        for i in range(N_SITES)
    )


def coupons(n: int) -> list[list[Observation]]:
    """Observations of n coupons."""
    truth = Truth.make(3)
    chance = make_optimizer("random", space=SearchSpace(), objective=Objective(), layout=layout, seed=5)
    rack = [Coupon(serial=f"C{i + 1:04d}", glass=GLASS) for i in range(n)]
    found = []
    for _ in range(n):
        seen, _ = truth.run(chance.suggest(rack))
        chance.ingest(seen)
        found.append(seen)
    return found


def ours(seen: list[list[Observation]]) -> tuple[float, float]:
    """Seconds to learn the last of these coupons, and to choose the next."""
    agent = Agent(SearchSpace(), Objective(), layout, 5)
    for group in seen:
        agent.ingest(group)
    n, told = len(seen), {"prior": agent.prior, "noise": agent.noise, "n_draws": agent.search.n_draws}
    before = believe(agent.history, n - 1, before=None, **told)
    begin = time.perf_counter()
    agent.adopt(n, believe(agent.history, n, before=before, **told))
    learnt = time.perf_counter()
    agent.suggest([Coupon(serial="next", glass=GLASS)])
    return learnt - begin, time.perf_counter() - learnt


def skopt(seen: list[list[Observation]]) -> tuple[float, float]:
    """Seconds of scikit-optimize's `tell` and `ask(12)`."""
    optimizer = make_optimizer("skopt", space=SearchSpace(), objective=Objective(), layout=layout, seed=5)
    for group in seen:
        optimizer.ingest(group)
    begin = time.perf_counter()
    optimizer.suggest([Coupon(serial="next", glass=GLASS)])
    return 0.0, time.perf_counter() - begin


def main() -> None:
    """Prints a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--outcomes", type=int, nargs="+", default=[12, 60, 240, 504, 996, 2004])
    parser.add_argument("--skopt", type=int, nargs="*", default=[])
    options = parser.parse_args()
    seen = coupons(max([*options.outcomes, *options.skopt]) // N_SITES)
    ours(seen[:2])  # compiled and loaded before anything is timed
    for name, measure, sizes in (("physics", ours, options.outcomes), ("skopt", skopt, options.skopt)):
        for n in sizes:
            learn_s, choose_s = np.median(
                [measure(seen[: n // N_SITES]) for _ in range(3 if name == "physics" else 1)], 0
            )
            print(
                f"{name} {n:5d} outcomes: learn {learn_s:6.2f} s, choose {choose_s:6.2f} s, together {learn_s + choose_s:6.2f} s",
                flush=True,
            )


if __name__ == "__main__":
    main()
