"""An agent that begins with what an earlier campaign has learnt, and does not insist on it.

Three agents are told the same: one believes that nothing has changed since, one that much has, and one that all has (the
prior of the tables). The one under which everything measured so far is most probable is asked. So knowledge that still
holds saves coupons, and knowledge that does not costs at most the first.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from beamline import physics
from beamline.optimize.agent import Agent
from beamline.optimize.belief import Belief
from beamline.optimize.decide import Decided
from beamline.optimize.history import History
from beamline.optimize.objective import Objective
from beamline.optimize.posterior import Posterior
from beamline.optimize.prior import PhysicsPrior
from beamline.optimize.protocol import Hours, Layout, OptimizerStatus
from beamline.optimize.space import SearchSpace
from beamline.optimize.steady import steady
from beamline.optimize.transfer import drifted
from beamline.recipe import Coupon, Observation, Suggestion

__all__ = ["Sceptic", "ln_evidence"]

MUCH = 0.3
"""Share of its prior variance by which every number is uncertain anew, where much has changed."""
UNDECIDED_COUPONS = 3
"""Coupons after which the choice among the three is not made again: by then the data speak for themselves."""


class Sceptic:
    """Optimiser with a learnt prior, and with ways out of it.

    Args:
        space, objective, layout, seed, hours: each `Agent`'s.
        prior: that was learnt.
        tables: of which all is true if nothing of that holds any more.

    Raises:
        ValueError: the seed is negative.
    """

    def __init__(
        self,
        space: SearchSpace,
        objective: Objective,
        layout: Layout,
        seed: int,
        *,
        prior: physics.Prior,
        tables: physics.Prior = physics.PRIOR,
        hours: Hours | None = None,
    ) -> None:
        self.agents = tuple(
            Agent(
                space,
                objective,
                layout,
                seed,
                prior=PhysicsPrior(prior=one, n_observables=objective.n_observables),
                hours=hours,
            )
            for one in (prior, drifted(prior, MUCH, tables=tables), tables)
        )
        self._chosen: dict[str, int] = {}

    @property
    def history(self) -> History:
        """What it was told."""
        return self.agents[0].history

    def ingest(self, observations: Sequence[Observation]) -> None:
        """Takes in what came of some sites."""
        for agent in self.agents:
            agent.ingest(observations)

    def decide(self, told: Sequence[Decided]) -> None:
        """Takes in what people decided about suggestions."""
        for agent in self.agents:
            agent.decide(told)

    def suggest(self, coupons: Sequence[Coupon]) -> Suggestion:
        """Recipes for one of the coupons at hand.

        Raises:
            ValueError: there is no unused coupon at hand, or its layout has no sites.
        """
        return self.believed.suggest(coupons)

    def status(self) -> OptimizerStatus:
        """What is believed now."""
        return self.believed.status()

    @property
    def believed(self) -> Agent:
        """The agent under whose prior the first coupons are most probable; before them, the one that trusts most."""
        n = min(self.history.n_coupons, UNDECIDED_COUPONS)
        key = self.history.digest(n)
        if key not in self._chosen:
            self._chosen[key] = int(np.argmax(self.ln_evidences(n)))
        return self.agents[self._chosen[key]]

    @steady
    def ln_evidences(self, n_coupons: int) -> tuple[float, ...]:
        """Logarithms of the probability of the first coupons' data under each of the priors."""
        if n_coupons == 0:
            return (0.0,) * len(self.agents)
        return tuple(ln_evidence(agent.belief(n_coupons).posterior) for agent in self.agents)

    def belief(self, n_coupons: int | None = None) -> Belief:
        """All that is believed after the first coupons, of all by default, with what it is made of."""
        return self.believed.belief(n_coupons)


def ln_evidence(posterior: Posterior) -> float:
    """Logarithm of the probability of the data, with latents and misfit integrated out (Laplace's approximation).

    Sizes are at their learnt values, which is the same favour to every prior. Limits count as the Gaussians that stand for them.
    """
    if posterior.data is None:
        return 0.0
    found = posterior.data.maximum
    linear = found.linear
    whole = linear.covariance.factor(found.variance + found.odd, more=found.widening * linear.latent)
    residual = found.number - linear.mean + linear.latent @ linear.at
    return -0.5 * (float(whole.squares(residual)) + whole.ln_determinant() + len(residual) * float(np.log(2.0 * np.pi)))
