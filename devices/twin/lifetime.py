"""The twin's lifetime driver: a photon counter beside the spectrometer's head, with a pulsed diode of its own."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from devices.capabilities import Capability
from devices.errors import RefusedError
from devices.histogram import Histogram

from .counter import MOST_COUNTS, N_BINS, BIN_WIDTHS_ns, PULSE_RATES_kHz
from .stage import TwinStage
from .world import World

__all__ = ["FILTERS", "TwinLifetime"]

FILTERS: dict[str, tuple[float, float]] = {"all": (430.0, 830.0), "green": (490.0, 550.0), "red": (570.0, 750.0)}
"""What each passes, nm."""
WARM_UP_S = 2.0
"""Of the diode, s."""
MOVE_S = 1.0
"""Of the filter wheel and of the diode's power, s."""


class TwinLifetime:
    """A `devices.protocols.LifetimeDriver`.

    Args:
        world: whose light it counts.
        stage: which says what is under the head.
    """

    capabilities: frozenset[Capability] = frozenset(
        {"settings", "excitation switch", "excitation power", "filter wheel", "instrument response"}
    )
    excitation_nm = 375.0
    filters = tuple(FILTERS)

    def __init__(self, world: World, stage: TwinStage) -> None:
        self._world = world
        self._stage = stage
        self._bin_width_ns: float = BIN_WIDTHS_ns[2]
        self._rate_kHz = 1000.0
        self._percent = 100.0
        self._filter = self.filters[0]
        self._is_on = False
        self._steady_s = 0.0
        self._running: tuple[Histogram, float] | None = None
        self._histogram = self._empty()

    @property
    def histogram(self) -> Histogram:
        """Of the last acquisition."""
        self._finish_if_due()
        return self._histogram

    @property
    def bin_width_ns(self) -> float:
        """Of a bin, ns."""
        return self._bin_width_ns

    @property
    def excitation_rate_kHz(self) -> float:
        """Of the pulses, kHz."""
        return self._rate_kHz

    @property
    def excitation_percent(self) -> float:
        """Of the diode's full power."""
        return self._percent

    @property
    def filter(self) -> str:
        """Before the detector."""
        return self._filter

    @property
    def is_excitation_on(self) -> bool:
        """Whether the diode pulses."""
        return self._is_on

    @property
    def is_busy(self) -> bool:
        """Whether it counts, warms up, or turns its wheel."""
        self._finish_if_due()
        return self._running is not None or self._world.clock.now_s < self._steady_s

    def start_bin_width(self, bin_width_ns: float) -> float:
        """One of `BIN_WIDTHS_ns`; at once."""
        width = next((one for one in BIN_WIDTHS_ns if abs(one - bin_width_ns) < 1e-6), None)
        self._check_idle(f"bins of {bin_width_ns:g} ns")
        if width is None:
            raise RefusedError(
                f"bins of {bin_width_ns:g} ns: the counter has {', '.join(f'{one:g}' for one in BIN_WIDTHS_ns)} ns"
            )
        self._bin_width_ns = width
        return self._changed(0.0)

    def start_excitation_rate(self, excitation_rate_kHz: float) -> float:
        """One of `PULSE_RATES_kHz`; at once."""
        self._check_idle(f"pulses at {excitation_rate_kHz:g} kHz")
        if excitation_rate_kHz not in PULSE_RATES_kHz:
            raise RefusedError(
                f"pulses at {excitation_rate_kHz:g} kHz: the diode has "
                f"{', '.join(f'{one:g}' for one in PULSE_RATES_kHz)} kHz"
            )
        self._rate_kHz = excitation_rate_kHz
        return self._changed(0.0)

    def start_excitation_percent(self, percent: float) -> float:
        """Turn the diode up or down; returns the time it takes, s."""
        self._check_idle(f"excitation at {percent:g} %")
        self._percent = percent
        return self._changed(MOVE_S)

    def start_filter(self, name: str) -> float:
        """Turn the wheel; returns the time it takes, s."""
        self._check_idle(f"filter {name!r}")
        if name not in FILTERS:
            raise RefusedError(f"filter {name!r}: the wheel has {', '.join(FILTERS)}")
        self._filter = name
        return self._changed(MOVE_S)

    def switch_excitation(self, on: bool) -> float:  # noqa: FBT001  # a switch has two positions
        """Switch the diode; returns the time until it is steady, s."""
        if on and not self._is_on:
            self._steady_s = self._world.clock.now_s + WARM_UP_S
        elif not on:
            self._steady_s = 0.0
        self._is_on = on
        return max(self._steady_s - self._world.clock.now_s, 0.0)

    def start_acquisition(self, duration_s: float, stop_at_counts: float) -> float:
        """Begin; returns the time it takes, s: what it will have counted is drawn when it begins."""
        self._check_idle(f"count for {duration_s:g} s")
        if self.is_busy:
            raise RefusedError(f"count for {duration_s:g} s: the diode warms up, or the filter turns; wait for it")
        world, counter = self._world, self._world.counter
        times_ns = counter.times_ns(self._bin_width_ns, self._rate_kHz)
        glow = np.zeros(times_ns.shape)
        if self._is_on:
            x_mm, y_mm = self._stage.position_mm("x"), self._stage.position_mm("y")
            flat = world.glow(x_mm, y_mm, passband_nm=FILTERS[self._filter], time_ns=times_ns.ravel())
            glow = flat.reshape(times_ns.shape)
        expected = counter.expect(glow, self._bin_width_ns, self._rate_kHz, 0.01 * self._percent)
        drawn = counter.count(expected, self._rate_kHz, duration_s, stop_at_counts)
        histogram = Histogram(
            counts=drawn.counts,
            response=self._response,
            bin_width_ns=self._bin_width_ns,
            excitation_rate_kHz=self._rate_kHz,
            acquisition_s=drawn.duration_s,
            stopped_by=drawn.stopped_by,
            most_counts=MOST_COUNTS,
        )
        self._running = histogram, world.clock.now_s + drawn.duration_s
        return drawn.duration_s

    def abort_acquisition(self) -> None:
        """Give up the running acquisition."""
        self._running = None

    @property
    def _response(self) -> NDArray[np.float64]:
        return self._world.counter.response(self._bin_width_ns)

    def _empty(self) -> Histogram:
        return Histogram.empty(N_BINS, self._response, self._bin_width_ns, self._rate_kHz, MOST_COUNTS)

    def _changed(self, duration_s: float) -> float:
        self._histogram = self._empty()
        self._steady_s = max(self._steady_s, self._world.clock.now_s + duration_s)
        return duration_s

    def _check_idle(self, what: str) -> None:
        self._finish_if_due()
        if self._running is not None:
            raise RefusedError(f"{what}: the lifetime counter counts already; wait for it")

    def _finish_if_due(self) -> None:
        if self._running is not None and self._world.clock.now_s >= self._running[1]:
            self._histogram, self._running = self._running[0], None
