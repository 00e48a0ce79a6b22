"""Whether predictions that were made before a measurement held, in numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from beamline.report.figures.parity import Compared

__all__ = ["Calibration", "calibration_of"]


@dataclass(frozen=True, slots=True)
class Calibration:
    """How predictions made before the measurement held: z = deviation over sigma.

    Attributes:
        who: "prior" for a first coupon that nothing was known of before, "learnt" for those after it.
        rms_z: about 1 for honest sigmas, below for cautious ones, above for bold ones.
    """

    observable: str
    who: Literal["prior", "learnt"]
    n: int
    mean_z: float
    rms_z: float
    share_within_1_sd: float
    share_within_2_sd: float


def calibration_of(rows: Sequence[Compared]) -> tuple[Calibration, ...]:
    """How they held, by observable and by what was known."""
    found = []
    for observable in dict.fromkeys(r.observable for r in rows):
        for who in ("prior", "learnt"):
            z = [r.z for r in rows if r.observable == observable and r.is_prior == (who == "prior")]
            if z:
                n = len(z)
                found.append(
                    Calibration(
                        observable=observable,
                        who=who,
                        n=n,
                        mean_z=sum(z) / n,
                        rms_z=math.sqrt(sum(v * v for v in z) / n),
                        share_within_1_sd=sum(abs(v) <= 1 for v in z) / n,
                        share_within_2_sd=sum(abs(v) <= 2 for v in z) / n,
                    )
                )
    return tuple(found)
