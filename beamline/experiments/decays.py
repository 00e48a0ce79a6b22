"""The lifetimes of a decay run."""

from __future__ import annotations

from beamline.analysis import DecayError, DecayFit
from beamline.campaign.decays import decay_fit
from beamline.records import RecordError, Run

__all__ = ["decays_of"]


def decays_of(run: Run, *, n_components: int | None = None) -> dict[tuple[str, str], DecayFit | DecayError]:
    """Fits by name of the place and filter; where there is none, why.

    Raises:
        RecordError: the run holds no decays.
    """
    if "decays" not in run.streams:
        raise RecordError(f"run {run.uid} holds no decays; it has {list(run.streams)}")
    table = run.table("decays")
    found: dict[tuple[str, str], DecayFit | DecayError] = {}
    for i, (name, one) in enumerate(zip(table["site_name"].tolist(), table["lifetime_filter"].tolist(), strict=True)):
        try:
            found[name, one] = decay_fit(table, i, n_components=n_components)
        except DecayError as error:
            found[name, one] = error
    return found
