"""Draws of several models side by side: as many of each as it is believed.

Whoever asks for outcomes does not see of which model a draw is. The draws of a model are spread evenly over all, so that the
first few of them have their share of each.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from beamline.optimize.evidence import Sites
from beamline.optimize.posterior import Draws, Posterior
from beamline.optimize.prior import Grid

__all__ = ["Mixed", "mixed"]

Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.int64]

FEWEST = 0.05
"""Share of the draws that a belief has, however little it is believed: where the other is sure that nothing is to be gained, they
say where to look."""


def _together(parts: Sequence[tuple[Floats, Places]]) -> Floats:
    """Arrays (s_k, ...) at their places in one (s, ...)."""
    first = parts[0][0]
    out = np.empty((sum(len(places) for _, places in parts), *first.shape[1:]))
    for values, places in parts:
        out[places] = values
    return out


@dataclass(frozen=True)
class Mixed:
    """Draws of several models of one evidence, s in all.

    Attributes:
        parts: draws of each, and their places among all, rising.
        shares: how far each is believed; one that is hardly believed may have more draws than that.
    """

    parts: tuple[tuple[Draws, Places], ...]
    shares: tuple[float, ...]

    def __len__(self) -> int:
        return sum(len(places) for _, places in self.parts)

    @property
    def posterior(self) -> Posterior:
        """Of the first model."""
        return self.parts[0][0].posterior

    @property
    def truth(self) -> Floats:
        """Observables of the m observed sites without the noise of the analysis, (s, m, 4)."""
        return _together([(draws.truth, places) for draws, places in self.parts])

    @property
    def latent(self) -> Floats:
        """Latents of the first model; where a draw is of another, what is believed of them, (s, n_latent)."""
        out = np.tile(self.posterior.latent, (len(self), 1))
        draws, places = self.parts[0]
        out[places] = draws.latent
        return out

    @property
    def probabilities(self) -> Floats:
        """Probability of each draw, (s,)."""
        of_each = [
            np.full(len(places), share / len(places))
            for share, (_, places) in zip(self.shares, self.parts, strict=True)
        ]
        return _together(list(zip(of_each, (places for _, places in self.parts), strict=True)))

    def of_part(self, number: int) -> npt.NDArray[np.bool_]:
        """Which draws are of a model, (s,)."""
        which = np.zeros(len(self), dtype=np.bool_)
        which[self.parts[number][1]] = True
        return which

    def first(self, n: int) -> Mixed:
        """The first n of the draws."""
        counts = [int(np.searchsorted(places, n)) for _, places in self.parts]
        kept = zip(self.parts, counts, strict=True)
        return Mixed(tuple((draws.first(k), places[:k]) for (draws, places), k in kept), self.shares)

    def emitted(self, sites: Sites) -> Floats:
        """What the models give at some sites, (s, m, 4)."""
        return _together([(draws.emitted(sites), places) for draws, places in self.parts])

    def written(self, sites: Sites) -> Grid:
        """The sites as written, in every draw; their heat histories do not matter."""
        return _Grids(tuple((draws.written(sites), places) for draws, places in self.parts))


@dataclass(frozen=True)
class _Grids:
    parts: tuple[tuple[Grid, Places], ...]

    def anneal(self, steps: Floats) -> Floats:
        return _together([(grid.anneal(steps), places) for grid, places in self.parts])


def mixed(one: Draws, other: Draws, share: float) -> Mixed:
    """As many draws as `one` has, of which a share is of `other`, but at least `FEWEST` of each.

    Args:
        one: n draws.
        other: n draws of another model of the same evidence.
        share: how far the other is believed, 0 to 1.
    """
    n = len(one)
    k = round(min(max(share, FEWEST), 1.0 - FEWEST) * n)
    of_other = np.floor((np.arange(k) + 0.5) * n / k).astype(np.int64)
    of_one = np.setdiff1d(np.arange(n), of_other)
    return Mixed(((one.first(len(of_one)), of_one), (other.first(k), of_other)), (1.0 - share, share))
