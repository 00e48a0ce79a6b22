"""The parts of the twin by themselves: places written over each other, heat histories, the detector's noise."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices import Geometry
from devices.twin import Effects
from devices.twin.detector import FULL_COUNTS, GAIN_counts_e, TwinDetector
from devices.twin.features import Pass, add_dot, add_line
from devices.twin.history import HeatHistory

PASS = Pass(0.5, 200.0, 10.0, 0.2, speed_mm_s=0.4)
millimetres = st.integers(0, 40).map(lambda n: n * 0.5)


@given(st.lists(st.tuples(millimetres, millimetres), max_size=8), st.sampled_from(["x", "y", "diagonal"]))
def test_stretches_know_how_often_each_place_was_passed(lines: list[tuple[float, float]], direction: str) -> None:
    """At every place the passes of the stretch there are the lines that went over it, and stretches do not overlap."""
    along = {"x": (1.0, 0.0), "y": (0.0, 1.0), "diagonal": (0.6, 0.8)}[direction]
    features = []
    for a, b in lines:
        start, stop = ((a * along[0], a * along[1]), (b * along[0], b * along[1]))
        features = add_line(features, start, stop, PASS, born=0, written_s=0.0)
    for place in np.arange(0.25, 20.0, 0.5):
        here = [f for f in features if f.begin_mm < place < f.end_mm]
        times = sum(min(a, b) < place < max(a, b) for a, b in lines)
        assert sum(len(f.passes) for f in here) == times
        assert len(here) <= 1


@given(millimetres, millimetres, millimetres)
def test_lines_beside_each_other_do_not_mix(y1: float, y2: float, x: float) -> None:
    features = add_line([], (x, y1), (x + 1.0, y1), PASS, born=0, written_s=0.0)
    features = add_line(features, (x, y2), (x + 1.0, y2), PASS, born=0, written_s=0.0)
    assert [len(f.passes) for f in features] == ([2] if y1 == y2 else [1, 1])


def test_dots_are_told_apart_by_place() -> None:
    features = add_dot([], 1.0, 1.0, PASS, born=0, written_s=0.0)
    features = add_dot(features, 1.004, 1.0, PASS, born=3, written_s=9.0)
    features = add_dot(features, 1.05, 1.0, PASS, born=4, written_s=10.0)
    features = add_line(features, (0.5, 1.0), (1.5, 1.0), PASS, born=4, written_s=11.0)
    assert [(len(f.passes), f.born, f.is_line) for f in features] == [(2, 3, False), (1, 4, False), (1, 4, True)]


def test_a_long_line_weighs_as_its_spot() -> None:
    (line,) = add_line([], (0.0, 5.0), (20.0, 5.0), PASS, born=0, written_s=0.0)
    assert line.weight(10.0, 5.0, 0.1) == pytest.approx(1000 * 0.1 * np.sqrt(np.pi / 2))
    assert line.weight(0.0, 5.0, 0.1) == pytest.approx(0.5 * line.weight(10.0, 5.0, 0.1))
    assert line.weight(10.0, 5.1, 0.1) == pytest.approx(np.exp(-2) * line.weight(10.0, 5.0, 0.1))
    (upright,) = add_line([], (5.0, 20.0), (5.0, 0.0), PASS, born=0, written_s=0.0)
    assert upright.weight(5.1, 10.0, 0.1) == pytest.approx(line.weight(10.0, 5.1, 0.1))


@given(st.lists(st.tuples(st.floats(20, 560), st.floats(0.1, 100)), min_size=1, max_size=60))
def test_a_history_keeps_time_and_mean_temperature(samples: list[tuple[float, float]]) -> None:
    history = HeatHistory()
    for temperature_C, duration_s in samples:
        history.add(temperature_C, duration_s)
    steps = history.since(0)
    assert steps[:, 1].sum() == pytest.approx(sum(s for _, s in samples))
    assert steps.prod(axis=1).sum() == pytest.approx(sum(t * s for t, s in samples))
    assert len(steps) <= len(samples)


def test_a_history_is_short_and_can_be_cut() -> None:
    history = HeatHistory()
    for temperature_C in np.concatenate([np.linspace(25, 550, 630), np.full(1440, 550.0), np.linspace(550, 25, 630)]):
        history.add(temperature_C, 5.0)
    assert len(history) < 75
    before = history.cut()
    history.add(25.0, 5.0)
    assert len(history) == before + 1
    assert np.array_equal(history.since(before), [[25.0, 5.0]])
    assert history.since(before + 1).shape == (0, 2)


def detector(effects: Effects | None = None, seed: int = 1) -> TwinDetector:
    return TwinDetector(np.random.default_rng(seed), effects or Effects(), 0.0)


def test_noise_is_shot_and_read_noise() -> None:
    it = detector(dataclasses.replace(Effects(), pixel_gain_sd=0.0, dark_pattern_sd_counts=0.0))
    light = np.full(2048, 30_000.0)  # counts/s/nm, on a pixel of 0.195 nm in 1 s: 5,863 counts
    means = np.stack([it.expose(light, 1.0, 10)[0] for _ in range(40)])
    expected = GAIN_counts_e * (30_000 * it._width_nm + 100) + 10.0**2 + 1 / 12
    assert means.std(axis=0, ddof=1).mean() ** 2 == pytest.approx(expected / 10, rel=0.05)
    bent = 1 - 0.01 * 30_000 * it._width_nm / FULL_COUNTS
    assert means.mean() == pytest.approx(980 + 100 + 30_000 * it._width_nm * bent, rel=1e-3)


@given(st.floats(0, 1e8), st.integers(1, 100))
def test_counts_stay_in_the_range_of_the_converter(rate: float, n_averages: int) -> None:
    counts, n_saturated = detector().expose(np.full(2048, rate), 0.5, n_averages)
    assert counts.min() >= 0
    assert counts.max() <= FULL_COUNTS
    is_full = rate * 0.5 * 0.1954 + 1030 > 1.02 * FULL_COUNTS / 0.99
    is_far = rate * 0.5 * 0.1954 + 1030 < 0.97 * FULL_COUNTS
    assert n_saturated == 2048 if is_full else n_saturated == 0 if is_far else True


def test_the_more_exposures_the_more_pixels_were_full_in_one() -> None:
    level = (FULL_COUNTS - 980 - 100 - 500) / detector()._width_nm / 0.99
    numbers = [detector().expose(np.full(2048, level), 1.0, n)[1] for n in (1, 10, 100)]
    assert numbers == sorted(numbers)
    assert 0 < numbers[0] < numbers[2] <= 2048


@given(st.floats(0, 100), st.floats(0, 100), st.floats(0, 1))
def test_geometry_goes_there_and_back(x_mm: float, y_mm: float, depth_mm: float) -> None:
    geometry = Geometry()
    assert geometry.place_at_laser(*geometry.under_laser(x_mm, y_mm, depth_mm)) == pytest.approx((x_mm, y_mm, depth_mm))
    sx, sy, _ = geometry.under_spectrometer(x_mm, y_mm)
    assert geometry.place_at_head(sx, sy) == pytest.approx((x_mm, y_mm))


def test_a_coupon_fits_the_limits_under_both() -> None:
    geometry = Geometry()
    for x_mm, y_mm in ((0.0, 0.0), (100.0, 100.0)):
        for place in (geometry.under_laser(x_mm, y_mm, 1.0), geometry.under_spectrometer(x_mm, y_mm)):
            for value, (low, high) in zip(
                place, (geometry.limits.x_mm, geometry.limits.y_mm, geometry.limits.z_mm), strict=True
            ):
                assert low <= value <= high
