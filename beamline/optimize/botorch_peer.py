"""BoTorch behind the seam, given what our agent is given: coupons, composite objective, failures as low intensities.

Needs the extra `botorch`. Models and acquisition are BoTorch's own as they come (SingleTaskGP for each observable, qLogEI of
the composite utility, Monte Carlo); the heat treatment is fixed for a coupon, and its sites are chosen one after the
other with the ones before pending. Candidates are finite sets spread over the space, because the physics mean of
`BotorchPhysicsOptimizer` has no gradient in torch; the same for both, so that they differ by the mean alone.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from beamline.optimize.cube import spread
from beamline.optimize.evidence import Sites, padded_steps
from beamline.optimize.nested import N_FIRST, Nested, Table, unseen_means
from beamline.optimize.peers import CHOICE
from beamline.optimize.prior import PhysicsPrior, Prior, writing_sites
from beamline.optimize.protocol import OptimizerKind
from beamline.optimize.standing import ln_detectable
from beamline.optimize.steady import steady
from beamline.recipe import Coupon, Suggestion

__all__ = ["BotorchOptimizer", "BotorchPhysicsOptimizer"]

Floats = npt.NDArray[np.float64]

N_FURNACE, N_WRITINGS, N_AROUND = 24, 48, 6
N_SAMPLES = 128


class BotorchOptimizer(Nested):
    """Nested BoTorch without physics."""

    kind: ClassVar[OptimizerKind] = "botorch"

    @steady
    def suggest(self, coupons: Sequence[Coupon]) -> Suggestion:
        """Recipes for one of the coupons at hand.

        Raises:
            ValueError: there is no unused coupon at hand, or its layout has no sites.
            ModuleNotFoundError: the extra `botorch` is not installed.
        """
        import torch  # noqa: PLC0415  # an extra of 200 MB and more

        evidence, _, _ = self.standing(self.history.n_coupons)
        table = self.table(evidence)
        if not self._knows_enough(table):
            return self.spread_coupon(coupons, "spread over the space: too little is known for a model")
        rng = self.history.choice_rng(CHOICE)
        detectable = ln_detectable(evidence.observations)
        with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
            # Of jitter that it added to a covariance, and of the scaling of a constant that was never seen to vary.
            warnings.simplefilter("ignore")
            torch.manual_seed(int(rng.integers(2**31)))
            laser = spread(N_WRITINGS, self.laser.n_free, rng)
            furnaces = spread(N_FURNACE, self.furnace.n_free, rng)
            if len(table.rows):
                seen = table.rows[:, self.laser.n_free : self.laser.n_free + self.furnace.n_free]
                around = np.unique(seen, axis=0)
                furnaces = np.vstack([furnaces, np.clip(around + 0.05 * rng.standard_normal(around.shape), 0, 1)])
            mean_seen = self._mean(table.rows, evidence.sites)
            model = _models(table, mean_seen, detectable)
            pairs = [(c, f) for c in self.first_of_each_glass(coupons).values() for f in furnaces]
            rows = np.vstack([self._on(laser, f, c) for c, f in pairs])
            score = self._scores(model, rows, table, mean_seen, pending=None, detectable=detectable)
            # As in fixing features: the setting of the best single point holds for the coupon.
            coupon, furnace = pairs[int(np.argmax(score)) // len(laser)]
            top = laser[np.argsort(-score.reshape(len(pairs), -1)[int(np.argmax(score)) // len(laser)])[:8]]
            near = np.repeat(top, N_AROUND, axis=0)
            values = np.unique(
                self.laser.values(
                    np.vstack([laser, top, np.clip(near + 0.06 * rng.standard_normal(near.shape), 0.0, 1.0)])
                ),
                axis=0,
            )
            rows = self._on(self.laser.points(values), furnace, coupon)
            chosen: list[int] = []
            n_sites = len(self.history.sites(coupon))
            while len(chosen) < min(n_sites, len(rows)):
                score = self._scores(
                    model, rows, table, mean_seen, pending=rows[chosen] if chosen else None, detectable=detectable
                )
                score[chosen] = -np.inf
                chosen.append(int(np.argmax(score)))
        temperature_C, hold_s = self.furnace.values(furnace[None])[0]
        return self.suggestion(
            coupon,
            self.history.space.heat_treatment(float(temperature_C), float(hold_s)),
            self.writings(values[[chosen[i % len(chosen)] for i in range(n_sites)]]),
            f"BoTorch, expected improvement of the composite utility ({self.kind})",
        )

    def _knows_enough(self, table: Table) -> bool:
        return self.history.n_coupons >= N_FIRST and len(table.rows) > 1

    def _mean(self, rows: Floats, sites: Sites | None = None) -> Floats:  # noqa: ARG002  # the physics mean looks at the sites
        """Prior mean of the observables, (m, 4): none."""
        return np.zeros((len(rows), self.history.objective.n_observables))

    def _on(self, laser: Floats, furnace: Floats, coupon: Coupon) -> Floats:
        m = len(laser)
        return self.rows(laser, np.repeat(furnace[None], m, axis=0), np.full(m, coupon.glass.iodide_fraction))

    def _scores(
        self, model: Any, rows: Floats, table: Table, mean_seen: Floats, *, pending: Floats | None, detectable: float
    ) -> Floats:
        """Score of single points, the pending ones included: qLogEI, (m,)."""
        import torch  # noqa: PLC0415
        from botorch.acquisition.logei import qLogExpectedImprovement  # noqa: PLC0415
        from botorch.acquisition.objective import GenericMCObjective  # noqa: PLC0415
        from botorch.sampling import SobolQMCNormalSampler  # noqa: PLC0415

        utility = self._utility_of(rows, table, mean_seen, pending, detectable)
        with torch.no_grad():
            at = torch.as_tensor(table.rows)
            incumbent = utility(model.posterior(at).rsample(torch.Size([N_SAMPLES])), at).mean(0).max()
            acquisition = qLogExpectedImprovement(
                model,
                best_f=incumbent,
                sampler=SobolQMCNormalSampler(torch.Size([N_SAMPLES]), seed=self.history.seed),
                objective=GenericMCObjective(utility),
                X_pending=None if pending is None else torch.as_tensor(pending),
            )
            return np.asarray(acquisition(torch.as_tensor(rows)[:, None, :]).numpy())

    def _utility_of(
        self, rows: Floats, table: Table, mean_seen: Floats, pending: Floats | None, detectable: float
    ) -> Callable[[Any, Any], Any]:
        """The objective as BoTorch calls it: samples (s, ..., q, 4) and conditions (..., q, d) to (s, ..., q)."""
        import torch  # noqa: PLC0415

        told = [table.rows, rows, *([] if pending is None else [pending])]
        means = [mean_seen, self._mean(rows), *([] if pending is None else [self._mean(pending)])]
        mean_at = {row.tobytes(): mean for row, mean in zip(np.vstack(told), np.vstack(means), strict=True)}

        def utility(samples: Any, X: Any) -> Any:
            where = np.ascontiguousarray(X.detach().numpy())
            flat = np.array([mean_at[row.tobytes()] for row in where.reshape(-1, where.shape[-1])])
            mean = flat.reshape(*where.shape[:-1], -1)
            return torch.as_tensor(self.history.objective.utility(samples.detach().numpy() + mean, detectable))

        return utility


class BotorchPhysicsOptimizer(BotorchOptimizer):
    """The same, with the physics model at its nominal parameters as prior mean.

    The constant of each process learns the offset of rates that the spectrometer makes.
    """

    kind: ClassVar[OptimizerKind] = "botorch-physics"

    @cached_property
    def prior(self) -> Prior:
        """The physics."""
        return PhysicsPrior(n_observables=self.history.objective.n_observables)

    def _knows_enough(self, table: Table) -> bool:
        return len(table.rows) > 1

    def _mean(self, rows: Floats, sites: Sites | None = None) -> Floats:
        if sites is None:
            sites = self._sites(rows)
        return np.asarray(self.prior.observables(np.zeros((1, len(self.prior.latents))), sites)[0])

    def _sites(self, rows: Floats) -> Sites:
        """Conditions of rows of the cube."""
        n = self.laser.n_free
        writings = self.writings(self.laser.values(rows[:, :n]))
        programmes = self.furnace.values(rows[:, n : n + self.furnace.n_free])
        steps = [self.history.space.heat_treatment(float(t), float(h)).steps() for t, h in programmes]
        sites = writing_sites(tuple(writings), 0.0, np.array([[25.0, 0.0]]))
        return Sites(sites.writings, rows[:, -1].copy(), sites.power_at_sample_W, padded_steps(steps))


def _models(table: Table, mean: Floats, detectable: float) -> Any:
    """One SingleTaskGP for each observable, of what the mean leaves over."""
    import torch  # noqa: PLC0415
    from botorch.fit import fit_gpytorch_mll  # noqa: PLC0415
    from botorch.models import ModelListGP, SingleTaskGP  # noqa: PLC0415
    from gpytorch.mlls import ExactMarginalLogLikelihood  # noqa: PLC0415

    models = []
    unseen = unseen_means(detectable, mean.shape[1])
    for i in range(mean.shape[1]):
        known = np.isfinite(table.values[:, i])
        # Of what was never seen there is nothing to fit: a constant, with the prior's width.
        rows = table.rows[known] if known.any() else table.rows[:1]
        values = (table.values[known, i] if known.any() else np.array([unseen[i]])) - mean[
            known if known.any() else [0], i
        ]
        one = SingleTaskGP(torch.as_tensor(rows), torch.as_tensor(values)[:, None])
        if known.sum() > 1:
            fit_gpytorch_mll(ExactMarginalLogLikelihood(one.likelihood, one))
        models.append(one)
    return ModelListGP(*models)
