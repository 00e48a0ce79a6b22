"""A map run as places on the coupon with what was seen there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from beamline.analysis import MapAnalysis, Transmission, analyse_map
from beamline.analysis.maps import PAPER_BANDS
from beamline.campaign.observations import dark_for, detector_of
from beamline.records import RecordError, Run, axis_of, response_of, turned_back

__all__ = ["PlacedMap", "map_of"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class PlacedMap:
    """A map with its places on the coupon, mm from its lower left corner, shape (n,) each."""

    x_mm: Floats
    y_mm: Floats
    seen: MapAnalysis


def map_of(
    run: Run,
    *,
    bands: Mapping[str, Transmission] = PAPER_BANDS,
    progress: Callable[[int], None] | None = None,
) -> PlacedMap:
    """Analyse a map run; of one on the fly, a place is that of the middle of the exposure.

    Raises:
        RecordError: the run is no map, or has no dark spectrum.
    """
    if run.start.get("purpose") != "map" or "spectra" not in run.streams:
        raise RecordError(f"run {run.uid} is no map: its purpose is {run.start.get('purpose')}")
    table, config = run.table("spectra"), run.config("spectra")
    integration_s = float(table["spectrometer_integration_s"][0])
    dark = dark_for(integration_s, run.table("dark") if "dark" in run.streams else None)
    if dark is None:
        raise RecordError(f"map {run.uid} has no dark spectrum of {integration_s:g} s: it ended before")
    axis_nm = axis_of(run)
    seen = analyse_map(
        axis_nm,
        np.asarray(table["spectrometer_counts"], dtype=float),
        dark,
        integration_s=integration_s,
        n_averages=int(table["spectrometer_n_averages"][0]),
        detector=detector_of(config),
        bands=bands,
        response=response_of(run.start, axis_nm),
        progress=progress,
    )
    corner_x, corner_y = run.start["coupon_corner_mm"]
    x_mm, y_mm = turned_back(run.start, table["stage_x_mm"] - corner_x, table["stage_y_mm"] - corner_y)
    travel_mm = float(run.start.get("exposure_travel_mm", 0.0))
    if travel_mm:
        same_row = np.abs(np.diff(y_mm, prepend=np.nan)) < 1e-3
        going = np.sign(np.diff(x_mm, prepend=x_mm[0]))
        going[~same_row] = np.roll(going, -1)[~same_row]
        x_mm = x_mm - 0.5 * travel_mm * going
    return PlacedMap(np.asarray(x_mm), np.asarray(y_mm), seen)
