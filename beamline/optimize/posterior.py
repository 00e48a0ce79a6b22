"""What is believed after the observations: parameters, misfit and coupon effects together.

Draws are of everything at once, by randomise-then-optimise (Kitanidis 1995, Oliver et al. 1996): a draw of the prior and of
the noise is moved to the latents that explain the data best under it, which is exact where the model is linear; what
remains goes to the misfit by Matheron's rule. So a draw that explains the data by a parameter does not also explain them
by the misfit.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.linalg import cho_factor, cho_solve

from beamline.optimize.discrepancy import Discrepancy
from beamline.optimize.evidence import Evidence, Sites
from beamline.optimize.likelihood import Problem
from beamline.optimize.maximum import MAX_LATENT_STEP, Maximum, maximise, surprise, with_sizes
from beamline.optimize.noise import Noise
from beamline.optimize.prior import Grid, Prior
from beamline.optimize.sizes import Sizes, learnt_sizes

__all__ = ["Draws", "Posterior", "fit"]

Floats = npt.NDArray[np.float64]

MAX_STEPS = 12
OUTLIER_SIGMA = 3.0
"""A datum further than this from what all others say gets a scatter of its own until it is at this distance. Not noise of
the analysis: the site is believed to be what was measured, and not to speak for others."""
FEW_SHARE = 0.1
"""Largest share of the data that are left out where sizes are learnt, because they contradict the others."""
DRAW_STEPS = 2
"""Steps of each draw after the linear one."""


@dataclass(frozen=True)
class Fitted:
    """The data of a posterior: absent before the first."""

    problem: Problem
    maximum: Maximum


@dataclass(frozen=True)
class Posterior:
    """Belief after some evidence.

    Attributes:
        prior: the physics.
        evidence: what was learnt.
        sizes: of misfit and scatter, as learnt.
        discrepancy: prior of the misfit, with these amplitudes.
        latent: maximum a posteriori, (n_latent,).
        latent_sd: one sigma of each coordinate, (n_latent,).
        data: rows and maximum; None before the first datum.
    """

    prior: Prior
    evidence: Evidence
    sizes: Sizes
    discrepancy: Discrepancy
    latent: Floats
    latent_sd: Floats
    data: Fitted | None

    @property
    def noise(self) -> Noise:
        """Sizes of the scatter."""
        return self.sizes.noise

    def draws(self, n: int, rng: np.random.Generator) -> Draws:
        """Joint draws, n of them, of latents, misfit and the truth at the observed sites."""
        start = self.sizes.widening * rng.standard_normal((n, len(self.latent)))
        weights, n_observables = self.discrepancy.draw_weights(n, rng), self.evidence.n_observables
        if self.data is None:
            nothing = np.zeros((0, n, n_observables)), np.zeros((n, 0, n_observables))
            return Draws(self, start, weights, *nothing, self.sizes.known.factors(n, rng))
        found, evidence, problem = self.data.maximum, self.evidence, self.data.problem
        scatter = _scatter(self, self.data, weights, rng)
        noise = rng.standard_normal((n, problem.n)) * np.sqrt(found.variance)
        aim = found.number - scatter - noise
        latent, rows, values = _explain(self.data, start, aim)
        pull = found.factor.solve((aim - rows).T)
        told = found.number - noise - found.variance * pull.T  # the rows without the noise of the analysis
        truth = values.copy()
        for row in np.flatnonzero(~evidence.row_is_total):
            truth[:, evidence.row_site[row], np.argmax(evidence.row_weights[row])] = told[:, row]
        # What the data make of the misfit at the conditions that stand for all, (p, s, 4).
        by_feature = found.linear.covariance.features.T @ pull
        of_all = n_observables * len(problem.inducing.picked)
        moved = np.concatenate(
            [
                np.tensordot(part.reshape(n_observables, -1, n), np.linalg.cholesky(covariance), axes=(0, 1))
                for part, covariance in zip(
                    (by_feature[:of_all], by_feature[of_all:]), self.discrepancy.covariances, strict=True
                )
            ]
        )
        return Draws(self, latent, weights, moved, truth, self.sizes.known.factors(n, rng))


def _scatter(posterior: Posterior, data: Fitted, feature_weights: Floats, rng: np.random.Generator) -> Floats:
    """Draws of all that is neither physics nor noise of the analysis, at the rows, (s, n)."""
    evidence, noise, linear, n = posterior.evidence, posterior.noise, data.maximum.linear, feature_weights.shape[1]
    site, n_places = evidence.row_site, int(evidence.place.max()) + 1
    misfit = np.tensordot(posterior.discrepancy.features(data.problem.where), feature_weights, axes=(1, 0))
    coupon = rng.standard_normal((n, evidence.n_coupons, evidence.n_observables)) @ np.linalg.cholesky(noise.coupon).T
    place = rng.standard_normal((n, n_places, evidence.n_observables)) @ np.linalg.cholesky(noise.site).T
    at_site = np.moveaxis(misfit, 0, 1) + coupon[:, evidence.coupon] + place[:, evidence.place]
    composition = noise.iodide_fraction * rng.standard_normal((n, evidence.n_coupons))
    energy = noise.ln_energy * rng.standard_normal((n, n_places))
    rows = (
        np.einsum("sno,no->sn", at_site[:, site], linear.weights)
        + composition[:, evidence.coupon[site]] * linear.iodide
        + energy[:, evidence.place[site]] * linear.log_energy
    )
    spectra = np.concatenate([rows, np.zeros((n, data.problem.n - evidence.n_rows))], axis=1)
    return spectra + rng.standard_normal((n, data.problem.n)) * np.sqrt(data.maximum.odd)


def _explain(data: Fitted, start: Floats, aim: Floats) -> tuple[Floats, Floats, Floats]:
    """Latents near `start` (s, n_latent) that explain `aim` (s, n), with the rows and the sites' observables they give.

    Gauss-Newton with the Jacobian of the maximum; a draw's step is kept only where it helps, else the next is shorter.
    """
    linear, problem, covariance = data.maximum.linear, data.problem, data.maximum.factor
    weight = data.maximum.widening**-2
    pulled = covariance.solve(linear.latent)  # Sigma^-1 J
    gain = cho_factor(weight * np.eye(linear.latent.shape[1]) + linear.latent.T @ pulled)

    def costs(latent: Floats) -> tuple[Floats, Floats, Floats]:
        values = problem.values(latent, linear)
        rows = problem.rows(values, latent)
        return rows, values, weight * ((latent - start) ** 2).sum(1) + covariance.squares((aim - rows).T)

    linear_rows = linear.mean + (start - linear.at) @ linear.latent.T
    latent = start + cho_solve(gain, pulled.T @ (aim - linear_rows).T).T
    rows, values, cost = costs(latent)
    size = np.ones(len(start))
    for _ in range(DRAW_STEPS):
        step = cho_solve(gain, weight * (start - latent).T + pulled.T @ (aim - rows).T).T
        longest = np.abs(step).max(axis=1, initial=1e-12)
        trial = latent + step * (size * np.minimum(1.0, MAX_LATENT_STEP / longest))[:, None]
        trial_rows, trial_values, trial_cost = costs(trial)
        better = trial_cost < cost
        latent = np.where(better[:, None], trial, latent)
        rows = np.where(better[:, None], trial_rows, rows)
        values = np.where(better[:, None, None], trial_values, values)
        cost = np.where(better, trial_cost, cost)
        size = np.where(better, np.minimum(1.0, 2.0 * size), 0.3 * size)
    return latent, rows, values


@dataclass(frozen=True)
class Draws:
    """Joint draws from a posterior, s of them.

    Attributes:
        posterior: from which.
        latent: (s, n_latent).
        weights: of the misfit's features, (n_features, s, 4).
        moved: weights of the features of the conditions that stand for all, by which the data move the misfit, (p, s, 4).
        truth: observables of the m observed sites without the noise of the analysis, (s, m, 4).
        of_coupon: factors on the sizes of what a coupon has for itself, by observable, then of its composition, (s, 5).
    """

    posterior: Posterior
    latent: Floats
    weights: Floats
    moved: Floats
    truth: Floats
    of_coupon: Floats

    def __len__(self) -> int:
        return len(self.latent)

    def first(self, n: int) -> Draws:
        """The first n of the draws."""
        return Draws(
            self.posterior,
            self.latent[:n],
            self.weights[:, :n],
            self.moved[:, :n],
            self.truth[:n],
            self.of_coupon[:n],
        )

    @property
    def parts(self) -> tuple[tuple[Draws, npt.NDArray[np.int64]], ...]:
        """Draws of one model each, and their places among these: here all are of one (`mixed.Mixed` has several)."""
        return ((self, np.arange(len(self))),)

    @property
    def probabilities(self) -> Floats:
        """Probability of each draw, (s,)."""
        return np.full(len(self), 1.0 / len(self))

    def emitted(self, sites: Sites) -> Floats:
        """What the model gives at some sites, (s, m, 4)."""
        return self.posterior.prior.observables(self.latent, sites)

    def written(self, sites: Sites) -> Grid:
        """The sites as written, in every draw; their heat histories do not matter."""
        return self.posterior.prior.write(self.latent, sites)

    def misfit(self, where: Floats) -> Floats:
        """The drawn misfits at some conditions (`discrepancy.coordinates`): (m, 7) -> (s, m, 4)."""
        found = np.tensordot(self.posterior.discrepancy.features(where), self.weights, axes=(1, 0))  # (m, s, 4)
        if self.posterior.data is not None:
            features = self.posterior.data.problem.misfit_features(where)
            found = found + np.tensordot(features, self.moved, axes=(1, 0))
        return np.asarray(np.moveaxis(found, 0, 1))


def fit(
    prior: Prior,
    evidence: Evidence,
    noise: Noise,
    feature_rng: np.random.Generator,
    before: Posterior | None = None,
) -> Posterior:
    """Posterior of some evidence.

    Args:
        prior: the physics.
        evidence: what was learnt; may be nothing.
        noise: sizes of the scatter, before data.
        feature_rng: for the random features of the misfit.
        before: posterior of the first coupons of this evidence, from which the search begins.
    """
    sizes = Sizes.before_data(noise) if before is None else before.sizes
    discrepancy = Discrepancy.make(sizes.amplitude, sizes.furnace, feature_rng)
    at = np.zeros(len(prior.latents)) if before is None else before.latent
    if evidence.n_rows == 0:
        return Posterior(prior, evidence, sizes, discrepancy, np.zeros(len(at)), np.ones(len(at)), None)
    problem = Problem(prior, evidence, None if before is None or before.data is None else before.data.problem)
    found = maximise(problem, discrepancy, sizes, at, np.zeros(problem.n), max_steps=MAX_STEPS)
    # With a first answer at hand: how large are the parts, and which data does nothing else support?
    sizes = learnt_sizes(problem, found.linear, _few(_odd(problem, found)), sizes, noise)
    discrepancy = replace(discrepancy, amplitude=sizes.amplitude, furnace=sizes.furnace)
    odd = _odd(problem, with_sizes(problem, found, discrepancy, sizes))
    found = maximise(problem, discrepancy, sizes, found, odd, max_steps=MAX_STEPS // 2)
    return Posterior(prior, evidence, sizes, discrepancy, found.linear.at, found.latent_sd, Fitted(problem, found))


def _odd(problem: Problem, found: Maximum) -> Floats:
    """Scatter of their own, as a variance, of the rows that contradict all others, (n,)."""
    z, foreseen = surprise(found)
    return np.asarray(np.maximum(0.0, (z / OUTLIER_SIGMA) ** 2 - 1.0) * foreseen * problem.is_value)


def _few(odd: Floats) -> Floats:
    """The oddest of them: where many rows contradict the others it is not they who are odd, the sizes are."""
    few = np.sort(odd)[::-1][: max(1, int(FEW_SHARE * len(odd)))]
    return np.where(odd >= few[-1], odd, 0.0)
