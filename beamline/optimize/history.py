"""The memory that every optimiser has: observations, by coupon, and a digest of them from which ids and seeds are made."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from beamline.optimize.evidence import Evidence, gather, group_by_coupon
from beamline.optimize.objective import Objective
from beamline.optimize.protocol import Layout
from beamline.optimize.space import SearchSpace
from beamline.recipe import Coupon, Failed, Observation, Site

__all__ = ["History"]


class History:
    """Observations in order of arrival, and what follows from them and the seed alone."""

    def __init__(self, kind: str, space: SearchSpace, objective: Objective, layout: Layout, seed: int) -> None:
        if seed < 0:
            raise ValueError(f"{seed=}: a seed is a whole number of at least 0")
        self.kind, self.space, self.objective, self.layout, self.seed = kind, space, objective, layout, seed
        self._arrived: list[Observation] = []

    def add(self, observations: Sequence[Observation]) -> None:
        """Takes observations in."""
        self._arrived.extend(observations)

    @property
    def groups(self) -> tuple[tuple[Observation, ...], ...]:
        """All observations by coupon (`group_by_coupon`)."""
        return group_by_coupon(self._arrived)

    @property
    def observations(self) -> tuple[Observation, ...]:
        """All observations, coupon after coupon."""
        return tuple(seen for group in self.groups for seen in group)

    @property
    def n_failed(self) -> int:
        """Observations in which the instrument failed."""
        return sum(isinstance(seen.outcome, Failed) for seen in self.observations)

    def evidence(self, n_coupons: int | None = None) -> Evidence:
        """Arrays of the first coupons (all by default)."""
        return gather(self.groups[:n_coupons])

    def digest(self, n_coupons: int | None = None) -> str:
        """Of the first coupons (all by default), the seed and the task: equal digests, equal answers."""
        told = hashlib.sha256(f"{self.kind} {self.seed}\n{self.space.to_json()}\n{self.objective.to_json()}\n".encode())
        for group in self.groups[:n_coupons]:
            told.update(b"coupon\n")
            for seen in group:
                told.update(seen.to_json().encode() + b"\n")
        return told.hexdigest()

    def suggestion_id(self) -> str:
        """Name of the next suggestion."""
        return f"s{len(self.groups) + 1:02d}-{self.digest()[:10]}"

    def rng(self, purpose: int) -> np.random.Generator:
        """A source of randomness for one purpose, renewed with every coupon that was observed."""
        return np.random.default_rng([self.seed, len(self.groups), purpose])

    def unused(self, coupons: Sequence[Coupon]) -> tuple[Coupon, ...]:
        """Coupons at hand that have not been observed, each serial once.

        Raises:
            ValueError: there is none.
        """
        seen = {group[0].site.coupon for group in self.groups}
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
            ValueError: it has no sites.
        """
        sites = tuple(self.layout(coupon))
        if not sites:
            raise ValueError(
                f"the layout gives coupon {coupon.serial} ({coupon.width_mm:g} x {coupon.height_mm:g} mm) no sites: "
                "allow at least one site per coupon"
            )
        return sites
