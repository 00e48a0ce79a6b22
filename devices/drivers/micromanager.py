"""Driver of a microscope camera with its lights and filters through Micro-Manager's core: a `devices.protocols.CameraDriver`.

The core (`pymmcore`) loads the vendors' adapters and blocks while a picture is taken; all calls are made on a thread of its
own. Settings, what the configuration file must hold, limits: docs/reference/drivers/camera.md.
"""

from __future__ import annotations

import functools
import math
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from devices.capabilities import Capability
from devices.errors import CommunicationError, DeviceError, RefusedError

from .lane import Lane

__all__ = ["MicroManagerCamera", "MicroManagerSettings"]

ILLUMINATIONS = ("off", "white", "uv_365nm")
COLOUR_COMPONENTS = 4
"""Of a pixel of Micro-Manager's colour pictures: blue, green, red, and one that is not used."""


@dataclass(frozen=True)
class MicroManagerSettings:
    """What the driver must know of the microscope.

    Attributes:
        adapters: folder of Micro-Manager's device adapters, of the device interface that `pymmcore` has.
        config: its hardware configuration, as its wizard writes it.
        pixel_size_um: side of a pixel on the coupon, with the binning; None takes what the configuration states.
        illumination_group: configuration group whose presets are named "off" and "white" or "uv_365nm" or both.
        filter_group: configuration group with a preset a filter; empty where there is no filter wheel.
        gain_property: of the camera; empty where the gain is not to be set.
        settle_s: until a light or the filter that says that it is there is steady.
        read_out_s: of a picture beyond its exposure.
    """

    adapters: Path
    config: Path
    pixel_size_um: float | None = None
    illumination_group: str = "Illumination"
    filter_group: str = ""
    gain_property: str = ""
    settle_s: float = 0.2
    read_out_s: float = 0.1


class MicroManagerCamera:
    """A `devices.protocols.CameraDriver`; `connect` before use, `close` at the end.

    Args:
        settings: of the microscope.
        make_core: gives a `pymmcore.CMMCore`; None: a new one.
    """

    def __init__(self, settings: MicroManagerSettings, make_core: Callable[[], Any] | None = None) -> None:
        self.settings = settings
        self._make_core = make_core
        self._core: Any = None
        self._image = np.zeros((1, 1, 3), dtype=np.uint16)
        self._n_saturated = 0
        self._is_given_up = threading.Event()
        self.saturation_counts = 255.0
        self.pixel_size_um = math.nan
        self.illuminations: tuple[str, ...] = ()
        self.filters: tuple[str, ...] = ("none",)
        self._lane: Lane[tuple[str, str]] = Lane(
            f"camera of {settings.config}", self._look, poll_s=1.0, stale_s=math.inf, deadline_s=math.inf
        )  # a picture may last, and the device of the role has its deadline

    def connect(self, timeout_s: float = 30.0) -> None:
        """Load the configuration, and see that it is of a colour camera with lights.

        Raises:
            CommunicationError: it cannot be loaded.
            RefusedError: it is not of what this driver needs.
            ModuleNotFoundError: pymmcore is not installed.
        """
        if self._make_core is None:
            import pymmcore  # noqa: PLC0415  # an extra

            self._make_core = pymmcore.CMMCore
        settings, core = self.settings, self._make_core()
        self._core = core
        try:
            core.setDeviceAdapterSearchPaths([str(settings.adapters)])
            core.loadSystemConfiguration(str(settings.config))
        except (RuntimeError, OSError) as error:  # the latter where a file is not what it should be
            raise CommunicationError(
                f"{self._lane.name}: load it: {error}; check the file, that the adapters in {settings.adapters} are of the "
                "device interface that pymmcore has, and whether another program has the camera"
            ) from error
        self._take_stock()
        self._lane.start(timeout_s)

    def close(self) -> None:
        """Lights off, and let go of all devices."""
        try:
            if self.illuminations:
                self.start_illumination("off")
        finally:
            self.release()

    def release(self) -> None:
        """Let go of all devices, and leave the lights as they are."""
        self.abort_acquisition()
        self._lane.stop()
        if self._core is not None:
            self._core.reset()

    @property
    def capabilities(self) -> frozenset[Capability]:
        """Of lights always; of a filter wheel and of the gain where the settings name them."""
        has: set[Capability] = {"illumination"}
        if self.settings.filter_group:
            has.add("filter wheel")
        if self.settings.gain_property:
            has.add("gain")
        return frozenset(has)

    @property
    def image(self) -> NDArray[np.uint16]:
        """Raw counts of the last picture, shape [rows, columns, 3]."""
        self._lane.state  # raises what an acquisition failed with  # noqa: B018
        return self._image

    @property
    def n_saturated(self) -> int:
        """Full pixels of the last picture."""
        return self._n_saturated

    @property
    def illumination(self) -> str:
        """The preset that the devices are in; empty where they are in none."""
        return self._lane.state[0]

    @property
    def filter(self) -> str:
        """The same of the filter."""
        return self._lane.state[1]

    @property
    def is_busy(self) -> bool:
        """Whether a command is not carried out."""
        self._lane.state  # as above  # noqa: B018
        return self._lane.is_pending

    def start_illumination(self, name: str) -> float:
        """Switch one light on and the others off; returns the expected time, s."""
        if name not in self.illuminations:
            raise RefusedError(f"{self._lane.name}: light {name!r}: there are {', '.join(self.illuminations)}")
        return self._change("light", self.settings.illumination_group, name)

    def start_filter(self, name: str) -> float:
        """Put a filter in; returns the expected time, s."""
        if name not in self.filters:
            raise RefusedError(f"{self._lane.name}: filter {name!r}: there are {', '.join(self.filters)}")
        if not self.settings.filter_group:
            return 0.0
        self._check_idle(f"filter {name!r}")
        return self._change("filter", self.settings.filter_group, name)

    def start_acquisition(self, exposure_s: float, gain: float) -> float:
        """Begin; returns the expected time, s."""
        what = f"picture of {exposure_s:g} s"
        if not self.settings.gain_property and gain != 1.0:
            raise RefusedError(
                f"{self._lane.name}: {what}: gain {gain:g}: this driver was given no property of it; take 1, or name it as "
                "gain_property"
            )
        self._check_idle(what)
        self._is_given_up = threading.Event()
        work = functools.partial(self._acquire, exposure_s, gain, self._is_given_up)
        self._lane.submit(what, work, patience_s=0)
        return exposure_s + self.settings.read_out_s

    def abort_acquisition(self) -> None:
        """The core cannot end an exposure: what comes of it is thrown away; the last picture stays."""
        self._is_given_up.set()

    def _check_idle(self, what: str) -> None:
        if self._lane.is_pending:
            raise RefusedError(
                f"{self._lane.name}: {what}: it takes a picture already, or changes light or filter; wait for it"
            )

    def _change(self, kind: str, group: str, name: str) -> float:
        def work() -> None:
            self._talk(lambda: self._core.setConfig(group, name))
            self._talk(lambda: self._core.waitForConfig(group, name))
            threading.Event().wait(self.settings.settle_s if name != "off" else 0.0)

        self._lane.submit(f"{kind} {name!r}", work)
        return 0.0 if name == "off" else self.settings.settle_s

    def _acquire(self, exposure_s: float, gain: float, is_given_up: threading.Event) -> None:
        core = self._core
        if is_given_up.is_set():
            return
        if self.settings.gain_property:
            self._talk(lambda: core.setProperty(core.getCameraDevice(), self.settings.gain_property, gain))
        self._talk(lambda: core.setExposure(1e3 * exposure_s))
        self._talk(core.snapImage)
        raw = self._talk(core.getImage)
        if not is_given_up.is_set():
            self._image = self._colours(raw, self._image.shape[:2])
            self._n_saturated = int(np.count_nonzero((self._image >= self.saturation_counts).any(axis=2)))

    def _look(self) -> tuple[str, str]:
        """Which presets the devices are in."""
        wheel = self.settings.filter_group
        return (
            str(self._talk(lambda: self._core.getCurrentConfig(self.settings.illumination_group))),
            str(self._talk(lambda: self._core.getCurrentConfig(wheel))) if wheel else self.filters[0],
        )

    def _take_stock(self) -> None:
        """What the configuration has.

        Raises:
            RefusedError: no colour, no lights, a group without presets, or no size of a pixel.
        """
        core, settings = self._core, self.settings

        def refuse(text: str) -> RefusedError:
            return RefusedError(f"{self._lane.name}: {text}")

        n_components = int(self._talk(core.getNumberOfComponents))
        if n_components != COLOUR_COMPONENTS:
            raise refuse(
                f"its pictures have {n_components} component, and colour is asked for: let the configuration set the camera's "
                "colour pixel type"
            )
        lights = set(self._talk(lambda: core.getAvailableConfigs(settings.illumination_group)))
        self.illuminations = tuple(name for name in ILLUMINATIONS if name in lights)
        if "off" not in lights or len(self.illuminations) < 2:
            raise refuse(
                f'group {settings.illumination_group!r} has the presets {sorted(lights)}; "off" and one or both of "white" and '
                '"uv_365nm" are asked for'
            )
        if settings.filter_group:
            self.filters = tuple(self._talk(lambda: core.getAvailableConfigs(settings.filter_group)))
            if not self.filters:
                raise refuse(f"group {settings.filter_group!r} has no presets; define one for each filter")
        self.pixel_size_um = settings.pixel_size_um or float(self._talk(core.getPixelSizeUm))
        if not self.pixel_size_um > 0:
            raise refuse("it states no size of a pixel; calibrate it there, or give pixel_size_um")
        self.saturation_counts = float(2 ** int(self._talk(core.getImageBitDepth)) - 1)
        shape = int(self._talk(core.getImageHeight)), int(self._talk(core.getImageWidth))
        self._image = np.zeros((*shape, 3), dtype=np.uint16)

    def _colours(self, raw: Any, shape: tuple[int, ...]) -> NDArray[np.uint16]:
        """Red, green, blue from the core's pixels, which are blue, green, red and one that is not used, in one integer."""
        pixels = np.ascontiguousarray(raw)
        depth = {4: np.uint8, 8: np.uint16}.get(pixels.dtype.itemsize)
        if depth is None or pixels.shape != shape:
            raise CommunicationError(
                f"a picture of shape {pixels.shape} and {pixels.dtype.itemsize} bytes a pixel, where {shape} and 4 or 8 are due; "
                "has its region, binning or pixel type been changed?"
            )
        parts = pixels.view(depth).reshape(*shape, COLOUR_COMPONENTS)
        return np.asarray(parts[..., 2::-1], dtype=np.uint16)

    def _talk(self, call: Callable[[], Any]) -> Any:
        try:
            return call()
        except DeviceError:
            raise
        except (RuntimeError, OSError) as error:
            raise CommunicationError(f"{error}; check the camera's cable and power, then connect anew") from error
