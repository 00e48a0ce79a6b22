"""The memory that every optimiser has: observations by coupon, and a digest of them that ids are made of."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from beamline.optimize.decide import Decided, Reject
from beamline.optimize.evidence import Evidence, gather, group_by_coupon
from beamline.optimize.objective import Objective
from beamline.optimize.protocol import Layout, OptimizerKind
from beamline.optimize.space import SearchSpace
from beamline.recipe import Coupon, Failed, Observation, Site

__all__ = ["History"]


class History:
    """Observations in order of arrival, and what follows from them and the seed alone.

    Args:
        kind: of optimiser.
        space: bounds.
        objective: what is wanted.
        layout: sites of a coupon.
        seed: of all random numbers.

    Raises:
        ValueError: the seed is negative.
    """

    def __init__(
        self, kind: OptimizerKind, space: SearchSpace, objective: Objective, layout: Layout, seed: int
    ) -> None:
        if seed < 0:
            raise ValueError(f"{seed=}: a seed is a whole number of at least 0")
        self.kind, self.space, self.objective, self.layout, self.seed = kind, space, objective, layout, seed
        self._arrived: list[Observation] = []
        self._groups: tuple[tuple[Observation, ...], ...] = ()
        self._digests: tuple[str, ...] = ()
        self._rejected: dict[str, Decided] = {}
        self.add(())

    def add(self, observations: Sequence[Observation]) -> None:
        """Takes observations in."""
        self._arrived.extend(observations)
        self._groups = group_by_coupon(self._arrived)
        told = hashlib.sha256(f"{self.kind} {self.seed}\n{self.space.to_json()}\n{self.objective.to_json()}\n".encode())
        digests = [told.hexdigest()]
        for group in self._groups:
            for seen in group:
                told.update(seen.to_json().encode() + b"\n")
            told.update(b"end of coupon\n")
            digests.append(told.hexdigest())
        self._digests = tuple(digests)

    def decide(self, told: Sequence[Decided]) -> None:
        """Takes decisions in; each counts once, and their order does not matter."""
        for decided in told:
            if isinstance(decided.decision, Reject):
                self._rejected[decided.to_json()] = decided
        self._rejected = dict(sorted(self._rejected.items()))

    @property
    def rejected(self) -> tuple[Decided, ...]:
        """Suggestions that people did not want."""
        return tuple(self._rejected.values())

    @property
    def groups(self) -> tuple[tuple[Observation, ...], ...]:
        """All observations by coupon (`evidence.group_by_coupon`)."""
        return self._groups

    @property
    def n_coupons(self) -> int:
        """Coupons with observations."""
        return len(self._groups)

    @property
    def n_observations(self) -> int:
        """Observations, each once, those in which the instrument failed included."""
        return sum(len(group) for group in self._groups)

    @property
    def n_failed(self) -> int:
        """Observations in which the instrument failed."""
        return sum(isinstance(seen.outcome, Failed) for group in self._groups for seen in group)

    def evidence(self, n_coupons: int) -> Evidence:
        """Arrays of the first coupons."""
        return gather(self._groups[:n_coupons], self.objective.n_observables)

    def digest(self, n_coupons: int) -> str:
        """Of the task, the seed and the first coupons: equal digests, equal answers."""
        return self._digests[n_coupons]

    def suggestion_id(self) -> str:
        """Name of the next suggestion."""
        told = self.digest(self.n_coupons)
        if self._rejected:
            told = hashlib.sha256("\n".join((told, *self._rejected)).encode()).hexdigest()
        return f"s{self.n_coupons + 1:02d}-{told[:10]}"

    def rng(self, n_coupons: int, purpose: int) -> np.random.Generator:
        """A source of randomness for one purpose after the first coupons."""
        return np.random.default_rng([self.seed, n_coupons, purpose])

    def choice_rng(self, purpose: int) -> np.random.Generator:
        """A source of randomness for the next choice, another one after each rejection."""
        again = [len(self._rejected)] if self._rejected else []
        return np.random.default_rng([self.seed, self.n_coupons, purpose, *again])

    def unused(self, coupons: Sequence[Coupon]) -> tuple[Coupon, ...]:
        """Coupons at hand that have not been observed, each serial once.

        Raises:
            ValueError: there is none.
        """
        seen = {group[0].site.coupon for group in self._groups}
        left = {coupon.serial: coupon for coupon in coupons if coupon.serial not in seen}
        if not left:
            asked = ", ".join(coupon.serial for coupon in coupons) or "none"
            raise ValueError(
                f"no unused coupon at hand (given: {asked}; already observed: {', '.join(sorted(seen)) or 'none'}): "
                "load coupons of the campaign's glasses into the rack"
            )
        return tuple(left.values())

    def sites(self, coupon: Coupon) -> tuple[Site, ...]:
        """The layout of a coupon.

        Raises:
            ValueError: it has no sites, or two of one name.
        """
        sites = tuple(self.layout(coupon))
        if not sites:
            raise ValueError(
                f"the layout gives coupon {coupon.serial} ({coupon.width_mm:g} x {coupon.height_mm:g} mm) no sites: "
                "allow at least one site per coupon"
            )
        names = [site.name for site in sites]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(
                f"the layout gives coupon {coupon.serial} the site {', '.join(twice)} more than once: outcomes are told apart by "
                "coupon and site, so give each its own name"
            )
        return sites
