"""The inverse step: which lines give which colours, as the model has it, and how surely they are told apart.

A colour is read as the share of red in the light of two bands, which neither the lamp nor the head's distance changes. Its
scatter from cell to cell is what the laser's pulse energy does to it; the error of the parameters moves all cells of a recipe
together, and the threshold with them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from beamline.analysis import GREEN_MAP, BandPass, Transmission
from beamline.patterns import PatternError
from beamline.physics import nominal, predict_spectra, settings
from beamline.recipe import Glass, Line

__all__ = ["Colour", "candidates", "palette"]

Floats = NDArray[np.float64]

RED_BAND = BandPass(590.0, 720.0)
WAVELENGTH_NM = np.arange(460.0, 761.0, 1.0)
SPEEDS_MM_S = tuple(float(v) for v in np.geomspace(0.2, 2.0, 41))
ENERGY_SD = 0.025
"""One sigma of the laser's energy from line to line, as a share."""


@dataclass(frozen=True, slots=True)
class Colour:
    """A line and what it is predicted to look like.

    Attributes:
        line: how it is written.
        red_share: light in the red band over that in both.
        red_share_sd: from cell to cell.
        light: in both bands, in the model's units.
    """

    line: Line
    red_share: float
    red_share_sd: float
    light: float


def candidates(
    glass: Glass,
    *,
    pulse_energies_uJ: Sequence[float] = (200.0,),
    speeds_mm_s: Sequence[float] = SPEEDS_MM_S,
    energy_sd: float = ENERGY_SD,
    reading_sd: float = 0.01,
    parameters: NDArray[np.void] | None = None,
    bands: tuple[Transmission, Transmission] = (GREEN_MAP, RED_BAND),
) -> tuple[Colour, ...]:
    """The colours of lines.

    Args:
        glass: in which they are written.
        pulse_energies_uJ: to try.
        speeds_mm_s: to try.
        energy_sd: of the pulse energy from line to line, as a share.
        reading_sd: of the red share, from the noise of a reading.
        parameters: one or more sets, (n,): the nominal one, or draws of a campaign's posterior, over which is averaged.
        bands: green and red.
    """
    sets = nominal() if parameters is None else parameters
    lines = [Line(pulse_energy_uJ=e, speed_mm_s=v) for e in pulse_energies_uJ for v in speeds_mm_s]
    moved = [
        line.model_copy(update={"pulse_energy_uJ": line.pulse_energy_uJ * (1.0 + by)})
        for by in (0.0, -energy_sd, energy_sd)
        for line in lines
    ]
    iodide = glass.iodide / (glass.bromide + glass.iodide)
    _, rate = predict_spectra(settings(moved, iodide), np.zeros((0, 2)), sets, WAVELENGTH_NM)
    green, red = (rate @ band.transmission(WAVELENGTH_NM) for band in bands)
    light = (green + red).mean(axis=0).reshape(3, -1)
    share = (red / np.maximum(green + red, 1e-300)).mean(axis=0).reshape(3, -1)
    sd = np.hypot(0.5 * np.abs(share[2] - share[1]), reading_sd)
    return tuple(Colour(line, float(share[0, i]), float(sd[i]), float(light[0, i])) for i, line in enumerate(lines))


def palette(
    among: Sequence[Colour], n_colours: int, *, least_light: float = 0.05, largest_error: float = 0.01
) -> tuple[Colour, ...]:
    """The n colours that are told apart best, from green to red.

    Args:
        among: see `candidates`.
        n_colours: 2 or more.
        least_light: of each, as a share of the brightest candidate's: darker ones are lost in noise.
        largest_error: probability at most with which a colour is taken for its neighbour, both sides together.

    Raises:
        PatternError: no n colours are so far apart; it says how many are.
    """
    if n_colours < 2:
        raise PatternError(f"{n_colours=}: at least 2")
    brightest = max(one.light for one in among)
    usable = sorted((one for one in among if one.light >= least_light * brightest), key=lambda one: one.red_share)
    best: tuple[Colour, ...] = ()
    low, high = 0.0, 100.0
    while high - low > 1e-3:  # the widest gap, in sigma of both neighbours together, with which n still fit
        gap = 0.5 * (low + high)
        chosen = _apart(usable, gap)
        if len(chosen) >= n_colours:
            low, best = gap, chosen[:n_colours]
        else:
            high = gap
    if not best or 2.0 * float(ndtr(-low)) > largest_error:
        asked = next(gap for gap in np.linspace(0.5, 6.0, 1000).tolist() if 2.0 * float(ndtr(-gap)) <= largest_error)
        n = len(_apart(usable, asked))
        raise PatternError(
            f"{n_colours} colours cannot be told apart with an error of {largest_error:g}: {n} can"
            + (f" ({math.log2(n):.1f} bits a site)" if n > 1 else "")
        )
    return best


def _apart(usable: Sequence[Colour], gap: float) -> tuple[Colour, ...]:
    """From the greenest on, each the next that is `gap` sigma of both away: the threshold between has `gap` to either side."""
    chosen: list[Colour] = []
    for one in usable:
        if not chosen or one.red_share - chosen[-1].red_share >= gap * (one.red_share_sd + chosen[-1].red_share_sd):
            chosen.append(one)
    return tuple(chosen)
