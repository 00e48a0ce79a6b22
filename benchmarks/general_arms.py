"""The optimisers that benchmarks/functions.py and benchmarks/pool.py compare: ours, random, scikit-optimize, BoTorch.

All maximise, in the unit cube, and are handed everything that is known before every choice.
"""

from __future__ import annotations

import warnings
from functools import partial
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

__all__ = ["ARMS", "Arm", "make_arm"]


class Arm(Protocol):
    """One optimiser on one problem."""

    def next_point(self, x: Floats, y: Floats) -> Floats:
        """Where to measure next, (d,), after values y (n,) at points x (n, d)."""

    def next_of(self, x: Floats, y: Floats, left: Floats) -> int:
        """Which of the points that are left, (m, d), to measure next."""

    def recommended(self, x: Floats, y: Floats) -> int:
        """Index of the measured point that is believed to be the best."""


class Random:
    """Uniform; recommends the highest reading."""

    def __init__(self, d: int, seed: int) -> None:
        self.d, self.rng = d, np.random.default_rng([seed, 1])

    def next_point(self, x: Floats, y: Floats) -> Floats:  # noqa: ARG002  # it looks at nothing
        """A random point."""
        return self.rng.random(self.d)

    def next_of(self, x: Floats, y: Floats, left: Floats) -> int:  # noqa: ARG002  # it looks at nothing
        """A random one."""
        return int(self.rng.integers(len(left)))

    def recommended(self, x: Floats, y: Floats) -> int:  # noqa: ARG002  # it has no model
        """The highest reading."""
        return int(np.argmax(y))


class Botorch:
    """SingleTaskGP as it comes; qLogNoisyExpectedImprovement for points, LogExpectedImprovement for a pool."""

    def __init__(self, d: int, seed: int) -> None:
        import torch

        torch.set_num_threads(1)
        torch.manual_seed(seed)
        self.d, self.torch = d, torch

    def _model(self, x: Floats, y: Floats) -> tuple[Any, Any]:
        from botorch.fit import fit_gpytorch_mll
        from botorch.models import SingleTaskGP
        from gpytorch.mlls import ExactMarginalLogLikelihood

        at = self.torch.tensor(x, dtype=self.torch.double)
        model = SingleTaskGP(at, self.torch.tensor(y, dtype=self.torch.double)[:, None])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            fit_gpytorch_mll(ExactMarginalLogLikelihood(model.likelihood, model))
        return model, at

    def next_point(self, x: Floats, y: Floats) -> Floats:
        """qLogNEI, 8 restarts from 256 samples."""
        from botorch.acquisition.logei import qLogNoisyExpectedImprovement
        from botorch.optim import optimize_acqf

        model, at = self._model(x, y)
        bounds = self.torch.tensor([[0.0] * self.d, [1.0] * self.d], dtype=self.torch.double)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found, _ = optimize_acqf(
                qLogNoisyExpectedImprovement(model, at), bounds=bounds, q=1, num_restarts=8, raw_samples=256
            )
        return np.asarray(found[0].detach().numpy())

    def next_of(self, x: Floats, y: Floats, left: Floats) -> int:
        """LogEI over the best posterior mean at a measured point."""
        from botorch.acquisition import LogExpectedImprovement

        model, at = self._model(x, y)
        with self.torch.no_grad():
            best = model.posterior(at).mean.max()
            score = LogExpectedImprovement(model, best_f=best)(self.torch.tensor(left)[:, None, :])
        return int(score.argmax())

    def recommended(self, x: Floats, y: Floats) -> int:
        """The highest posterior mean."""
        model, at = self._model(x, y)
        with self.torch.no_grad():
            return int(model.posterior(at).mean[:, 0].argmax())


class Ours:
    """vitrail's engine without a physics prior, as it comes."""

    def __init__(self, d: int, seed: int) -> None:
        self.d, self.seed = d, seed

    def _told(self, x: Floats, y: Floats) -> Any:
        from beamline.optimize.general import GeneralOptimizer

        optimizer = GeneralOptimizer([(0.0, 1.0)] * self.d, maximise=True, seed=self.seed, n_initial=1)
        optimizer.tell(x.tolist(), y.tolist())
        return optimizer

    def next_point(self, x: Floats, y: Floats) -> Floats:
        """`ask`."""
        return np.array(self._told(x, y).ask()[0])

    def next_of(self, x: Floats, y: Floats, left: Floats) -> int:
        """`choose`."""
        return int(self._told(x, y).choose(left.tolist())[0])

    def recommended(self, x: Floats, y: Floats) -> int:
        """`best`."""
        best = np.array(self._told(x, y).best().point)
        return int(np.argmin(((x - best) ** 2).sum(1)))


class Skopt:
    """scikit-optimize's `Optimizer`: one `tell` with all that is known, then `ask`, or its model and bound on a pool.

    Args:
        acquisition: "gp_hedge", its default; "EI"; "LCB".
    """

    def __init__(self, d: int, seed: int, acquisition: str = "gp_hedge") -> None:
        self.d, self.seed, self.acquisition = d, seed, acquisition
        self._optimizer: Any = None
        self._n_told = 0

    def _told(self, x: Floats, y: Floats) -> Any:
        from skopt import Optimizer

        if self._optimizer is None:
            self._optimizer = Optimizer(
                [(0.0, 1.0)] * self.d,
                n_initial_points=2,
                acq_func=self.acquisition,
                acq_func_kwargs={"kappa": 2.0} if self.acquisition == "LCB" else None,
                random_state=self.seed,
                model_queue_size=1,
            )
        with warnings.catch_warnings():
            # Its hyperparameters stop at their bounds, and it says so each time.
            warnings.simplefilter("ignore")
            if len(y) > self._n_told:
                self._optimizer.tell(x[self._n_told :].tolist(), (-y[self._n_told :]).tolist())
                self._n_told = len(y)
        return self._optimizer

    def next_point(self, x: Floats, y: Floats) -> Floats:
        """`ask`."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return np.array(self._told(x, y).ask())

    def recommended(self, x: Floats, y: Floats) -> int:
        """The lowest mean of its model."""
        optimizer = self._told(x, y)
        return int(np.argmin(optimizer.models[-1].predict(optimizer.space.transform(x.tolist()))))


class SkoptPool(Skopt):
    """scikit-optimize's regressor (Matern 5/2; amplitude, length scales, noise fitted) with an acquisition of its.

    Its `ask` cannot choose among given points, and `gp_hedge` needs a whole space: what serves is the model and the functions.
    """

    def next_of(self, x: Floats, y: Floats, left: Floats) -> int:
        """EI over the lowest reading as in skopt, or mean - 2 sd."""
        from skopt.acquisition import gaussian_ei, gaussian_lcb
        from skopt.utils import cook_estimator, normalize_dimensions

        estimator = cook_estimator("GP", space=normalize_dimensions([(0.0, 1.0)] * self.d), random_state=self.seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            estimator.fit(x, -y)
            if self.acquisition == "EI":
                return int(np.argmax(gaussian_ei(left, estimator, y_opt=float((-y).min()))))
            return int(np.argmin(gaussian_lcb(left, estimator, kappa=2.0)))


ARMS: dict[str, Any] = {
    "ours": Ours,
    "random": Random,
    "botorch": Botorch,
    "skopt": Skopt,
    "skopt-ei": partial(SkoptPool, acquisition="EI"),
    "skopt-lcb": partial(SkoptPool, acquisition="LCB"),
}


def make_arm(name: str, d: int, seed: int) -> Arm:
    """An arm by its name.

    Raises:
        ValueError: there is no such arm.
    """
    if name not in ARMS:
        raise ValueError(f"no arm {name!r}; there are: {', '.join(ARMS)}")
    arm: Arm = ARMS[name](d, seed)
    return arm
