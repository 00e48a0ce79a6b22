"""Reads decays from the files of PicoQuant's photon counters (.ptu, T3 mode), through `ptufile`.

The counter is run by its vendor's program, whose libraries are not free: a lifetime comes in as a file. Limits and
assumptions: docs/reference/drivers/lifetime.md.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from devices.errors import DeviceError

__all__ = ["Decay", "read_decay"]

MOST_BINS = 1_000_000
"""More bins in one period than any counter has: a file that says so is damaged."""


@dataclass(frozen=True)
class Decay:
    """Photons by their time after the pulse.

    Attributes:
        time_ns: beginning of each bin, shape [n_bins], ns.
        counts: photons, shape [n_bins].
        channel: of the counter, as the file numbers it.
        repetition_rate_kHz: of the excitation.
        acquisition_s: how long it was counted.
    """

    time_ns: NDArray[np.float64]
    counts: NDArray[np.int64]
    channel: int
    repetition_rate_kHz: float
    acquisition_s: float

    @property
    def pile_up(self) -> float:
        """Photons per pulse: above some 0.05 the first photon of a pulse hides later ones, and decays look short."""
        n_pulses = self.repetition_rate_kHz * 1e3 * self.acquisition_s
        return float(self.counts.sum()) / n_pulses if n_pulses > 0 else math.nan


def read_decay(path: Path | str, channel: int | None = None) -> Decay:
    """The decay in a file.

    Args:
        path: of a .ptu file in T3 mode.
        channel: as the file numbers it; None takes the only one.

    Raises:
        DeviceError: no such file, it is damaged, of another kind or mode, or has no such channel.
    """
    import ptufile  # noqa: PLC0415  # an extra, for those who count photons

    what = f"lifetime file {path}"
    try:
        with ptufile.PtuFile(path) as file:
            header = _Header.of(file, what, Path(path).stat().st_size)
            channels = [int(one) for one in file.active_channels]
            histogram = np.asarray(file.decode_histogram(dtype=np.uint32))
    except DeviceError:
        raise
    except Exception as error:  # a damaged file fails in ptufile in whatever way it likes
        raise DeviceError(
            f"{what}: cannot be read ({type(error).__name__}: {str(error)[:120]}); is it a .ptu file, and whole?"
        ) from error
    if channel is None and len(channels) == 1:
        channel = channels[0]
    if channel not in channels or histogram.ndim != 2 or len(channels) != histogram.shape[0]:
        raise DeviceError(f"{what}: channel {channel} is none of {channels}; name one of them")
    # ptufile ends a histogram with its last photon; the bins after it were counted too.
    seen = histogram[channels.index(channel)]
    counts = np.zeros(max(header.n_bins, seen.size), dtype=np.int64)
    counts[: seen.size] = seen
    time_ns = np.arange(counts.size, dtype=np.float64) * header.resolution_s * 1e9
    return Decay(time_ns, counts, channel, header.rate_Hz * 1e-3, header.acquisition_s)


@dataclass(frozen=True)
class _Header:
    resolution_s: float
    rate_Hz: float
    acquisition_s: float
    n_bins: int

    @classmethod
    def of(cls, file: Any, what: str, n_bytes: int) -> _Header:
        if not file.is_t3:
            raise DeviceError(f"{what}: recorded in T2 mode, which has no time after a pulse; record in T3 mode")
        header = cls(
            resolution_s=float(file.tcspc_resolution),
            rate_Hz=float(file.frequency),
            acquisition_s=float(file.acquisition_time or 0.0),
            n_bins=int(file.number_bins_in_period),
        )
        n_records = int(file.number_records)
        numbers = header.resolution_s, header.rate_Hz, header.acquisition_s
        is_sound = all(math.isfinite(x) and x >= 0 for x in numbers) and header.resolution_s > 0
        if not (is_sound and 0 < header.n_bins <= MOST_BINS and 0 < n_records <= n_bytes // 4):
            raise DeviceError(
                f"{what}: its header is damaged or it is cut short (resolution {header.resolution_s:g} s, rate "
                f"{header.rate_Hz:g} Hz, {header.n_bins:g} bins, {n_records:g} records); export it again from the "
                "counter's program"
            )
        return header
