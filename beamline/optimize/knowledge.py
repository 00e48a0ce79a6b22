"""What is known of the uncertain numbers after a campaign, and which of them the data cannot tell apart.

All in scores: a number's prior sigmas from its prior's median. A number that the data speak of clearly, if only the others
were known, may still be uncertain by itself, because another does the same to everything that was measured. Such directions
are found by collinearity diagnostics (Belsley, Kuh and Welsch, *Regression Diagnostics*, 1980, ch. 3): eigenvectors of the
posterior covariance in which each number is counted in the sigma that it would have if all others were known.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import numpy.typing as npt

from beamline.optimize.posterior import Posterior
from beamline.optimize.prior import Latent

__all__ = ["KNOWN_SD", "Confounded", "Knowledge", "Standing"]

Floats = npt.NDArray[np.float64]
Standing = Literal["known", "confounded", "unseen"]

KNOWN_SD = 0.5
"""Prior sigmas below which a number counts as known."""
INFLATION = 3.0
"""A direction is confounded where its sigma is so many times what it would be if the numbers did not hide each other."""
MEMBER_SHARE = 0.35
"""Numbers that a direction moves by at least this share of the one that it moves most are named."""
MOST_MEMBERS = 4


@dataclass(frozen=True)
class Confounded:
    """A direction along which the numbers may move together, and nothing that was measured would tell.

    Attributes:
        members: which of the latents it moves most, the most first.
        move: by how much one sigma of it moves each latent, in scores, (n_latent,).
        inflation: its sigma over what it would be if its numbers did not hide each other.
        contrast_sd: sigma of the best known combination of its members, in scores: what the data do tell of them.
    """

    members: tuple[int, ...]
    move: Floats
    inflation: float
    contrast_sd: float


@dataclass(frozen=True)
class Knowledge:
    """A posterior of the uncertain numbers as a Gaussian in scores.

    Attributes:
        latents: the numbers.
        mean: (n_latent,).
        covariance: (n_latent, n_latent).
    """

    latents: tuple[Latent, ...]
    mean: Floats
    covariance: Floats

    @classmethod
    def of(cls, posterior: Posterior) -> Knowledge:
        """That of a posterior; before data, of its prior."""
        n, mixing = len(posterior.latent), posterior.prior.mixing
        latent = np.eye(n) if posterior.data is None else posterior.data.maximum.latent_covariance
        return cls(posterior.prior.latents, mixing @ posterior.latent, mixing @ latent @ mixing.T)

    @cached_property
    def sd(self) -> Floats:
        """One sigma of each number by itself, (n_latent,)."""
        return np.asarray(np.sqrt(np.diag(self.covariance)))

    @cached_property
    def sd_if_others_known(self) -> Floats:
        """One sigma of each number if all others were known, (n_latent,)."""
        return np.asarray(1.0 / np.sqrt(np.diag(np.linalg.inv(self.covariance))))

    def standing(self, i: int) -> Standing:
        """Of one number: known by itself, only together with others, or the data do not speak of it."""
        if self.sd[i] < KNOWN_SD:
            return "known"
        return "confounded" if self.sd_if_others_known[i] < KNOWN_SD else "unseen"

    def confounded(self, most: int = 5) -> tuple[Confounded, ...]:
        """Directions in which numbers hide each other, those that hide most first.

        Args:
            most: how many.
        """
        seen = np.flatnonzero(self.sd_if_others_known < KNOWN_SD)
        alone = self.sd_if_others_known[seen]
        among = self.covariance[np.ix_(seen, seen)]
        inflation, directions = np.linalg.eigh(among / np.outer(alone, alone))
        found: list[Confounded] = []
        for square, direction in zip(inflation[::-1], directions.T[::-1], strict=True):
            if np.sqrt(square) < INFLATION or len(found) == most:
                break
            move = np.zeros(len(self.latents))
            move[seen] = direction * alone * np.sqrt(square)
            order = np.argsort(-np.abs(move), kind="stable")
            members = order[np.abs(move[order]) >= MEMBER_SHARE * np.abs(move[order[0]])][:MOST_MEMBERS]
            if len(members) < 2 or np.abs(move[members[0]]) < 0.5 * KNOWN_SD:
                continue  # a number by itself, or all of them known well enough
            move *= np.sign(move[members[0]])
            contrast = np.linalg.eigvalsh(self.covariance[np.ix_(members, members)])[0]
            found.append(
                Confounded(tuple(int(i) for i in members), move, float(np.sqrt(square)), float(np.sqrt(contrast)))
            )
        return tuple(found)
