"""Flat-fielding takes out what is uneven, stitching puts tiles back to what they were cut from."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beamline.analysis import encoded, flat_fielded, linear_srgb, srgb, stitch
from beamline.experiments.drawing import scale_bar_mm


def test_a_flat_takes_out_lens_pixels_and_offset() -> None:
    rng = np.random.default_rng(1)
    scene = rng.uniform(10.0, 100.0, (12, 16, 3))
    response = rng.uniform(0.6, 1.2, scene.shape)
    response /= response.mean(axis=(0, 1))
    found = flat_fielded(64 + scene * response, np.full(scene.shape, 64), 64 + 900 * response, np.full(scene.shape, 64))
    assert found == pytest.approx(scene)


def test_a_pixel_that_sees_nothing_is_no_number_and_a_flat_without_light_is_refused() -> None:
    flat = np.full((4, 4, 3), 500.0)
    flat[1, 2] = 0.0
    found = flat_fielded(flat, np.zeros(flat.shape), flat, np.zeros(flat.shape))
    assert np.isnan(found[1, 2]).all()
    assert np.isfinite(found).sum() == 45
    with pytest.raises(ValueError, match="no light"):
        flat_fielded(flat, flat, flat, flat)
    with pytest.raises(ValueError, match="is asked for"):
        flat_fielded(flat, flat[1:], flat, flat)


@given(
    rows=st.integers(1, 3),
    columns=st.integers(1, 3),
    down=st.integers(3, 8),
    across=st.integers(3, 8),
    seed=st.integers(0, 99),
)
def test_tiles_of_a_picture_make_the_picture(rows: int, columns: int, down: int, across: int, seed: int) -> None:
    whole = np.random.default_rng(seed).uniform(0.0, 1.0, (8 + down * (rows - 1), 8 + across * (columns - 1), 3))
    corners = [(r * down, c * across) for r in range(rows) for c in range(columns)]
    tiles = [whole[r : r + 8, c : c + 8] for r, c in corners]
    assert stitch(tiles, corners) == pytest.approx(whole)


def test_what_no_tile_shows_is_no_number() -> None:
    tile = np.ones((2, 2, 3))
    found = stitch([tile, tile], [(0, 0), (3, 3)])
    assert found.shape == (5, 5, 3)
    assert np.isnan(found[2]).all()
    with pytest.raises(ValueError, match="1 tiles and 0 corners"):
        stitch([tile], [])


def test_linear_colours_add_up_and_are_encoded_as_before() -> None:
    xyz = np.array([[0.2, 0.3, 0.1], [0.4, 0.2, 0.0], [0.05, 0.4, 0.1]])
    linear = linear_srgb(xyz)
    assert (linear >= 0).all()
    assert linear_srgb(3.0 * xyz) == pytest.approx(3.0 * linear)
    assert encoded(linear) == pytest.approx(srgb(xyz))
    assert encoded([2.0, 1.0, 0.0]) == pytest.approx(encoded([1.0, 0.5, 0.0]))


@pytest.mark.parametrize(("width_mm", "bar_mm"), [(3.2, 0.5), (20.0, 5.0), (7.0, 2.0), (0.4, 0.1)])
def test_a_scale_bar_is_a_round_length(width_mm: float, bar_mm: float) -> None:
    assert scale_bar_mm(width_mm) == pytest.approx(bar_mm)
