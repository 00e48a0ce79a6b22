"""The rows of the comparison with the paper: numbers that the calibration solves, and what the model then predicts."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Final

import numpy as np

from beamline.physics.comparison import Quantity
from beamline.physics.emission import spectrum
from beamline.physics.experiments import Results
from beamline.physics.paper import FACTS

__all__ = ["QUANTITIES"]

_Model = Callable[[Results], Sequence[float]]


def _paper(fact: str, value: str) -> float:
    return FACTS[fact].values[value]


def _each(observable: str, *experiments: str) -> _Model:
    return lambda results: [results.of(experiment, observable) for experiment in experiments]


def _peaks(phase: str, *experiments: str) -> _Model:
    return lambda results: [results.peak_nm(experiment, phase) for experiment in experiments]


def _bleach(phase: str, experiment: str) -> _Model:
    return lambda results: [results.peak_nm(experiment, phase, "bleach")]


def _light(*experiments: str) -> _Model:
    return lambda results: [results.light(experiment) for experiment in experiments]


def _gain(phase: str, before: str, *after: str) -> _Model:
    field = f"{phase}_intensity"
    return lambda results: [results.of(experiment, field) / results.of(before, field) for experiment in after]


def _red_over_green(*experiments: str) -> _Model:
    return lambda results: [
        results.of(experiment, "red_intensity") / results.of(experiment, "green_intensity")
        for experiment in experiments
    ]


def _slope(low: str, high: str) -> _Model:
    """D ln PL between two neighbouring settings: zero at an optimum between them."""
    return lambda results: [math.log(results.light(high) / results.light(low))]


def _spacing(phase: str, experiment: str, hkl_squared: float) -> _Model:
    return lambda results: [results.of(experiment, f"{phase}_lattice_A") / math.sqrt(hkl_squared)]


def _shift_nm(phase: str, before: str, after: str) -> _Model:
    return lambda results: [results.peak_nm(after, phase) - results.peak_nm(before, phase)]


def _bromide_angle_error(results: Results) -> Sequence[float]:
    first = results.of("Br", "green_xrd_110_deg") - _paper("P19", "two_theta_110_deg")
    second = results.of("Br", "green_xrd_200_deg") - _paper("P19", "two_theta_200_deg")
    return [0.5 * (first + second)]


def _through_filter(results: Results) -> Sequence[float]:
    """Photons above 645 nm of the rewritten line over those of the line; long-pass assumed."""
    wavelength_nm = np.arange(_paper("P34", "filter_nm"), 800.0)
    light = [float(spectrum(results.record(name), wavelength_nm).sum()) for name in ("Br&I twice", "Br&I")]
    return [light[0] / light[1]]


def _rises(values: Sequence[float]) -> bool:
    return all(a < b for a, b in pairwise(values))


def _rises_and_stays(slack: float) -> Callable[[Sequence[float]], bool]:
    """Rises from first to last, and nowhere falls by more than `slack`."""
    return lambda values: values[-1] > values[0] + slack and _rises([v + i * slack for i, v in enumerate(values)])


def _falls(values: Sequence[float]) -> bool:
    return _rises([-value for value in values])


def _falls_then_rises(values: Sequence[float]) -> bool:
    return values[1] < values[0] < values[-1]


def _above(limit: float) -> Callable[[Sequence[float]], bool]:
    return lambda values: all(value > limit for value in values)


def _below(limit: float) -> Callable[[Sequence[float]], bool]:
    return lambda values: all(value < limit for value in values)


def _middle_is_highest(values: Sequence[float]) -> bool:
    return max(values) == values[len(values) // 2]


_CUBIC = "21.6 and 30.6 deg are not of one cubic lattice within 0.1 deg"
_FRINGE = "2.65 A means a lattice of 5.93 A, against 5.83 A by XRD (P19)"

QUANTITIES: Final[tuple[Quantity, ...]] = (
    # ------------------------------------------------------------------------------------------------------ writing
    Quantity(
        "P2",
        "line of I: d ln PL, 2 % around 0.4 mm/s",
        "1",
        _slope("I slower", "I faster"),
        kind="set",
        target=0.0,
        tolerance=1e-5,
        says="the optimised speed is read as the brightest",
    ),
    Quantity(
        "P2",
        "line of I: d ln PL, 2 % around 200 uJ",
        "1",
        _slope("I weaker", "I stronger"),
        kind="set",
        target=0.0,
        tolerance=1e-5,
        says="the optimised energy is read as the brightest",
    ),
    Quantity(
        "P2",
        "line of I: PL at 0.2, 0.4, 0.8 mm/s",
        "relative",
        _light("I line 0.2 mm/s", "I line 0.4 mm/s", "I line 0.8 mm/s"),
        says="0.4 mm/s is best",
        holds=_middle_is_highest,
    ),
    Quantity(
        "P2",
        "line of I: PL at 150, 200, 250 uJ",
        "relative",
        _light("I line 150 uJ", "I line 200 uJ", "I line 250 uJ"),
        says="200 uJ is best",
        holds=_middle_is_highest,
    ),
    Quantity(
        "P2",
        "line: mean nucleation dose",
        "nose times",
        _each("nucleation_dose", "Br&I"),
        kind="set",
        target=1.8,
        tolerance=1e-3,
        says="an optimised line is crystallised for the most part",
    ),
    Quantity(
        "P10",
        "unwritten glass after 500 degC: crystallised share",
        "1",
        _each("devitrified_share", "unwritten 500 C"),
        says="amorphous",
        holds=_below(1e-6),
    ),
    Quantity(
        "P11",
        "dot of 1 s: local share over the visible one",
        "1",
        lambda results: [results.of("dot 1 s", "peak_share") / results.visible_share],
        kind="fitted",
        target=1.0,
        tolerance=1e-3,
    ),
    Quantity(
        "P11",
        "dots of 0.5, 0.9, 1.01 s: diameter",
        "um",
        _each("size_um", "dot 0.5 s", "dot 0.9 s", "dot 1.01 s"),
        says="dark below 1 s",
        holds=lambda values: values[0] == values[1] == 0.0 < values[2],
    ),
    Quantity(
        "P12",
        "dots of 5 s, 50 ... 250 uJ: diameter",
        "um",
        _each("size_um", *(f"dot 5 s {energy} uJ" for energy in (50, 100, 150, 200, 250))),
        says="grows",
        holds=_rises,
    ),
    Quantity(
        "P12",
        "dots of 200 uJ, 1.01 ... 10 s: diameter",
        "um",
        _each("size_um", "dot 1.01 s", "dot 2 s", "dot 3 s", "dot 5 s", "dot 10 s"),
        says="grows",
        holds=_rises,
    ),
    Quantity(
        "P12",
        "dots of 5 s, 50 ... 250 uJ: PL",
        "relative",
        _light(*(f"dot 5 s {energy} uJ" for energy in (50, 100, 150, 200, 250))),
        says="grows",
        holds=_rises,
        cannot="P2 puts the brightest at 200 uJ, so more must be less",
    ),
    Quantity(
        "P12",
        "dots of 200 uJ, 1.01 ... 10 s: PL",
        "relative",
        _light("dot 1.01 s", "dot 2 s", "dot 3 s", "dot 5 s", "dot 10 s"),
        says="grows",
        holds=_rises,
    ),
    Quantity(
        "P13",
        "lines at 0.4, 0.8, 1.6, 3 mm/s: width",
        "um",
        _each("size_um", *(f"line {speed} mm/s" for speed in ("0.4", "0.8", "1.6", "3"))),
        says="falls",
        holds=_falls,
    ),
    Quantity(
        "P13",
        "lines at 0.4, 0.8, 1.6, 3 mm/s: PL",
        "relative",
        _light(*(f"line {speed} mm/s" for speed in ("0.4", "0.8", "1.6", "3"))),
        says="falls",
        holds=_falls,
    ),
    Quantity(
        "P13",
        "lines of 60 ... 250 uJ: width",
        "um",
        _each("size_um", *(f"line {energy} uJ" for energy in (60, 100, 150, 200, 250))),
        says="grows",
        holds=_rises,
    ),
    Quantity(
        "P13",
        "lines of 60 ... 200 uJ: PL",
        "relative",
        _light(*(f"line {energy} uJ" for energy in (60, 100, 150, 200))),
        says="grows",
        holds=_rises,
    ),
    # --------------------------------------------------------------------------------------------- Br&I as written
    Quantity("P14", "Br&I: green PL", "nm", _peaks("green", "Br&I"), "fitted", _paper("P14", "green_nm"), 0.05),
    Quantity("P14", "Br&I: red PL", "nm", _peaks("red", "Br&I"), "fitted", _paper("P14", "red_nm"), 0.05),
    Quantity("P15", "Br&I: green bleach", "nm", _bleach("green", "Br&I"), "fitted", _paper("P15", "green_nm"), 0.05),
    Quantity("P15", "Br&I: red bleach", "nm", _bleach("red", "Br&I"), "fitted", _paper("P15", "red_nm"), 0.05),
    Quantity(
        "P16",
        "Br&I: green lifetime",
        "ns",
        _each("green_lifetime_ns", "Br&I"),
        "fitted",
        _paper("P16", "green_ns"),
        0.01,
    ),
    Quantity(
        "P16", "Br&I: red lifetime", "ns", _each("red_lifetime_ns", "Br&I"), "fitted", _paper("P16", "red_ns"), 0.01
    ),
    Quantity(
        "P17",
        "Br&I: green diameter by TEM",
        "nm",
        _each("green_TEM_diameter_nm", "Br&I"),
        "fitted",
        _paper("P17", "green_nm"),
        0.005,
    ),
    Quantity(
        "P17",
        "Br&I: red diameter by TEM",
        "nm",
        _each("red_TEM_diameter_nm", "Br&I"),
        "fitted",
        _paper("P17", "red_nm"),
        0.005,
    ),
    Quantity(
        "P14",
        "Br&I: red share of the crystals",
        "1",
        _each("red_share", "Br&I"),
        "set",
        0.5,
        0.005,
        says="two bands of like strength",
    ),
    # ------------------------------------------------------------------------------------------------------ lattice
    Quantity(
        "P18",
        "CsPbBr3: d(210)",
        "A",
        _spacing("green", "Br", 5.0),
        target=_paper("P18", "d210_A"),
        tolerance=0.01,
        cannot=_FRINGE,
    ),
    Quantity("P18", "mixed: d(220)", "A", _spacing("red", "Br&I", 8.0), target=_paper("P18", "d220_A"), tolerance=0.01),
    Quantity(
        "P19",
        "CsPbBr3: mean error of (110) and (200)",
        "deg",
        _bromide_angle_error,
        "fitted",
        0.0,
        0.001,
    ),
    Quantity(
        "P19",
        "CsPbBr3 (110)",
        "deg",
        _each("green_xrd_110_deg", "Br"),
        target=_paper("P19", "two_theta_110_deg"),
        tolerance=0.05,
        cannot=_CUBIC,
    ),
    Quantity(
        "P19",
        "CsPbBr3 (200)",
        "deg",
        _each("green_xrd_200_deg", "Br"),
        target=_paper("P19", "two_theta_200_deg"),
        tolerance=0.05,
        cannot=_CUBIC,
    ),
    Quantity(
        "P20", "CsPbI3 (200)", "deg", _each("red_xrd_200_deg", "I"), "fitted", _paper("P20", "two_theta_200_deg"), 0.005
    ),
    Quantity(
        "P21",
        "mixed (200)",
        "deg",
        _each("red_xrd_200_deg", "Br&I"),
        "fitted",
        _paper("P21", "two_theta_200_deg"),
        0.005,
    ),
    Quantity(
        "P21",
        "Br&I: green (110)",
        "deg",
        _each("green_xrd_110_deg", "Br&I"),
        target=_paper("P21", "two_theta_110_deg"),
        tolerance=0.05,
        cannot=_CUBIC,
    ),
    Quantity(
        "P22",
        "mixed: lower Raman line",
        "1/cm",
        _each("red_raman_low_1_cm", "Br&I"),
        target=_paper("P22", "mixed_low_1_cm"),
        tolerance=0.5,
    ),
    Quantity(
        "P22",
        "mixed: upper Raman line",
        "1/cm",
        _each("red_raman_high_1_cm", "Br&I"),
        target=_paper("P22", "mixed_high_1_cm"),
        tolerance=0.5,
    ),
    Quantity(
        "P22",
        "CsPbI3: Raman line",
        "1/cm",
        _each("red_raman_low_1_cm", "I"),
        target=_paper("P22", "I_1_cm"),
        tolerance=0.5,
    ),
    # --------------------------------------------------------------------------------------------- Br in the furnace
    Quantity(
        "P23",
        "Br: shift from 200 to 550 degC",
        "nm",
        _shift_nm("green", "Br 200 C", "Br 550 C"),
        "fitted",
        _paper("P23", "shift_nm"),
        0.01,
    ),
    Quantity(
        "P23",
        "Br: PL after 200, 350, 450, 550 degC over as written",
        "1",
        _gain("green", "Br", "Br 200 C", "Br 350 C", "Br 450 C", "Br 550 C"),
        says="rises",
        holds=lambda values: _rises([1.0, *values]),
    ),
    # ------------------------------------------------------------------------------------------- Br&I in the furnace
    Quantity(
        "P24", "Br&I 550 degC: red PL", "nm", _peaks("red", "Br&I 550 C"), "fitted", _paper("P24", "high_nm"), 0.05
    ),
    Quantity(
        "P24", "Br&I 200 degC: red PL", "nm", _peaks("red", "Br&I 200 C"), target=_paper("P24", "low_nm"), tolerance=0.5
    ),
    Quantity(
        "P24",
        "Br&I 200, 300, 400, 450, 500, 550 degC: red PL",
        "nm",
        _peaks("red", *(f"Br&I {T} C" for T in (200, 300, 400, 450, 500, 550))),
        says="rises",
        holds=_rises,
    ),
    Quantity(
        "P25",
        "Br&I 200 degC: red over green",
        "1",
        _red_over_green("Br&I 200 C"),
        "set",
        0.7,
        0.001,
        says="green is above red; by how much is not said",
    ),
    Quantity(
        "P25",
        "Br&I 200, 300, 450, 550 degC: red over green",
        "1",
        _red_over_green("Br&I 200 C", "Br&I 300 C", "Br&I 450 C", "Br&I 550 C"),
        says="below 1, rises",
        holds=lambda values: values[0] < 1.0 and _rises(values),
    ),
    # ---------------------------------------------------------------------------------------------- I in the furnace
    Quantity(
        "P26",
        "I: lifetime as written",
        "ns",
        _each("red_lifetime_ns", "I"),
        "fitted",
        _paper("P26", "as_written_ns"),
        0.1,
    ),
    Quantity(
        "P26",
        "I 200 degC: lifetime",
        "ns",
        _each("red_lifetime_ns", "I 200 C"),
        "fitted",
        _paper("P26", "quenched_ns"),
        1.0,
    ),
    Quantity(
        "P26",
        "I 450 degC: lifetime",
        "ns",
        _each("red_lifetime_ns", "I 450 C"),
        target=_paper("P26", "quenched_ns"),
        tolerance=100.0,
    ),
    Quantity(
        "P26", "I 550 degC: lifetime", "ns", _each("red_lifetime_ns", "I 550 C"), "fitted", _paper("P26", "hot_ns"), 0.1
    ),
    Quantity(
        "P27",
        "I 200, 300, 450 degC: PL over as written",
        "1",
        _gain("red", "I", "I 200 C", "I 300 C", "I 450 C"),
        says="quenched",
        holds=_below(0.2),
    ),
    Quantity(
        "P28",
        "I 550 degC: PL over as written",
        "1",
        _gain("red", "I", "I 550 C"),
        "fitted",
        _paper("P28", "gain"),
        0.005,
    ),
    Quantity(
        "P29",
        "I: I/Pb as written",
        "1",
        _each("red_halide_per_lead", "I"),
        "fitted",
        _paper("P29", "as_written"),
        0.0005,
    ),
    Quantity(
        "P29", "I 200 degC: I/Pb", "1", _each("red_halide_per_lead", "I 200 C"), "fitted", _paper("P29", "low"), 0.0005
    ),
    Quantity(
        "P29", "I 550 degC: I/Pb", "1", _each("red_halide_per_lead", "I 550 C"), "fitted", _paper("P29", "high"), 0.0005
    ),
    Quantity(
        "P30",
        "Br as written, 200, 350, 450, 550 degC: exciton binding",
        "meV",
        _each("green_exciton_binding_meV", "Br", "Br 200 C", "Br 350 C", "Br 450 C", "Br 550 C"),
        says="rises",
        holds=_rises_and_stays(0.5),
    ),
    Quantity(
        "P31",
        "I as written, 200, 550 degC: exciton binding",
        "meV",
        _each("red_exciton_binding_meV", "I", "I 200 C", "I 550 C"),
        says="falls, then rises",
        holds=_falls_then_rises,
    ),
    Quantity(
        "P4",
        "I: PL wavelength as written",
        "nm",
        _peaks("red", "I"),
        "set",
        690.0,
        0.05,
        says="no wavelength in the paper; 690 nm by Sun 2022 (unverified)",
    ),
    # ----------------------------------------------------------------------------------------------------- rewriting
    Quantity("P32", "Br&I twice: red PL", "nm", _peaks("red", "Br&I twice"), "fitted", _paper("P32", "after_nm"), 0.05),
    Quantity(
        "P32",
        "Br&I twice: red over that of one pass",
        "1",
        _gain("red", "Br&I", "Br&I twice"),
        says="strongly up",
        holds=_above(1.5),
    ),
    Quantity(
        "P33",
        "Br&I twice: green over that of one pass",
        "1",
        _gain("green", "Br&I", "Br&I twice"),
        says="code turns red",
        holds=_below(0.5),
    ),
    Quantity(
        "P34",
        "light above 645 nm, rewritten over original",
        "1",
        _through_filter,
        says="E becomes F",
        holds=_above(10.0),
    ),
)
"""Every row, in the order of the paper's story."""
