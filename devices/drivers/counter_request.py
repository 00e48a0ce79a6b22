"""What the driver of a lifetime counter must know of it, and what it asks somebody to count."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path

__all__ = ["CountRequest", "CounterSettings"]


@dataclass(frozen=True)
class CounterSettings:
    """What the driver must know of the counter and its folder.

    Attributes:
        folder: in which the counter's program saves; must exist.
        n_bins: that are kept of a histogram; later ones must be empty.
        bin_width_ns: that the counter is set to.
        excitation_rate_kHz: pulse rate that it is set to.
        excitation_nm: 375 or 405 at our bench.
        filters: names of the filters that can be put in by hand, the one that is in first.
        channel: of the file; None takes the only one.
        suffix: ".phu" or ".ptu".
        response_file: histogram of the bare pulse, taken once at `bin_width_ns`; None: none.
        most_counts: that a bin of the counter can hold.
        timeout_s: for the file, after the time of the acquisition itself.
        poll_s: between two looks at the folder.
    """

    folder: Path
    n_bins: int
    bin_width_ns: float
    excitation_rate_kHz: float
    excitation_nm: float = 375.0
    filters: tuple[str, ...] = ("none",)
    channel: int | None = None
    suffix: str = ".phu"
    response_file: Path | None = None
    most_counts: float = 65535.0
    timeout_s: float = 600.0
    poll_s: float = 0.5

    def __post_init__(self) -> None:
        if not 1 <= self.n_bins <= 1_000_000:
            raise ValueError(f"n_bins={self.n_bins}: 1 to 1 000 000")
        if self.suffix not in {".phu", ".ptu"}:
            raise ValueError(f"suffix={self.suffix!r}: '.phu' or '.ptu'")
        if not self.filters:
            raise ValueError("filters: name one at least, such as 'none'")
        for name in ("bin_width_ns", "excitation_rate_kHz", "timeout_s", "poll_s"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 0):
                raise ValueError(f"{name}={value}: a finite number above 0")


@dataclass(frozen=True)
class CountRequest:
    """What the operator, or the program at the counter, is asked for.

    Attributes:
        path: to save as.
        duration_s: how long to count.
        stop_at_counts: stop earlier when the highest bin holds so many; 0: do not.
        bin_width_ns: to be set.
        excitation_rate_kHz: to be set.
        excitation_percent: to be set.
        excitation: "on" or "off"; off is for dark counts.
        filter: to be put in.
    """

    path: Path
    duration_s: float
    stop_at_counts: float
    bin_width_ns: float
    excitation_rate_kHz: float
    excitation_percent: float
    excitation: str
    filter: str

    def __str__(self) -> str:
        stop = f" or until a bin holds {self.stop_at_counts:g}" if self.stop_at_counts else ""
        return (
            f"Count for {self.duration_s:g} s{stop}, bins of {self.bin_width_ns:g} ns, pulses at "
            f"{self.excitation_rate_kHz:g} kHz and {self.excitation_percent:g} % power, excitation {self.excitation}, "
            f"filter {self.filter}; save as {self.path}"
        )

    def to_json(self) -> str:
        """For a program at the counter: the fields by name, the file without its folder."""
        return json.dumps(asdict(self) | {"path": self.path.name}, indent=1)
