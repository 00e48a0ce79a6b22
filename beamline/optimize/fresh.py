"""Outcomes on a coupon that does not exist yet: physics, misfit, and what scatters between coupons and between sites."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from beamline.optimize.discrepancy import coordinates
from beamline.optimize.evidence import Sites
from beamline.optimize.mixed import Mixed
from beamline.optimize.posterior import Draws

__all__ = ["FreshCoupon", "foreseen", "on_fresh_coupon"]

Floats = npt.NDArray[np.float64]


class FreshCoupon:
    """A coupon in every draw: its own effects, which all its sites share, and a source for the scatter of its sites."""

    def __init__(self, draws: Draws | Mixed, rng: np.random.Generator) -> None:
        n, self._n_observables = len(draws), draws.posterior.evidence.n_observables
        self.shared = rng.standard_normal((n, self._n_observables))
        self.composition = rng.standard_normal(n)
        self._seed = int(rng.integers(2**32))

    def outcomes(self, draws: Draws | Mixed, emitted: Floats, sites: Sites) -> Floats:
        """True outcomes of m sites of this coupon.

        Args:
            draws: as the coupon was made with, or the first of them, (s).
            emitted: what the models give under them, (s, m, 4).
            sites: their conditions.

        Returns:
            (s, m, 4).
        """
        # Scatter is the same whatever the heat treatment, so that treatments do not differ by luck.
        rng = np.random.default_rng(self._seed)
        where, m, k = coordinates(sites), len(sites), self._n_observables
        gauss = rng.standard_normal((len(self.shared), m, k + 1))[: len(draws)]
        out = emitted.copy()
        for part, places in draws.parts:
            posterior, noise = part.posterior, part.posterior.noise
            slope = posterior.prior.sensitivity(posterior.latent, sites, with_latents=False)
            scatter = gauss[places, :, :k] @ np.linalg.cholesky(noise.site).T
            energy = noise.ln_energy * gauss[places, :, k]
            shared = part.of_coupon[:, :-1] * (self.shared[places] @ np.linalg.cholesky(noise.coupon).T)
            composition = part.of_coupon[:, -1] * noise.iodide_fraction * self.composition[places]
            out[places] += (
                part.misfit(where)
                + shared[:, None]
                + composition[:, None, None] * slope.iodide
                + scatter
                + energy[:, :, None] * slope.log_energy
            )
        return out


def on_fresh_coupon(draws: Draws | Mixed, sites: Sites, rng: np.random.Generator) -> Floats:
    """True outcomes of some recipes on a coupon that does not exist yet, (s, m, 4)."""
    return FreshCoupon(draws, rng).outcomes(draws, draws.emitted(sites), sites)


def foreseen(draws: Draws | Mixed, sites: Sites) -> tuple[Floats, Floats]:
    """What is expected of some recipes on a coupon that does not exist yet, as normal distributions, one for each draw.

    Returns:
        Their means, and variances: of what scatters between coupons and between sites; both (s, m, 4).
    """
    mean = draws.emitted(sites)
    variance = np.empty_like(mean)
    where = coordinates(sites)
    for part, places in draws.parts:
        posterior, noise = part.posterior, part.posterior.noise
        slope = posterior.prior.sensitivity(posterior.latent, sites, with_latents=False)
        mean[places] += part.misfit(where)
        of_coupon = part.of_coupon[:, None, :-1] ** 2 * np.diag(noise.coupon)
        composition = part.of_coupon[:, -1, None, None] * noise.iodide_fraction * slope.iodide
        variance[places] = of_coupon + np.diag(noise.site) + composition**2 + (noise.ln_energy * slope.log_energy) ** 2
    return mean, variance
