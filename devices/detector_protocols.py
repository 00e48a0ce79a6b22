"""What a driver of each role that looks at light must offer: spectrometer, lifetime counter, camera; plain Python.

The rules of `devices.protocols` hold for them too.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from .capabilities import Capability
from .histogram import Histogram

__all__ = ["CameraDriver", "LifetimeDriver", "LineLampDriver", "SpectrometerDriver"]


class SpectrometerDriver(Protocol):
    """Spectrometer with its 365 nm excitation lamp (P6)."""

    @property
    def capabilities(self) -> frozenset[Capability]:
        """What it has of `devices.capabilities.CAPABILITIES`."""

    @property
    def wavelength_nm(self) -> NDArray[np.float64]:
        """Wavelength axis as the instrument states it, shape [n_pixels], nm, rising."""

    @property
    def saturation_counts(self) -> float:
        """Count at which a pixel is full."""

    @property
    def read_noise_counts(self) -> float:
        """One-sigma read noise of one exposure, counts."""

    @property
    def gain_counts_per_electron(self) -> float:
        """Counts that one electron makes: shot noise has the variance gain x counts, in counts squared."""

    @property
    def is_lamp_on(self) -> bool:
        """Whether the excitation lamp is on."""

    @property
    def is_busy(self) -> bool:
        """Whether an acquisition runs or the lamp warms up."""

    @property
    def counts(self) -> NDArray[np.float64]:
        """Raw mean counts of the last acquisition (dark not taken off), shape [n_pixels]; zeros before the first."""

    @property
    def n_saturated(self) -> int:
        """Pixels of the last acquisition that were full in at least one exposure."""

    def start_acquisition(self, integration_s: float, n_averages: int) -> float:
        """Begin `n_averages` exposures of `integration_s`; returns the expected time, s.

        Raises:
            RefusedError: an acquisition runs.
        """

    def abort_acquisition(self) -> None:
        """Give up the running acquisition; the last counts stay."""

    def switch_lamp(self, on: bool) -> float:  # noqa: FBT001  # a switch has two positions
        """Switch the excitation lamp; returns the expected time until it is steady, s."""


class LineLampDriver(Protocol):
    """What a spectrometer's driver with the capability "line lamp" has besides: a lamp of known lines before its slit."""

    @property
    def line_lamp_gas(self) -> str:
        """What is in it, by its symbols: "Hg-Ar"."""

    @property
    def is_line_lamp_on(self) -> bool:
        """Whether it is on."""

    def switch_line_lamp(self, on: bool) -> float:  # noqa: FBT001  # a switch has two positions
        """Switch it; returns the expected time until it is steady, s, for which the spectrometer is busy."""


class LifetimeDriver(Protocol):
    """Photon counter with a pulsed excitation (375 or 405 nm): a histogram of photons by their time after the pulse."""

    @property
    def capabilities(self) -> frozenset[Capability]:
        """What it has of `devices.capabilities.CAPABILITIES`."""

    @property
    def histogram(self) -> Histogram:
        """Of the last acquisition; zeros before the first, and after a setting was changed. It never changes its length."""

    @property
    def bin_width_ns(self) -> float:
        """Width of a bin of the next acquisition, ns."""

    @property
    def excitation_rate_kHz(self) -> float:
        """Pulse rate of the next acquisition, kHz."""

    @property
    def excitation_percent(self) -> float:
        """Power of the excitation, percent of its most."""

    @property
    def excitation_nm(self) -> float:
        """Wavelength of the excitation, nm."""

    @property
    def filters(self) -> tuple[str, ...]:
        """Names of the filters before the detector; the first is the one that it begins with."""

    @property
    def filter(self) -> str:
        """The one that is in."""

    @property
    def is_excitation_on(self) -> bool:
        """Whether the excitation pulses."""

    @property
    def is_busy(self) -> bool:
        """Whether it counts, or a setting still moves."""

    def start_bin_width(self, bin_width_ns: float) -> float:
        """Choose the width of a bin; returns the expected time, s.

        Raises:
            RefusedError: it has no such width, or counts.
        """

    def start_excitation_rate(self, excitation_rate_kHz: float) -> float:
        """Choose the pulse rate; returns the expected time, s.

        Raises:
            RefusedError: it has no such rate, or counts.
        """

    def start_excitation_percent(self, percent: float) -> float:
        """Choose the power of the excitation; returns the expected time, s.

        Raises:
            RefusedError: it cannot, or counts.
        """

    def start_filter(self, name: str) -> float:
        """Put a filter in; returns the expected time, s.

        Raises:
            RefusedError: there is none of that name, or it counts.
        """

    def switch_excitation(self, on: bool) -> float:  # noqa: FBT001  # a switch has two positions
        """Switch the excitation; returns the expected time until it is steady, s.

        Raises:
            RefusedError: it cannot.
        """

    def start_acquisition(self, duration_s: float, stop_at_counts: float) -> float:
        """Begin to count, for `duration_s` or until the highest bin holds `stop_at_counts` (0: never), or is full.

        Returns:
            When to look first, s: the end may come earlier than `duration_s`.

        Raises:
            RefusedError: it counts already.
        """

    def abort_acquisition(self) -> None:
        """Give up the running acquisition; the last histogram stays."""


class CameraDriver(Protocol):
    """Colour camera on a microscope that looks at the coupon, with its lights and a filter before it."""

    @property
    def capabilities(self) -> frozenset[Capability]:
        """What it has of `devices.capabilities.CAPABILITIES`."""

    @property
    def image(self) -> NDArray[np.uint16]:
        """Raw counts of the last picture, shape [rows, columns, 3]: red, green, blue of linear sRGB; zeros before the first.

        The offset of the converter is in them. Row 0 is where y of the coupon is greatest, column 0 where x is least. The
        shape never changes.
        """

    @property
    def pixel_size_um(self) -> float:
        """Side of a pixel on the coupon, um."""

    @property
    def saturation_counts(self) -> float:
        """Count at which a pixel is full."""

    @property
    def n_saturated(self) -> int:
        """Pixels of the last picture that were full in at least one colour."""

    @property
    def illuminations(self) -> tuple[str, ...]:
        """Its lights by name: "off", and of "white" and "uv_365nm" (P6) those that it has."""

    @property
    def illumination(self) -> str:
        """The one that is on, or "off"."""

    @property
    def filters(self) -> tuple[str, ...]:
        """Names of the filters before the camera; the first is the one that it begins with."""

    @property
    def filter(self) -> str:
        """The one that is in."""

    @property
    def is_busy(self) -> bool:
        """Whether a picture is being taken, a light comes up, or the filter turns."""

    def start_illumination(self, name: str) -> float:
        """Switch one light on and the others off; returns the expected time until it is steady, s.

        Raises:
            RefusedError: there is none of that name.
        """

    def start_filter(self, name: str) -> float:
        """Put a filter in; returns the expected time, s.

        Raises:
            RefusedError: there is none of that name, or a picture is being taken.
        """

    def start_acquisition(self, exposure_s: float, gain: float) -> float:
        """Begin to take a picture; returns the expected time, s.

        Args:
            exposure_s: of the picture.
            gain: factor on the counts, as the camera states it; 1 is its least.

        Raises:
            RefusedError: one is being taken, a light comes up or the filter turns, or it has no such exposure or gain.
        """

    def abort_acquisition(self) -> None:
        """Give up the picture that is being taken; the last one stays."""
