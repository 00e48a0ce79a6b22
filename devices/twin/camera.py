"""The twin's camera driver: a microscope beside the laser's objective, with a white and an ultraviolet light."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from devices.capabilities import Capability
from devices.errors import RefusedError

from .microscope import FILTERS, SHAPE, PIXEL_um
from .sensor import FULL_COUNTS
from .stage import TwinStage
from .world import World

__all__ = ["TwinCamera"]

READ_OUT_S = 0.02
"""Of a picture, s."""
LIGHT_S = 0.2
"""Until a light-emitting diode is steady, s."""
TURN_S = 0.5
"""Of the filter wheel, s."""
MOST_GAIN = 16.0


class TwinCamera:
    """A `devices.protocols.CameraDriver`.

    Args:
        world: which it looks at.
        stage: which says what is under it.
    """

    capabilities: frozenset[Capability] = frozenset({"illumination", "filter wheel", "gain"})
    illuminations = ("off", "white", "uv_365nm")
    filters = tuple(FILTERS)
    pixel_size_um = PIXEL_um
    saturation_counts = FULL_COUNTS

    def __init__(self, world: World, stage: TwinStage) -> None:
        self._world = world
        self._stage = stage
        self._illumination = "off"
        self._filter = self.filters[0]
        self._steady_s = 0.0
        self._running: tuple[float, float, float] | None = None
        self._image = np.zeros((*SHAPE, 3), dtype=np.uint16)
        self._n_saturated = 0

    @property
    def image(self) -> NDArray[np.uint16]:
        """Raw counts of the last picture, shape [rows, columns, 3]."""
        self._finish_if_due()
        return self._image

    @property
    def n_saturated(self) -> int:
        """Full pixels of the last picture."""
        self._finish_if_due()
        return self._n_saturated

    @property
    def illumination(self) -> str:
        """Which light is on."""
        return self._illumination

    @property
    def filter(self) -> str:
        """Before the camera."""
        return self._filter

    @property
    def is_busy(self) -> bool:
        """Whether it exposes, a light comes up, or the wheel turns."""
        self._finish_if_due()
        return self._running is not None or self._world.clock.now_s < self._steady_s

    def start_illumination(self, name: str) -> float:
        """Switch a light; returns the time until it is steady, s."""
        if name not in self.illuminations:
            raise RefusedError(f"light {name!r}: the camera has {', '.join(self.illuminations)}")
        self._finish_if_due()
        if name == self._illumination:
            return max(self._steady_s - self._world.clock.now_s, 0.0)
        self._illumination = name
        return 0.0 if name == "off" else self._changed(LIGHT_S)

    def start_filter(self, name: str) -> float:
        """Turn the wheel; returns the time it takes, s."""
        if name not in FILTERS:
            raise RefusedError(f"filter {name!r}: the wheel has {', '.join(FILTERS)}")
        self._finish_if_due()
        if self._running is not None:
            raise RefusedError(f"filter {name!r}: the camera takes a picture; wait for it")
        if name == self._filter:
            return max(self._steady_s - self._world.clock.now_s, 0.0)
        self._filter = name
        return self._changed(TURN_S)

    def start_acquisition(self, exposure_s: float, gain: float) -> float:
        """Begin; returns the time it takes, s."""
        if not 1.0 <= gain <= MOST_GAIN:
            raise RefusedError(f"picture of {exposure_s:g} s: gain {gain:g}; it has 1 to {MOST_GAIN:g}")
        if self.is_busy:
            raise RefusedError(
                f"picture of {exposure_s:g} s: the camera takes one already, a light comes up, or its wheel turns; wait for it"
            )
        duration_s = exposure_s + READ_OUT_S
        self._running = exposure_s, gain, self._world.clock.now_s + duration_s
        return duration_s

    def abort_acquisition(self) -> None:
        """Give up the picture that is being taken."""
        self._running = None

    def _changed(self, duration_s: float) -> float:
        self._steady_s = max(self._steady_s, self._world.clock.now_s + duration_s)
        return duration_s

    def _finish_if_due(self) -> None:
        if self._running is None or self._world.clock.now_s < self._running[2]:
            return
        (exposure_s, gain, _), self._running = self._running, None
        self._image, self._n_saturated = self._world.photograph(
            self._stage.place_mm(),
            illumination=self._illumination,
            through=self._filter,
            exposure_s=exposure_s,
            gain=gain,
        )
