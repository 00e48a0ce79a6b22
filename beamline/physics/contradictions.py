"""What the paper's statements and this model cannot have together, and why: printed beside every comparison."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = ["CONTRADICTIONS", "Contradiction"]


@dataclass(frozen=True, slots=True)
class Contradiction:
    """Facts that cannot all be met.

    Attributes:
        facts: ids of `paper.FACTS`.
        what: cannot be together, and why.
        way_out: what the model does about it.
    """

    facts: tuple[str, ...]
    what: str
    way_out: str


CONTRADICTIONS: Final = (
    Contradiction(
        ("P2", "P3"),
        "200 uJ at 10 kHz are 2 W, not 500 mW; a true 2 W gives a track of 372 um",
        "an optical transmission of 0.25; a measured power has the last word",
    ),
    Contradiction(
        ("P14", "P17"),
        "a dot of 3.77 nm would absorb at 413 nm, not near 508 nm, with the constants of the literature",
        "one ratio of 2.2 between emission-weighted and TEM diameters for both phases: a fudge",
    ),
    Contradiction(
        ("P2", "P11"),
        "dots need 1 s, yet a line at 0.4 mm/s dwells 0.17 s; heat saturates in milliseconds and explains nothing",
        "cannot: a factor `line_equivalence` of about 160 on the dwell of lines takes its place, the weakest link of the model",
    ),
    Contradiction(
        ("P18", "P19"),
        "21.6 and 30.6 deg are of no one cubic lattice within 0.1 deg; 2.65 A means 5.93 A against 5.83 A by XRD",
        "the lattice between the two angles; P18's first spacing is not met",
    ),
    Contradiction(
        ("P2", "P12", "P13"),
        "an optimum at 0.4 mm/s and 200 uJ, but PL falls with speed and grows with energy",
        "the maximum is put at 0.4 mm/s (loss of halide) and 200 uJ (damage)",
    ),
    Contradiction(
        ("P12", "P14", "P32"),
        "42 nm by a second pass force a strong dependence on dwell, so short dots and fast lines are nearly all green, "
        "while the paper maps dots at 613 nm",
        "cannot: left so; `rewrite_absorption_gain`, a second pass that absorbs more, would be the other explanation",
    ),
    Contradiction(
        ("P16", "P26"),
        "averages of tri-exponential decays, and no component of any: nothing says how fast the fast one is, or how strong",
        "cannot be tested: dots with one vacancy, with 0.15 of the lifetime and yield of those without (assumed); the averages "
        "do not depend on it",
    ),
)
"""All of them, and what cannot be tested."""
