"""Optimisers that know what a coupon is and know no physics: Gaussian processes of the observables, and Sobol' points.

They are what our agent is compared with: the same coupon structure (one heat treatment, many writings), the same composite
objective, the same failures; only the prior differs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import qmc

from beamline.optimize.acquisition import greedy
from beamline.optimize.cube import factors_of, spread
from beamline.optimize.evidence import Evidence
from beamline.optimize.general.process import GaussianProcess, fit
from beamline.optimize.observables import Known, Observable
from beamline.optimize.peers import CHOICE, WithoutModel
from beamline.optimize.standing import ln_detectable, programme_of
from beamline.optimize.steady import steady
from beamline.recipe import Coupon, Dot, Line, Suggestion

__all__ = ["GpOptimizer", "Nested", "SobolOptimizer", "Table", "unseen_means"]

Floats = npt.NDArray[np.float64]

N_FIRST = 2
"""Coupons that are spread before a model is asked: with one, temperature and time have not been varied at all."""
N_FURNACE, N_WRITINGS, N_AROUND = 24, 48, 6
N_DRAWS = 128
BEYOND_LIMIT = 0.7
"""How far beyond its limit a rate that was not seen is taken to be, in ln(counts/s): half or twice. A surrogate without
censoring needs a number; failures as low intensities were measured to help."""
UNSEEN_SD = (0.15, 0.05, 3.0, 3.0, 0.7, 0.7)
"""Spread of an observable of which nothing was seen yet: eV, eV, ln, ln; about the means below and the detectable rate."""
UNSEEN_MEAN = (2.0, 2.4)
UNSEEN_LN_LIFETIME = 3.8


def unseen_means(detectable: float, n_observables: int) -> tuple[float, ...]:
    """What is taken of observables of which nothing was seen yet."""
    return (*UNSEEN_MEAN, detectable, detectable, UNSEEN_LN_LIFETIME, UNSEEN_LN_LIFETIME)[:n_observables]


@dataclass(frozen=True)
class Table:
    """The observations as numbers.

    Attributes:
        rows: conditions in the unit cube, (m, d): laser, furnace, iodide fraction.
        values: of the four observables, (m, 4); NaN where nothing is known.
    """

    rows: Floats
    values: Floats

    def fitted(self, detectable: float, rng: np.random.Generator) -> tuple[GaussianProcess | tuple[float, float], ...]:
        """A process for every observable; (mean, sd) for one that was never seen."""
        models: list[GaussianProcess | tuple[float, float]] = []
        means = unseen_means(detectable, self.values.shape[1])
        for i in range(self.values.shape[1]):
            known = np.isfinite(self.values[:, i])
            models.append(
                fit(self.rows[known], self.values[known, i], rng=rng) if known.any() else (means[i], UNSEEN_SD[i])
            )
        return tuple(models)


class Nested(WithoutModel):
    """What the optimisers without physics share: the cube of all factors, and spread coupons."""

    @property
    def n_rows(self) -> int:
        """Coordinates of a condition."""
        return self.laser.n_free + self.furnace.n_free + 1

    def rows(self, laser: Floats, furnace: Floats, iodide_fraction: Floats) -> Floats:
        """Conditions in the unit cube, (m, d), from cube points of both kinds and the glass."""
        return np.column_stack([laser, furnace, iodide_fraction])

    def table(self, evidence: Evidence) -> Table:
        """All observations of this space's mode."""
        sites = evidence.sites
        values = np.full((len(sites), evidence.n_observables), np.nan)
        for row, (site, known) in enumerate(zip(evidence.row_site, evidence.known, strict=True)):
            if known is Known.VALUE:
                values[site, np.argmax(evidence.row_weights[row])] = evidence.number[row]
            elif known is Known.BELOW:
                values[site, np.argmax(evidence.row_weights[row])] = evidence.number[row] - BEYOND_LIMIT
            else:  # a full detector speaks of all light: half to each band, and more of it
                share = evidence.number[row] - np.log(2.0) + BEYOND_LIMIT
                values[site, [Observable.LN_RED_RATE, Observable.LN_GREEN_RATE]] = share
        mine = np.array([one.mode == self.history.space.mode for one in sites.writings], dtype=bool)
        programmes = [programme_of(seen.heat_history, self.history.space) for seen in evidence.observations]
        furnace = [self.furnace.low if one is None else (one.temperature_C, one.hold_s) for one in programmes]
        rows = self.rows(
            self.laser.points(np.array([factors_of(one) for one in sites.writings]).reshape(-1, 3)),
            self.furnace.points(np.array(furnace, dtype=float).reshape(-1, 2)),
            sites.iodide_fraction,
        )
        return Table(rows[mine], values[mine])

    def spread_coupon(self, coupons: Sequence[Coupon], reason: str) -> Suggestion:
        """The next coupon of a Sobol' sequence; glasses take turns."""
        n = self.history.n_coupons + len(self.history.rejected)
        first_of = list(self.first_of_each_glass(coupons).values())
        coupon = first_of[n % len(first_of)]
        n_sites = len(self.history.sites(coupon))
        furnace = _sobol(self.furnace.n_free, n, 1, self.history.rng(0, CHOICE))
        laser = _sobol(self.laser.n_free, n * n_sites, n_sites, self.history.rng(1, CHOICE))
        temperature_C, hold_s = self.furnace.values(furnace)[0]
        heat_treatment = self.history.space.heat_treatment(float(temperature_C), float(hold_s))
        return self.suggestion(coupon, heat_treatment, self.writings(self.laser.values(laser)), reason)

    def writings(self, values: Floats) -> list[Dot | Line]:
        """Writings of factor values (n, 3)."""
        return [self.history.space.writing(float(e), float(t), round(float(p))) for e, t, p in values]


def _sobol(d: int, skip: int, n: int, rng: np.random.Generator) -> Floats:
    if d == 0:
        return np.zeros((n, 0))
    sequence = qmc.Sobol(d, rng=rng)
    # Powers of two keep the sequence's balance; more is drawn than needed.
    return np.asarray(sequence.random(1 << (skip + n - 1).bit_length())[skip : skip + n])


class SobolOptimizer(Nested):
    """Evenly spread: one scrambled Sobol' sequence over heat treatments, one over writings. It learns nothing."""

    kind = "sobol"

    def suggest(self, coupons: Sequence[Coupon]) -> Suggestion:
        """Recipes for one of the coupons at hand.

        Raises:
            ValueError: there is no unused coupon at hand, or its layout has no sites.
        """
        return self.spread_coupon(coupons, "next of a Sobol' sequence over the space")


class GpOptimizer(Nested):
    """The agent without physics: a Gaussian process for each observable, one heat treatment a coupon, sites chosen greedily.

    The first two coupons are spread. Then heat treatments spread over the space, and some around that of the best site, are
    compared by the expected improvement of the best outcome, jointly over the sites of a coupon.
    """

    kind = "gp"

    @steady
    def suggest(self, coupons: Sequence[Coupon]) -> Suggestion:
        """Recipes for one of the coupons at hand.

        Raises:
            ValueError: there is no unused coupon at hand, or its layout has no sites.
        """
        evidence, standing, _ = self.standing(self.history.n_coupons)
        table = self.table(evidence)
        if self.history.n_coupons < N_FIRST or not len(table.rows):
            return self.spread_coupon(coupons, "spread over the space: too little is known for a model")
        rng = self.history.choice_rng(CHOICE)
        detectable = ln_detectable(evidence.observations)
        models = table.fitted(detectable, rng)
        k = evidence.n_observables
        normal = rng.standard_normal((k, N_DRAWS, N_WRITINGS * (N_AROUND + 1)))
        seen = self._utility(models, table.rows, rng.standard_normal((k, N_DRAWS, len(table.rows))), detectable)
        incumbent = np.full(N_DRAWS, float(seen.mean(0).max()))
        laser = spread(N_WRITINGS, self.laser.n_free, rng)
        best = int(np.argmax(seen.mean(0))) if standing.index is None else standing.index
        best = min(best, len(table.rows) - 1)
        at = table.rows[best, self.laser.n_free : self.laser.n_free + self.furnace.n_free]
        near = np.clip(at + 0.1 * rng.standard_normal((N_AROUND, self.furnace.n_free)), 0.0, 1.0)
        furnaces = np.vstack([at[None], near, spread(N_FURNACE, self.furnace.n_free, rng)])
        found = []
        for coupon in self.first_of_each_glass(coupons).values():
            n_sites = len(self.history.sites(coupon))
            for furnace in furnaces:
                rows = self._rows_on(laser, furnace, coupon)
                utility = self._utility(models, rows, normal[:, :, : len(rows)], detectable)
                chosen, gains, _ = greedy(utility, incumbent, min(n_sites, len(rows)))
                # Where nothing is to be gained, the best expected coupon.
                worth = gains.sum() + 1e-3 * utility[:, chosen].mean()
                found.append((float(worth), coupon, furnace, laser[chosen]))
        _, coupon, furnace, winners = max(found, key=lambda one: one[0])
        around = np.repeat(winners, N_AROUND, axis=0)
        closer = np.vstack([winners, np.clip(around + 0.06 * rng.standard_normal(around.shape), 0.0, 1.0)])
        values = np.unique(self.laser.values(closer), axis=0)[: normal.shape[2]]
        rows = self._rows_on(self.laser.points(values), furnace, coupon)
        n_sites = len(self.history.sites(coupon))
        utility = self._utility(models, rows, normal[:, :, : len(rows)], detectable)
        chosen, _, _ = greedy(utility, incumbent, min(n_sites, len(rows)))
        writings = self.writings(values[[chosen[i % len(chosen)] for i in range(n_sites)]])
        temperature_C, hold_s = self.furnace.values(furnace[None])[0]
        heat_treatment = self.history.space.heat_treatment(float(temperature_C), float(hold_s))
        return self.suggestion(
            coupon,
            heat_treatment,
            writings,
            "expected improvement over Gaussian processes of the observables, without physics",
        )

    def _rows_on(self, laser: Floats, furnace: Floats, coupon: Coupon) -> Floats:
        m = len(laser)
        return self.rows(laser, np.repeat(furnace[None], m, axis=0), np.full(m, coupon.glass.iodide_fraction))

    def _utility(
        self,
        models: Sequence[GaussianProcess | tuple[float, float]],
        rows: Floats,
        normal: Floats,
        detectable: float,
    ) -> Floats:
        """Utility of joint draws at rows (m, d), from standard normal numbers (4, s, m): (s, m)."""
        samples = np.empty((*normal.shape[1:], len(models)))
        for i, model in enumerate(models):
            if isinstance(model, tuple):
                samples[..., i] = model[0] + model[1] * normal[i]
                continue
            covariance = model.covariance(rows) + 1e-6 * model.spread**2 * np.eye(len(rows))
            samples[..., i] = model.predict(rows)[0] + normal[i] @ np.linalg.cholesky(covariance).T
        return self.history.objective.utility(samples, detectable)
