"""What a suggestion costs as outcomes pile up: to learn the last coupon, and to choose the next.

    python benchmarks/optimizer_speed.py [--outcomes 12 60 240 504 996 2004] [--skopt 60 240]

Coupons of 12 sites, drawn at random in the default space and made on a truth of `agent.py`. "Learn" is the belief after the
last coupon, given that before it; "choose" is `suggest` with that belief. Seconds of the wall, and in brackets of all
processors: they agree on a machine that does nothing else. `--skopt` gives scikit-optimize's `tell` and `ask(12)`,
as it comes, the same conditions and the utility that the objective gives them.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass

from agent import GLASS, Truth

from beamline.optimize import Objective, SearchSpace, make_optimizer
from beamline.optimize.agent import Agent
from beamline.optimize.belief import believe
from beamline.optimize.steady import steady
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


@dataclass(frozen=True)
class Seconds:
    """Of the wall, and of all processors."""

    wall: float
    cpu: float

    def __str__(self) -> str:
        """Both."""
        return f"{self.wall:6.2f} ({self.cpu:6.2f}) s"


class Watch:
    """Seconds since it was made, or last read."""

    def __init__(self) -> None:
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def read(self) -> Seconds:
        """What went by."""
        wall, cpu = self._wall, self._cpu
        self._wall, self._cpu = time.perf_counter(), time.process_time()
        return Seconds(self._wall - wall, self._cpu - cpu)


@steady  # as in `suggest` and `status`: otherwise two threads of a busy machine wait for each other
def ours(seen: list[list[Observation]]) -> tuple[Seconds, Seconds]:
    """To learn the last of these coupons, and to choose the next."""
    agent = Agent(SearchSpace(), Objective(), layout, 5)
    for group in seen:
        agent.ingest(group)
    n, told = len(seen), {"prior": agent.prior, "noise": agent.noise, "n_draws": agent.search.n_draws}
    before = believe(agent.history, n - 1, before=None, **told)
    watch = Watch()
    agent.adopt(n, believe(agent.history, n, before=before, **told))
    learn = watch.read()
    agent.suggest([Coupon(serial="next", glass=GLASS)])
    return learn, watch.read()


def skopt(seen: list[list[Observation]]) -> tuple[Seconds, Seconds]:
    """Scikit-optimize's `tell`, and its `ask(12)`."""
    optimizer = make_optimizer("skopt", space=SearchSpace(), objective=Objective(), layout=layout, seed=5)
    for group in seen:
        optimizer.ingest(group)
    watch = Watch()
    optimizer.suggest([Coupon(serial="next", glass=GLASS)])
    return Seconds(0.0, 0.0), watch.read()


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
            # Of three: the one in the middle, by the processors' time.
            runs = sorted(
                (measure(seen[: n // N_SITES]) for _ in range(3 if name == "physics" else 1)),
                key=lambda run: run[0].cpu + run[1].cpu,
            )
            learn, choose = runs[len(runs) // 2]
            both = Seconds(learn.wall + choose.wall, learn.cpu + choose.cpu)
            print(f"{name} {n:5d} outcomes: learn {learn}, choose {choose}, together {both}", flush=True)


if __name__ == "__main__":
    main()
