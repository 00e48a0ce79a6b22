"""Runs by campaign, coupon, glass, site, purpose, time and ranges of the recipe: the same from the logs and from the catalog.

Recipes stand in start documents under the names of their sites. The catalog's server looks up one key at a time, so it is
asked what it can answer (`Criteria.queries`), and the rest is looked at here: both ways end in `Criteria.matches`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from beamline.records.run import Run
from beamline.records.store import Records

__all__ = ["Criteria", "find_runs", "find_uids_in_catalog"]


@dataclass(frozen=True)
class Criteria:
    """What is looked for; what is left out matches all.

    Attributes:
        campaign: its name or uid.
        coupon: its serial.
        glass: its name.
        site: its name; a run matches that writes, heats or measures it.
        purpose: as in the documents.
        technique: of a characterisation (`xrd`, `raman`, ...).
        recipe: (low, high) by field of the writing or the heat treatment (`pulse_energy_uJ`, `temperature_C`, ...), in its own
            unit, both ends included; one site must meet all of them.
        since: earliest start, s since 1970.
        until: starts before this, s since 1970.
    """

    campaign: str | None = None
    coupon: str | None = None
    glass: str | None = None
    site: str | None = None
    purpose: str | None = None
    technique: str | None = None
    recipe: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    since: float | None = None
    until: float | None = None

    def matches(self, start: Mapping[str, Any]) -> bool:
        """Whether the run of a start document is one of those."""
        campaign, coupon = start.get("campaign") or {}, start.get("coupon") or {}
        time = float(start.get("time", math.nan))
        return (
            (self.campaign is None or self.campaign in (campaign.get("name"), campaign.get("uid")))
            and (self.coupon is None or coupon.get("serial") == self.coupon)
            and (self.glass is None or (coupon.get("glass") or {}).get("name") == self.glass)
            and (self.purpose is None or start.get("purpose") == self.purpose)
            and (self.technique is None or (start.get("characterisation") or {}).get("technique") == self.technique)
            and (self.since is None or time >= self.since)
            and (self.until is None or time < self.until)
            and ((self.site is None and not self.recipe) or bool(self.sites_of(start)))
        )

    def sites_of(self, start: Mapping[str, Any]) -> tuple[str, ...]:
        """Names of the sites of a run that meet what is asked of site and recipe."""
        recipes = start.get("recipes") or {}
        return tuple(
            name
            for name in start.get("sites") or ()
            if (self.site is None or name == self.site) and self._is_inside(recipes.get(name) or {})
        )

    def _is_inside(self, recipe: Mapping[str, Any]) -> bool:
        values = {**(recipe.get("heat_treatment") or {}), **(recipe.get("writing") or {})}
        return all(name in values and low <= values[name] <= high for name, (low, high) in self.recipe.items())

    def queries(self) -> list[Any]:
        """As much of it as the catalog's server can look up.

        A name and a uid are two keys, and there is no "or": the campaign is looked at by whoever gets the answers. Ranges of a
        recipe can be asked of the server where the site is known, for its name is part of the key.
        """
        from tiled.queries import Comparison, Key, Operator  # noqa: PLC0415  # heavy, and only for catalogs

        equal = {"coupon.serial": self.coupon, "coupon.glass.name": self.glass, "purpose": self.purpose}
        equal["characterisation.technique"] = self.technique
        found: list[Any] = [Key(f"start.{key}") == wanted for key, wanted in equal.items() if wanted is not None]
        if self.since is not None:
            found.append(Comparison(Operator.ge, "start.time", self.since))
        if self.until is not None:
            found.append(Comparison(Operator.lt, "start.time", self.until))
        if self.site is not None:
            found.append(Key(f"start.sites.{self.site}.name") == self.site)
        return found


def find_runs(records: Records, criteria: Criteria) -> list[Run]:
    """The runs of the logs that match, in the order of their start."""
    return [run for run in records.runs(since=criteria.since, until=criteria.until) if criteria.matches(run.start)]


def find_uids_in_catalog(client: Any, criteria: Criteria) -> list[str]:
    """Uids of the runs of a catalog that match, in the order of their start.

    Args:
        client: Tiled client of the catalog.
        criteria: what is looked for.
    """
    from tiled.client.container import Container  # noqa: PLC0415  # heavy, and only for catalogs

    # The plain client: that of a catalog of runs puts `start.` before keys by itself, and would put it twice.
    found = Container(client.context, item=client.item, structure_clients=client.structure_clients)
    for query in criteria.queries():
        found = found.search(query)
    starts = [node.metadata["start"] for node in found.values()]
    return [start["uid"] for start in sorted(starts, key=lambda start: start["time"]) if criteria.matches(start)]
