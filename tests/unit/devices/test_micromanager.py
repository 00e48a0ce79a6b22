"""What the driver makes of Micro-Manager's pixels, and which configurations it refuses; the rest is in the contract."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from devices import CommunicationError, RefusedError
from devices.drivers.micromanager import MicroManagerCamera, MicroManagerSettings

pymmcore = pytest.importorskip("pymmcore")
ADAPTERS = Path(pytest.importorskip("mm_test_adapters").device_adapter_path())
CAMERA = """
Device,Camera,DemoCamera,DCam
Device,Lights,DemoCamera,DWheel
Property,Core,Initialize,1
Property,Core,Camera,Camera
Property,Camera,PixelType,32bitRGB
"""
LIGHTS = "ConfigGroup,Illumination,off,Lights,State,0\nConfigGroup,Illumination,white,Lights,State,1\n"
PIXELS = "ConfigPixelSize,low,Camera,Binning,1\nPixelSize_um,low,2.5\n"


def driver(tmp_path: Path, text: str, **settings: Any) -> MicroManagerCamera:
    file = tmp_path / "microscope.cfg"
    file.write_text(text, encoding="ascii")
    return MicroManagerCamera(MicroManagerSettings(ADAPTERS, file, **settings))


@pytest.mark.parametrize(
    ("text", "settings", "words"),
    [
        (CAMERA.replace("32bitRGB", "8bit") + LIGHTS + PIXELS, {}, "1 component, and colour is asked for"),
        (CAMERA + LIGHTS.replace("off", "none") + PIXELS, {}, "'none', 'white'.*\"off\" and one or both"),
        (CAMERA + LIGHTS, {}, "no size of a pixel"),
        (CAMERA + LIGHTS + PIXELS, {"filter_group": "Wheel"}, "'Wheel'"),
    ],
)
def test_a_configuration_that_will_not_do_is_refused(
    tmp_path: Path, text: str, settings: dict[str, Any], words: str
) -> None:
    camera = driver(tmp_path, text, **settings)
    with pytest.raises((RefusedError, CommunicationError), match=words):
        camera.connect()
    camera.release()


def test_a_file_that_is_none_is_told(tmp_path: Path) -> None:
    camera = driver(tmp_path, "Device,Camera,NoSuchAdapter,DCam\n")
    with pytest.raises(CommunicationError, match=r"(?s)NoSuchAdapter.*check the file"):
        camera.connect()
    camera.release()


def test_without_gain_and_wheel_it_has_neither(tmp_path: Path) -> None:
    camera = driver(tmp_path, CAMERA + LIGHTS, pixel_size_um=7.0)
    camera.connect()
    try:
        assert camera.capabilities == {"illumination"}
        assert camera.pixel_size_um == 7.0
        assert camera.saturation_counts == 255.0
        assert camera.filters == ("none",)
        assert camera.start_filter("none") == 0.0
        with pytest.raises(RefusedError, match="gain 2: this driver was given no property"):
            camera.start_acquisition(0.01, 2.0)
    finally:
        camera.close()


@pytest.mark.parametrize(("part", "whole"), [(np.uint8, np.uint32), (np.uint16, np.uint64)])
def test_pixels_are_blue_green_red(part: Any, whole: Any) -> None:
    parts = np.arange(2 * 3 * 4, dtype=part).reshape(2, 3, 4)
    raw = parts.reshape(2, 12).view(whole)
    assert raw.shape == (2, 3)
    camera = MicroManagerCamera(MicroManagerSettings(Path(), Path()))
    found = camera._colours(raw, (2, 3))
    assert found.dtype == np.uint16
    assert np.array_equal(found, parts[..., [2, 1, 0]])
    with pytest.raises(CommunicationError, match="where"):
        camera._colours(raw, (3, 2))
    with pytest.raises(CommunicationError, match="4 or 8 are due"):
        camera._colours(np.zeros((2, 3), dtype=np.uint16), (2, 3))
