"""What is believed after the observations: parameters, misfit and coupon effects together.

A datum is physics(latents) + misfit + coupon effect + effect of the coupon's composition + effect of the site's pulse
energy + site scatter + noise of the analysis. All but the first are Gaussian, so for given latents they are a covariance.
The latents' maximum a posteriori is found by Levenberg-Marquardt; limits (a missing band, a full detector) enter by the
normal distribution function, as a Gaussian of the same slope and curvature at the current mean (Laplace).

Draws are of everything at once, by randomise-then-optimise (Kitanidis 1995, Oliver 1996): a draw of the prior and the noise
is moved to the latents that explain the data best under it, exactly so where the model is linear, and what remains goes to
the misfit by Matheron's rule. So a draw that explains the data by a parameter does not also explain it by the misfit.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.linalg import cho_factor, cho_solve, solve_triangular
from scipy.special import log_ndtr

from beamline.optimize.discrepancy import DEFAULT_AMPLITUDE, Discrepancy, coordinates, correlation, fitted_amplitude
from beamline.optimize.evidence import Evidence
from beamline.optimize.noise import Noise
from beamline.optimize.observables import N_OBSERVABLES, Known, Observable
from beamline.optimize.prior import Prior

__all__ = ["Draws", "Posterior", "fit"]

Floats = npt.NDArray[np.float64]

MAX_STEPS = 12
MAX_LATENT_STEP = 1.0
"""Longest move of one coordinate in one step, in prior sigmas: the linearisation is not trusted further."""
SETTLED = 2e-3
"""Relative fall of the objective below which the search ends."""
OUTLIER_SIGMA = 3.0
"""A datum further than this from what all others say gets its noise inflated until it is at this distance."""


@dataclass(frozen=True)
class _Linear:
    """Rows of data linearised at some latents: what they should be, and their covariance but for the noise."""

    mean: Floats  # (n,)
    latent: Floats  # (n, n_latent)
    weights: Floats  # (n, 4)
    log_energy: Floats  # (n,)
    iodide: Floats  # (n,)
    covariance: Floats  # (n, n)
    values: Floats  # (m, 4), of the sites


class _Problem:
    """The rows of data as functions of the latents; direct data are appended to those of the spectra."""

    def __init__(self, prior: Prior, evidence: Evidence, noise: Noise) -> None:
        self.prior, self.evidence, self.noise = prior, evidence, noise
        self.direct, direct_number, direct_sd = prior.direct_data(evidence.sites)
        self.n_direct = len(direct_number)
        self.where = coordinates(evidence.sites)
        self.number = np.concatenate([evidence.number, direct_number])
        self.sd = np.concatenate([evidence.sd, direct_sd])
        self.known = (*evidence.known, *(Known.VALUE,) * self.n_direct)
        self.is_value = np.array([known is Known.VALUE for known in self.known])
        self.is_below = np.array([known is Known.BELOW for known in self.known])
        site = evidence.row_site
        self.alike = correlation(self.where, self.where)[np.ix_(site, site)]
        self.same_coupon = evidence.coupon[site][:, None] == evidence.coupon[site]
        self.same_place = evidence.place[site][:, None] == evidence.place[site]

    def weights(self, values: Floats) -> Floats:
        """How each row depends on its site's four observables, (n_rows, 4); (m, 4) values decide it for rows of all light."""
        weights = self.evidence.row_weights.copy()
        total = self.evidence.row_is_total
        rates = values[self.evidence.row_site[total]][:, [Observable.LN_RED_RATE, Observable.LN_GREEN_RATE]]
        share = 1.0 / (1.0 + np.exp(np.clip(rates[:, 1] - rates[:, 0], -30, 30)))
        weights[total, Observable.LN_RED_RATE], weights[total, Observable.LN_GREEN_RATE] = share, 1.0 - share
        return weights

    def rows(self, values: Floats, latent: Floats) -> Floats:
        """Rows of data that sites' observables (s, m, 4) and latents (s, n_latent) amount to, (s, n)."""
        at = values[:, self.evidence.row_site, :]
        mean = np.einsum("sno,no->sn", at, self.evidence.row_weights)
        total = self.evidence.row_is_total
        mean[:, total] = np.logaddexp(at[:, total, Observable.LN_RED_RATE], at[:, total, Observable.LN_GREEN_RATE])
        return np.concatenate([mean, latent @ self.direct.T], axis=1)

    def linearise(self, latent: Floats, discrepancy: Discrepancy) -> _Linear:
        found = self.prior.sensitivity(latent, self.evidence.sites)
        weights, site = self.weights(found.value), self.evidence.row_site
        energy = np.einsum("no,no->n", weights, found.log_energy[site])
        iodide = np.einsum("no,no->n", weights, found.iodide[site])
        by_latent = np.einsum("no,nol->nl", weights, found.latent[site])
        n, all_n = len(site), len(site) + self.n_direct
        covariance = np.zeros((all_n, all_n))
        covariance[:n, :n] = (
            (weights @ discrepancy.covariance @ weights.T) * self.alike
            + (weights @ self.noise.coupon @ weights.T) * self.same_coupon
            + self.noise.iodide_fraction**2 * np.outer(iodide, iodide) * self.same_coupon
            + (weights @ self.noise.site @ weights.T) * self.same_place
            + self.noise.ln_energy**2 * np.outer(energy, energy) * self.same_place
        )
        return _Linear(
            mean=self.rows(found.value[None], latent[None])[0],
            latent=np.vstack([by_latent, self.direct]),
            weights=weights,
            log_energy=energy,
            iodide=iodide,
            covariance=covariance,
            values=found.value,
        )

    def gaussian(self, mean_truth: Floats, inflation: Floats) -> tuple[Floats, Floats]:
        """Numbers and variances of the rows as Gaussian data, limits replaced at the current mean of the truth, (n,) each."""
        number, variance = self.number.copy(), self.sd**2 * inflation
        limits = ~self.is_value
        sign = np.where(self.is_below[limits], 1.0, -1.0)
        sd = np.sqrt(variance[limits])
        u = sign * (self.number[limits] - mean_truth[limits]) / sd
        slope = np.exp(-0.5 * u**2 - 0.5 * np.log(2 * np.pi) - log_ndtr(u))  # of ln Phi(u)
        curvature = np.maximum(slope * (slope + u), 1e-8)
        number[limits] = mean_truth[limits] - sign * sd * slope / curvature
        variance[limits] = sd**2 / curvature
        return number, variance


@dataclass(frozen=True)
class Posterior:
    """Belief after some evidence.

    Attributes:
        prior: the physics.
        evidence: what was learnt.
        noise: sizes of the scatter.
        discrepancy: the misfit's prior, with fitted amplitudes.
        latent: maximum a posteriori, (n_latent,).
        latent_sd: one sigma of each coordinate under the linearised posterior, (n_latent,).
        surprise: leave-one-out z-score of every datum of the spectra, (n_rows,).
    """

    prior: Prior
    evidence: Evidence
    noise: Noise
    discrepancy: Discrepancy
    latent: Floats
    latent_sd: Floats
    surprise: Floats
    _problem: _Problem | None
    _linear: _Linear | None
    _number: Floats
    _variance: Floats

    def draws(self, n: int, rng: np.random.Generator) -> Draws:
        """n joint draws of latents, misfit and the truth at the observed sites."""
        n_latent = len(self.latent)
        start = rng.standard_normal((n, n_latent))
        weights = self.discrepancy.draw_weights(n, rng)
        if self._problem is None or self._linear is None:
            return Draws(self, start, weights, np.zeros((n, 0)), np.zeros((n, 0, N_OBSERVABLES)))
        noise, scatter = self._draw_scatter(weights, rng)
        covariance = self._linear.covariance + np.diag(self._variance)
        factor = cho_factor(covariance, lower=True)
        aim = self._number - scatter - noise
        latent, rows, values = self._explain(start, aim, factor)
        left = cho_solve(factor, (aim - rows).T).T
        truth = values.copy()
        told = self._number - noise - self._variance * left
        for row, site in enumerate(self.evidence.row_site):
            if not self.evidence.row_is_total[row]:
                truth[:, site, int(np.argmax(self.evidence.row_weights[row]))] = told[:, row]
        return Draws(self, latent, weights, left[:, : self.evidence.n_rows], truth)

    def _draw_scatter(self, feature_weights: Floats, rng: np.random.Generator) -> tuple[Floats, Floats]:
        """Draws of the analysis' noise and of everything else that is not physics, at the rows, (n, n_rows) each."""
        assert self._problem is not None and self._linear is not None
        evidence, linear, n = self.evidence, self._linear, feature_weights.shape[1]
        site = evidence.row_site
        misfit = np.einsum("mf,fso->smo", self.discrepancy.features(self._problem.where), feature_weights)
        coupon = rng.standard_normal((n, evidence.n_coupons, N_OBSERVABLES)) @ np.linalg.cholesky(self.noise.coupon).T
        n_places = int(evidence.place.max()) + 1
        place = rng.standard_normal((n, n_places, N_OBSERVABLES)) @ np.linalg.cholesky(self.noise.site).T
        at_site = misfit + coupon[:, evidence.coupon] + place[:, evidence.place]
        composition = self.noise.iodide_fraction * rng.standard_normal((n, evidence.n_coupons))
        energy = self.noise.ln_energy * rng.standard_normal((n, n_places))
        scatter = (
            np.einsum("sno,no->sn", at_site[:, site], linear.weights)
            + composition[:, evidence.coupon[site]] * linear.iodide
            + energy[:, evidence.place[site]] * linear.log_energy
        )
        noise = rng.standard_normal((n, len(self._number))) * np.sqrt(self._variance)
        return noise, np.concatenate([scatter, np.zeros((n, self._problem.n_direct))], axis=1)

    def _explain(self, start: Floats, aim: Floats, factor: tuple[Floats, bool]) -> tuple[Floats, Floats, Floats]:
        """Latents near `start` that explain `aim`, with the rows and sites' observables that they give.

        Gauss-Newton with the Jacobian of the maximum; a draw's step is kept only where it helps, else it is halved.
        """
        assert self._problem is not None and self._linear is not None
        slope = self._linear.latent
        weighted = cho_solve(factor, slope)  # Sigma^-1 J
        gain = cho_factor(np.eye(slope.shape[1]) + slope.T @ weighted)

        def rows_at(latent: Floats) -> tuple[Floats, Floats, Floats]:
            assert self._problem is not None
            values = self.prior.observables(latent, self.evidence.sites)
            rows = self._problem.rows(values, latent)
            left = solve_triangular(factor[0], (aim - rows).T, lower=True).T
            return rows, values, ((latent - start) ** 2).sum(1) + (left**2).sum(1)

        linear_rows = self._linear.mean + (start - self.latent) @ slope.T
        latent = start + cho_solve(gain, weighted.T @ (aim - linear_rows).T).T
        rows, values, cost = rows_at(latent)
        size = np.ones(len(start))
        for _ in range(3):
            step = cho_solve(gain, (start - latent).T + weighted.T @ (aim - rows).T).T
            longest = np.abs(step).max(axis=1, initial=1e-12)
            trial = latent + step * (size * np.minimum(1.0, MAX_LATENT_STEP / longest))[:, None]
            trial_rows, trial_values, trial_cost = rows_at(trial)
            better = trial_cost < cost
            latent = np.where(better[:, None], trial, latent)
            rows = np.where(better[:, None], trial_rows, rows)
            values = np.where(better[:, None, None], trial_values, values)
            cost = np.where(better, trial_cost, cost)
            size = np.where(better, np.minimum(1.0, 2.0 * size), 0.3 * size)
        return latent, rows, values


@dataclass(frozen=True)
class Draws:
    """Joint draws from a posterior.

    Attributes:
        posterior: from which.
        latent: (s, n_latent).
        weights: of the misfit's features, (n_features, s, 4).
        pull: Matheron's weights of the rows, (s, n_rows).
        truth: observables of the observed sites without the noise of the analysis, (s, m, 4).
    """

    posterior: Posterior
    latent: Floats
    weights: Floats
    pull: Floats
    truth: Floats

    def __len__(self) -> int:
        return len(self.latent)

    def first(self, n: int) -> Draws:
        """The first n of the draws."""
        return Draws(self.posterior, self.latent[:n], self.weights[:, :n], self.pull[:n], self.truth[:n])

    def misfit(self, where: Floats) -> Floats:
        """The drawn misfits at some conditions (`coordinates`): (m, 7) -> (s, m, 4)."""
        found = np.tensordot(self.posterior.discrepancy.features(where), self.weights, axes=(1, 0))  # (m, s, 4)
        problem, linear = self.posterior._problem, self.posterior._linear  # noqa: SLF001  # the other half of one class
        if problem is not None and linear is not None:
            alike = correlation(where, problem.where)[:, self.posterior.evidence.row_site]
            pushed = self.pull.T[:, :, None] * (linear.weights @ self.posterior.discrepancy.covariance)[:, None, :]
            found = found + np.tensordot(alike, pushed, axes=(1, 0))
        return np.asarray(np.moveaxis(found, 0, 1))


def fit(
    prior: Prior, evidence: Evidence, noise: Noise, feature_rng: np.random.Generator, start: Floats | None = None
) -> Posterior:
    """Posterior of the evidence.

    Args:
        prior: the physics.
        evidence: what was learnt; may be nothing.
        noise: sizes of the scatter.
        feature_rng: for the random features of the misfit.
        start: latents from which the search begins, (n_latent,): usually the last maximum.
    """
    discrepancy = Discrepancy.make(DEFAULT_AMPLITUDE, feature_rng)
    n_latent = len(prior.latents)
    nothing = np.zeros(0)
    if evidence.n_rows == 0:
        at = np.zeros(n_latent)
        return Posterior(
            prior, evidence, noise, discrepancy, at, np.ones(n_latent), nothing, None, None, nothing, nothing
        )
    problem = _Problem(prior, evidence, noise)
    inflation = np.ones(len(problem.number))
    latent = np.zeros(n_latent) if start is None else start
    search = _search(problem, discrepancy, latent, inflation, MAX_STEPS)
    # With a first answer at hand: how large is the misfit, and which data does nothing else support?
    discrepancy = replace(discrepancy, amplitude=_amplitudes(problem, search))
    inflation = np.maximum(1.0, (search.surprise / OUTLIER_SIGMA) ** 2) * inflation
    search = _search(problem, discrepancy, search.latent, inflation, MAX_STEPS // 2)
    return Posterior(
        prior=prior,
        evidence=evidence,
        noise=noise,
        discrepancy=discrepancy,
        latent=search.latent,
        latent_sd=search.latent_sd,
        surprise=search.surprise[: evidence.n_rows],
        _problem=problem,
        _linear=search.linear,
        _number=search.number,
        _variance=search.variance,
    )


@dataclass(frozen=True)
class _Found:
    latent: Floats
    linear: _Linear
    number: Floats
    variance: Floats
    latent_sd: Floats
    surprise: Floats


def _search(problem: _Problem, discrepancy: Discrepancy, latent: Floats, inflation: Floats, max_steps: int) -> _Found:
    """Levenberg-Marquardt to the maximum a posteriori; the covariance and the limits are renewed at every step."""
    linear = problem.linearise(latent, discrepancy)
    damping = 1e-3
    truth = linear.mean
    for _ in range(max_steps):
        number, variance, factor, truth = _renew(problem, linear, inflation, truth)
        slope = solve_triangular(factor, linear.latent, lower=True)
        left = solve_triangular(factor, number - linear.mean, lower=True)
        curvature = np.eye(len(latent)) + slope.T @ slope
        gradient = slope.T @ left - latent
        cost = float(latent @ latent + left @ left)
        new_cost, trial = cost, latent
        while damping < 1e6:
            step = np.linalg.solve(curvature + damping * np.diag(np.diag(curvature)), gradient)
            step *= min(1.0, MAX_LATENT_STEP / max(float(np.abs(step).max()), 1e-12))
            trial = latent + step
            values = problem.prior.observables(trial[None], problem.evidence.sites)
            rows = problem.rows(values, trial[None])[0]
            left = solve_triangular(factor, number - rows, lower=True)
            new_cost = float(trial @ trial + left @ left)
            if new_cost < cost:
                break
            damping = max(10.0 * damping, 1e-2)
        if new_cost >= cost:
            break
        damping = max(damping / 10.0, 1e-6)
        latent = trial
        linear = problem.linearise(latent, discrepancy)
        if cost - new_cost < SETTLED * cost:
            break
    number, variance, factor, _ = _renew(problem, linear, inflation, truth)
    slope = solve_triangular(factor, linear.latent, lower=True)
    inverse = np.linalg.inv(np.eye(len(latent)) + slope.T @ slope)
    # Leave-one-out under the linearised model (Rasmussen and Williams 2006, eq. 5.12), latents integrated out.
    marginal = np.linalg.inv(linear.covariance + np.diag(variance) + linear.latent @ linear.latent.T)
    surprise = marginal @ (number - linear.mean + linear.latent @ latent) / np.sqrt(np.diag(marginal))
    return _Found(latent, linear, number, variance, np.sqrt(np.diag(inverse)), surprise)


def _renew(
    problem: _Problem, linear: _Linear, inflation: Floats, truth: Floats
) -> tuple[Floats, Floats, Floats, Floats]:
    """Gaussian stand-ins of the limits at the mean of the truth, which they move: numbers, variances, factor, truth."""
    number, variance = problem.gaussian(truth, inflation)
    factor = np.linalg.cholesky(linear.covariance + np.diag(variance))
    if problem.is_value.all():
        return number, variance, factor, truth
    for _ in range(4):
        pulled = solve_triangular(factor.T, solve_triangular(factor, number - linear.mean, lower=True), lower=False)
        truth = number - variance * pulled
        number, variance = problem.gaussian(truth, inflation)
        factor = np.linalg.cholesky(linear.covariance + np.diag(variance))
    return number, variance, factor, truth


def _amplitudes(problem: _Problem, search: _Found) -> Floats:
    """Amplitudes of the misfit, by observable, from the residuals of its values at the maximum."""
    amplitude = DEFAULT_AMPLITUDE.copy()
    evidence = problem.evidence
    n = evidence.n_rows
    residual = search.number[:n] - search.linear.mean[:n]
    rest = problem.noise.ln_energy**2 * search.linear.log_energy**2 + search.variance[:n]
    for observable in Observable:
        rows = (evidence.row_weights[:, observable] == 1.0) & problem.is_value[:n]
        scatter = problem.noise.site[observable, observable] + problem.noise.coupon[observable, observable]
        sd = np.sqrt(rest[rows] + scatter)
        amplitude[observable] = fitted_amplitude(
            problem.where[evidence.row_site[rows]], residual[rows], sd, float(DEFAULT_AMPLITUDE[observable])
        )
    return amplitude
