"""The spectrometer of an instrument that has none: it is dark, rests, and refuses every acquisition."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from devices.capabilities import Capability
from devices.errors import RefusedError

__all__ = ["AbsentSpectrometer"]


class AbsentSpectrometer:
    """A `devices.protocols.SpectrometerDriver` of one pixel that never sees anything."""

    capabilities: frozenset[Capability] = frozenset()
    saturation_counts = 1.0
    read_noise_counts = 0.0
    gain_counts_per_electron = 1.0
    is_lamp_on = False
    is_busy = False
    n_saturated = 0

    @property
    def wavelength_nm(self) -> NDArray[np.float64]:
        """One pixel, at 0 nm: shape [1]."""
        return np.zeros(1)

    @property
    def counts(self) -> NDArray[np.float64]:
        """Zero, shape [1]."""
        return np.zeros(1)

    def start_acquisition(self, integration_s: float, n_averages: int) -> float:
        """Refused.

        Raises:
            RefusedError: always.
        """
        raise RefusedError(
            f"spectrometer: {n_averages} exposures of {integration_s:g} s: this instrument has no spectrometer; leave "
            "the measurement out, or give it a table [bench.spectrometer] in instrument.toml"
        )

    def abort_acquisition(self) -> None:
        """Nothing runs."""

    def switch_lamp(self, on: bool) -> float:  # noqa: FBT001  # a switch has two positions
        """Off is where it is.

        Raises:
            RefusedError: it is to be switched on.
        """
        if on:
            raise RefusedError("spectrometer: switch the lamp on: this instrument has no spectrometer and no lamp")
        return 0.0
