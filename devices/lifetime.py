"""The lifetime counter as a Bluesky device: a trigger counts photons by their time after the pulse."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from ophyd import Component, Kind
from ophyd.status import StatusBase

from .histogram import Histogram
from .protocols import LifetimeDriver
from .role import Role
from .signals import Choice, Described, Reading, Setting, SoftSetting

__all__ = ["Counted", "Filter", "Lifetime"]


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
        """A float, text, or an array of float64."""
        value = self._read(self.parent.driver.histogram)
        if self._n_bins is not None:
            return np.array(value, dtype=np.float64)
        return value if self._dtype_numpy.startswith("<U") else float(value)

    @property
    def position(self) -> Any:
        """The same as `get()`, under the name that Bluesky's magics look for."""
        return self.get()


class Filter(Choice):
    """Which filter is before the detector; the driver knows their names."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            choices=(),
            read=lambda driver: str(driver.filter),
            command=lambda role, name: float(role.driver.start_filter(name)),
            **kwargs,
        )
        self._choices = self.parent.driver.filters


def _excitation(driver: LifetimeDriver) -> str:
    return "on" if driver.is_excitation_on else "off"


def _switch_excitation(lifetime: Lifetime, state: str) -> float:
    return lifetime.driver.switch_excitation(state == "on")


class Lifetime(Role):
    """Choose bins, pulse rate, filter; switch the `excitation`; set `duration_s` and `stop_counts`, trigger, read.

    A changed setting clears the histogram: what an event says of the settings is what its histogram was counted with.
    `warning` is "pile-up" above 0.05 photons per pulse, "full" where a bin holds no more, or empty.
    """

    driver: LifetimeDriver
    margin_s = 30.0

    counts = Component(Counted, read=lambda one: one.counts, array=True, unit="photons")
    response = Component(Counted, read=lambda one: one.response, array=True, unit="1")
    acquisition_s = Component(Counted, read=lambda one: one.acquisition_s, unit="s")
    count_rate_Hz = Component(Counted, read=lambda one: one.count_rate_Hz, unit="Hz", kind=Kind.hinted)
    photons_per_pulse = Component(Counted, read=lambda one: one.photons_per_pulse, unit="1", kind=Kind.hinted)
    stopped_by = Component(Counted, read=lambda one: one.stopped_by, dtype_numpy="<U16")
    warning = Component(Counted, read=lambda one: one.warning, dtype_numpy="<U16")
    filter = Component(Filter)
    excitation_percent = Component(
        Setting,
        attr="excitation_percent",
        command="start_excitation_percent",
        limit="excitation_percent",
        unit="%",
        tolerance=0.5,
        stands=1.0,
    )

    duration_s = Component(SoftSetting, value=60.0, limit="lifetime_duration_s", unit="s", kind=Kind.omitted)
    stop_counts = Component(
        SoftSetting, value=0.0, limit="lifetime_stop_counts", integer=True, unit="photons", kind=Kind.omitted
    )
    bin_width_ns = Component(
        Setting,
        attr="bin_width_ns",
        command="start_bin_width",
        limit="lifetime_bin_width_ns",
        unit="ns",
        tolerance=1e-6,
        stands=1e-6,
    )
    excitation_rate_kHz = Component(
        Setting,
        attr="excitation_rate_kHz",
        command="start_excitation_rate",
        limit="excitation_rate_kHz",
        unit="kHz",
        tolerance=1e-3,
        stands=1.0,
    )
    excitation = Component(
        Choice, choices=("off", "on"), read=_excitation, command=_switch_excitation, kind=Kind.omitted
    )
    excitation_nm = Component(Reading, attr="excitation_nm", unit="nm", kind=Kind.config)

    def __init__(self, *, labels: set[str] | None = None, **kwargs: Any) -> None:
        super().__init__(labels=labels or {"detectors"}, **kwargs)

    def trigger(self) -> StatusBase:
        """Count; an acquisition that an abort left behind is given up first.

        Raises:
            RefusedError: a setting still moves.
        """
        self.stop(success=False)
        duration_s, stop_counts = self.duration_s.position, self.stop_counts.position
        look_s = self.driver.start_acquisition(duration_s, stop_counts)
        until = f" or {stop_counts:g} photons in a bin" if stop_counts else ""
        return self.begin(
            f"{self.name}: count for {duration_s:g} s{until}",
            lambda: not self.driver.is_busy,
            expected_s=look_s,
            deadline_s=1.5 * duration_s + self.margin_s,
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
