"""Readings: numbers taken from the results of the experiments, and the statements by which they are judged.

The vocabulary of the rows in `quantities`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import TypeAlias

import numpy as np

from beamline.physics.emission import spectrum
from beamline.physics.experiments import Results
from beamline.physics.paper import FACTS

__all__ = [
    "Model",
    "above",
    "below",
    "bleach",
    "bromide_angle_error",
    "each",
    "falls",
    "falls_then_rises",
    "gain",
    "light",
    "middle_is_highest",
    "paper",
    "peaks",
    "red_over_green",
    "rises",
    "rises_and_stays",
    "shift_nm",
    "slope",
    "spacing",
    "through_filter",
]

Model: TypeAlias = Callable[[Results], Sequence[float]]
"""Takes one or more numbers from the results of all experiments."""


def paper(fact: str, value: str) -> float:
    """A number of the paper."""
    return FACTS[fact].values[value]


def each(observable: str, *experiments: str) -> Model:
    """An observable of each experiment."""
    return lambda results: [results.of(experiment, observable) for experiment in experiments]


def peaks(phase: str, *experiments: str) -> Model:
    """Wavelength of the emission of a phase, nm."""
    return lambda results: [results.peak_nm(experiment, phase) for experiment in experiments]


def bleach(phase: str, experiment: str) -> Model:
    """Wavelength of the absorption of a phase, nm."""
    return lambda results: [results.peak_nm(experiment, phase, "bleach")]


def light(*experiments: str) -> Model:
    """Photons of both phases."""
    return lambda results: [results.light(experiment) for experiment in experiments]


def gain(phase: str, before: str, *after: str) -> Model:
    """Intensity of a phase after over before."""
    field = f"{phase}_intensity"
    return lambda results: [results.of(experiment, field) / results.of(before, field) for experiment in after]


def red_over_green(*experiments: str) -> Model:
    """Ratio of the intensities."""
    return lambda results: [
        results.of(experiment, "red_intensity") / results.of(experiment, "green_intensity")
        for experiment in experiments
    ]


def slope(low: str, high: str) -> Model:
    """D ln PL between two neighbouring settings: zero at an optimum between them."""
    return lambda results: [math.log(results.light(high) / results.light(low))]


def spacing(phase: str, experiment: str, hkl_squared: float) -> Model:
    """Lattice spacing d(hkl), angstrom."""
    return lambda results: [results.of(experiment, f"{phase}_lattice_A") / math.sqrt(hkl_squared)]


def shift_nm(phase: str, before: str, after: str) -> Model:
    """How far a peak moves, nm."""
    return lambda results: [results.peak_nm(after, phase) - results.peak_nm(before, phase)]


def bromide_angle_error(results: Results) -> Sequence[float]:
    """Mean deviation of the two diffraction angles of CsPbBr3 from P19, degrees."""
    first = results.of("Br", "green_xrd_110_deg") - paper("P19", "two_theta_110_deg")
    second = results.of("Br", "green_xrd_200_deg") - paper("P19", "two_theta_200_deg")
    return [0.5 * (first + second)]


def through_filter(results: Results) -> Sequence[float]:
    """Photons above 645 nm of the rewritten line over those of the line; long-pass assumed."""
    wavelength_nm = np.arange(paper("P34", "filter_nm"), 800.0)
    light = [float(spectrum(results.record(name), wavelength_nm).sum()) for name in ("Br&I twice", "Br&I")]
    return [light[0] / light[1]]


def rises(values: Sequence[float]) -> bool:
    """Each number above the one before."""
    return all(a < b for a, b in pairwise(values))


def rises_and_stays(slack: float) -> Callable[[Sequence[float]], bool]:
    """Rises from first to last, and nowhere falls by more than `slack`."""
    return lambda values: values[-1] > values[0] + slack and rises([v + i * slack for i, v in enumerate(values)])


def falls(values: Sequence[float]) -> bool:
    """Each number below the one before."""
    return rises([-value for value in values])


def falls_then_rises(values: Sequence[float]) -> bool:
    """The second below the first, the last above it."""
    return values[1] < values[0] < values[-1]


def above(limit: float) -> Callable[[Sequence[float]], bool]:
    """All numbers above a limit."""
    return lambda values: all(value > limit for value in values)


def below(limit: float) -> Callable[[Sequence[float]], bool]:
    """All numbers below a limit."""
    return lambda values: all(value < limit for value in values)


def middle_is_highest(values: Sequence[float]) -> bool:
    """The middle number is the largest."""
    return max(values) == values[len(values) // 2]
