"""Covariances of many rows: a dense block for each coupon, and a few features that all rows share.

With n rows, blocks of b and r features everything costs n (b^2 + r^2) and not n^3: Woodbury's identity. What five hundred
outcomes cost is then five times what one hundred cost, and not a hundred times.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from scipy.linalg import cho_solve, solve_triangular
from scipy.linalg.lapack import dtrtri

__all__ = ["Covariance", "Factor"]

Floats = npt.NDArray[np.float64]


def _slices(blocks: tuple[Floats, ...]) -> Iterator[tuple[slice, Floats]]:
    start = 0
    for block in blocks:
        yield slice(start, start + len(block)), block
        start += len(block)


@dataclass(frozen=True)
class Covariance:
    """blocks + features features^T.

    Attributes:
        blocks: dense, along the diagonal, in the order of the rows.
        features: (n, r).
    """

    blocks: tuple[Floats, ...]
    features: Floats

    def dense(self) -> Floats:
        """As one matrix, (n, n)."""
        whole = self.features @ self.features.T
        for part, block in _slices(self.blocks):
            whole[part, part] += block
        return np.asarray(whole)

    def factor(self, variance: Floats, more: Floats | None = None) -> Factor:
        """Factor of this covariance with variances (n,) of the rows' own and, if given, `more` features (n, k)."""
        whiteners = tuple(
            np.asarray(dtrtri(np.linalg.cholesky(block + np.diag(variance[part])), lower=1)[0], dtype=float)
            for part, block in _slices(self.blocks)
        )
        return Factor(whiteners, self.features if more is None else np.hstack([self.features, more]))


@dataclass(frozen=True)
class Factor:
    """A factorised covariance of n rows.

    Attributes:
        whiteners: inverses of the lower Cholesky factors of the blocks: each is used many times, and to multiply takes a third of
            the time that it takes to solve.
        features: (n, r).
    """

    whiteners: tuple[Floats, ...]
    features: Floats

    def whiten(self, rows: Floats) -> Floats:
        """Rows (n, ...) in which the blocks' part is white."""
        out = np.empty_like(rows)
        for part, whitener in _slices(self.whiteners):
            out[part] = whitener @ rows[part]
        return out

    def _back(self, white: Floats) -> Floats:
        out = np.empty_like(white)
        for part, whitener in _slices(self.whiteners):
            out[part] = whitener.T @ white[part]
        return out

    @cached_property
    def _white(self) -> Floats:
        return self.whiten(self.features)

    @cached_property
    def _core(self) -> Floats:
        gram = self._white.T @ self._white
        gram[np.diag_indices_from(gram)] += 1.0
        return np.asarray(np.linalg.cholesky(gram), dtype=float)

    def _shared(self, white: Floats) -> Floats:
        """What the features explain of white rows (n, ...): (r, ...)."""
        return np.asarray(solve_triangular(self._core, self._white.T @ white, lower=True, check_finite=False))

    def solve(self, rows: Floats) -> Floats:
        """Inverse covariance times rows (n, ...)."""
        white = self.whiten(rows)
        return self._back(
            white - self._white @ cho_solve((self._core, True), self._white.T @ white, check_finite=False)
        )

    def gram(self, rows: Floats) -> Floats:
        """Products of columns with each other in the metric of the inverse: (n, a) -> (a, a)."""
        white = self.whiten(rows)
        shared = self._shared(white)
        return np.asarray(white.T @ white - shared.T @ shared)

    def squares(self, rows: Floats) -> Floats:
        """Squared lengths of columns in the metric of the inverse: (n, ...) -> (...)."""
        white = self.whiten(rows)
        return np.asarray((white**2).sum(0) - (self._shared(white) ** 2).sum(0))

    def ln_determinant(self) -> float:
        """Logarithm of the determinant."""
        of_blocks = sum(float(np.log(np.diag(whitener)).sum()) for whitener in self.whiteners)
        return 2.0 * (float(np.log(np.diag(self._core)).sum()) - of_blocks)

    def inverse_diagonal(self) -> Floats:
        """Diagonal of the inverse, (n,)."""
        shared: Floats = np.asarray(solve_triangular(self._core, self._white.T, lower=True, check_finite=False))
        out = np.empty(len(self.features))
        for part, whitener in _slices(self.whiteners):
            out[part] = (whitener**2).sum(0) - ((shared[:, part] @ whitener) ** 2).sum(0)
        return out
