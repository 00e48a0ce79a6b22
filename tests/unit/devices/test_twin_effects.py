"""Each structural effect of the twin changes the raw data in the way that its name says, and in no other twin's draws."""

from __future__ import annotations

import dataclasses
from typing import Any

import bluesky.plan_stubs as bps
import numpy as np
import pytest
from numpy.typing import NDArray

from devices import DiscreteEventClock
from devices.twin import Effects, build_twin
from devices.twin.oven import Oven
from devices.twin.truth import Truth

from .conftest import COUPONS
from .glass_bench import NONE, Bench

FULL = Effects()


def only(**sizes: Any) -> Effects:
    return dataclasses.replace(NONE, **sizes)


def line_and_blank(effects: Effects, seed: int = 5) -> tuple[Bench, NDArray[np.float64], NDArray[np.float64]]:
    """Counts above dark of a line and of bare glass, after an anneal that makes both phases bright."""
    bench = Bench(seed=seed, effects=effects)
    bench.line(5.0)
    bench.anneal(500.0, 600.0)
    return bench, bench.spectrum(10.0, 5.0), bench.spectrum(15.0, 15.0)


@pytest.fixture(scope="module")
def plain() -> tuple[Bench, NDArray[np.float64], NDArray[np.float64]]:
    return line_and_blank(NONE)


def test_bare_glass_is_dark_without_effects(plain: Any) -> None:
    assert np.array_equal(plain[2], np.zeros(2048))


def test_the_glass_fluoresces_in_a_broad_band(plain: Any) -> None:
    bench, line, blank = line_and_blank(only(substrate_fluorescence_counts_s_nm=60.0))
    expected = 60.0 * 0.2 * 400.0 / 2047
    assert blank.max() == pytest.approx(expected, rel=1e-3)
    assert bench.wavelength_nm[blank.argmax()] == pytest.approx(480, abs=1)
    above = bench.wavelength_nm[blank > blank.max() / 2]
    assert np.ptp(above) > 100  # cut off at 430 nm by the detector; a band of the glass is never so broad
    assert np.allclose(line - plain[1], blank)  # it adds to the light of what is written
    off_the_coupon = bench.spectrum(25.0, 5.0)
    assert np.array_equal(off_the_coupon, np.zeros(2048))


def test_the_lamp_comes_again_at_twice_its_wavelength(plain: Any) -> None:
    bench, line, blank = line_and_blank(only(lamp_second_order_counts_s_nm=40.0))
    assert bench.wavelength_nm[blank.argmax()] == pytest.approx(730, abs=1)
    assert blank[bench.wavelength_nm < 690].max() < 1e-3 * blank.max()
    assert np.allclose(line - plain[1], blank)


def test_stray_light_is_even_and_goes_with_all_light(plain: Any) -> None:
    bench, line, blank = line_and_blank(only(stray_light=0.002))
    assert np.array_equal(blank, np.zeros(2048))
    far = (bench.wavelength_nm < 440) | (bench.wavelength_nm > 800)
    assert plain[1][far].max() < 0.05
    assert line[far] == pytest.approx(0.002 * plain[1].mean(), rel=0.05)
    assert line.sum() == pytest.approx(plain[1].sum(), rel=1e-9)  # it is moved, not lost


def test_the_sorting_filter_makes_a_step(plain: Any) -> None:
    bench, line, _ = line_and_blank(only(order_sorting_step=0.015))
    lit = plain[1] > 1.0
    ratio = line[lit] / plain[1][lit]
    below = bench.wavelength_nm[lit] < 590.0
    assert ratio[below] == pytest.approx(1.0)
    assert ratio[~below] == pytest.approx(0.985)


def width_nm(bench: Bench, counts: NDArray[np.float64]) -> float:
    red = bench.wavelength_nm > 575
    return float(np.ptp(bench.wavelength_nm[red][counts[red] > counts[red].max() / 2]))


def test_a_colour_gradient_broadens_the_bands_and_keeps_their_place(plain: Any) -> None:
    bench, line, _ = line_and_blank(only(colour_gradient_eV=(0.03, 0.03)))
    assert width_nm(bench, line) > width_nm(bench, plain[1]) + 0.5
    assert bench.red_peak_nm(line) == pytest.approx(bench.red_peak_nm(plain[1]), abs=0.6)
    assert line.sum() == pytest.approx(plain[1].sum(), rel=2e-3)


def test_a_dark_core_costs_light_of_the_redder_half(plain: Any) -> None:
    dark = line_and_blank(only(dark_core=0.5))[1]
    share = 1.0 - dark / plain[1].clip(1.0)
    lit = plain[1] > 10.0
    assert np.ptp(share[lit]) < 1e-9  # without a gradient all colours alike
    assert 0.02 < share[lit].mean() < 0.25
    bench, with_gradient, _ = line_and_blank(only(dark_core=1.0, colour_gradient_eV=(0.03, 0.03)))
    assert bench.red_peak_nm(with_gradient) < bench.red_peak_nm(plain[1])  # what is left is the bluer rim


def test_the_glass_transition_scatters_from_coupon_to_coupon() -> None:
    def peaks(effects: Effects) -> list[float]:
        bench = Bench(seed=2, effects=effects)
        found = []
        for serial in ("A", "B"):
            bench.RE(bps.mv(bench.roles.changer.at_stage, ""))
            bench.RE(bps.mv(bench.roles.changer.at_stage, serial))
            bench.line(5.0)
            found.append(float(bench.spectrum(10.0, 5.0).sum()))
        return found

    alike, scattered = peaks(NONE), peaks(only(glass_transition_sd_K=15.0))
    assert alike[0] == pytest.approx(alike[1], rel=1e-9)
    assert abs(np.log(scattered[0] / scattered[1])) > 0.01
    assert scattered[0] != pytest.approx(alike[0], rel=1e-3)


def test_a_glass_that_conducts_better_when_hot_takes_more_power() -> None:
    """At much power the core is damaged less; at little power, with a peak near the nose, nothing changes."""

    def brightness(energy_uJ: float, effects: Effects) -> float:
        bench = Bench(seed=5, effects=effects)
        bench.line(5.0, energy_uJ=energy_uJ)
        return float(bench.spectrum(10.0, 5.0).sum())

    better = only(conductivity_rise_1_K=(2e-4, 2e-4))
    assert brightness(320.0, better) > 1.1 * brightness(320.0, NONE)
    assert brightness(80.0, better) == pytest.approx(brightness(80.0, NONE), rel=0.02)


def test_backlash_is_between_the_two_directions_and_not_on_the_scale() -> None:
    def lit(from_mm: float, effects: Effects) -> tuple[float, float]:
        """Counts at the flank of a dot that was approached from one side, and where the stage says that it is."""
        bench = Bench(seed=5, effects=effects)
        bench.dot(5.0, 5.0, 5.0)
        stage = bench.roles.stage
        x, y, _ = bench.geometry.under_spectrometer(5.05, 5.0)
        bench.RE(bps.mv(stage.x_mm, x + from_mm, stage.y_mm, y))
        return float(bench.spectrum(5.05, 5.0).sum()), stage.x_mm.position

    left, right = (lit(way, only(stage_backlash_mm=0.02)) for way in (-1.0, 1.0))
    assert left[1] == right[1]
    # The dot, approached from the left, lies 10 um to the left of where it was asked for; the spot 10 um to either side.
    assert left[0] / right[0] == pytest.approx(np.exp(2 * (0.07**2 - 0.05**2) / 0.1**2), rel=0.01)
    assert lit(-1.0, NONE)[0] == pytest.approx(lit(1.0, NONE)[0], rel=1e-9)


def test_the_furnace_overshoots_at_the_end_of_a_ramp() -> None:
    def hottest(overshoot: float) -> float:
        oven = Oven(np.random.default_rng(1), noise_sd_C=0.0, overshoot=overshoot, offset_C=0.0, lag_s=0.0)
        oven.start_ramp(0.0, 325.0, 10.0 / 60.0)
        trace = []
        for time_s in range(0, 3600, 5):
            oven.advance(float(time_s))
            trace.append(oven.sensor_C)
        assert trace[-1] == pytest.approx(325.0, abs=0.01)
        return max(trace)

    assert hottest(0.0) <= 325.0
    assert 325.5 < hottest(0.5) < 327.0
    assert 326.0 < hottest(1.0) < 329.0


NEW = ("glass_transition_sd_K", "colour_gradient_eV", "conductivity_rise_1_K", "iodide_loss", "parameter_scale")


@pytest.mark.parametrize("name", NEW)
def test_a_switch_leaves_the_other_draws_as_they_were(name: str) -> None:
    off = dataclasses.replace(FULL, **{name: getattr(NONE, name)})
    a, b = (Truth.draw(np.random.default_rng(3), effects, COUPONS) for effects in (FULL, off))
    alike = {"power_meter_gain", "absorptivity_exponent", "furnace_offset_C", "coupon_lag_s", "photobrightening"}
    alike |= {"wavelength_error_nm", "furnace_gradient_C_mm"} | ({"colour_gradient_eV"} - {name})
    for field in alike:
        assert getattr(a, field) == getattr(b, field)
    for serial in a.coupons:
        assert a.coupons[serial].focus_error_mm == b.coupons[serial].focus_error_mm
        if name != "glass_transition_sd_K":
            assert a.coupons[serial].glass_transition_shift_K == b.coupons[serial].glass_transition_shift_K


def test_the_same_seed_gives_the_same_twin_with_all_effects() -> None:
    def counts(seed: int) -> NDArray[np.float64]:
        bench = Bench(seed=seed)
        bench.dot(5.0, 5.0, 3.0)
        return bench.spectrum(5.0, 5.0)

    assert np.array_equal(counts(11), counts(11))
    assert not np.array_equal(counts(11), counts(12))
    assert build_twin(1, COUPONS, DiscreteEventClock()).spectrometer.wavelength_nm.size == 2048
