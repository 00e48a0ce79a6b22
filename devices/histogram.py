"""One histogram of photons by their time after the pulse, as a lifetime counter gives it; plain Python."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

__all__ = ["PILE_UP_LIMIT", "Histogram", "StoppedBy", "WarningWord"]

PILE_UP_LIMIT = 0.05
"""Photons per pulse: above it the first photon of a pulse hides later ones, and decays look short (O'Connor and
Phillips, Time-correlated single photon counting, 1984, ch. 2: 1 to 5 %)."""

StoppedBy = Literal["", "time", "peak", "full"]
"""What ended an acquisition: nothing did yet, its time, the counts that its peak was to reach, or a bin that is full."""

WarningWord = Literal["", "pile-up", "full"]


@dataclass(frozen=True, eq=False)
class Histogram:
    """What a counter counted, and with which settings.

    Attributes:
        counts: photons, shape [n_bins].
        response: of the instrument to the bare pulse, on the same bins, sum 1; zeros where none was measured.
        bin_width_ns: bin i is from i to i + 1 times this after the sync.
        excitation_rate_kHz: pulse rate.
        acquisition_s: how long it was counted.
        stopped_by: what ended it.
        most_counts: that a bin can hold.
    """

    counts: NDArray[np.float64]
    response: NDArray[np.float64]
    bin_width_ns: float
    excitation_rate_kHz: float
    acquisition_s: float
    stopped_by: StoppedBy
    most_counts: float

    @classmethod
    def empty(
        cls, n_bins: int, response: NDArray[np.float64], bin_width_ns: float, rate_kHz: float, most: float
    ) -> Histogram:
        """Before the first acquisition."""
        return cls(np.zeros(n_bins), response, bin_width_ns, rate_kHz, 0.0, "", most)

    @property
    def n_photons(self) -> float:
        """All of them."""
        return float(self.counts.sum())

    @property
    def count_rate_Hz(self) -> float:
        """Photons per second; 0 before the first acquisition."""
        return self.n_photons / self.acquisition_s if self.acquisition_s > 0 else 0.0

    @property
    def photons_per_pulse(self) -> float:
        """Pile-up makes decays look short where this is above `PILE_UP_LIMIT`."""
        pulse_rate_Hz = self.excitation_rate_kHz * 1e3
        return self.count_rate_Hz / pulse_rate_Hz if pulse_rate_Hz > 0 else 0.0

    @property
    def warning(self) -> WarningWord:
        """What an analysis must mind; the worse first."""
        if self.counts.max(initial=0.0) >= self.most_counts:
            return "full"
        return "pile-up" if self.photons_per_pulse > PILE_UP_LIMIT else ""
