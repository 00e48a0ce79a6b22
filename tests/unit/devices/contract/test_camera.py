"""What holds for every driver of a camera: the twin's, and Micro-Manager's core with the devices that it demonstrates itself."""

from __future__ import annotations

import bluesky.plan_stubs as bps
import numpy as np
import pytest

from devices import Camera, RefusedError

from .conftest import Rig


def picture(rig: Rig, exposure_s: float = 0.02, gain: float = 1.0) -> np.ndarray:
    assert rig.driver.start_acquisition(exposure_s, gain) >= exposure_s
    rig.until(lambda: not rig.driver.is_busy, 30.0)
    return np.array(rig.driver.image)


def test_it_says_what_it_is(camera: Rig) -> None:
    driver = camera.driver
    assert driver.image.ndim == 3
    assert driver.image.shape[2] == 3
    assert driver.image.dtype == np.uint16
    assert not driver.image.any()
    assert driver.saturation_counts == 4095.0
    assert driver.pixel_size_um in {12.5, 2.5}
    assert driver.illuminations == ("off", "white", "uv_365nm")
    assert set(driver.filters) == {"none", "long_pass_645"}
    assert driver.illumination == "off"
    assert driver.filter in driver.filters
    assert driver.is_busy is False
    assert driver.capabilities == {"illumination", "filter wheel", "gain"}


def test_pictures_have_one_shape_and_their_own_noise(camera: Rig) -> None:
    shape = camera.driver.image.shape
    one, other = picture(camera), picture(camera)
    assert one.shape == other.shape == shape
    assert one.dtype == np.uint16
    assert one.max() <= camera.driver.saturation_counts
    assert not np.array_equal(one, other)


def test_lights_and_filters_are_changed_by_name(camera: Rig) -> None:
    driver = camera.driver
    for name in ("white", "uv_365nm", "off"):
        driver.start_illumination(name)
        camera.until(lambda: not driver.is_busy, 5.0)
        assert driver.illumination == name
    for name in ("long_pass_645", "none"):
        driver.start_filter(name)
        camera.until(lambda: not driver.is_busy, 5.0)
        assert driver.filter == name
    with pytest.raises(RefusedError, match=r"light 'candle'.*off, white, uv_365nm"):
        driver.start_illumination("candle")
    with pytest.raises(RefusedError, match="filter 'blue'"):
        driver.start_filter("blue")
    assert (driver.illumination, driver.filter) == ("off", "none")


def test_a_picture_that_is_being_taken_refuses_another_and_can_be_given_up(camera: Rig) -> None:
    driver = camera.driver
    before = picture(camera)
    driver.start_acquisition(0.4, 1.0)
    assert driver.is_busy
    camera.refused(lambda: driver.start_acquisition(0.1, 1.0), "takes (a|one|a picture)")
    camera.refused(lambda: driver.start_filter("long_pass_645"), "takes (a|one)")
    driver.abort_acquisition()
    camera.until(lambda: not driver.is_busy, 5.0)
    assert np.array_equal(driver.image, before)
    assert picture(camera).shape == before.shape


def test_its_device_runs_in_an_engine(camera: Rig) -> None:
    device = camera.device(Camera)

    def plan() -> object:
        yield from bps.mv(device.illumination, "white", device.exposure_s, 0.03, device.gain, 2.0)
        yield from bps.mv(device.filter, "long_pass_645")
        yield from bps.trigger(device, wait=True)
        yield from bps.trigger(device, wait=True)
        yield from bps.mv(device.illumination, "off")

    camera.engine()(plan())
    reading = device.read()
    assert reading["camera_image"]["value"].shape == camera.driver.image.shape
    assert reading["camera_filter"]["value"] == "long_pass_645"
    assert reading["camera_illumination"]["value"] == "off"
