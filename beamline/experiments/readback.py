"""A picture that was written, read from its map, against what was forecast: agreement, wrong cells and bits, colours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from beamline.analysis import GREEN_MAP, tristimulus
from beamline.campaign.observations import dark_for
from beamline.experiments.forecast import Forecast, uv_apart
from beamline.experiments.maps import map_of
from beamline.experiments.palette import RED_BAND
from beamline.experiments.pictures import means_of_cells
from beamline.experiments.sight import without_neighbours
from beamline.records import RecordError, Run

__all__ = ["ReadBack", "read_back"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

AGREES_SD: Final = 2.0
BLANK_BELOW: Final = 0.3
"""Of the darkest colour's light, over what is read of all colours: a cell with less counts as blank."""
CHUNK: Final = 1024
ROUNDS: Final = 30


@dataclass(frozen=True, eq=False)
class ReadBack:
    """A picture as it is read, beside its forecast; cells have shape (rows, columns).

    Attributes:
        cells: that were meant: 0 blank, 1 to k.
        forecast: that was made before it was written.
        red_share: read; NaN where a cell has no light, or was not read.
        red_share_sd: of that, from the noise of the map.
        own_share: red share of a cell's own light, that of its neighbours in the spot of the head taken out.
        own_light: that light in both bands, counts/s.
        xyz: CIE 1931 X, Y, Z, over the Y of the brightest cell, shape (rows, columns, 3).
        runs: uids of the writing and of the map.
    """

    cells: Ints
    forecast: Forecast
    red_share: Floats
    red_share_sd: Floats
    own_share: Floats
    own_light: Floats
    xyz: Floats
    runs: tuple[str, str]

    @cached_property
    def is_written(self) -> NDArray[np.bool_]:
        """Cells that are meant to have light."""
        return np.asarray(self.cells > 0)

    @cached_property
    def is_lit(self) -> NDArray[np.bool_]:
        """Cells with light enough to have a colour."""
        expected = self.forecast.light
        scale = float(np.nanmedian(self.own_light[self.is_written] / expected[self.is_written]))
        darkest = min(float(np.median(expected[self.cells == number])) for number in self.forecast.order)
        return np.asarray(np.nan_to_num(self.own_light) > BLANK_BELOW * scale * darkest)

    @cached_property
    def pulls(self) -> Floats:
        """Read less forecast over one sigma of both: of the cell, of the parameters, and of the reading."""
        one = self.forecast
        sd = np.sqrt(one.red_share_sd**2 + one.red_share_common_sd**2 + self.red_share_sd**2)
        return np.asarray((self.red_share - one.red_share) / sd)

    @property
    def agreeing(self) -> float:
        """Share of the written cells within two sigma of their forecast; 95 % are to be expected."""
        return float(np.mean(np.abs(self.pulls[self.is_written]) <= AGREES_SD))  # NaN does not agree

    def read_as(self, *, own_thresholds: bool = True) -> Ints:
        """Number of the colour that each cell is read as; 0 blank.

        Args:
            own_thresholds: between the clusters of the reading, which an error that is common to all cells does not move;
                else those of the forecast.
        """
        order = np.array(self.forecast.order)
        edges = np.asarray(self._own_thresholds() if own_thresholds else self.forecast.thresholds)
        place = np.searchsorted(edges, np.nan_to_num(self.own_share))
        return np.where(self.is_lit & np.isfinite(self.own_share), order[place], 0)

    def _own_thresholds(self) -> Sequence[float]:
        """Half-way between the middles of the clusters: k-means on a line, begun at the forecast moved by the common error."""
        seen = self.is_written & self.is_lit & np.isfinite(self.own_share)
        values, expected = self.own_share[seen], self.forecast.meant[seen]
        if values.size == 0:
            return self.forecast.thresholds
        # a straight line from forecast to reading, by ranks: the cells' own colours are not used
        low, high = (np.quantile(one, [0.05, 0.95]) for one in (expected, values))
        stretch = (high[1] - high[0]) / max(float(low[1] - low[0]), 1e-6)
        middles = np.array(
            [float(np.nanmedian(self.forecast.meant[self.cells == number])) for number in self.forecast.order]
        )
        middles = high[0] + (middles - low[0]) * stretch
        for _ in range(ROUNDS):
            edges = 0.5 * (middles[:-1] + middles[1:])
            place = np.searchsorted(edges, values)
            middles = np.array(
                [float(values[place == i].mean()) if (place == i).any() else at for i, at in enumerate(middles)]
            )
            middles = np.maximum.accumulate(middles)
        return [float(edge) for edge in 0.5 * (middles[:-1] + middles[1:])]

    def site_error(self, *, own_thresholds: bool = True) -> float:
        """Share of all cells, blank ones too, that are read as another than was meant."""
        return float(np.mean(self.read_as(own_thresholds=own_thresholds) != self.cells))

    def bit_error(self, *, own_thresholds: bool = True) -> float:
        """Share of wrong bits where the colours, from green to red, carry a Gray code; a dark cell loses all its bits."""
        order = self.forecast.order
        n_bits = max(1, (len(order) - 1).bit_length())
        code = np.zeros(max(order) + 1, dtype=np.int64)
        for place, number in enumerate(order):
            code[number] = place ^ (place >> 1)
        meant = self.cells[self.is_written]
        found = self.read_as(own_thresholds=own_thresholds)[self.is_written]
        wrong = np.bitwise_count(code[meant] ^ code[found]).astype(int)
        wrong[found == 0] = n_bits
        return float(wrong.sum() / (n_bits * meant.size))

    @cached_property
    def colour_differences(self) -> Floats:
        """Distance in the CIE 1976 diagram (u', v') between forecast and reading; NaN where a cell is blank or dark."""
        return np.where(self.is_written & self.is_lit, uv_apart(self.xyz, self.forecast.xyz), np.nan)

    def as_json(self) -> dict[str, Any]:
        """The numbers, without the cells."""
        share, expected = self.red_share[self.is_written], self.forecast.red_share[self.is_written]
        common = float(np.nanmean(share - expected))
        away = self.own_share[self.is_written] - self.forecast.meant[self.is_written]
        far = self.colour_differences[np.isfinite(self.colour_differences)]
        return {
            "cells": int(self.cells.size),
            "colours": len(self.forecast.order),
            "within_two_sigma": self.agreeing,
            "red_share_less_forecast_mean": common,
            "red_share_less_forecast_sd": float(np.nanstd(share - expected)),
            "own_share_less_meant_mean": float(np.nanmean(away)),
            "own_share_less_meant_rms": float(np.sqrt(np.nanmean(away**2))),
            "site_error": self.site_error(),
            "site_error_by_thresholds_of_the_forecast": self.site_error(own_thresholds=False),
            "bit_error": self.bit_error(),
            "bit_error_by_thresholds_of_the_forecast": self.bit_error(own_thresholds=False),
            "colour_difference_median": float(np.median(far)) if far.size else None,
            "colour_difference_95": float(np.quantile(far, 0.95)) if far.size else None,
            "colour_difference_expected": float(np.sqrt(np.nanmean(self.forecast.colour_sd**2))),
            "runs": list(self.runs),
        }


def read_back(writing: Run, seen: Run) -> ReadBack:
    """A picture from its records alone.

    Args:
        writing: run of `write_picture` that wrote it.
        seen: a map over it, of one point or more a cell.

    Raises:
        RecordError: the runs are not of a picture with a forecast, and of a map with a dark spectrum.
    """
    about = writing.start.get("experiment", {})
    if "forecast" not in about:
        raise RecordError(f"run {writing.uid} wrote no picture with a forecast; give the writing run of write_picture")
    found = map_of(seen, bands={"green": GREEN_MAP, "red": RED_BAND})
    rates = {name: means_of_cells(found, about, rate) for name, rate in found.seen.rates.items()}
    variances = {name: means_of_cells(found, about, sd**2) for name, sd in found.seen.sds.items()}
    share, light = _share(rates)
    with np.errstate(invalid="ignore", divide="ignore"):
        # d share = ((1 - share) d red - share d green) / light
        sd = np.sqrt((1.0 - share) ** 2 * variances["red"] + share**2 * variances["green"]) / light
    expected = Forecast.of_json(about["forecast"], writing.start["recipes"])
    cell_mm = float(about["parameters"]["cell_mm"])
    own = {name: without_neighbours(rate, cell_mm, expected.spot_radius_mm) for name, rate in rates.items()}
    own_share, own_light = _share(own)
    per_point = _tristimulus_of(seen)
    xyz = np.stack([means_of_cells(found, about, per_point[:, i]) for i in range(3)], axis=-1)
    brightest = float(np.nanmax(xyz[..., 1]))
    cells = np.asarray(about["parameters"]["cells"], dtype=np.int64)
    return ReadBack(
        cells=cells,
        forecast=expected,
        red_share=share,
        red_share_sd=sd,
        own_share=own_share,
        own_light=own_light,
        xyz=xyz / brightest if brightest > 0 else xyz,
        runs=(writing.uid, seen.uid),
    )


def _share(rates: dict[str, Floats]) -> tuple[Floats, Floats]:
    """Red over both, NaN where there is no light, and both."""
    light = rates["green"] + rates["red"]
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(light > 0, rates["red"] / light, np.nan), light


def _tristimulus_of(run: Run) -> Floats:
    """X, Y, Z of each point of a map, up to a common factor, shape (n, 3)."""
    table, axis = run.table("spectra"), np.asarray(run.config("spectra")["spectrometer_wavelength_nm"], dtype=float)
    dark = dark_for(float(table["spectrometer_integration_s"][0]), run.table("dark"))
    counts = table["spectrometer_counts"]
    parts = [
        tristimulus(axis, np.asarray(counts[k : k + CHUNK], dtype=float) - dark) for k in range(0, len(counts), CHUNK)
    ]
    return np.concatenate(parts)
