"""A lifetime counter that is run by its vendor's program: this driver asks for a file, and waits until it is whole.

What is asked for is shown to an operator, and written beside the file for a program that runs the counter. Settings, how a
session or a script answers, and limits: docs/reference/drivers/lifetime.md.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from devices.capabilities import Capability
from devices.errors import CommunicationError, DeadlineError, DeviceError, RefusedError
from devices.histogram import Histogram

from .counter_request import CounterSettings, CountRequest
from .lane import Lane
from .picoquant import Decay, read_decay

__all__ = ["CountRequest", "CounterFiles", "CounterSettings"]

SAME_RATE = 0.02
"""Pulse rates that differ by less are one: the counter measures them."""
SAME_WIDTH = 1e-3


class CounterFiles:
    """A `devices.protocols.LifetimeDriver`; `connect` before use, `close` at the end.

    Bin width, pulse rate, power, filter and excitation are set by hand in the counter's program, or by a program of the
    bench: setting them here changes what the next request asks for. Bin width and rate are checked against the file.

    Args:
        settings: of the counter and its folder.
        tell: shows a request, or None when it is over; must not block.
    """

    def __init__(
        self, settings: CounterSettings, tell: Callable[[CountRequest | None], object] = lambda _request: None
    ) -> None:
        self.settings = settings
        self.excitation_nm = settings.excitation_nm
        self.filters = settings.filters
        self._tell = tell
        self._lock = threading.RLock()
        self._bin_width_ns = settings.bin_width_ns
        self._rate_kHz = settings.excitation_rate_kHz
        self._percent = 100.0
        self._filter = settings.filters[0]
        self._is_on = True
        self._response: NDArray[np.float64] | None = None
        self._request: CountRequest | None = None
        self._number = 0
        self._deadline_s = math.inf
        self._seen: tuple[int, int] | None = None
        self._trouble: DeviceError | None = None
        self._histogram = self._empty()
        self._lane: Lane[None] = Lane(
            f"lifetime counter in {settings.folder}", self._look, poll_s=settings.poll_s, stale_s=30.0
        )

    def connect(self, timeout_s: float = 5.0) -> None:
        """Read the response, if there is one, and begin to look at the folder.

        Raises:
            DeviceError: the response cannot be read, or is not of the bin width.
            CommunicationError: there is no such folder.
        """
        path = self.settings.response_file
        if path is not None:
            counts = self._kept(read_decay(path, self.settings.channel), f"response file {path}", self._bin_width_ns)
            if counts.sum() <= 0:
                raise DeviceError(f"response file {path}: it has no photons; take it anew")
            self._response = counts / counts.sum()
            self._histogram = self._empty()
        self._lane.start(timeout_s)

    def release(self) -> None:
        """Look no longer; an open request stays."""
        self._lane.stop()

    def close(self) -> None:
        """Take an open request back, and look no longer."""
        self._lane.stop()
        with self._lock:
            self._end()

    @property
    def capabilities(self) -> frozenset[Capability]:
        """A response, if one was read; all else is a hand's."""
        return frozenset({"instrument response"} if self._response is not None else ())

    @property
    def request(self) -> CountRequest | None:
        """What is asked for now."""
        return self._request

    @property
    def histogram(self) -> Histogram:
        """Of the last file."""
        return self._histogram

    @property
    def bin_width_ns(self) -> float:
        """That the next request asks for, ns."""
        return self._bin_width_ns

    @property
    def excitation_rate_kHz(self) -> float:
        """That the next request asks for, kHz."""
        return self._rate_kHz

    @property
    def excitation_percent(self) -> float:
        """That the next request asks for, percent."""
        return self._percent

    @property
    def filter(self) -> str:
        """That the next request asks for."""
        return self._filter

    @property
    def is_excitation_on(self) -> bool:
        """Whether the next request asks for light."""
        return self._is_on

    @property
    def is_busy(self) -> bool:
        """Whether a file is waited for.

        Raises:
            DeadlineError: it did not come in time.
            DeviceError: it came with other settings than were asked for.
        """
        with self._lock:  # an end is whole: its failure noted, its note gone, everybody told
            self._lane.state  # raises what went wrong on the thread  # noqa: B018
            return self._request is not None

    def start_bin_width(self, bin_width_ns: float) -> float:
        """Ask for it from now on."""
        self._change(f"bins of {bin_width_ns:g} ns")
        self._bin_width_ns = bin_width_ns
        self._histogram = self._empty()
        return 0.0

    def start_excitation_rate(self, excitation_rate_kHz: float) -> float:
        """Ask for it from now on."""
        self._change(f"pulses at {excitation_rate_kHz:g} kHz")
        self._rate_kHz = excitation_rate_kHz
        self._histogram = self._empty()
        return 0.0

    def start_excitation_percent(self, percent: float) -> float:
        """Ask for it from now on."""
        self._change(f"excitation at {percent:g} %")
        self._percent = percent
        self._histogram = self._empty()
        return 0.0

    def start_filter(self, name: str) -> float:
        """Ask for it from now on."""
        self._change(f"filter {name!r}")
        if name not in self.filters:
            raise RefusedError(f"{self._lane.name}: filter {name!r}: there are {', '.join(self.filters)}")
        self._filter = name
        self._histogram = self._empty()
        return 0.0

    def switch_excitation(self, on: bool) -> float:  # noqa: FBT001  # a switch has two positions
        """Ask for it from now on; what shines now is a hand's business."""
        self._is_on = on
        return 0.0

    def start_acquisition(self, duration_s: float, stop_at_counts: float) -> float:
        """Ask for a file; returns when to look first, s."""
        settings = self.settings
        with self._lock:
            self._change(f"count for {duration_s:g} s")
            taken = [int(one.stem[8:]) for one in settings.folder.glob("vitrail-*") if one.stem[8:].isdecimal()]
            # A number is never used again, not even that of a request that was taken back: its file may still come.
            self._number = max(self._number, *taken, 0) + 1
            path = settings.folder / f"vitrail-{self._number:05d}{settings.suffix}"
            request = CountRequest(
                path=path,
                duration_s=duration_s,
                stop_at_counts=stop_at_counts,
                bin_width_ns=self._bin_width_ns,
                excitation_rate_kHz=self._rate_kHz,
                excitation_percent=self._percent,
                excitation="on" if self._is_on else "off",
                filter=self._filter,
            )
            self._trouble, self._seen = None, None
            self._deadline_s = time.monotonic() + duration_s + settings.timeout_s

            def ask() -> None:
                note = path.with_suffix(".json")
                part = note.with_suffix(".part")  # renamed: who looks for requests never sees half of one
                with self._lock:
                    if self._request is not request:
                        return  # taken back already
                    try:
                        part.write_text(request.to_json(), encoding="utf-8")
                        part.replace(note)
                    except OSError as error:
                        self._request = None
                        raise CommunicationError(f"{error}; is its folder there, and may it be written?") from error

            self._request = request
        self._tell(request)
        self._lane.submit(f"count for {duration_s:g} s", ask)
        return duration_s if not stop_at_counts else 0.0

    def abort_acquisition(self) -> None:
        """Take the request back; a file that still comes is not read."""
        with self._lock:
            self._end()

    # -------------------------------------------------------------------------------------------------- on the thread
    def _look(self) -> None:
        with self._lock:
            request = self._request
            if request is None:
                if not self.settings.folder.is_dir():
                    raise CommunicationError(f"there is no folder {self.settings.folder}; is its drive connected?")
                return
            if time.monotonic() > self._deadline_s:
                reason = f"the file is there, but: {self._trouble}" if self._trouble else "the file did not come"
                error = DeadlineError(
                    f"{reason} (after {request.duration_s:g} s of counting and {self.settings.timeout_s:g} s of waiting; "
                    f"asked for: {request}); look at the counter's program, then count again"
                )
                self._lane.fail(f"count for {request.duration_s:g} s", error)
                self._end()
                return
        try:
            stat = request.path.stat()
        except OSError:
            return  # not there yet
        seen = stat.st_size, stat.st_mtime_ns
        if seen != self._seen:
            self._seen = seen  # it may still grow
            return
        try:
            decay = read_decay(request.path, self.settings.channel)
        except DeviceError as error:
            self._trouble = error  # half of a file, perhaps: the deadline will tell
            return
        self._take(request, decay)

    def _take(self, request: CountRequest, decay: Decay) -> None:
        failure: DeviceError | None = None
        histogram = self._histogram
        try:
            histogram = self._checked(request, decay)
        except DeviceError as error:
            failure = error
        with self._lock:
            if self._request is not request:
                return  # taken back in the meantime
            if failure:
                self._lane.fail(f"count for {request.duration_s:g} s", failure)
            self._histogram = histogram
            self._end()

    def _checked(self, request: CountRequest, decay: Decay) -> Histogram:
        what = f"file {request.path.name}"
        counts = self._kept(decay, what, request.bin_width_ns)
        if abs(decay.repetition_rate_kHz / request.excitation_rate_kHz - 1.0) > SAME_RATE:
            raise DeviceError(
                f"{what}: pulses at {decay.repetition_rate_kHz:g} kHz, {request.excitation_rate_kHz:g} kHz were asked for; "
                "set the laser's driver, and count again"
            )
        empty = self._empty()
        is_full = counts.max(initial=0.0) >= self.settings.most_counts
        is_at_peak = request.stop_at_counts > 0 and counts.max(initial=0.0) >= request.stop_at_counts
        return replace(
            empty,
            counts=counts,
            bin_width_ns=request.bin_width_ns,
            excitation_rate_kHz=decay.repetition_rate_kHz,
            acquisition_s=decay.acquisition_s,
            stopped_by="full" if is_full else "peak" if is_at_peak else "time",
        )

    def _kept(self, decay: Decay, what: str, bin_width_ns: float) -> NDArray[np.float64]:
        n_bins = self.settings.n_bins
        width_ns = float(decay.time_ns[1] - decay.time_ns[0]) if decay.time_ns.size > 1 else math.nan
        if not abs(width_ns / bin_width_ns - 1.0) <= SAME_WIDTH:
            raise DeviceError(
                f"{what}: bins of {width_ns:g} ns, {bin_width_ns:g} ns were asked for; set the resolution in the counter's "
                "program, and count again"
            )
        if decay.counts[n_bins:].any():
            raise DeviceError(
                f"{what}: photons after bin {n_bins}, which is all that is kept; give the settings a larger n_bins, or "
                "the counter wider bins"
            )
        counts = np.zeros(n_bins)
        kept = decay.counts[:n_bins]
        counts[: kept.size] = kept
        return counts

    # ---------------------------------------------------------------------------------------------------------- state
    def _empty(self) -> Histogram:
        settings = self.settings
        is_known = self._response is not None and abs(self._bin_width_ns / settings.bin_width_ns - 1.0) <= SAME_WIDTH
        response = self._response if self._response is not None and is_known else np.zeros(settings.n_bins)
        return Histogram.empty(settings.n_bins, response, self._bin_width_ns, self._rate_kHz, settings.most_counts)

    def _change(self, what: str) -> None:
        if self._request is not None:
            raise RefusedError(f"{self._lane.name}: {what}: it counts already ({self._request}); wait for it")

    def _end(self) -> None:
        if self._request is None:
            return
        try:
            self._request.path.with_suffix(".json").unlink(missing_ok=True)
            self._tell(None)
        finally:
            self._request = None
