"""Reads decays from the files of PicoQuant's photon counters, through `ptufile`: .ptu in T3 mode, and histograms, .phu.

The counter is run by its vendor's program, whose libraries are not free: a lifetime comes in as a file. Limits and
assumptions: docs/reference/drivers/lifetime.md.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from devices.errors import DeviceError

__all__ = ["Decay", "read_decay"]

TAG = struct.Struct("<32siIq")
TAGS_WITH_LENGTH = {0x4001FFFF, 0x4002FFFF, 0xFFFFFFFF, 0x2001FFFF}
"""Text, wide text, bytes, numbers: what follows the tag is as long as its value says."""
HISTOGRAM_MAGIC = b"PQHISTO\0"
MOST_CURVES = 512
MOST_BINS = 1_000_000
"""More bins in one period than any counter has: a file that says so is damaged."""


@dataclass(frozen=True)
class Decay:
    """Photons by their time after the pulse.

    Attributes:
        time_ns: beginning of each bin, shape [n_bins], ns.
        counts: photons, shape [n_bins].
        channel: of the counter, or curve of a histogram file, as the file numbers it.
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
        path: of a .ptu file in T3 mode, or of a .phu file; told apart by what is in them.
        channel: as the file numbers it, of a .phu file the curve, from 0; None takes the only one.

    Raises:
        DeviceError: no such file, it is damaged, of another kind or mode, or has no such channel.
    """
    import ptufile  # noqa: PLC0415  # an extra, for those who count photons

    what = f"lifetime file {path}"
    try:
        n_bytes = Path(path).stat().st_size
        with Path(path).open("rb") as opened:
            is_histogram = opened.read(len(HISTOGRAM_MAGIC)) == HISTOGRAM_MAGIC
            _check_lengths(opened, what, n_bytes)
            opened.seek(
                0
            )  # ptufile is given the open file: one that it opens itself stays open where its header is bad
            if is_histogram:
                with ptufile.PhuFile(opened) as file:
                    headers = _histogram_headers(file, what, n_bytes)
                    curves = {i: np.asarray(one) for i, one in enumerate(file.histograms())}
            else:
                with ptufile.PtuFile(opened) as file:
                    header = _Header.of(file, what, n_bytes)
                    channels = [int(one) for one in file.active_channels]
                    histogram = np.asarray(file.decode_histogram(dtype=np.uint32))
                curves = dict(zip(channels, histogram, strict=True))
                headers = dict.fromkeys(channels, header)
    except DeviceError:
        raise
    except Exception as error:  # a damaged file fails in ptufile in whatever way it likes
        raise DeviceError(
            f"{what}: cannot be read ({type(error).__name__}: {str(error)[:120]}); is it a .ptu or .phu file, and whole?"
        ) from error
    if channel is None and len(curves) == 1:
        (channel,) = curves
    if channel is None or channel not in curves:
        raise DeviceError(f"{what}: channel {channel} is none of {sorted(curves)[:64]}; name one of them")
    # ptufile ends the histogram of a .ptu file with its last photon; the bins after it were counted too.
    seen, header = curves[channel], headers[channel]
    if is_histogram and seen.size != header.n_bins:
        raise DeviceError(f"{what}: {seen.size} bins are there, {header.n_bins} are due; it is cut short")
    counts = np.zeros(max(header.n_bins, seen.size), dtype=np.int64)
    counts[: seen.size] = seen
    time_ns = np.arange(counts.size, dtype=np.float64) * header.resolution_s * 1e9
    return Decay(time_ns, counts, channel, header.rate_Hz * 1e-3, header.acquisition_s)


def _check_lengths(file: BinaryIO, what: str, n_bytes: int) -> None:
    """Raise DeviceError where a tag says that it is longer than the file: ptufile would make room for it first."""
    file.seek(16)
    while len(tag := file.read(TAG.size)) == TAG.size:
        name, _, kind, length = TAG.unpack(tag)
        if name.startswith(b"Header_End"):
            return
        if kind in TAGS_WITH_LENGTH:
            if not 0 <= length <= n_bytes - file.tell():
                raise DeviceError(f"{what}: a part of its header is longer than the file; it is damaged or cut short")
            file.seek(length, 1)
    raise DeviceError(f"{what}: its header has no end; is it a .ptu or .phu file, and whole?")


def _histogram_headers(file: Any, what: str, n_bytes: int) -> dict[int, _Header]:
    """What a .phu file says of each of its curves, by its place."""
    tags = file.tags
    n_curves = int(tags["HistoResult_NumberOfCurves"])
    if not 0 < n_curves <= MOST_CURVES:
        raise DeviceError(f"{what}: it says that it has {n_curves} curves; its header is damaged")
    headers = {}
    for i in range(n_curves):
        header = _Header(
            resolution_s=float(tags["HistResDscr_MDescResolution"][i]),
            rate_Hz=float(tags["HistResDscr_SyncRate"][i]),
            acquisition_s=float(tags["HistResDscr_MDescStopAfter"][i]) * 1e-3,
            n_bins=int(tags["HistResDscr_HistogramBins"][i]),
        )
        offset = int(tags["HistResDscr_DataOffset"][i])
        header.check(what, offset >= 0 and offset + 4 * header.n_bins <= n_bytes)
        headers[i] = header
    return headers


@dataclass(frozen=True)
class _Header:
    resolution_s: float
    rate_Hz: float
    acquisition_s: float
    n_bins: int

    @classmethod
    def of(cls, file: Any, what: str, n_bytes: int) -> _Header:
        """Of a .ptu file."""
        if not file.is_t3:
            raise DeviceError(f"{what}: recorded in T2 mode, which has no time after a pulse; record in T3 mode")
        header = cls(
            resolution_s=float(file.tcspc_resolution),
            rate_Hz=float(file.frequency),
            acquisition_s=float(file.acquisition_time or 0.0),
            n_bins=int(file.number_bins_in_period),
        )
        header.check(what, 0 < int(file.number_records) <= n_bytes // 4)
        return header

    def check(self, what: str, is_whole: bool) -> None:  # noqa: FBT001  # the one thing that the header cannot say
        """Raise DeviceError for numbers that no counter writes."""
        numbers = self.resolution_s, self.rate_Hz, self.acquisition_s
        is_sound = all(math.isfinite(x) and x >= 0 for x in numbers) and self.resolution_s > 0
        if not (is_sound and 0 < self.n_bins <= MOST_BINS and is_whole):
            raise DeviceError(
                f"{what}: its header is damaged or it is cut short (resolution {self.resolution_s:g} s, rate "
                f"{self.rate_Hz:g} Hz, {self.n_bins:g} bins); export it again from the counter's program"
            )
