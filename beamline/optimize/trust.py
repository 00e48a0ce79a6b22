"""How far the physics is trusted: by how well it foresaw each coupon, against a belief without physics (`plain.py`).

Before a coupon is learnt, each of the two says how probable its measured values were, all together. The ratio moves the odds,
as Bayes' rule has it, but for two bounds. One coupon counts for no more than e^4 to one: its densities are of normal
distributions, and far out the world is not normal. And the odds stay between bounds, so that physics that was right ten times
can lose its credit with two coupons, and win it back: which of the two is the better one depends on where it is asked.

However little the belief without physics is believed, it has some of the draws (`mixed.py`): where the physics is sure that
nothing is to be gained, they say where to look instead of repeating.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.linalg import cholesky, solve_triangular

from beamline.optimize.checks import z_scores
from beamline.optimize.evidence import gather
from beamline.optimize.fresh import foreseen
from beamline.optimize.observables import Known
from beamline.optimize.posterior import Draws
from beamline.optimize.predictions import rounded
from beamline.optimize.protocol import CouponTrust, PhysicsTrust
from beamline.recipe import Observation

__all__ = ["Trust", "log_density"]

Floats = npt.NDArray[np.float64]

BEFORE = 0.9
"""Probability that the physics is the better belief, before data."""
MOST_OF_A_COUPON = 4.0
"""Largest change of the odds' logarithm by one coupon."""
MOST = 4.0
"""Largest logarithm of the odds, either way: 98 to 2."""
CLEAR_Z = 2.0
"""Root mean square z-score of a coupon's values of one observable from which on it is said to be foreseen wrong."""
WRONG_Z = 3.0
"""And from which on the coupon cannot speak for the physics, however much worse the other belief was."""


def log_density(draws: Draws, observations: Sequence[Observation]) -> float:
    """Logarithm of the probability density of the measured values of one coupon, all together, under draws made before it.

    The normal distribution with the draws' mean and covariance, and the scatter between coupons and sites. Limits say nothing
    here.
    """
    evidence = gather([observations], draws.posterior.evidence.n_observables)
    rows = np.array([row for row in range(evidence.n_rows) if evidence.known[row] is Known.VALUE], dtype=np.int64)
    if not len(rows):
        return 0.0
    posterior, noise = draws.posterior, draws.posterior.noise
    site, weights = evidence.row_site[rows], evidence.row_weights[rows]
    means = np.einsum("sno,no->sn", foreseen(draws, evidence.sites)[0][:, site], weights)
    slope = posterior.prior.sensitivity(posterior.latent, evidence.sites, with_latents=False)
    iodide, energy = (np.einsum("no,no->n", weights, one[site]) for one in (slope.iodide, slope.log_energy))
    place = evidence.place[site]
    of_site = weights @ noise.site @ weights.T + noise.ln_energy**2 * np.outer(energy, energy)
    covariance = (
        np.atleast_2d(np.cov(means.T))
        + weights @ noise.coupon @ weights.T
        + noise.iodide_fraction**2 * np.outer(iodide, iodide)
        + of_site * (place[:, None] == place)
        + np.diag((evidence.sd[rows] * (weights @ noise.analysis)) ** 2)
    )
    root = cholesky(covariance, lower=True)
    white = solve_triangular(root, evidence.number[rows] - means.mean(0), lower=True)
    return float(-0.5 * white @ white - np.log(np.diag(root)).sum() - 0.5 * len(rows) * np.log(2.0 * np.pi))


@dataclass(frozen=True)
class Trust:
    """Odds of the physics after some coupons.

    Attributes:
        log_odds: for the physics against the belief without.
        coupons: what each coupon said.
    """

    log_odds: float = float(np.log(BEFORE / (1.0 - BEFORE)))
    coupons: tuple[CouponTrust, ...] = ()

    @property
    def physics(self) -> float:
        """Probability that the physics is the better belief."""
        return float(1.0 / (1.0 + np.exp(-self.log_odds)))

    def after(self, physics: Draws, plain: Draws, observations: Sequence[Observation]) -> Trust:
        """With one more coupon, foreseen by draws of both beliefs."""
        z = {
            observable.name.lower().replace("_ev", ""): float(np.sqrt((values**2).mean()))
            for observable, values in z_scores(physics, observations).items()
        }
        if not z:
            return self
        said = log_density(physics, observations) - log_density(plain, observations)
        bounded = float(np.clip(said, -MOST_OF_A_COUPON, MOST_OF_A_COUPON))
        worst = max(z, key=lambda name: z[name])
        if z[worst] > WRONG_Z:
            bounded = min(bounded, 0.0)
        told = CouponTrust(
            coupon=observations[0].site.coupon,
            ln_odds=rounded(bounded),
            worst_observable=worst,
            worst_z_rms=rounded(z[worst]),
        )
        return Trust(float(np.clip(self.log_odds + bounded, -MOST, MOST)), (*self.coupons, told))

    def told(self) -> PhysicsTrust:
        """In the words of a status."""
        return PhysicsTrust(physics=rounded(self.physics), reason=self.reason(), coupons=self.coupons)

    def reason(self) -> str:
        """Why it is trusted so far, in a sentence without a stop."""
        share = f"the physics is trusted to {100 * self.physics:.0f} %"
        against = [one for one in self.coupons if one.ln_odds < 0]
        if not against:
            return share
        worst = min(against, key=lambda one: (one.ln_odds, -one.worst_z_rms))
        what = worst.worst_observable.replace("_", " ")
        if worst.worst_z_rms < CLEAR_Z:
            return f"{share}: coupon {worst.coupon} was foreseen better without it"
        return f"{share}: it foresaw coupon {worst.coupon}'s {what} wrong by {worst.worst_z_rms:.1f} sd"
