"""Marks told from other spots, and a height told from noise: pure functions of made-up numbers."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beamline.analysis.focus import FocusError, best_focus, sharpness
from beamline.analysis.marks import MarksError, find_lying, find_spots

WRITTEN = np.array([[1.5, 1.5], [18.5, 1.5], [1.5, 18.5]])


def lain(shift: tuple[float, float], turn: float) -> np.ndarray:
    c, s = math.cos(turn), math.sin(turn)
    return WRITTEN @ np.array([[c, s], [-s, c]]) + np.array(shift)


@given(
    shift=st.tuples(st.floats(-1, 1), st.floats(-1, 1)),
    turn=st.floats(-0.05, 0.05),
    others=st.lists(st.tuples(st.integers(0, 2), st.floats(-1, 1), st.floats(-1, 1)), max_size=6),
)
def test_marks_are_told_from_what_else_shines(
    shift: tuple[float, float], turn: float, others: list[tuple[int, float, float]]
) -> None:
    seen = lain(shift, turn)
    spots = [[place] for place in seen]
    for i, x, y in others:
        spots[i].append(seen[i] + np.array([x, y]))
    try:
        found = find_lying(WRITTEN, spots, tolerance_mm=0.02)
    except MarksError as error:
        assert "two answers" in str(error)  # never a wrong one  # noqa: PT017
        assert others
        return
    assert found.rms_mm < 0.02
    if not others:
        assert found.shift_mm == pytest.approx(shift, abs=1e-9)
        assert found.turn_rad == pytest.approx(turn, abs=1e-9)


def test_marks_that_do_not_fit_are_refused() -> None:
    off = lain((0.1, 0.1), 0.0)
    off[2] += (0.2, 0.0)
    with pytest.raises(MarksError, match="from where they should"):
        find_lying(WRITTEN, [[place] for place in off], tolerance_mm=0.02)
    with pytest.raises(MarksError, match=r"\+2.00 % apart"):
        find_lying(WRITTEN[:2], [[place] for place in 1.02 * WRITTEN[:2]], tolerance_mm=0.5)
    with pytest.raises(MarksError, match="no spot is seen"):
        find_lying(WRITTEN, [[off[0]], [], [off[2]]], tolerance_mm=0.02)
    two = [[WRITTEN[0], WRITTEN[0] + 0.3], [WRITTEN[1], WRITTEN[1] + 0.3]]
    with pytest.raises(MarksError, match="two answers fit"):
        find_lying(WRITTEN[:2], two, tolerance_mm=0.02)


def test_spots_are_found_to_a_hundredth_of_a_pixel_and_lines_are_none() -> None:
    rows, columns = np.indices((120, 160))
    picture = 1e4 * np.exp(-0.5 * ((columns - 40.3) ** 2 + (rows - 60.7) ** 2) / 1.5**2)
    picture[100:103, 20:140] = 1e4  # a line, brighter in all
    picture += np.random.default_rng(1).normal(100.0, 10.0, picture.shape)
    ((column, row, _),) = find_spots(picture, pixel_mm=0.0125)
    assert (column, row) == pytest.approx((40.3, 60.7), abs=0.03)


def scan(middle: float, power: float, noise: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    z = np.linspace(4.6, 5.4, 17)
    s = (1.0 + ((z - middle) / 0.08) ** 2) ** (-0.5 * power)
    return z, s * (1.0 + noise * np.random.default_rng(2).standard_normal(z.size))


@pytest.mark.parametrize("power", [1.0, 3.0, 4.0])
def test_the_height_of_edges_lines_and_dots_is_found(power: float) -> None:
    found, sd = best_focus(*scan(5.037, power, noise=0.01))
    assert abs(found - 5.037) < max(4 * sd, 0.002)
    assert sd < 0.005


@pytest.mark.parametrize(("middle", "words"), [(5.36, "scan around it"), (9.0, "scan around it|times as sharp")])
def test_a_height_at_the_end_of_the_scan_is_none(middle: float, words: str) -> None:
    with pytest.raises(FocusError, match=words):
        best_focus(*scan(middle, 2.0))
    with pytest.raises(FocusError, match="times as sharp"):
        best_focus(np.linspace(0, 1, 9), np.ones(9))
    with pytest.raises(FocusError, match="at least 7"):
        best_focus([1, 2, 3], [1, 2, 3])


def test_noise_is_not_sharp() -> None:
    rng = np.random.default_rng(3)
    a, b = rng.normal(1000.0, 30.0, (2, 64, 64))
    assert abs(sharpness(a, b)) < 0.1 * sharpness(a, a)
    edge = np.where(np.arange(64) > 31, 500.0, 0.0)
    assert sharpness(a + edge, b + edge) == pytest.approx(64 * 500.0**2, rel=0.1)
