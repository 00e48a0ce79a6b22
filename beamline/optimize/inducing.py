"""A few of many conditions that stand for all: what a smooth function is at these says what it is elsewhere.

Pivoted Cholesky factorisation of the correlation picks, one after the other, the conditions about which those before say
least (Harbrecht et al. 2012). What they leave of the variance is taken for a scatter of each place by itself (the fully
independent conditional of Snelson and Ghahramani 2006), so that nothing becomes more certain by the shortcut.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.linalg import solve_triangular

from beamline.optimize.discrepancy import correlation

__all__ = ["Inducing", "inducing"]

Floats = npt.NDArray[np.float64]

TOLERANCE = 1e-6
"""Share of the variance that may be left anywhere; below it more conditions add nothing."""


@dataclass(frozen=True)
class Inducing:
    """Conditions that stand for m.

    Attributes:
        picked: which of them, (p,).
        where: the picked ones, (p, 7).
        features: of all m, (m, p): their products are the correlations, as far as the picked ones say.
        left: share of the variance that they leave, (m,).
    """

    picked: npt.NDArray[np.int64]
    where: Floats
    features: Floats
    left: Floats

    def features_at(self, where: Floats) -> Floats:
        """Features of other conditions (a, 7): (a, p)."""
        if not len(self.picked):
            return np.zeros((len(where), 0))
        root = self.features[self.picked]
        return np.asarray(solve_triangular(root, correlation(self.where, where), lower=True, check_finite=False).T)


def inducing(where: Floats, most: int) -> Inducing:
    """The conditions that stand for (m, 7), at most so many of them."""
    m = len(where)
    features, left = np.zeros((m, min(most, m))), np.ones(m)
    picked: list[int] = []
    while len(picked) < min(most, m):
        # Ties go to the first: rounding must not decide.
        pivot = int(np.argmax(np.round(left, 9)))
        if left[pivot] <= TOLERANCE:
            break
        k = len(picked)
        row = correlation(where, where[pivot : pivot + 1])[:, 0] - features[:, :k] @ features[pivot, :k]
        features[:, k] = row / np.sqrt(left[pivot])
        features[picked, k] = 0.0
        left = np.maximum(left - features[:, k] ** 2, 0.0)
        picked.append(pivot)
    used = features[:, : len(picked)]
    return Inducing(np.array(picked, dtype=np.int64), where[picked], used, left)
