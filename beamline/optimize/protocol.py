"""The seam of every optimiser: suggest a coupon, take in what came of it, say what is believed.

The verbs are those of blop's optimiser protocol; the unit is a coupon with many sites, and not a point, because the glass
and the furnace are shared by all sites of a coupon.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Literal, Protocol, runtime_checkable

from beamline.optimize.decide import Decided
from beamline.recipe import Coupon, Frozen, HeatTreatment, Observation, Prediction, Site, Suggestion, quantity

__all__ = [
    "BestSite",
    "CouponCheck",
    "CouponTrust",
    "Front",
    "FrontSite",
    "Hours",
    "Layout",
    "ObservableCheck",
    "Optimizer",
    "OptimizerKind",
    "OptimizerStatus",
    "ParameterBelief",
    "PhysicsTrust",
    "TraceEntry",
]

OptimizerKind = Literal["physics", "gp", "skopt", "sobol", "random", "botorch", "botorch-physics", "blop"]

Layout = Callable[[Coupon], Sequence[Site]]
"""Where the sites of a coupon are."""
Hours = Callable[[Coupon, HeatTreatment], float]
"""What a coupon with a heat treatment costs, in hours or anything proportional: gains are divided by it."""

_Probability = Annotated[float, quantity("1", ge=0, le=1)]
_Number = Annotated[float, quantity("1")]


class BestSite(Frozen):
    """The site that serves the objective best so far.

    `heat_treatment` is the furnace programme read back from the measured heat history.
    """

    observation: Observation
    heat_treatment: HeatTreatment | None = None
    outcome: tuple[Prediction, ...]
    p_in_specification: _Probability


class ParameterBelief(Frozen):
    """One uncertain number, before and after: `z` counts prior sigmas from the prior's median."""

    name: str
    symbol: str
    unit: str
    prior_value: float
    posterior_value: float
    z: _Number
    z_sd: Annotated[float, quantity("1", ge=0)]


class ObservableCheck(Frozen):
    """How one observable came out against what was predicted for the coupon before it was seen."""

    observable: str
    n: int
    z_mean: _Number
    z_rms: Annotated[float, quantity("1", ge=0)]
    share_within_1_sd: _Probability
    share_within_2_sd: _Probability


class CouponCheck(Frozen):
    """Predicted against observed, for one coupon."""

    coupon: str
    observables: tuple[ObservableCheck, ...]


class CouponTrust(Frozen):
    """What one coupon said of the physics against a belief without it.

    Attributes:
        coupon: which.
        ln_odds: by how much it moved the logarithm of the odds for the physics, bounded.
        worst_observable: the one that the physics alone foresaw worst.
        worst_z_rms: root mean square of its z-scores.
    """

    coupon: str
    ln_odds: _Number
    worst_observable: str
    worst_z_rms: Annotated[float, quantity("1", ge=0)]


class PhysicsTrust(Frozen):
    """How far the physics is believed, and why: the rest of the draws are of a belief without physics."""

    physics: _Probability
    reason: str
    coupons: tuple[CouponTrust, ...]


class TraceEntry(Frozen):
    """The best site after each coupon."""

    coupon: str
    n_observations: int
    best_site: str | None = None
    best_coupon: str | None = None
    p_reached: _Probability
    utility: float


class FrontSite(Frozen):
    """A site that no other beats in every wish; desirabilities as of `Objective.desirabilities`."""

    coupon: str
    site: str
    desirabilities: tuple[Prediction, ...]


class Front(Frozen):
    """The Pareto front of the sites that luminesced, by believed means, and the volume of desirabilities that it dominates."""

    sites: tuple[FrontSite, ...]
    hypervolume: Annotated[float, quantity("1", ge=0)]


class OptimizerStatus(Frozen):
    """What an optimiser believes; all of it goes into the decision document.

    Attributes:
        kind: which optimiser.
        n_observations: taken in, failed instruments included.
        n_failed: of which the instrument failed: nothing was learnt from them.
        n_coupons: with observations.
        p_reached: probability that the true outcome of the best site meets the specification.
        best: that site; None before anything luminesced.
        fresh_coupon: predicted outcome of the best recipe on another coupon (optimisers with a model).
        p_fresh_coupon: probability that it meets the specification there.
        parameters: prior and posterior of the model's numbers.
        checks: predicted against observed, coupon by coupon.
        misfit: one-sigma size of what the model misses, by observable.
        trust: how far the physics is believed (optimisers with a model).
        trace: the best site after each coupon.
        front: sites that are not weighed against each other, where the objective says `together = "front"`.
    """

    kind: OptimizerKind
    n_observations: int
    n_failed: int
    n_coupons: int
    p_reached: _Probability
    best: BestSite | None = None
    fresh_coupon: tuple[Prediction, ...] = ()
    p_fresh_coupon: _Probability | None = None
    parameters: tuple[ParameterBelief, ...] = ()
    checks: tuple[CouponCheck, ...] = ()
    misfit: tuple[Prediction, ...] = ()
    trust: PhysicsTrust | None = None
    trace: tuple[TraceEntry, ...] = ()
    front: Front | None = None


@runtime_checkable
class Optimizer(Protocol):
    """Chooses recipes, a coupon at a time.

    The same seed and the same observations give the same suggestion, byte for byte, in whatever order the observations of
    a coupon arrived, and however often it is asked.
    """

    def suggest(self, coupons: Sequence[Coupon]) -> Suggestion:
        """Recipes for one of the coupons at hand.

        Raises:
            ValueError: there is no unused coupon at hand, or its layout has no sites.
        """

    def ingest(self, observations: Sequence[Observation]) -> None:
        """Takes in what came of some sites."""

    def decide(self, told: Sequence[Decided]) -> None:
        """Takes in what people decided about suggestions: what was rejected is not suggested again."""

    def status(self) -> OptimizerStatus:
        """What is believed now."""
