"""The lifetime counter as a Bluesky device: a trigger counts photons by their time after the pulse."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from ophyd import Component, Kind
from ophyd.status import StatusBase

from .checks import flag
from .detector import Detector
from .errors import DriftError, SensorError, StuckError
from .histogram import Histogram
from .named import Named
from .protocols import LifetimeDriver
from .signals import Described, Reading, Setting
from .soft_signals import Choice, SoftSetting

__all__ = ["Counted", "Lifetime"]

MOST_COUNTS = 1e10
"""More than 32 bits, which no counter has for a bin."""
FEW_PHOTONS = 50.0
"""Up to so many, two histograms may be the same by chance: all of them may be empty."""


class Counted(Described):
    """Something of the last histogram: a number, text, or an array of its length.

    Args:
        read: from the histogram.
        array: it is as long as the histogram.
    """

    def __init__(self, *, read: Callable[[Histogram], Any], array: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._read = read
        self._n_bins = self.parent.driver.histogram.counts.size if array else None

    @property
    def source_name(self) -> str:
        """Where the value comes from."""
        return f"driver:{self.parent.name}.histogram"

    @property
    def _shape(self) -> tuple[int, ...]:
        return () if self._n_bins is None else (self._n_bins,)

    def get(self, **_: Any) -> Any:
        """A float, text, or an array of float64.

        Raises:
            SensorError: what the driver reads is no histogram.
        """
        value = self._read(self.parent.histogram())
        if self._n_bins is not None:
            return np.array(value, dtype=np.float64)
        return value if self._dtype_numpy.startswith("<U") else float(value)

    @property
    def position(self) -> Any:
        """The same as `get()`, under the name that Bluesky's magics look for."""
        return self.get()


def _excitation(driver: LifetimeDriver) -> str:
    return "on" if flag("lifetime_excitation", driver.is_excitation_on) else "off"


def _switch_excitation(lifetime: Lifetime, state: str) -> float:
    lifetime.wanted_excitation = state
    return lifetime.driver.switch_excitation(state == "on")


class Lifetime(Detector):
    """Choose bins, pulse rate, filter; switch the `excitation`; set `duration_s` and `stop_counts`, trigger, read.

    A changed setting clears the histogram: what an event says of the settings is what its histogram was counted with.
    `warning` is "pile-up" above 0.05 photons per pulse, "full" where a bin holds no more, or empty.
    """

    driver: LifetimeDriver
    margin_s = 30.0
    advice = "look at the counter, its diode and its cable, and count anew"

    counts = Component(
        Counted,
        read=lambda one: one.counts,
        array=True,
        unit="photons",
        doc="histogram of the last acquisition; bin i begins i widths after the sync",
    )
    response = Component(
        Counted,
        read=lambda one: one.response,
        array=True,
        unit="1",
        doc="of the instrument to the bare pulse, same bins, sum 1; zeros if none was measured",
    )
    acquisition_s = Component(Counted, read=lambda one: one.acquisition_s, unit="s", doc="how long it counted")
    count_rate_Hz = Component(
        Counted, read=lambda one: one.count_rate_Hz, unit="Hz", kind=Kind.hinted, doc="over that time"
    )
    photons_per_pulse = Component(
        Counted,
        read=lambda one: one.photons_per_pulse,
        unit="1",
        kind=Kind.hinted,
        doc="over that time; above 0.05 they pile up",
    )
    stopped_by = Component(
        Counted,
        read=lambda one: one.stopped_by,
        dtype_numpy="<U16",
        doc="`time`, `peak`, `full`, or empty before the first",
    )
    warning = Component(Counted, read=lambda one: one.warning, dtype_numpy="<U16", doc="`full`, `pile-up`, or empty")
    filter = Component(
        Named,
        one="filter",
        among="filters",
        command="start_filter",
        look_at="the filter wheel",
        doc="which light is counted",
    )
    excitation_percent = Component(
        Setting,
        attr="excitation_percent",
        command="start_excitation_percent",
        limit="excitation_percent",
        unit="%",
        tolerance=0.5,
        stands=1.0,
        doc="power of the pulses",
    )

    duration_s = Component(
        SoftSetting,
        value=60.0,
        limit="lifetime_duration_s",
        unit="s",
        kind=Kind.omitted,
        doc="the longest that `trigger` counts",
    )
    stop_counts = Component(
        SoftSetting,
        value=0.0,
        limit="lifetime_stop_counts",
        integer=True,
        unit="photons",
        kind=Kind.omitted,
        doc="ends it when the highest bin holds so many; 0: never",
    )
    bin_width_ns = Component(
        Setting,
        attr="bin_width_ns",
        command="start_bin_width",
        limit="lifetime_bin_width_ns",
        unit="ns",
        tolerance=1e-6,
        stands=1e-6,
        doc="the driver rounds to what the counter has",
    )
    excitation_rate_kHz = Component(
        Setting,
        attr="excitation_rate_kHz",
        command="start_excitation_rate",
        limit="excitation_rate_kHz",
        unit="kHz",
        tolerance=1e-3,
        stands=1.0,
        doc="of the pulses",
    )
    excitation = Component(
        Choice,
        choices=("off", "on"),
        read=_excitation,
        command=_switch_excitation,
        kind=Kind.omitted,
        doc="the pulses; off counts darks",
    )
    excitation_nm = Component(Reading, attr="excitation_nm", unit="nm", kind=Kind.config, doc="of the pulses")

    def __init__(self, *, labels: set[str] | None = None, **kwargs: Any) -> None:
        self.wanted_excitation: str | None = None
        self._last_counts: NDArray[np.float64] | None = None
        self._n_bins = kwargs["driver"].histogram.counts.size
        super().__init__(labels=labels or {"detectors"}, **kwargs)

    def histogram(self) -> Histogram:
        """The driver's, of the last acquisition.

        Raises:
            SensorError: it is none, or has counts that cannot be.
        """
        histogram: Any = self.driver.histogram  # what comes from a file or a wire may be anything
        if not isinstance(histogram, Histogram) or histogram.counts.shape != (self._n_bins,):
            raise SensorError(
                f"{self.name}_counts: reads {str(histogram)[:40]!r}, which is no histogram of {self._n_bins} bins; do not go on "
                f"by it; {self.advice}"
            )
        counts = histogram.counts
        if not (counts.min() >= 0 and counts.max() <= MOST_COUNTS):  # NaN is not
            raise SensorError(
                f"{self.name}_counts: reads {counts.min():g} to {counts.max():g} photons in a bin, plausible are 0 to "
                f"{MOST_COUNTS:g}; do not go on by it; {self.advice}"
            )
        return histogram

    def trigger(self) -> StatusBase:
        """Count; an acquisition that an abort left behind is given up first.

        Raises:
            RefusedError: a setting still moves.
            DriftError: the excitation is not what it was switched to.
        """
        self.end_in_flight(success=False)
        duration_s, stop_counts = self.duration_s.position, self.stop_counts.position
        until = f" or {stop_counts:g} photons in a bin" if stop_counts else ""
        what = f"{self.name}: count for {duration_s:g} s{until}"
        if self.wanted_excitation not in {None, excitation := self.excitation.get()}:
            raise DriftError(
                f"{what}: the excitation is {excitation}, it was switched {self.wanted_excitation}; the device may have "
                f"restarted; {self.advice}"
            )
        look_s = self.driver.start_acquisition(duration_s, stop_counts)

        return self.acquire(
            what,
            look_s,
            check=lambda: self._check_new(what),
            idle="it does not count",
            may_be_idle=lambda: self.histogram().stopped_by in {"peak", "full"},
            deadline_s=1.5 * duration_s + self.margin_s,
        )

    def forget(self) -> None:
        """The excitation and the counter may be in any state."""
        super().forget()
        self.wanted_excitation = self._last_counts = None

    def _check_new(self, what: str) -> None:
        """Raise what is wrong with a histogram as a whole: nothing was counted, or it is the one of before."""
        histogram = self.histogram()
        if not 0 < histogram.acquisition_s <= self.longest_s:
            raise StuckError(f"{what}: it has counted for {histogram.acquisition_s:g} s; {self.advice}")
        last, self._last_counts = self._last_counts, histogram.counts
        if last is not None and histogram.n_photons > FEW_PHOTONS and np.array_equal(last, histogram.counts):
            raise StuckError(
                f"{what}: {histogram.n_photons:g} photons in the same bins as before, and counting is never so; {self.advice}"
            )

    def unstage(self) -> list[object]:
        """Give up a running acquisition, and switch the excitation off where that can be done."""
        self.stop(success=False)
        if "excitation switch" in self.capabilities:
            self.driver.switch_excitation(on=False)
        unstaged: list[object] = super().unstage()
        return unstaged

    def _bring_to_rest(self) -> None:
        self.driver.abort_acquisition()
