"""Which coupon would tell numbers apart that hide each other: expected information, by the linearised model.

For Gaussians the uncertainty that is left does not depend on what will be measured, only on where. So each coupon of a
spread of glasses, heat treatments and writings is judged by the variance that it leaves along a direction, with everything
that a coupon brings: its own effects, the misfit at its conditions (given what the data say of it), scatter, and the noise of
the analysis. Sites are chosen one after the other, each the one that leaves least.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from beamline.optimize.cube import Cube, furnace_factors, laser_cube, spread
from beamline.optimize.discrepancy import OF_FURNACE, coordinates, correlation
from beamline.optimize.evidence import Sites, padded_steps
from beamline.optimize.observables import Known, Observable
from beamline.optimize.posterior import Fitted, Posterior
from beamline.optimize.prior import writing_sites
from beamline.optimize.space import SearchSpace
from beamline.recipe import Dot, HeatTreatment, Line

__all__ = ["Separation", "Trial", "separation", "trials"]

Floats = npt.NDArray[np.float64]

N_FURNACE = 20
N_WRITINGS = 24
STEP = 0.05
"""Of a latent, in prior sigmas, for derivatives by differences."""
LEAST_GAIN = 0.02
"""Share of the variance that a further site must take away to be asked for."""
LITTLE = 1e-12
BLIND = 1e12
"""Variance of what will not be seen: a band too faint."""
TYPICAL_SD = np.array([0.002, 0.002, 0.05, 0.05, 1e3, 1e3])
"""Of the analysis, where no value of an observable has been measured yet. A lifetime that was never counted will not be."""
_PIECES_PER_RAMP = 4


@dataclass(frozen=True)
class Trial:
    """A coupon that could be made, with one site for each of m writings.

    Attributes:
        iodide_fraction: of its glass.
        heat_treatment: of all its sites.
        writings: m.
        pull: how its observables, site by site, move with the directions of interest, given all that is known, (4 m, k).
        covariance: of its observables as they will be measured, (4 m, 4 m).
    """

    iodide_fraction: float
    heat_treatment: HeatTreatment
    writings: tuple[Dot | Line, ...]
    pull: Floats
    covariance: Floats

    def about(self, direction: int) -> Trial:
        """The same with only one of the directions."""
        return replace(self, pull=self.pull[:, direction : direction + 1])


@dataclass(frozen=True)
class Separation:
    """The coupon that leaves least of a direction.

    Attributes:
        trial: from which the sites are.
        sites: which of its writings, in the order in which they were chosen.
        variance_taken: of the direction.
    """

    trial: Trial
    sites: tuple[int, ...]
    variance_taken: float


def trials(
    posterior: Posterior,
    directions: Floats,
    space: SearchSpace,
    *,
    iodide_fractions: Sequence[float],
    ln_detectable: float,
    rng: np.random.Generator,
) -> Iterator[Trial]:
    """Coupons spread over a space, linearised at the maximum of a posterior.

    Args:
        posterior: with data.
        directions: in the latents, (n_latent, k).
        space: bounds.
        iodide_fractions: of the glasses at hand.
        ln_detectable: logarithm of the smallest rate that is seen, counts/s.
        rng: of the spread.

    Raises:
        ValueError: the posterior has no data.
    """
    if posterior.data is None:
        raise ValueError("before the first datum nothing is confounded: tell the optimiser some outcomes first")
    known = _joint_covariance(posterior.data)
    laser, furnace = laser_cube(space), Cube(furnace_factors(space))
    values = laser.values(spread(N_WRITINGS, laser.n_free, rng))
    writings = tuple(dict.fromkeys(space.writing(float(e), float(t), round(float(p))) for e, t, p in values))
    middle = np.full((1, furnace.n_free), 0.5)
    programmes = np.unique(furnace.values(np.vstack([middle, spread(N_FURNACE, furnace.n_free, rng)])), axis=0)
    n = len(posterior.latent)
    moved = posterior.latent + np.vstack([np.zeros(n), STEP * np.eye(n)])
    for fraction in iodide_fractions:
        grid = posterior.prior.write(moved, writing_sites(writings, fraction, np.array([[25.0, 0.0]])))
        for programme in programmes:
            heat_treatment = space.heat_treatment(*map(float, programme))
            steps = padded_steps([heat_treatment.steps(pieces_per_ramp=_PIECES_PER_RAMP)])[0]
            found = grid.anneal(steps)
            by_latent = np.moveaxis((found[1:] - found[0]) / STEP, 0, -1)
            rows, own = _rows(posterior, posterior.data, writing_sites(writings, fraction, steps), by_latent)
            own[np.diag_indices_from(own)] += BLIND * _too_faint(found[0], ln_detectable)
            pulled = rows @ known
            yield Trial(
                fraction, heat_treatment, writings, pulled[:, :n] @ directions, np.asarray(pulled @ rows.T + own)
            )


def separation(among: Sequence[Trial], variance: float, n_sites: Mapping[float, int]) -> Separation:
    """The trial, and of it the sites, that take most of the variance of a direction.

    Args:
        among: at least one, about one direction.
        variance: of the direction, before.
        n_sites: of a coupon of each glass, by its iodide fraction.
    """
    tried = [_greedy(trial, variance, n_sites[trial.iodide_fraction]) for trial in among]
    return max(tried, key=lambda one: one.variance_taken)


def _greedy(trial: Trial, variance: float, most_sites: int) -> Separation:
    """Sites one after the other, everything that is left conditioned on those before."""
    m = len(trial.writings)
    pull, covariance = trial.pull[:, 0].copy(), trial.covariance.copy()
    taken, chosen = 0.0, list[int]()
    blocks = np.arange(len(pull)).reshape(m, -1)
    for _ in range(min(most_sites, m)):
        own = covariance[blocks[:, :, None], blocks[:, None, :]]
        gain = np.einsum("mo,mo->m", pull[blocks], np.linalg.solve(own, pull[blocks][:, :, None])[:, :, 0])
        gain[chosen] = -np.inf
        best = int(np.argmax(gain))
        if chosen and gain[best] < LEAST_GAIN * variance:
            break
        chosen.append(best)
        taken += float(gain[best])
        here = blocks[best]
        across = covariance[:, here]
        solved = np.linalg.solve(own[best], np.column_stack([across.T, pull[here]]))
        pull = pull - across @ solved[:, -1]
        # What was chosen is left with no variance of its own; the little keeps the next solutions defined.
        covariance = covariance - across @ solved[:, :-1] + LITTLE * np.eye(len(covariance))
    return Separation(trial, tuple(chosen), taken)


def _joint_covariance(data: Fitted) -> Floats:
    """Of the latents and of the weights of the misfit's features, given the data: (n_latent + r, n_latent + r)."""
    found = data.maximum
    white = found.factor.whiten(np.hstack([found.linear.latent, found.factor.features]))
    precision = white.T @ white
    n_latent = found.linear.latent.shape[1]
    before = np.ones(len(precision))
    before[:n_latent] = found.widening**-2
    precision[np.diag_indices_from(precision)] += before
    return np.asarray(np.linalg.inv(precision))


def _rows(posterior: Posterior, data: Fitted, sites: Sites, by_latent: Floats) -> tuple[Floats, Floats]:
    """Derivatives of a coupon's observables by latents and misfit's features, and the covariance of all else in them.

    Args:
        posterior: belief.
        data: of it.
        sites: m of one coupon.
        by_latent: derivatives of their observables by the latents, (m, 4, n_latent).

    Returns:
        (4 m, n_latent + r), and (4 m, 4 m).
    """
    m, k, noise, problem = len(sites), posterior.evidence.n_observables, posterior.noise, data.problem
    where = coordinates(sites)
    by_feature, unseen = [], np.zeros((k * m, k * m))
    for standing, here, misfit in zip(
        (problem.inducing, problem.inducing_furnace),
        (where, where * OF_FURNACE),
        posterior.discrepancy.covariances,
        strict=True,
    ):
        features = standing.features_at(here)
        by_feature.append(np.einsum("ok,mr->mokr", np.linalg.cholesky(misfit), features).reshape(k * m, -1))
        # What the conditions seen so far say nothing of.
        unseen += np.kron(correlation(here, here) - features @ features.T, misfit)
    slope = posterior.prior.sensitivity(posterior.latent, sites, with_latents=False)
    iodide, energy = slope.iodide.ravel(), slope.log_energy.ravel()
    of_coupon = np.tile(noise.coupon, (m, m)) + noise.iodide_fraction**2 * np.outer(iodide, iodide)
    same_site = np.kron(np.eye(m), np.ones((k, k)))
    of_site = np.tile(noise.site, (m, m)) + noise.ln_energy**2 * np.outer(energy, energy)
    own = of_coupon + of_site * same_site + unseen + np.diag(np.tile(_analysis_sd(posterior) ** 2, m))
    return np.hstack([by_latent.reshape(k * m, -1), *by_feature]), np.asarray(own)


def _analysis_sd(posterior: Posterior) -> Floats:
    """What the analysis will say of a value's uncertainty, as far as it scatters: as of the median site so far, (4,)."""
    evidence, sd = posterior.evidence, TYPICAL_SD[: posterior.evidence.n_observables].copy()
    is_value = np.array([known is Known.VALUE for known in evidence.known])
    for observable in range(len(sd)):
        rows = is_value & (evidence.row_weights[:, observable] == 1.0)
        if rows.any():
            sd[observable] = float(np.median(evidence.sd[rows]))
    return np.asarray(sd * posterior.noise.analysis)


def _too_faint(values: Floats, ln_detectable: float) -> Floats:
    """1 for what will not be seen of observables (m, 4), as a row (4 m,)."""
    dark = values[:, [Observable.LN_RED_RATE, Observable.LN_GREEN_RATE]] < ln_detectable
    of_phases = [0, 1] * (values.shape[1] // 2)  # observables come in pairs, of the red and of the green phase
    return np.asarray(dark[:, of_phases].astype(float).ravel())
