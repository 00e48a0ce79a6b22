"""What would be believed of the bench without physics: planes in the conditions, and a large misfit about them.

It stands beside the physics (`trust.py`): where that foresees coupons badly, this one is believed instead. It knows what anybody
knows who has looked through a microscope: light of two bands, at energies that differ by less than their distance, with rates
of any size that change by some e-folds over the space.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
import numpy.typing as npt

from beamline.optimize.discrepancy import coordinates
from beamline.optimize.evidence import Sites
from beamline.optimize.observables import N_OBSERVABLES
from beamline.optimize.prior import COLLECTION_SD, LN_RATE_PER_PHOTON, Grid, Latent, Sensitivity

__all__ = ["PlainPrior", "plain_misfit"]

Floats = npt.NDArray[np.float64]

CENTRE: Final = np.array([2.0, 2.41, LN_RATE_PER_PHOTON, LN_RATE_PER_PHOTON, 4.0, 3.5])
"""Of the observables: eV, eV, ln(counts/s), ln(counts/s), and where they are modelled ln(ns), ln(ns): 55 and 33 ns."""
CENTRE_SD: Final = np.array([0.08, 0.02, 1.0, 1.0, 0.5, 0.3])
"""Of their means over the space."""
SLOPE_SD: Final = np.array([0.05, 0.005, 1.0, 1.0, 0.3, 0.15])
"""Of their slopes along each of the misfit's coordinates, which a usual space is about two of wide."""
PLAIN_MISFIT: Final = np.array([0.06, 0.006, 1.0, 1.0, 0.2, 0.1])
"""One sigma of what the planes miss, before data: 20 nm of the red peak, a factor of three of the rates."""
NAMES: Final = ("red_peak", "green_peak", "ln_red_rate", "ln_green_rate", "ln_red_lifetime", "ln_green_lifetime")
COORDINATES: Final = ("energy", "time", "passes", "mode", "temperature", "hold", "iodide")


def plain_misfit(n_observables: int) -> Floats:
    """`PLAIN_MISFIT` of the observables that are modelled."""
    return PLAIN_MISFIT[:n_observables]


class PlainPrior:
    """The protocol of a prior without physics.

    Args:
        n_observables: that are modelled.
    """

    def __init__(self, n_observables: int = N_OBSERVABLES) -> None:
        self.n_observables = n_observables

    @cached_property
    def latents(self) -> tuple[Latent, ...]:
        """What is collected, then for each observable its mean and its slopes."""
        told = [Latent("collection", "c", "ln(counts/s)", LN_RATE_PER_PHOTON, COLLECTION_SD, "normal")]
        for name, centre, centre_sd, slope_sd in list(zip(NAMES, CENTRE, CENTRE_SD, SLOPE_SD, strict=True))[
            : self.n_observables
        ]:
            told.append(Latent(f"mean_{name}", "m", "", float(centre), float(centre_sd), "normal"))
            told += [Latent(f"{name}_by_{along}", "s", "", 0.0, float(slope_sd), "normal") for along in COORDINATES]
        return tuple(told)

    @property
    def mixing(self) -> Floats:
        """None: the planes' numbers have nothing to do with each other."""
        return np.eye(len(self.latents))

    @cached_property
    def _sizes(self) -> Floats:
        """One sigma of the planes' numbers, (4, 8)."""
        k = self.n_observables
        return np.column_stack([CENTRE_SD[:k], np.repeat(SLOPE_SD[:k, None], len(COORDINATES), axis=1)])

    def observables(self, latent: Floats, sites: Sites) -> Floats:
        """Observables of m sites under s sets of latents (s, n_latent): (s, m, 4)."""
        design = np.column_stack([np.ones(len(sites)), coordinates(sites)])
        planes = latent[:, 1:].reshape(len(latent), self.n_observables, -1) * self._sizes
        out = CENTRE[: self.n_observables] + np.einsum("mk,sok->smo", design, planes)
        out[..., 2:4] += COLLECTION_SD * latent[:, :1, None]
        return np.asarray(out)

    def sensitivity(self, latent: Floats, sites: Sites, *, with_latents: bool = True) -> Sensitivity:
        """Observables and derivatives, which are the same everywhere."""
        m, n, k = len(sites), len(latent), self.n_observables
        by_latent = np.zeros((m, k, n))
        if with_latents:
            design = np.column_stack([np.ones(m), coordinates(sites)])
            per_plane = design.shape[1]
            for o in range(k):
                by_latent[:, o, 1 + o * per_plane : 1 + (o + 1) * per_plane] = design * self._sizes[o]
            by_latent[:, 2:4, 0] = COLLECTION_SD
        planes = latent[1:].reshape(k, -1) * self._sizes
        by_energy = np.broadcast_to(planes[:, 1] / np.log(2.0), (m, k))  # the coordinate counts doublings
        by_iodide = np.broadcast_to(planes[:, 7] * 4.0, (m, k))  # and quarters
        return Sensitivity(self.observables(latent[None], sites)[0], by_latent, by_energy.copy(), by_iodide.copy())

    def write(self, latent: Floats, sites: Sites) -> Grid:
        """The sites as written; their heat histories do not matter."""
        return _Written(self, latent, sites)

    def direct_data(self, sites: Sites) -> tuple[Floats, Floats, Floats]:
        """Nothing is known of planes without a spectrum."""
        del sites
        return np.zeros((0, len(self.latents))), np.zeros(0), np.zeros(0)


@dataclass(frozen=True)
class _Written:
    prior: PlainPrior
    latent: Floats
    sites: Sites

    def anneal(self, steps: Floats) -> Floats:
        m = len(self.sites)
        heated = np.broadcast_to(steps, (m, *steps.shape))
        sites = Sites(self.sites.writings, self.sites.iodide_fraction, self.sites.power_at_sample_W, heated)
        return self.prior.observables(self.latent, sites)
