"""The twin's spectrometer driver: lamp, acquisition, counts."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from devices.capabilities import Capability
from devices.errors import RefusedError

from .detector import FULL_COUNTS, N_PIXELS, GAIN_counts_e
from .lamp import GAS
from .stage import TwinStage
from .world import World

__all__ = ["TwinSpectrometer"]

WARM_UP_S = 1.0
"""Of the excitation lamp, s."""
LINES_WARM_UP_S = 60.0
"""Of the lamp of known lines, s: until then it is argon rather than mercury that shines."""
READ_OUT_S = 0.005
"""Of one exposure, s."""
READ_NOISE_COUNTS = 10.0
"""As the data sheet states it."""


class TwinSpectrometer:
    """A `devices.protocols.SpectrometerDriver`.

    Args:
        world: whose detector it reads.
        stage: which says what is under the head.
    """

    capabilities: frozenset[Capability] = frozenset({"lamp", "line lamp"})
    line_lamp_gas = GAS
    saturation_counts = FULL_COUNTS
    read_noise_counts = READ_NOISE_COUNTS
    gain_counts_per_electron = GAIN_counts_e

    def __init__(self, world: World, stage: TwinStage) -> None:
        self._world = world
        self._stage = stage
        self._is_lamp_on = self._is_line_lamp_on = self._is_standard_lamp_held = False
        self._steady_s = 0.0
        self._settings: tuple[float, int] | None = None
        self._ready_s = 0.0
        self._counts = np.zeros(N_PIXELS)
        self._n_saturated = 0

    @property
    def wavelength_nm(self) -> NDArray[np.float64]:
        """The stated axis, shape [n_pixels], nm."""
        return self._world.detector.stated_nm

    @property
    def is_lamp_on(self) -> bool:
        """Whether the lamp is on."""
        return self._is_lamp_on

    @property
    def is_line_lamp_on(self) -> bool:
        """Whether the lamp of known lines is on."""
        return self._is_line_lamp_on

    @property
    def is_busy(self) -> bool:
        """Whether an acquisition runs or the lamp warms up."""
        self._finish_if_due()
        return self._settings is not None or self._world.clock.now_s < self._steady_s

    @property
    def counts(self) -> NDArray[np.float64]:
        """Raw mean counts of the last acquisition, shape [n_pixels]."""
        self._finish_if_due()
        return self._counts

    @property
    def n_saturated(self) -> int:
        """Full pixels of the last acquisition."""
        self._finish_if_due()
        return self._n_saturated

    def start_acquisition(self, integration_s: float, n_averages: int) -> float:
        """Begin; returns the time it takes, s."""
        if self.is_busy:
            raise RefusedError("the spectrometer acquires already, or its lamp warms up; wait for it")
        duration_s = n_averages * (integration_s + READ_OUT_S)
        self._settings = integration_s, n_averages
        self._ready_s = self._world.clock.now_s + duration_s
        return duration_s

    def abort_acquisition(self) -> None:
        """Give up the running acquisition."""
        self._settings = None

    def switch_lamp(self, on: bool) -> float:  # noqa: FBT001  # a switch has two positions
        """Switch the lamp; returns the time until it is steady, s."""
        if on and not self._is_lamp_on:
            self._steady_s = self._world.clock.now_s + WARM_UP_S
        elif not on:
            self._steady_s = 0.0
        self._is_lamp_on = on
        return max(self._steady_s - self._world.clock.now_s, 0.0)

    def switch_line_lamp(self, on: bool) -> float:  # noqa: FBT001  # a switch has two positions
        """Switch the lamp of known lines; returns the time until it is steady, s."""
        if on and not self._is_line_lamp_on:
            self._steady_s = max(self._steady_s, self._world.clock.now_s + LINES_WARM_UP_S)
        self._is_line_lamp_on = on
        return max(self._steady_s - self._world.clock.now_s, 0.0) if on else 0.0

    def hold_standard_lamp(self, words: str) -> None:
        """What a person does with a standard lamp when a plan says so: the `operator` of `calibrate_response`.

        Args:
            words: of the plan; they begin with "Cover" or "Uncover".
        """
        self._is_standard_lamp_held = words.startswith("Uncover")

    def _finish_if_due(self) -> None:
        if self._settings is None or self._world.clock.now_s < self._ready_s:
            return
        (integration_s, n_averages), self._settings = self._settings, None
        x_mm, y_mm, _ = self._stage.place_mm()
        self._counts, self._n_saturated = self._world.acquire(
            x_mm,
            y_mm,
            lamp_on=self._is_lamp_on,
            integration_s=integration_s,
            n_averages=n_averages,
            line_lamp_on=self._is_line_lamp_on,
            is_standard_lamp_held=self._is_standard_lamp_held,
        )
