"""Runs by what came of them: outcomes are analysed from the spectra when they are asked for, and stored nowhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from beamline.campaign.observations import outcomes_of
from beamline.recipe import Luminescence, Outcome
from beamline.records import Criteria, Run

__all__ = ["OutcomeCriterion", "with_outcome"]


@dataclass(frozen=True)
class OutcomeCriterion:
    """What must have come of a site.

    Attributes:
        kind: of outcome; None for any.
        red_peak_nm: (low, high) of the peak of its red band, both ends included; None for any. A site without a red band
            does not match.
    """

    kind: Literal["luminescence", "no_luminescence", "saturated", "failed"] | None = None
    red_peak_nm: tuple[float, float] | None = None

    def matches(self, outcome: Outcome) -> bool:
        """Whether an outcome is one of those."""
        if self.kind is not None and outcome.kind != self.kind:
            return False
        if self.red_peak_nm is None:
            return True
        red = outcome.band("red") if isinstance(outcome, Luminescence) else None
        return red is not None and self.red_peak_nm[0] <= red.peak_nm <= self.red_peak_nm[1]


def with_outcome(runs: Sequence[Run], criteria: Criteria, wanted: OutcomeCriterion) -> dict[str, tuple[str, ...]]:
    """Measurement runs with a site that meets the criteria and came out as wanted.

    Args:
        runs: to look through; those of another purpose are passed over.
        criteria: what is asked of site and recipe.
        wanted: the outcome.

    Returns:
        Names of those sites by uid of the run, in the order of the runs.
    """
    found = {}
    for run in runs:
        if run.start.get("purpose") == "measurement":
            inside = set(criteria.sites_of(run.start))
            names = tuple(n for n, outcome in outcomes_of(run).items() if n in inside and wanted.matches(outcome))
            if names:
                found[run.uid] = names
    return found
