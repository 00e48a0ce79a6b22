"""The lifetimes of a decay run."""

from __future__ import annotations

import numpy as np

from beamline.analysis import DecayError, DecayFit, fit_decay
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
            found[name, one] = fit_decay(
                np.asarray(table["lifetime_counts"][i]),
                np.asarray(table["lifetime_response"][i]),
                float(table["lifetime_bin_width_ns"][i]),
                excitation_rate_kHz=float(table["lifetime_excitation_rate_kHz"][i]),
                acquisition_s=float(table["lifetime_acquisition_s"][i]),
                n_components=n_components,
            )
        except DecayError as error:
            found[name, one] = error
    return found
