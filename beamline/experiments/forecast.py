"""What a picture will look like once it is written, cell by cell, and with which energies it comes out as it is meant.

Two things make a cell differ from a line of its recipe that stands alone: the heat of the lines before it (`warmth`), and
the light of its neighbours in the spot of the head that reads it (`sight`). Both are worked out for the picture as it will be
written, in its order. The energy of each line makes up for the heat; the light of neighbours is not in the glass, so nothing
is written otherwise for its sake: it is in the forecast of what is read, and the reading takes it out again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from beamline.analysis import GREEN_MAP, tristimulus
from beamline.experiments.palette import ENERGY_SD, RED_BAND, WAVELENGTH_NM, Colour
from beamline.experiments.sight import Sight, SPOT_RADIUS_mm
from beamline.experiments.warmth import PlacedLine, Warmth, gain_of
from beamline.patterns import Pattern
from beamline.physics import predict_spectra, settings
from beamline.recipe import Glass

__all__ = ["Forecast", "chromaticity_uv", "forecast", "uv_apart"]

Floats = NDArray[np.float64]

FACTORS: Final = np.linspace(0.70, 1.30, 25)
"""Of a recipe's energy, within which its light is known and its energy may be moved."""
READING_SD: Final = 0.01
"""Of the red share, from the noise of a reading."""
ROUNDS: Final = 4
LEAST_uJ, MOST_uJ = 1.0, 400.0


@dataclass(frozen=True, eq=False)
class Forecast:
    """A picture as it is expected, shape (rows, columns) each; NaN where a cell stays blank.

    Attributes:
        energies_uJ: with which each line is to be written, by the name of its site.
        rise_K: how much warmer than the room each line finds its place, by the same.
        meant: red share that each cell is meant to have.
        red_share: that it is expected to have.
        red_share_sd: from cell to cell: energy of the laser, and reading.
        red_share_common_sd: what is unknown of the parameters; it moves all cells of a recipe together.
        light: in both bands, over that of the brightest cell.
        light_sd: of its logarithm, from the parameters and the energy.
        xyz: CIE 1931 X, Y, Z under ultraviolet light, over the Y of the brightest cell, shape (rows, columns, 3).
        colour_sd: distance in the CIE 1976 diagram (u', v') by which the colour may be another, root mean square: from the
            parameters, and from the energy.
        order: numbers of the colours, from the greenest to the reddest.
        thresholds: of the red share, between each of them and the next.
        spot_radius_mm: of the head that is to read it.
    """

    energies_uJ: dict[str, float]
    rise_K: dict[str, float]
    meant: Floats
    red_share: Floats
    red_share_sd: Floats
    red_share_common_sd: Floats
    light: Floats
    light_sd: Floats
    xyz: Floats
    colour_sd: Floats
    order: tuple[int, ...]
    thresholds: tuple[float, ...]
    spot_radius_mm: float

    def as_json(self) -> dict[str, Any]:
        """What the record of the run keeps, beside the recipes; numbers of cells are rounded to 1e-4."""

        def cells(values: Floats) -> list[Any]:
            return np.round(np.nan_to_num(values, nan=-1.0), 4).tolist()  # type: ignore[no-any-return]  # numpy's own

        return {
            "order": list(self.order),
            "thresholds": list(self.thresholds),
            "spot_radius_mm": self.spot_radius_mm,
            "warmest_K": max(self.rise_K.values(), default=0.0),
            **{name: cells(getattr(self, name)) for name in CELLS},
        }

    @classmethod
    def of_json(cls, kept: Mapping[str, Any], recipes: Mapping[str, Any]) -> Forecast:
        """The forecast that a writing run's record holds; warmth is not in it.

        Args:
            kept: see `as_json`.
            recipes: of the same start document.
        """

        def cells(name: str) -> Floats:
            values = np.asarray(kept[name], dtype=float)
            return np.where(values < 0.0, np.nan, values)

        writings = {name: one["writing"] for name, one in recipes.items()}
        return cls(
            energies_uJ={name: float(one["pulse_energy_uJ"]) for name, one in writings.items()},
            rise_K={},
            order=tuple(kept["order"]),
            thresholds=tuple(kept["thresholds"]),
            spot_radius_mm=float(kept["spot_radius_mm"]),
            **{name: cells(name) for name in CELLS},
        )


CELLS: Final = (
    "meant",
    "red_share",
    "red_share_sd",
    "red_share_common_sd",
    "light",
    "light_sd",
    "xyz",
    "colour_sd",
)


def forecast(  # a picture, a glass, and what is known of both
    pattern: Pattern,
    lines: Sequence[PlacedLine],
    corner_mm: tuple[float, float],
    colours: Mapping[int, Colour],
    glass: Glass,
    *,
    parameters: NDArray[np.void],
    draws: NDArray[np.void] | None = None,
    is_compensated: bool = True,
    energy_sd: float = ENERGY_SD,
    reading_sd: float = READING_SD,
    spot_radius_mm: float = SPOT_RADIUS_mm,
    energy_limits_uJ: tuple[float, float] = (LEAST_uJ, MOST_uJ),
) -> Forecast:
    """What will be seen, and the energies with which it is written.

    Args:
        pattern: what.
        lines: its strokes in the order, and at the times, in which they are written; energies are those of the recipes.
        corner_mm: lower left corner of the picture on the coupon.
        colours: recipe and expected look of each colour, by its number in the pattern.
        glass: in which it is written.
        parameters: (1,), the best known.
        draws: (n,), of what is known: their scatter is the uncertainty. None: of the parameters nothing is unknown.
        is_compensated: whether the energies make up for the heat of earlier lines, or are left as the recipes say.
        energy_sd: of the laser from line to line, as a share.
        reading_sd: of the red share, from the noise of a reading.
        spot_radius_mm: 1/e^2 radius of the spot that reads.
        energy_limits_uJ: within which the energies are changed.
    """
    numbers = sorted(colours)
    iodide = glass.iodide / (glass.bromide + glass.iodide)
    recipe_uJ = np.array([one.line.pulse_energy_uJ for one in lines])
    of_colour = np.array([numbers.index(one.colour) for one in lines])
    recipes = [colours[n] for n in numbers]
    best = _Response.of(recipes, iodide, parameters)
    sight = Sight.of(pattern, lines, corner_mm, spot_radius_mm)
    warmth = Warmth(lines, iodide, parameters)
    factors = np.ones(len(lines))  # of the recipe's energy
    for _ in range(ROUNDS if is_compensated else 0):  # less energy leaves less heat: a few rounds, and it is settled
        gain = gain_of(warmth.rises_K(factors * recipe_uJ), parameters)
        factors = np.clip(1.0 / gain, energy_limits_uJ[0] / recipe_uJ, energy_limits_uJ[1] / recipe_uJ)
    rise_K = warmth.rises_K(factors * recipe_uJ)
    effective = factors * gain_of(rise_K, parameters)
    share, light, xyz = sight.cells(best.of_lines(of_colour, effective))
    low, high = (sight.cells(best.of_lines(of_colour, effective * (1.0 + by))) for by in (-energy_sd, energy_sd))
    responses = [] if draws is None else [_Response.of(recipes, iodide, draws[k : k + 1]) for k in range(draws.size)]
    each = [sight.cells(one.of_lines(of_colour, effective)) for one in responses]
    common = np.std([one[0] for one in each], axis=0) if each else np.zeros_like(share)
    light_common = np.std([np.log(one[1]) for one in each], axis=0) if each else np.zeros_like(share)
    away = [uv_apart(one[2], xyz) for one in each]
    is_written = pattern.cells > 0
    meant = np.full(pattern.cells.shape, np.nan)
    for number in numbers:
        meant[pattern.cells == number] = colours[number].red_share
    order = sorted(numbers, key=lambda number: colours[number].red_share)
    names = [one.name for one in lines]

    def of_cells(values: Floats) -> Floats:
        return np.where(is_written, values, np.nan)

    return Forecast(
        energies_uJ=dict(zip(names, np.round(factors * recipe_uJ, 3).tolist(), strict=True)),
        rise_K=dict(zip(names, rise_K.tolist(), strict=True)),
        meant=meant,
        red_share=of_cells(share),
        red_share_sd=of_cells(np.hypot(0.5 * np.abs(high[0] - low[0]), reading_sd)),
        red_share_common_sd=of_cells(common),
        light=of_cells(light / float(light[is_written].max())),
        light_sd=of_cells(np.hypot(0.5 * np.abs(np.log(high[1]) - np.log(low[1])), light_common)),
        xyz=np.where(is_written[..., None], xyz / float(xyz[is_written][:, 1].max()), np.nan),
        colour_sd=of_cells(
            np.sqrt(np.mean(np.square(away or [0.0 * share]), axis=0) + (0.5 * uv_apart(low[2], high[2])) ** 2)
        ),
        order=tuple(order),
        thresholds=tuple(_threshold(colours[a], colours[b]) for a, b in pairwise(order)),
        spot_radius_mm=spot_radius_mm,
    )


def chromaticity_uv(xyz: Floats) -> Floats:
    """CIE 1976 u', v' (ISO/CIE 11664-5:2016), shape (..., 2) of (..., 3); NaN where there is no light."""
    x, y, z = np.moveaxis(xyz, -1, 0)
    total = x + 15.0 * y + 3.0 * z
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where((total > 0)[..., None], np.stack([4.0 * x, 9.0 * y], axis=-1) / total[..., None], np.nan)


def uv_apart(a: Floats, b: Floats) -> Floats:
    """Distance of two colours in that diagram, shape (...) of X, Y, Z of shape (..., 3)."""
    away = chromaticity_uv(a) - chromaticity_uv(b)
    return np.asarray(np.hypot(away[..., 0], away[..., 1]))


def _threshold(a: Colour, b: Colour) -> float:
    """As many sigma from the one as from the other."""
    return (a.red_share * b.red_share_sd + b.red_share * a.red_share_sd) / (a.red_share_sd + b.red_share_sd)


@dataclass(frozen=True, eq=False)
class _Response:
    """What a line of each colour gives over the factor of its energy: green, red, X, Y, Z, shape (colours, factors, 5)."""

    table: Floats

    @classmethod
    def of(cls, colours: Sequence[Colour], iodide: float, parameters: NDArray[np.void]) -> _Response:
        moved = [
            one.line.model_copy(
                update={"pulse_energy_uJ": min(max(one.line.pulse_energy_uJ * factor, LEAST_uJ), MOST_uJ)}
            )
            for one in colours
            for factor in FACTORS.tolist()
        ]
        _, rate = predict_spectra(settings(moved, iodide), np.zeros((0, 2)), parameters, WAVELENGTH_NM)
        bands = [rate[0] @ band.transmission(WAVELENGTH_NM) for band in (GREEN_MAP, RED_BAND)]
        both = np.concatenate([np.stack(bands, axis=-1), tristimulus(WAVELENGTH_NM, rate[0])], axis=-1)
        return cls(both.reshape(len(colours), len(FACTORS), 5))

    def of_lines(self, of_colour: NDArray[np.int64], factors: Floats) -> Floats:
        """Shape (n, 5), by linear interpolation."""
        step = FACTORS[1] - FACTORS[0]
        place = np.clip((factors - FACTORS[0]) / step, 0.0, len(FACTORS) - 1 - 1e-9)
        low = place.astype(np.int64)
        part = (place - low)[:, None]
        return np.asarray((1.0 - part) * self.table[of_colour, low] + part * self.table[of_colour, low + 1])
