"""What the twin's camera shows of the world: places, sizes, colours, light that is neither lost nor made, and its noise."""

from __future__ import annotations

import dataclasses
from typing import Any

import bluesky.plan_stubs as bps
import numpy as np
import pytest
from bluesky import RunEngine

from beamline.analysis import linear_srgb, tristimulus
from devices import Bench, DiscreteEventClock, DriftError, LineMove, RefusedError, StuckError, make_bench
from devices.twin import Effects, build_twin
from devices.twin.microscope import WAVELENGTH_nm, blur_mm

from .conftest import COUPONS

QUIET = dataclasses.replace(Effects.none(), stage_backlash_mm=0.0)
OFFSET = 64


def world(effects: Effects = QUIET, seed: int = 3) -> tuple[RunEngine, Bench]:
    clock = DiscreteEventClock()
    bench = make_bench(build_twin(seed, COUPONS, clock, effects=effects), clock)
    engine = RunEngine({})
    clock.install(engine)
    engine(bps.mv(bench.changer.at_stage, "A", bench.laser.repetition_rate_kHz, 10.0))
    return engine, bench


def go(bench: Bench, place: tuple[float, float, float]) -> Any:
    x, y, z = place
    yield from bps.mv(bench.stage.x_mm, x, bench.stage.y_mm, y, bench.stage.z_mm, z)


def line(bench: Bench, x: float, y: float, *, energy_uJ: float = 200.0, to: tuple[float, float] = (1.0, 0.0)) -> Any:
    yield from bps.mv(bench.laser.pulse_energy_uJ, energy_uJ)
    yield from go(bench, place := bench.geometry.under_laser(x, y, 0.2))
    yield from bps.mv(bench.laser.output, "open")
    yield from bps.mv(bench.stage.line, LineMove(x_mm=place[0] + to[0], y_mm=place[1] + to[1], speed_mm_s=0.4))
    yield from bps.mv(bench.laser.output, "closed")


def picture(  # noqa: PLR0917  # as one reads a caption
    engine: RunEngine, bench: Bench, x: float, y: float, light: str, exposure_s: float, **more: Any
) -> np.ndarray:
    """Counts above the offset."""
    camera = bench.need_camera()

    def plan() -> Any:
        yield from go(bench, bench.geometry.under_camera(x, y, more.get("depth_mm", 0.2)))
        yield from bps.mv(camera.illumination, light, camera.filter, more.get("through", "none"))
        yield from bps.mv(camera.exposure_s, exposure_s, camera.gain, more.get("gain", 1.0))
        yield from bps.trigger(camera, wait=True)

    engine(plan())
    return camera.image.get().astype(float) - OFFSET


@pytest.fixture(scope="module")
def written() -> tuple[RunEngine, Bench]:
    """A line of 1 mm along x from (5, 5), one along y from (5.5, 5.5), one that is damaged, and a dot."""
    engine, bench = world()

    def plan() -> Any:
        yield from line(bench, 5.0, 5.0)
        yield from line(bench, 5.5, 5.4, to=(0.0, 0.4))
        yield from line(bench, 5.0, 4.4, energy_uJ=350.0)
        yield from go(bench, bench.geometry.under_laser(6.5, 5.5, 0.2))
        yield from bps.mv(bench.laser.pulse_energy_uJ, 200.0, bench.laser.exposure_s, 8.0)
        yield from bps.trigger(bench.laser, wait=True)

    engine(plan())
    return engine, bench


def test_up_is_up_and_a_line_has_its_length_and_width(written: Any) -> None:
    seen = picture(*written, 5.5, 5.0, "uv_365nm", 0.5)[..., 1]
    lit = seen > 0.5 * seen[96].max()
    at_line = lit[90:102]
    assert at_line.any(axis=0).sum() * 12.5 == pytest.approx(1000, abs=26)
    assert seen[90:102, 128].sum() / seen[90:102, 128].max() * 12.5 == pytest.approx(67.2, abs=8)  # the model's width
    columns = np.flatnonzero(at_line.any(axis=0))
    assert columns.mean() == pytest.approx(127.5, abs=1.0)
    above, below = seen[40:64, 120:136], seen[128:152, 120:136]
    assert above.max() > 5 * below.max()  # the line along y lies above, at greater y
    assert seen[48:64, 200:216].max() > 100  # the dot, to the right of it


def test_focus_blurs_and_keeps_the_light(written: Any) -> None:
    sharp = picture(*written, 5.5, 5.0, "uv_365nm", 0.2)
    blurred = picture(*written, 5.5, 5.0, "uv_365nm", 0.2, depth_mm=0.9)
    assert blurred[..., 1].max() < 0.95 * sharp[..., 1].max()
    assert blurred.sum() == pytest.approx(sharp.sum(), rel=0.03)
    assert blur_mm(0.0) == pytest.approx(3.8e-3, rel=0.05)  # a pixel's own, and a micrometre of diffraction
    assert blur_mm(0.7) == pytest.approx(0.035, rel=0.02)


def test_colour_is_that_of_the_spectrum_and_the_filter_takes_all_but_the_red(written: Any) -> None:
    engine, bench = written
    seen = picture(engine, bench, 5.5, 5.0, "uv_365nm", 0.5)[94:98, 110:146].mean(axis=(0, 1))

    def plan() -> Any:
        yield from go(bench, bench.geometry.under_spectrometer(5.5, 5.0))
        yield from bps.mv(bench.spectrometer.lamp, "on", bench.spectrometer.n_averages, 1)
        yield from bps.trigger(bench.spectrometer, wait=True)
        yield from bps.mv(bench.spectrometer.lamp, "off")

    engine(plan())
    axis, counts = bench.spectrometer.wavelength_nm.get(), bench.spectrometer.counts.get() - 1000.0
    expected = linear_srgb(tristimulus(axis, np.maximum(counts, 0.0)))
    assert seen / seen.sum() == pytest.approx(expected / expected.sum(), abs=0.03)
    behind = picture(engine, bench, 5.5, 5.0, "uv_365nm", 5.0, through="long_pass_645")[94:98, 110:146].mean(
        axis=(0, 1)
    )
    assert 0 < behind[0] < 0.05 * 10 * seen.max()
    assert behind[0] > 3 * max(behind[1], behind[2])


def test_daylight_shows_damage_and_hardly_the_usual_line(written: Any) -> None:
    seen = picture(*written, 5.5, 5.0, "white", 0.01).mean(axis=2)
    glass = np.median(seen)
    usual, damaged = 1.0 - seen[94:98, 110:146].mean() / glass, 1.0 - seen[143:145, 110:146].mean() / glass
    assert 0.005 < usual < 0.02
    assert damaged > 0.04
    dark = picture(*written, 5.5, 5.0, "off", 0.01)
    assert not dark.any()


def test_the_coupon_ends_at_its_edge() -> None:
    engine, bench = world()
    seen = picture(engine, bench, 0.0, 10.0, "white", 0.01)[96, :, 1]
    beside, rim, glass = seen[:120].mean(), seen[130:134].mean(), seen[150:].mean()
    assert glass / beside == pytest.approx(0.96**2, rel=2e-3)
    assert rim < 0.5 * glass


def test_noise_is_that_of_photons_and_the_pattern_stays() -> None:
    engine, bench = world(Effects.noise_only())
    one, other = (picture(engine, bench, 10.0, 10.0, "white", 0.01)[..., 1] for _ in range(2))
    electrons = one.mean() / (4031 / 20_000)
    noise = np.std(one - other) / np.sqrt(2.0) / one.mean()
    assert noise == pytest.approx(electrons**-0.5, rel=0.05)
    both = 0.5 * (one + other)
    assert both[96, 128] > 1.05 * both[:4, :4].mean()  # darker in the corners
    middle = both[64:128, 96:160]
    assert np.std(middle) / middle.mean() > 1.2 * noise / np.sqrt(2.0)  # pixels that are unlike


def test_a_full_pixel_is_full_and_counted() -> None:
    engine, bench = world()
    seen = picture(engine, bench, 10.0, 10.0, "white", 1.0)
    assert (seen == 4095 - OFFSET).all()
    assert bench.need_camera().n_saturated.get() == 192 * 256
    assert picture(engine, bench, 10.0, 10.0, "white", 0.002).max() < 1000
    four = picture(engine, bench, 10.0, 10.0, "white", 0.002, gain=4.0)
    assert four.mean() == pytest.approx(4 * picture(engine, bench, 10.0, 10.0, "white", 0.002).mean(), rel=0.01)


def test_the_camera_changes_no_draw_of_the_others() -> None:
    def spectrum(*, is_photographed: bool) -> np.ndarray:
        engine, bench = world(Effects(), seed=8)
        engine(line(bench, 5.0, 5.0))
        if is_photographed:
            picture(engine, bench, 5.5, 5.0, "white", 0.01)
        engine(go(bench, bench.geometry.under_spectrometer(15.0, 15.0)))
        engine(bps.trigger(bench.spectrometer, wait=True))
        return np.array(bench.spectrometer.counts.get())

    assert np.array_equal(spectrum(is_photographed=False), spectrum(is_photographed=True))


# ------------------------------------------------------------------------------------------------------------- device
def test_an_instrument_without_a_camera_says_so() -> None:
    clock = DiscreteEventClock()
    bench = make_bench(dataclasses.replace(build_twin(1, COUPONS, clock), camera=None), clock)
    assert bench.camera is None
    assert "camera" not in bench.roles
    with pytest.raises(RefusedError, match="this instrument has no camera"):
        bench.need_camera()


def test_a_light_that_went_out_and_a_picture_that_does_not_change_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    engine, bench = world(Effects.noise_only())
    picture(engine, bench, 10.0, 10.0, "white", 0.01)
    camera = bench.need_camera()

    def goes_out() -> Any:
        yield from bps.mv(camera.illumination, "white")
        camera.driver.start_illumination("off")
        yield from bps.trigger(camera, wait=True)

    with pytest.raises(DriftError, match="camera_illumination is off, it was changed to white"):
        engine(goes_out())
    engine(bps.mv(camera.illumination, "white"))
    engine(bps.trigger(camera, wait=True))
    frozen = camera.driver.image
    monkeypatch.setattr(type(camera.driver), "image", property(lambda _: frozen))
    with pytest.raises(Exception, match="camera") as caught:
        engine(bps.trigger(camera, wait=True))
    assert isinstance(caught.value.__cause__, StuckError)
    assert "the same counts in every pixel" in str(caught.value.__cause__)


def test_white_light_behind_the_filter_is_red() -> None:
    engine, bench = world()
    seen = picture(engine, bench, 10.0, 10.0, "white", 0.05, through="long_pass_645").mean(axis=(0, 1))
    assert seen[0] > 5 * seen[1:].max()
    assert WAVELENGTH_nm[0] == 400.0
