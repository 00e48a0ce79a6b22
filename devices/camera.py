"""The camera with its microscope and lights as a Bluesky device: a trigger takes a picture."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from ophyd import Component, Kind
from ophyd.status import StatusBase

from .detector import Detector
from .errors import DriftError, SensorError, StuckError
from .named import Named
from .protocols import CameraDriver
from .signals import Described, Reading
from .soft_signals import SoftSetting

__all__ = ["Camera", "Picture"]


class Picture(Described):
    """The driver's last picture: uint16, shape [rows, columns, 3], which it keeps from the time that the device is made."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(dtype_numpy="<u2", **kwargs)
        shape = self.parent.driver.image.shape
        self._fixed: tuple[int, int, int] = (int(shape[0]), int(shape[1]), int(shape[2]))

    @property
    def source_name(self) -> str:
        """Where the value comes from."""
        return f"driver:{self.parent.name}.image"

    @property
    def _shape(self) -> tuple[int, ...]:
        return self._fixed

    def get(self, **_: Any) -> NDArray[np.uint16]:
        """A copy of it.

        Raises:
            SensorError: what the driver reads is no picture of this camera.
        """
        image: Any = self.parent.driver.image  # what comes from a library may be anything
        most = self.parent.driver.saturation_counts
        if not isinstance(image, np.ndarray) or image.shape != self._fixed or image.dtype != np.uint16:
            what = f"shape {image.shape} of {image.dtype}" if isinstance(image, np.ndarray) else repr(image)[:40]
            raise SensorError(
                f"{self.name}: reads {what}, which cannot be: a picture has shape {self._fixed} of uint16; do not go on by it, "
                "check the camera and its cable"
            )
        if image.max() > most:
            raise SensorError(
                f"{self.name}: reads up to {image.max()} counts, and a pixel is full at {most:g} counts; do not go on by it, "
                "check the camera's bit depth"
            )
        return np.array(image)

    @property
    def position(self) -> NDArray[np.uint16]:
        """The same as `get()`, under the name that Bluesky's magics look for."""
        return self.get()


class Camera(Detector):
    """Choose `illumination` and `filter`, set `exposure_s` and `gain`, trigger, read.

    The image is as the camera gives it: raw counts, linear in light, with the offset of its converter. Dark and flat are
    pictures too, taken by a plan; what becomes of them is the analysis's business.
    """

    driver: CameraDriver
    advice = "check the camera's cable and power, and take the picture anew"

    image = Component(
        Picture,
        unit="counts",
        doc="raw, offset not taken off; red, green, blue of linear sRGB; row 0 where y is greatest",
    )
    n_saturated = Component(
        Reading,
        attr="n_saturated",
        unit="pixels",
        plausible=(0.0, 1e9),
        kind=Kind.hinted,
        doc="full in at least one colour",
    )
    exposure_s = Component(SoftSetting, value=0.01, limit="camera_exposure_s", unit="s", doc="of a picture")
    gain = Component(SoftSetting, value=1.0, limit="camera_gain", unit="1", doc="factor on the counts")
    illumination = Component(
        Named,
        one="illumination",
        among="illuminations",
        command="start_illumination",
        look_at="the lights",
        doc="one light at a time",
    )
    filter = Component(
        Named,
        one="filter",
        among="filters",
        command="start_filter",
        look_at="the filter wheel",
        doc="before the camera",
    )
    pixel_size_um = Component(
        Reading, attr="pixel_size_um", unit="um", plausible=(1e-3, 1e4), kind=Kind.config, doc="on the coupon"
    )
    saturation_counts = Component(
        Reading, attr="saturation_counts", unit="counts", kind=Kind.config, doc="a full pixel"
    )

    def __init__(self, *, labels: set[str] | None = None, **kwargs: Any) -> None:
        self._last_image: NDArray[np.uint16] | None = None
        super().__init__(labels=labels or {"detectors"}, **kwargs)

    def trigger(self) -> StatusBase:
        """Take a picture; one that an abort left behind is given up first.

        Raises:
            RefusedError: a light comes up, or the filter turns.
            DriftError: the light or the filter is not what it was changed to.
        """
        self.end_in_flight(success=False)
        exposure_s, gain = self.exposure_s.position, self.gain.position
        what = f"{self.name}: picture of {exposure_s:g} s"
        for choice in (self.illumination, self.filter):
            if choice.wanted not in {None, now := choice.get()}:
                raise DriftError(
                    f"{what}: {choice.name} is {now}, it was changed to {choice.wanted}; the device may have restarted; "
                    f"{self.advice}"
                )
        expected_s = self.driver.start_acquisition(exposure_s, gain)

        return self.acquire(what, expected_s, check=lambda: self._check_new(what), idle="it is not being taken")

    def forget(self) -> None:
        """Lights, filter and camera may be in any state."""
        super().forget()
        self._last_image = self.illumination.wanted = self.filter.wanted = None

    def _check_new(self, what: str) -> None:
        """Raise if it is the picture of before: noise, where there is any, is never the same twice."""
        image = self.image.get()
        last, self._last_image = self._last_image, image
        is_noisy = np.median(np.abs(np.diff(image[..., 1].astype(np.int64), 2, axis=1))) > 0
        if last is not None and is_noisy and np.array_equal(last, image):
            raise StuckError(f"{what}: the same counts in every pixel as before, and noise is never so; {self.advice}")

    def unstage(self) -> list[object]:
        """Give up a running acquisition, and switch the light off where that can be done."""
        self.stop(success=False)
        if "illumination" in self.capabilities:
            self.driver.start_illumination("off")
        unstaged: list[object] = super().unstage()
        return unstaged

    def _bring_to_rest(self) -> None:
        self.driver.abort_acquisition()
