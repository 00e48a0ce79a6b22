"""Which coupon, which heat treatment, which sites: the recipes that a posterior expects most of.

Outer choice: glass among the coupons at hand, hold temperature and time, by what is gained per hour where hours are told.
Inner choice: exactly as many writings as there are sites, one after the other, each the one that adds most to the expected
best outcome over joint draws (Monte Carlo q-expected-improvement, chosen greedily). Sites therefore differ: a second copy
of the favourite adds little where the draws agree with each other, and a writing that is best in other draws adds much.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from beamline.optimize.avoid import Avoided
from beamline.optimize.cube import Cube, factors_of, furnace_factors, laser_cube, spread
from beamline.optimize.evidence import padded_steps
from beamline.optimize.fresh import FreshCoupon
from beamline.optimize.mixed import Mixed
from beamline.optimize.objective import Objective
from beamline.optimize.posterior import Draws
from beamline.optimize.prior import writing_sites
from beamline.optimize.side_by_side import each
from beamline.optimize.space import SearchSpace
from beamline.recipe import Dot, HeatTreatment, Line

__all__ = ["Choice", "Goal", "Search", "choose", "greedy"]

Floats = npt.NDArray[np.float64]

REPEAT_SHARE = 0.02
"""Weight of a coupon's own best site beside what it adds to the best so far. It decides where hardly anything is left to
gain: then the coupon shows whether the best recipe repeats, and not an arbitrary corner of the space."""


@dataclass(frozen=True)
class Search:
    """How hard to look; the sizes trade seconds for certainty.

    Attributes:
        n_draws: joint draws for the final choice.
        n_screening_draws: the first of them, for comparing heat treatments.
        n_writings: writings spread over the space at which heat treatments are compared.
        n_furnace: heat treatments spread over the space, shared among the glasses at hand.
        n_refinements: rounds of looking around the best heat treatment.
        n_around: heat treatments in each round; writings around each favourite in the final choice.
    """

    n_draws: int = 192
    n_screening_draws: int = 56
    n_writings: int = 72
    n_furnace: int = 18
    n_refinements: int = 2
    n_around: int = 6


@dataclass(frozen=True)
class Goal:
    """What is wanted, against what is there.

    Attributes:
        objective: targets and direction.
        ln_detectable: logarithm of the smallest rate that the spectrometer sees, counts/s.
        incumbent: in each draw, what is there to beat: the best site so far, of a front the best of all sites, (s,).
    """

    objective: Objective
    ln_detectable: float
    incumbent: Floats

    def utility(self, samples: Floats) -> Floats:
        """What samples (s, m, 4) are worth in their draws: (s, m)."""
        return self.objective.in_draws(samples, self.ln_detectable)


@dataclass(frozen=True)
class Choice:
    """A coupon's recipes.

    Attributes:
        iodide_fraction: of the glass to take.
        heat_treatment: of the coupon.
        writings: one for each site, in the order in which they were chosen.
        samples: outcomes of the sites on this coupon in every draw, (s, n, 4).
        gains: what each writing added to the expected best utility, (n,).
        credit: in which draws it added that, (s, n); not negative.
        expected_best: expected utility of the best site, before and with this coupon.
    """

    iodide_fraction: float
    heat_treatment: HeatTreatment
    writings: tuple[Dot | Line, ...]
    samples: Floats
    gains: Floats
    credit: Floats
    expected_best: tuple[float, float]


def greedy(utility: Floats, incumbent: Floats, n: int) -> tuple[list[int], Floats, Floats]:
    """Columns that one after the other add most to the expected maximum.

    Args:
        utility: of every candidate in every draw, (s, m).
        incumbent: utility to beat in every draw, (s,).
        n: how many to choose; at most m.

    Returns:
        Their indices in order, what each added (n,), and in which draws (s, n).
    """
    best = incumbent.copy()
    mean = utility.mean(0)
    free = np.ones(utility.shape[1], dtype=np.bool_)
    chosen: list[int] = []
    gains, credit = np.zeros(n), np.zeros((len(utility), n))
    for i in range(n):
        gain = np.maximum(utility - best[:, None], 0.0).mean(0)
        # Where nothing adds any more, the next best by itself.
        index = int(np.argmax(np.where(free, gain + 1e-3 * mean, -np.inf)))
        credit[:, i] = np.maximum(utility[:, index] - best, 0.0)
        gains[i] = gain[index]
        best = np.maximum(best, utility[:, index])
        free[index] = False
        chosen.append(index)
    return chosen, gains, credit


def choose(
    draws: Draws | Mixed,
    goal: Goal,
    space: SearchSpace,
    *,
    sites_by_fraction: dict[float, int],
    favourites: Sequence[tuple[float, float]],
    search: Search,
    rng: np.random.Generator,
    hours: Callable[[float, HeatTreatment], float] | None = None,
    avoided: Avoided | None = None,
) -> Choice:
    """The best coupon to make next.

    Args:
        draws: joint draws from the posterior, those of the goal.
        goal: what is wanted.
        space: bounds.
        sites_by_fraction: iodide fractions of the glasses at hand, and how many sites a coupon of each has.
        favourites: (temperature degC, hold s) worth a look: those of the best coupon so far.
        search: how hard to look.
        rng: source of randomness.
        hours: what a coupon of a glass (iodide fraction) with a heat treatment costs; None where all cost the same.
        avoided: what people have rejected.
    """
    avoided = avoided or Avoided()
    laser = laser_cube(space)
    coupon = FreshCoupon(draws, rng)
    points = laser.values(spread(search.n_writings, laser.n_free, rng))
    writings = _distinct(space, points[avoided.writings_left(laser, points)])
    scout = _Scout(draws.first(search.n_screening_draws), goal, space, coupon, hours)
    fraction, heat_treatment = _coupon_of(
        scout,
        writings,
        sites_by_fraction=sites_by_fraction,
        favourites=favourites,
        search=search,
        rng=rng,
        avoided=avoided,
    )
    n_sites = sites_by_fraction[fraction]
    steps = padded_steps([heat_treatment.steps()])[0]

    def judged(among: tuple[Dot | Line, ...]) -> tuple[Floats, list[int], Floats, Floats]:
        sites = writing_sites(among, fraction, steps)
        samples = coupon.outcomes(draws, draws.emitted(sites), sites)
        return samples, *greedy(goal.utility(samples), goal.incumbent, min(n_sites, len(among)))

    # Once over the whole space, and once around those that won.
    winners = np.array([factors_of(writings[i]) for i in judged(writings)[1]])
    around = laser.points(np.repeat(winners, search.n_around, axis=0))
    near = np.vstack([winners, laser.values(around + 0.06 * rng.standard_normal(around.shape))])
    closer = _distinct(space, near[avoided.writings_left(laser, near)])
    samples, chosen, gains, credit = judged(closer)
    # A space with fewer recipes than the coupon has sites: all of them, and then again.
    order = [chosen[i % len(chosen)] for i in range(n_sites)]
    again = n_sites - len(chosen)
    before = float(goal.incumbent.mean())
    return Choice(
        iodide_fraction=fraction,
        heat_treatment=heat_treatment,
        writings=tuple(closer[i] for i in order),
        samples=samples[:, order],
        gains=np.pad(gains, (0, again)),
        credit=np.pad(credit, ((0, 0), (0, again))),
        expected_best=(before, before + float(gains.sum())),
    )


@dataclass(frozen=True)
class _Scout:
    """Judges heat treatments by a few draws at writings spread over the space, which are written only once."""

    draws: Draws | Mixed
    goal: Goal
    space: SearchSpace
    coupon: FreshCoupon
    hours: Callable[[float, HeatTreatment], float] | None

    def of_glass(self, writings: tuple[Dot | Line, ...], fraction: float, n_sites: int) -> Callable[[Floats], float]:
        """The worth of a heat treatment (temperature degC, hold s) for n sites on a glass, as a function."""
        as_written = writing_sites(writings, fraction, np.array([[25.0, 0.0]]))
        grid = self.draws.written(as_written)
        incumbent = self.goal.incumbent[: len(self.draws)]

        def worth(programme: Floats) -> float:
            # Coarser ramps than the furnace's own: what counts is which treatment is better.
            heat_treatment = self.space.heat_treatment(*map(float, programme))
            steps = padded_steps([heat_treatment.steps(pieces_per_ramp=4)])[0]
            sites = writing_sites(writings, fraction, steps)
            utility = self.goal.utility(self.coupon.outcomes(self.draws, grid.anneal(steps), sites))
            chosen, gains, _ = greedy(utility, incumbent, min(n_sites, len(writings)))
            value = float(gains.sum() + REPEAT_SHARE * utility[:, chosen].max(1).mean())
            return value if self.hours is None else value / self.hours(fraction, heat_treatment)

        return worth


def _coupon_of(
    scout: _Scout,
    writings: tuple[Dot | Line, ...],
    *,
    sites_by_fraction: dict[float, int],
    favourites: Sequence[tuple[float, float]],
    search: Search,
    rng: np.random.Generator,
    avoided: Avoided,
) -> tuple[float, HeatTreatment]:
    """Glass and heat treatment: spread over the space for every glass, then around the best."""
    furnace = Cube(furnace_factors(scout.space))
    n_each = max(search.n_furnace // len(sites_by_fraction), 6)
    known = furnace.points(np.array(favourites, dtype=float).reshape(-1, 2))
    middle = np.full((1, furnace.n_free), 0.5)
    start = furnace.values(np.vstack([middle, known, spread(n_each, furnace.n_free, rng)]))
    start = np.unique(start, axis=0)
    worth_on = {
        fraction: scout.of_glass(writings, fraction, n_sites) for fraction, n_sites in sites_by_fraction.items()
    }
    tried_on = {fraction: start[avoided.programmes_left(furnace, start, fraction)] for fraction in worth_on}
    if not any(map(len, tried_on.values())):  # everything was rejected: then the best of what was
        tried_on, avoided = dict.fromkeys(worth_on, start), Avoided()
    todo = [(fraction, one) for fraction in worth_on for one in tried_on[fraction]]
    values = each(lambda item: worth_on[item[0]](item[1]), todo)
    value, (fraction, programme) = max(zip(values, todo, strict=True), key=lambda item: item[0])
    for round_ in range(search.n_refinements if furnace.n_free else 0):
        reach = 0.12 * 0.4**round_
        around = furnace.points(programme[None]) + reach * rng.standard_normal((search.n_around, furnace.n_free))
        near = furnace.values(around)
        left = near[avoided.programmes_left(furnace, near, fraction)]
        for one, tried in zip(left, each(worth_on[fraction], left), strict=True):
            if tried > value:
                value, programme = tried, one
    return fraction, scout.space.heat_treatment(*map(float, programme))


def _distinct(space: SearchSpace, values: Floats) -> tuple[Dot | Line, ...]:
    """Distinct writings of factor values (n, 3), in order."""
    return tuple(dict.fromkeys(space.writing(float(e), float(t), round(float(p))) for e, t, p in values))
