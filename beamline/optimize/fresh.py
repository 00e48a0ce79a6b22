"""Outcomes on a coupon that does not exist yet: physics, misfit, and what scatters between coupons and between sites."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from beamline.optimize.discrepancy import coordinates
from beamline.optimize.evidence import Sites
from beamline.optimize.observables import N_OBSERVABLES
from beamline.optimize.posterior import Draws

__all__ = ["FreshCoupon", "on_fresh_coupon"]

Floats = npt.NDArray[np.float64]


class FreshCoupon:
    """A coupon in every draw: its own effects, which all its sites share, and a source for the scatter of its sites."""

    def __init__(self, draws: Draws, rng: np.random.Generator) -> None:
        noise, n = draws.posterior.noise, len(draws)
        self.noise = noise
        self.shared = rng.standard_normal((n, N_OBSERVABLES)) @ np.linalg.cholesky(noise.coupon).T
        self.composition = noise.iodide_fraction * rng.standard_normal(n)
        self._seed = int(rng.integers(2**32))

    def outcomes(self, draws: Draws, emitted: Floats, sites: Sites) -> Floats:
        """True outcomes of m sites of this coupon.

        Args:
            draws: as the coupon was made with, or the first of them, (s).
            emitted: what the physics gives under them, (s, m, 4).
            sites: their conditions.

        Returns:
            (s, m, 4).
        """
        posterior = draws.posterior
        slope = posterior.prior.sensitivity(posterior.latent, sites, with_latents=False)
        # Scatter is the same whatever the heat treatment, so that treatments do not differ by luck.
        rng = np.random.default_rng(self._seed)
        m = len(sites)
        gauss = rng.standard_normal((len(self.shared), m, N_OBSERVABLES + 1))[: len(draws)]
        scatter = gauss[:, :, :N_OBSERVABLES] @ np.linalg.cholesky(self.noise.site).T
        energy = self.noise.ln_energy * gauss[:, :, N_OBSERVABLES]
        n = len(draws)
        return np.asarray(
            emitted
            + draws.misfit(coordinates(sites))
            + self.shared[:n, None]
            + self.composition[:n, None, None] * slope.iodide
            + scatter
            + energy[:, :, None] * slope.log_energy
        )


def on_fresh_coupon(draws: Draws, sites: Sites, rng: np.random.Generator) -> Floats:
    """True outcomes of some recipes on a coupon that does not exist yet, (s, m, 4)."""
    emitted = draws.posterior.prior.observables(draws.latent, sites)
    return FreshCoupon(draws, rng).outcomes(draws, emitted, sites)
