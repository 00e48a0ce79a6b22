"""Where a process promises most: the score of a point, and the search for the point that scores highest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import log_ndtr

from beamline.optimize.general.box import Box
from beamline.optimize.general.improvement import log_improvement, log_improvement_slope
from beamline.optimize.general.process import GaussianProcess

__all__ = ["Acquisition", "Score", "climb", "farthest"]

Floats = npt.NDArray[np.float64]
Acquisition = Literal["improvement", "bound"]

N_SPREAD = 512
N_FAVOURITES, N_AROUND = 4, 16
N_STARTS = 6
SUCCESS_SD = 0.25
"""Uncertainty of a label, success 1 or failure 0, beside the process's own: one failure does not condemn a place for good."""


@dataclass(frozen=True)
class Score:
    """The score of a point.

    Attributes:
        process: of the values, larger better.
        acquisition: "improvement", the logarithm of the expected improvement over the highest posterior mean at a known point, or
            "bound", mean + `width` standard deviations, in the spread of the values.
        width: of the bound, in standard deviations.
        incumbent: value to improve upon.
        success: process of the labels 1 (success) and 0 (failure); the logarithm of the probability of success is added.
            None: nothing failed yet.
    """

    process: GaussianProcess
    acquisition: Acquisition
    width: float
    incumbent: float
    success: GaussianProcess | None = None

    def __call__(self, rows: Floats) -> Floats:
        """Scores of rows of the cube, (m,)."""
        mean, sd = self.process.predict(rows)
        if self.acquisition == "improvement":
            score = log_improvement((mean - self.incumbent) / sd) + np.log(sd)
        else:
            score = (mean + self.width * sd - self.process.offset) / self.process.spread
        if self.success is not None:
            label, spread = self.success.predict(rows)
            score = score + log_ndtr((label - 0.5) / np.hypot(spread, SUCCESS_SD))
        return np.asarray(score)

    def slope(self, row: Floats) -> tuple[float, Floats]:
        """Score of one row, and its gradient."""
        mean, sd, mean_slope, sd_slope = self.process.slope(row)
        if self.acquisition == "improvement":
            u = (mean - self.incumbent) / sd
            value, by_u = log_improvement_slope(u)
            score, gradient = value + np.log(sd), by_u * (mean_slope - u * sd_slope) / sd + sd_slope / sd
        else:
            score = (mean + self.width * sd - self.process.offset) / self.process.spread
            gradient = (mean_slope + self.width * sd_slope) / self.process.spread
        if self.success is not None:
            label, spread, label_slope, spread_slope = self.success.slope(row)
            wide = float(np.hypot(spread, SUCCESS_SD))
            z = (label - 0.5) / wide
            by_z = float(np.exp(-0.5 * z * z - 0.5 * np.log(2 * np.pi) - log_ndtr(z)))
            score = score + float(log_ndtr(z))
            gradient = gradient + by_z * (label_slope - z * spread * spread_slope / wide) / wide
        return float(score), np.asarray(gradient)


def climb(score: Score, box: Box, rng: np.random.Generator) -> Floats:
    """The allowed row of the cube that scores highest, as far as a search can tell, (width,).

    Spread rows and rows around the best known ones are scored; from the best of them and some others the real numbers climb
    the gradient. Where that leads out of what is allowed, back half the way until it does not.

    Raises:
        ValueError: nothing is allowed.
    """
    known = score.process.x
    favourites = known[np.argsort(-score.process.predict(known)[0], kind="stable")[:N_FAVOURITES]]
    near = np.repeat(favourites, N_AROUND, axis=0)
    reach = np.tile([0.02, 0.1], len(near) // 2)
    rows = np.vstack([box.spread(N_SPREAD, rng), box.around(near, reach, rng)])
    order = np.argsort(-score(rows), kind="stable")
    n_best = N_STARTS * 2 // 3
    others = rng.permutation(order[n_best : 10 * N_STARTS])[: N_STARTS - n_best]
    starts = rows[np.concatenate([order[:n_best], others])]
    # Whole numbers and categories take their steps here, real numbers theirs below.
    found = [starts[0]]
    for start in starts:
        ended = _along(score, box, start)
        for _ in range(3 if not box.smooth.all() else 0):
            steps = box.around(np.repeat(ended[None], N_AROUND, axis=0), np.full(N_AROUND, 0.02), rng)
            if not len(steps) or score(steps).max() <= score(ended[None])[0]:
                break
            ended = _along(score, box, steps[int(np.argmax(score(steps)))])
        found.append(ended)
    best: Floats = found[int(np.argmax(score(np.array(found))))]
    return best


def _along(score: Score, box: Box, start: Floats) -> Floats:
    """The real numbers of an allowed row moved up the gradient."""
    free = box.smooth
    if not free.any():
        return start

    def downhill(part: Floats) -> tuple[float, Floats]:
        row = start.copy()
        row[free] = part
        value, gradient = score.slope(row)
        return -value, -gradient[free]

    ended = start.copy()
    bounds = [(0.0, 1.0)] * int(free.sum())
    ended[free] = minimize(
        downhill, start[free], jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": 100}
    ).x
    for _ in range(8):
        ended = np.clip(ended, 0.0, 1.0)
        if box.allowed(ended[None])[0]:
            return ended
        ended = 0.5 * (start + ended)
    return start


def farthest(rows: Floats, known: Floats) -> int:
    """Index of the row that is farthest from all known ones; the first one where nothing is known."""
    if not len(known):
        return 0
    square = ((rows[:, None, :] - known[None]) ** 2).sum(2).min(1)
    return int(np.argmax(square))
