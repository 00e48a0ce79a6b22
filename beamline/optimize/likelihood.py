"""The rows of data as functions of the latents, and the covariance of all that is not physics.

A datum is physics(latents) + misfit + effect of the coupon + effect of the coupon's composition + effect of the site's
pulse energy + scatter of the site + noise of the analysis. All but the first are Gaussian: for given latents they are a
covariance. Composition and energy act through the derivatives of the physics.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import log_ndtr

from beamline.optimize.discrepancy import Discrepancy, coordinates, correlation
from beamline.optimize.evidence import Evidence
from beamline.optimize.noise import Noise
from beamline.optimize.observables import Known, Observable
from beamline.optimize.prior import Prior, Sensitivity

__all__ = ["Linear", "Problem"]

Floats = npt.NDArray[np.float64]

_RATES = [Observable.LN_RED_RATE, Observable.LN_GREEN_RATE]


@dataclass(frozen=True)
class Linear:
    """The n rows of data linearised at some latents.

    Attributes:
        at: the latents, (n_latent,).
        mean: what the rows should be, (n,).
        latent: derivatives by the latents, (n, n_latent).
        weights: how each row of a spectrum is made of its site's four observables, (n_rows, 4).
        log_energy: derivative of these rows by the logarithm of the pulse energy, (n_rows,).
        iodide: and by the iodide fraction of the glass, (n_rows,).
        covariance: of all that is neither physics nor noise of the analysis, (n, n).
    """

    at: Floats
    mean: Floats
    latent: Floats
    weights: Floats
    log_energy: Floats
    iodide: Floats
    covariance: Floats


class Problem:
    """Rows of data: those of the spectra, then what is known of latents directly.

    Args:
        prior: the physics.
        evidence: what was learnt: n_rows rows of m sites.
        noise: sizes of the scatter.
    """

    def __init__(self, prior: Prior, evidence: Evidence, noise: Noise) -> None:
        self.prior, self.evidence, self.noise = prior, evidence, noise
        self.direct, direct_number, direct_sd = prior.direct_data(evidence.sites)
        self.where = coordinates(evidence.sites)
        self.number = np.concatenate([evidence.number, direct_number])
        self.sd = np.concatenate([evidence.sd, direct_sd])
        known = (*evidence.known, *(Known.VALUE,) * len(direct_number))
        self.is_value = np.array([one is Known.VALUE for one in known])
        self.is_below = np.array([one is Known.BELOW for one in known])
        site = evidence.row_site
        self.alike = correlation(self.where, self.where)[np.ix_(site, site)]
        self.same_coupon = evidence.coupon[site][:, None] == evidence.coupon[site]
        self.same_place = evidence.place[site][:, None] == evidence.place[site]
        self._last: tuple[Floats, Sensitivity] | None = None

    @property
    def n(self) -> int:
        """Number of rows."""
        return len(self.number)

    def rows(self, values: Floats, latent: Floats) -> Floats:
        """Rows that the sites' observables (s, m, 4) and latents (s, n_latent) amount to, (s, n)."""
        at = values[:, self.evidence.row_site, :]
        mean = np.einsum("sno,no->sn", at, self.evidence.row_weights)
        total = self.evidence.row_is_total
        mean[:, total] = np.logaddexp(*np.moveaxis(at[:, total][..., _RATES], -1, 0))
        return np.concatenate([mean, latent @ self.direct.T], axis=1)

    def linearise(self, latent: Floats, discrepancy: Discrepancy, odd: Floats) -> Linear:
        """Rows, derivatives and covariance at some latents.

        Args:
            latent: where, (n_latent,).
            discrepancy: prior of the misfit.
            odd: variance that rows have for themselves besides, (n,).
        """
        found = self._sensitivity(latent)
        weights, site, noise = self._weights(found.value), self.evidence.row_site, self.noise
        energy = np.einsum("no,no->n", weights, found.log_energy[site])
        iodide = np.einsum("no,no->n", weights, found.iodide[site])
        by_latent = np.einsum("no,nol->nl", weights, found.latent[site])
        of_coupon = weights @ noise.coupon @ weights.T + noise.iodide_fraction**2 * np.outer(iodide, iodide)
        of_site = weights @ noise.site @ weights.T + noise.ln_energy**2 * np.outer(energy, energy)
        n = len(site)
        covariance = np.zeros((self.n, self.n))
        covariance[:n, :n] = (
            (weights @ discrepancy.covariance @ weights.T) * self.alike
            + of_coupon * self.same_coupon
            + of_site * self.same_place
        )
        covariance += np.diag(odd)
        return Linear(
            at=latent,
            mean=self.rows(found.value[None], latent[None])[0],
            latent=np.vstack([by_latent, self.direct]),
            weights=weights,
            log_energy=energy,
            iodide=iodide,
            covariance=covariance,
        )

    def as_gaussian(self, truth: Floats) -> tuple[Floats, Floats]:
        """Numbers and variances of the rows as Gaussian data, (n,) each.

        A limit becomes the Gaussian whose logarithm has the slope and curvature of the normal distribution function's at
        the current mean of the truth (Laplace; Rasmussen and Williams 2006, section 3.4).

        Args:
            truth: current means of the rows without the noise of the analysis, (n,).
        """
        number, variance = self.number.copy(), self.sd**2
        limits = ~self.is_value
        sign = np.where(self.is_below[limits], 1.0, -1.0)
        sd = np.sqrt(variance[limits])
        u = sign * (self.number[limits] - truth[limits]) / sd
        slope = np.exp(-0.5 * u**2 - 0.5 * np.log(2 * np.pi) - log_ndtr(u))  # of ln Phi(u)
        curvature = np.maximum(slope * (slope + u), 1e-8)  # of -ln Phi(u); none where the limit is far away
        number[limits] = truth[limits] - sign * sd * slope / curvature
        variance[limits] = sd**2 / curvature
        return number, variance

    def _sensitivity(self, latent: Floats) -> Sensitivity:
        if self._last is None or not np.array_equal(self._last[0], latent):
            self._last = (latent, self.prior.sensitivity(latent, self.evidence.sites))
        return self._last[1]

    def _weights(self, values: Floats) -> Floats:
        """Weights of the rows (n_rows, 4); those of all light are the shares of the two bands in the values (m, 4)."""
        weights = self.evidence.row_weights.copy()
        total = self.evidence.row_is_total
        red, green = np.moveaxis(values[self.evidence.row_site[total]][:, _RATES], -1, 0)
        share = 0.5 * (1.0 + np.tanh(0.5 * (red - green)))
        weights[np.ix_(np.flatnonzero(total), np.array(_RATES))] = np.column_stack([share, 1.0 - share])
        return weights
