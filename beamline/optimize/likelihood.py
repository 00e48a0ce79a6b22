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

from beamline.optimize.algebra import Covariance
from beamline.optimize.discrepancy import OF_FURNACE, Discrepancy, coordinates
from beamline.optimize.evidence import Evidence
from beamline.optimize.inducing import inducing
from beamline.optimize.noise import Noise
from beamline.optimize.observables import Known, Observable
from beamline.optimize.prior import Prior, Sensitivity

__all__ = ["Linear", "Problem"]

Floats = npt.NDArray[np.float64]

_RATES = [Observable.LN_RED_RATE, Observable.LN_GREEN_RATE]

MOST_INDUCING = 80
"""Conditions that stand for all in the misfit. Up to so many sites, draws are held to the physics itself at every site."""
MOST_EXACT = 48
"""With more sites: the first so many of these conditions at which they are; to its tangent at the others."""
MOST_INDUCING_FURNACE = 32
STALE = 0.2
"""Move of a latent, in prior sigmas, up to which derivatives are not renewed."""
UNFORETOLD = 0.25
"""Beyond it they are where they foretold some observable of a coupon wrong by more than this share of the misfit that is assumed
before data. With hundreds of outcomes few are: what still moves then does little."""


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
        sd: of the noise of the analysis, as far as it scatters, (n,).
        sites: the observables of the sites, and their derivatives.
    """

    at: Floats
    mean: Floats
    latent: Floats
    weights: Floats
    log_energy: Floats
    iodide: Floats
    covariance: Covariance
    sd: Floats
    sites: Sensitivity


class Problem:
    """Rows of data: those of the spectra, then what is known of latents directly.

    Args:
        prior: the physics.
        evidence: what was learnt: n_rows rows of m sites.
        before: the same of its first coupons; their derivatives are still good where the latents have hardly moved.
    """

    def __init__(self, prior: Prior, evidence: Evidence, before: Problem | None = None) -> None:
        self.prior, self.evidence = prior, evidence
        self.direct, direct_number, direct_sd = prior.direct_data(evidence.sites)
        self.where = coordinates(evidence.sites)
        self.number = np.concatenate([evidence.number, direct_number])
        self.sd = np.concatenate([evidence.sd, direct_sd])
        known = (*evidence.known, *(Known.VALUE,) * len(direct_number))
        self.is_value = np.array([one is Known.VALUE for one in known])
        self.is_below = np.array([one is Known.BELOW for one in known])
        # Of the two parts of the misfit: that of all conditions, and that of the furnace and the glass.
        self.inducing = inducing(self.where, MOST_INDUCING)
        self.inducing_furnace = inducing(self.where * OF_FURNACE, MOST_INDUCING_FURNACE)
        site = evidence.row_site
        self.coupon_rows = tuple(np.flatnonzero(evidence.coupon[site] == n) for n in range(evidence.n_coupons))
        self.coupon_sites = tuple(np.flatnonzero(evidence.coupon == n) for n in range(evidence.n_coupons))
        # Derivatives by coupon, with the latents at which they were taken.
        self._slopes: dict[int, tuple[Floats, Sensitivity]] = {} if before is None else dict(before._slopes)  # noqa: SLF001  # one class
        self._last: tuple[Floats, Sensitivity] | None = None
        self._values: tuple[Floats, Floats] | None = None

    @property
    def n(self) -> int:
        """Number of rows."""
        return len(self.number)

    def rows(self, values: Floats, latent: Floats) -> Floats:
        """Rows that the sites' observables (s, m, 4) and latents (s, n_latent) amount to, (s, n)."""
        evidence, total = self.evidence, self.evidence.row_is_total
        mean = values[
            :, evidence.row_site, np.argmax(evidence.row_weights, axis=1)
        ]  # one observable each, but for all light
        if total.any():
            mean[:, total] = np.logaddexp(*np.moveaxis(values[:, evidence.row_site[total]][..., _RATES], -1, 0))
        return np.concatenate([mean, latent @ self.direct.T], axis=1)

    def values_at(self, latent: Floats) -> Floats:
        """Observables of the sites under one set of latents (n_latent,): (m, 4). A step that is taken asks twice for the last."""
        if self._values is None or not np.array_equal(self._values[0], latent):
            self._values = (latent.copy(), self.prior.observables(latent[None], self.evidence.sites)[0])
        return self._values[1]

    def values(self, latent: Floats, linear: Linear) -> Floats:
        """Observables of the sites under s sets of latents: the physics where it is picked, its tangent elsewhere.

        Args:
            latent: (s, n_latent).
            linear: whose tangent.

        Returns:
            (s, m, 4).
        """
        evidence, picked = self.evidence, np.sort(self.inducing.picked[:MOST_EXACT])
        if len(evidence.sites) <= MOST_INDUCING:
            return self.prior.observables(latent, evidence.sites)
        moved = (latent - linear.at) @ linear.sites.latent.reshape(-1, latent.shape[1]).T
        values = linear.sites.value + moved.reshape(len(latent), -1, evidence.n_observables)
        values[:, picked] = self.prior.observables(latent, evidence.sites.take(picked))
        return np.asarray(values)

    def misfit_features(self, where: Floats) -> Floats:
        """Features of both parts of the misfit at any conditions (a, 7): (a, p)."""
        return np.hstack([self.inducing.features_at(where), self.inducing_furnace.features_at(where * OF_FURNACE)])

    def linearise(self, latent: Floats, discrepancy: Discrepancy, noise: Noise) -> Linear:
        """Rows, derivatives and covariance at some latents.

        Args:
            latent: where, (n_latent,).
            discrepancy: prior of the misfit.
            noise: sizes of the scatter.
        """
        found = self._sensitivity(latent)
        weights, site = self._weights(found.value), self.evidence.row_site
        linear = Linear(
            at=latent,
            mean=self.rows(found.value[None], latent[None])[0],
            latent=np.vstack([np.einsum("no,nol->nl", weights, found.latent[site]), self.direct]),
            weights=weights,
            log_energy=np.einsum("no,no->n", weights, found.log_energy[site]),
            iodide=np.einsum("no,no->n", weights, found.iodide[site]),
            covariance=Covariance((), np.zeros((0, 0))),
            sd=self.sd,
            sites=found,
        )
        return self.with_sizes(linear, discrepancy, noise)

    def with_sizes(self, linear: Linear, discrepancy: Discrepancy, noise: Noise) -> Linear:
        """The same with other sizes of misfit and scatter."""
        weights, iodide, energy = linear.weights, linear.iodide, linear.log_energy
        site, place = self.evidence.row_site, self.evidence.place
        parts = tuple(zip((self.inducing, self.inducing_furnace), discrepancy.covariances, strict=True))
        blocks: list[Floats] = []
        for rows in self.coupon_rows:
            w, here = weights[rows], site[rows]
            same_place = place[here][:, None] == place[here]
            of_coupon = w @ noise.coupon @ w.T + noise.iodide_fraction**2 * np.outer(iodide[rows], iodide[rows])
            of_site = w @ noise.site @ w.T + noise.ln_energy**2 * np.outer(energy[rows], energy[rows])
            block = of_coupon + of_site * same_place
            for part, covariance in parts:
                block += (w @ covariance @ w.T) * (part.left[here][:, None] * (here[:, None] == here))
            blocks.append(block)
        blocks += [np.zeros((1, 1))] * (self.n - len(site))
        by_part = []
        for part, covariance in parts:
            mixed = weights @ np.linalg.cholesky(covariance)
            by_part.append(np.einsum("no,nk->nok", mixed, part.features[site]).reshape(len(site), -1))
        features = np.vstack([np.hstack(by_part), np.zeros((self.n - len(site), sum(f.shape[1] for f in by_part)))])
        return Linear(
            linear.at,
            linear.mean,
            linear.latent,
            weights,
            energy,
            iodide,
            Covariance(tuple(blocks), features),
            self._scattering(noise),
            linear.sites,
        )

    def _scattering(self, noise: Noise) -> Floats:
        """The uncertainties of the analysis as far as they scatter, (n,); limits and what is known directly as they are."""
        sd = self.sd.copy()
        rows = np.flatnonzero(self.is_value[: len(self.evidence.row_site)])
        sd[rows] *= self.evidence.row_weights[rows] @ noise.analysis
        return sd

    def as_gaussian(self, truth: Floats, sd: Floats) -> tuple[Floats, Floats]:
        """Numbers and variances of the rows as Gaussian data, (n,) each.

        A limit becomes the Gaussian whose logarithm has the slope and curvature of the normal distribution function's at
        the current mean of the truth (Laplace; Rasmussen and Williams 2006, section 3.4).

        Args:
            truth: current means of the rows without the noise of the analysis, (n,).
            sd: of the noise of the analysis, (n,).
        """
        number, variance = self.number.copy(), sd**2
        limits = ~self.is_value
        sign = np.where(self.is_below[limits], 1.0, -1.0)
        soft = np.sqrt(variance[limits])
        u = sign * (self.number[limits] - truth[limits]) / soft
        slope = np.exp(-0.5 * u**2 - 0.5 * np.log(2 * np.pi) - log_ndtr(u))  # of ln Phi(u)
        curvature = np.maximum(slope * (slope + u), 1e-8)  # of -ln Phi(u); none where the limit is far away
        number[limits] = truth[limits] - sign * soft * slope / curvature
        variance[limits] = soft**2 / curvature
        return number, variance

    def _sensitivity(self, latent: Floats) -> Sensitivity:
        """Observables at these latents; derivatives there, or from where the latents have hardly moved since."""
        if self._last is not None and np.array_equal(self._last[0], latent):
            return self._last[1]
        stale = [n for n in range(len(self.coupon_sites)) if self._is_stale(n, latent)]
        sites, m = self.evidence.sites, len(self.evidence.sites)
        if stale:
            which = np.concatenate([self.coupon_sites[n] for n in stale])
            renewed = self.prior.sensitivity(latent, sites.take(which))
            start = 0
            for n in stale:
                part = slice(start, start + len(self.coupon_sites[n]))
                start = part.stop
                one = Sensitivity(
                    renewed.value[part], renewed.latent[part], renewed.log_energy[part], renewed.iodide[part]
                )
                self._slopes[n] = (latent, one)
        by_latent = np.empty((m, self.evidence.n_observables, len(latent)))
        by_energy, by_iodide = np.empty((2, m, self.evidence.n_observables))
        for n, here in enumerate(self.coupon_sites):
            slopes = self._slopes[n][1]
            by_latent[here], by_energy[here], by_iodide[here] = slopes.latent, slopes.log_energy, slopes.iodide
        values = self.values_at(latent)
        self._last = (latent, Sensitivity(values, by_latent, by_energy, by_iodide))
        return self._last[1]

    def _is_stale(self, coupon: int, latent: Floats) -> bool:
        if coupon not in self._slopes:
            return True
        at, slopes = self._slopes[coupon]
        if np.abs(at - latent).max(initial=0.0) <= STALE:
            return False
        foretold = slopes.value + slopes.latent @ (latent - at)
        wrong = np.abs(self.values_at(latent)[self.coupon_sites[coupon]] - foretold)
        return bool((wrong > UNFORETOLD * Noise.usual(self.evidence.n_observables).misfit).any())

    def _weights(self, values: Floats) -> Floats:
        """Weights of the rows (n_rows, 4); those of all light are the shares of the two bands in the values (m, 4)."""
        weights = self.evidence.row_weights.copy()
        total = self.evidence.row_is_total
        red, green = np.moveaxis(values[self.evidence.row_site[total]][:, _RATES], -1, 0)
        share = 0.5 * (1.0 + np.tanh(0.5 * (red - green)))
        weights[np.ix_(np.flatnonzero(total), np.array(_RATES))] = np.column_stack([share, 1.0 - share])
        return weights
